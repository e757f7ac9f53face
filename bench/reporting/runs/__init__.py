"""Several runs beside each other: what they recorded, how they differ, and the pages about it."""
