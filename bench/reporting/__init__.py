"""What reports are made of: pictures for pages, plots and words; and the writing of one. Reports only read."""
