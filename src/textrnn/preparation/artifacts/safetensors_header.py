"""The number of weights in a safetensors file, read from its header alone."""

from __future__ import annotations

import math
from pathlib import Path

from safetensors import SafetensorError, safe_open

from textrnn.errors import UserError


def count_weights(path: Path) -> int:
    """Count the trained numbers in a safetensors file: its float32 values. Integer tensors, such as pairs, are not.

    Raises UserError, naming the file, if it is missing or not such a file.
    """
    if not path.is_file():
        raise UserError(path, "no such file", do="run the stage that writes it")
    try:
        with safe_open(path, framework="numpy") as tensors:
            slices = [tensors.get_slice(name) for name in tensors.keys()]  # noqa: SIM118  (not a mapping)
            return sum(math.prod(part.get_shape()) for part in slices if part.get_dtype() == "F32")
    except SafetensorError as error:
        raise UserError(path, "is damaged", got=error, do="run the stage that writes it") from error
