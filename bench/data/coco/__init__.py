"""COCO: its annotations, the rules that images pass, and the selection among those left."""
