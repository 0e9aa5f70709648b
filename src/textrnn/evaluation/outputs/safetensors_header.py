"""The number of weights in a safetensors file, read from its header alone."""

from __future__ import annotations

import math
from pathlib import Path

from safetensors import safe_open


def count_weights(path: Path) -> int:
    """Count the trained numbers in a safetensors file: its float32 values. Integer tensors, such as pairs, are not.

    Raises SafetensorError when it is not such a file.
    """
    with safe_open(path, framework="numpy") as tensors:
        slices = [tensors.get_slice(name) for name in tensors.keys()]  # noqa: SIM118  (not a mapping)
        return sum(math.prod(part.get_shape()) for part in slices if part.get_dtype() == "F32")
