"""Built datasets: the manifest, the prompts, the pictures, and how they are written, read and rebuilt."""
