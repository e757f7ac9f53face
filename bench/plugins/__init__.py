"""Drop-ins: how they are found and configured, and the roles that they play."""
