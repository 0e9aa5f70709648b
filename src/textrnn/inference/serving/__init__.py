"""Serve models over HTTP: the command `textrnn serve`, an optional extra."""
