"""Recurrent text models as a cached, reproducible pipeline."""

__version__ = "0.1.0"
