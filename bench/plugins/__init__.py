"""Drop-ins: their discovery, their configuration, and the protocol of each kind."""
