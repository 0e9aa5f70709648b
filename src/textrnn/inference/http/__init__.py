"""The HTTP server under `inference.serving`: connections, hosts, strict JSON, errors and their log."""
