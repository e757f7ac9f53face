"""Text into a region of a picture, and how such a region is found."""
