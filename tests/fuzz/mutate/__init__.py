"""Mutations of words, files, JSON and CSV; each says in words what it did."""
