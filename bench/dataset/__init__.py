"""Built datasets: the manifest, the pictures, and how they are written, read and rebuilt."""
