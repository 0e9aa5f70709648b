"""The literal types and entry keys that several sections of params, and the shards, share."""

from __future__ import annotations

from typing import Literal

Task = Literal["classify", "tag"]
Split = Literal["train", "dev", "test"]
Side = Literal["right", "left"]
Format = Literal["headlines", "names", "bio", "fasttext"]
Scheme = Literal["bio", "bioes", "type"]


# the keys of entries that several stages read, so that each stage can refuse a misspelt one
ENCODING_KEYS = ("corpus", "clean", "segment", "punkt", "min_count", "max_tokens", "tags")
RECIPE_KEYS = (
    *("encoding", "pad_size", "pad_side", "buckets"),
    *("embedding_size", "embedding_std", "vectors", "lexicon", "model", "train"),
)
