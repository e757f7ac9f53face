"""Building blocks of the dataset builders in `datasets/`."""
