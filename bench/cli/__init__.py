"""The command line: one verb, one file, in the order of the workflow."""
