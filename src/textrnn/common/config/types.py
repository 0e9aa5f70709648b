"""The words that params and shards share: tasks, splits, sides of padding, tag schemes, keys of entries."""

from __future__ import annotations

from typing import Literal

Task = Literal["classify", "tag"]


Split = Literal["train", "dev", "test"]


Side = Literal["right", "left"]
Format = Literal["headlines", "names", "bio", "fasttext"]


SPLITS: tuple[Split, ...] = ("train", "dev", "test")


# the keys of an entry that more than one stage reads, so that each stage can refuse a misspelt one
ENCODING_KEYS = ("corpus", "clean", "segment", "punkt", "min_count", "max_tokens", "tags")


RECIPE_KEYS = (
    *("encoding", "pad_size", "pad_side", "buckets"),
    *("embedding_size", "embedding_std", "vectors", "lexicon", "model", "train"),
)


Scheme = Literal["bio", "bioes", "type"]
