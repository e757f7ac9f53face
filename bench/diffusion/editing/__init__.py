"""Text-guided editing of a region of a picture, and methods that find the region."""
