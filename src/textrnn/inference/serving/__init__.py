"""Models over HTTP: the command `textrnn serve`, an optional extra."""
