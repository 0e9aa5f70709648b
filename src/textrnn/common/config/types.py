"""The literal types that several sections of params, and the shards, share."""

from __future__ import annotations

from typing import Literal

Task = Literal["classify", "tag"]
Split = Literal["train", "dev", "test"]
Side = Literal["right", "left"]
Format = Literal["headlines", "names", "bio", "fasttext", "table"]
Order = Literal["text_label", "label_text"]
SeveralLabels = Literal["refuse", "first", "each"]
Scheme = Literal["bio", "bioes", "type"]
FileScheme = Literal["bio", "iob1", "bioes", "bilou", "bmes"]  # of the tags in a file of a corpus
