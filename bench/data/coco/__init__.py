"""COCO: its annotations, the rules that filter images, and the selection among the rest."""
