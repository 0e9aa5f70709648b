"""What a file of weights holds, told without reading the weights."""

from __future__ import annotations

import math
from pathlib import Path

from safetensors import safe_open


def count_weights(path: Path) -> int:
    """How many trained numbers a file of safetensors holds; whole numbers, such as those of pairs, are none.

    Raises SafetensorError where it is no such file.
    """
    with safe_open(path, framework="numpy") as weights:
        parts = [weights.get_slice(name) for name in weights.keys()]  # noqa: SIM118  (no mapping)
        return sum(math.prod(part.get_shape()) for part in parts if part.get_dtype() == "F32")
