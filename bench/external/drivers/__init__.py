"""The drivers of built-in methods: run by other interpreters, never imported here."""
