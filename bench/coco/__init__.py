"""From COCO annotation files to the scenes that Break-A-Scene's rules leave."""
