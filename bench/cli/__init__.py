"""The command line: one file per command, in the order of the workflow."""
