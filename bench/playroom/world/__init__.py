"""The drawn world of toys."""
