"""Packs the scores of test rows: a bit for each row, or the entities of each sentence. Shapes: N rows."""

from __future__ import annotations

import base64
import zlib

import numpy as np

from textrnn.study.plan.result_forms import CorrectRows, SentenceCounts

LARGEST_COUNT = 255  # entities of a sentence that are told apart: each count is a byte


def pack_bits(correct: np.ndarray) -> CorrectRows:
    """Rows (N,) bool as `CorrectRows`."""
    return {"rows": len(correct), "bits": np.packbits(correct).tobytes().hex()}


def unpack_bits(packed: CorrectRows) -> np.ndarray:
    """The rows that `pack_bits` packed, (N,) bool. Raises ValueError if there are fewer bits than rows."""
    bits = np.unpackbits(np.frombuffer(bytes.fromhex(packed["bits"]), np.uint8))
    if len(bits) < packed["rows"]:
        raise ValueError(f"{len(bits)} bits for {packed['rows']} rows")
    return bits[: packed["rows"]].astype(bool)


def pack_counts(counts: np.ndarray) -> SentenceCounts:
    """Counts (3, N) as `SentenceCounts`: a byte each, at most LARGEST_COUNT, compressed by zlib, in base64."""
    data = np.minimum(counts, LARGEST_COUNT).astype(np.uint8).tobytes()
    return {"sentences": counts.shape[1], "counts": base64.b64encode(zlib.compress(data, 9)).decode("ascii")}


def unpack_counts(packed: SentenceCounts) -> np.ndarray:
    """The counts that `pack_counts` packed, (3, N). Raises ValueError if they are not those of so many sentences."""
    data = np.frombuffer(zlib.decompress(base64.b64decode(packed["counts"])), np.uint8)
    return data.reshape(3, packed["sentences"]).astype(np.int64)
