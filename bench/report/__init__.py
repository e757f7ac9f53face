"""What reports are made of: the data they read, pictures for pages, and plots. Reports only read."""
