"""Reads safetensors files that the product has written: sizes before values, and only finite numbers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load_file

from textrnn.common.integrity.checksums import check_file, named, require_file

Shapes = Mapping[str, tuple[str, tuple[int, ...]]]  # the type, as F32, and the shape of each tensor by name
DAMAGE = (SafetensorError, KeyError, TypeError, OverflowError, MemoryError)


def read_shapes(path: Path) -> Shapes:
    """The types and shapes of all tensors, from the head of the file alone; their checksum is not compared.

    Raises UserError if the file is missing, DamagedFileError.
    """
    require_file(path)
    with named(path, *DAMAGE), safe_open(path, framework="numpy") as tensors:
        parts = {name: tensors.get_slice(name) for name in tensors.keys()}  # noqa: SIM118  (not a mapping)
        return {name: (part.get_dtype(), tuple(part.get_shape())) for name, part in parts.items()}


def read_tensors(path: Path) -> dict[str, np.ndarray]:
    """The tensors by name, after the checksum of their file; copies, which may be written to.

    Raises UserError if the file is missing, DamagedFileError, also for a number that is not finite.
    """
    check_file(path)
    with named(path, *DAMAGE):
        tensors: dict[str, np.ndarray] = load_file(path)
        for name, values in tensors.items():
            # min and max are NaN if any value is; no array of bools is made
            if values.dtype.kind == "f" and values.size and not np.isfinite([values.min(), values.max()]).all():
                raise ValueError(f"{name} has numbers that are not finite")
    return tensors
