"""The weights of a network as a safetensors file: written, and read back into a network whose sizes they fit."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save

from textrnn.common.integrity.tensor_files import read_shapes, read_tensors
from textrnn.modeling.models.text_rnn import TextRNN

DTYPES = {torch.float32: "F32", torch.int64: "I64"}


def save_weights(path: Path, network: TextRNN) -> None:
    """Write the weights of a network as a safetensors file."""
    weights = {name: value.detach().cpu().contiguous() for name, value in network.state_dict().items()}
    # not save_file, so that a full disk is an OSError, which keeps the run's checkpoint
    path.write_bytes(save(weights))


def check_shapes(path: Path, network: TextRNN) -> None:
    """Raise ValueError if the tensors of a file are not those of a network, which may be on the meta device.

    Only the header of the file is read. Raises DamagedFileError for a file without one.
    """
    found = read_shapes(path)
    expected = {name: (DTYPES[value.dtype], tuple(value.shape)) for name, value in network.state_dict().items()}
    missing, unknown = sorted(expected.keys() - found.keys()), sorted(found.keys() - expected.keys())
    if missing or unknown:
        raise ValueError(f"it lacks {missing[:3]} and has {unknown[:3]}")
    for name, shape in expected.items():
        if found[name] != shape:
            raise ValueError(f"{name} is {found[name]}, not {shape}")


def fill_network(path: Path, network: TextRNN) -> None:
    """Fill a network on the meta device with weights of a file; raises as `check_shapes`, and for values out of range.

    Row indices are compared with the size of their table: an index out of range would read other memory.
    """
    check_shapes(path, network)
    tensors = read_tensors(path)
    _check_keys(tensors)
    network.load_state_dict({name: torch.from_numpy(values) for name, values in tensors.items()}, assign=True)


def _check_keys(tensors: Mapping[str, np.ndarray]) -> None:
    """Keys of bigrams and words must be sorted, for binary search; rows of words must be within their table."""
    for name in ("bigrams.pairs", "words.keys"):
        keys = tensors.get(name)
        if keys is not None and (not len(keys) or keys[0] < 0 or (np.diff(keys) < 0).any()):
            raise ValueError(f"{name} are empty, or not in ascending order")
    rows, table = tensors.get("words.rows"), tensors.get("words.weight")
    if rows is not None and table is not None and not ((rows >= 0) & (rows < len(table))).all():
        raise ValueError(f"words.rows are not all below {len(table)}")
    frequencies = tensors.get("words.frequencies")
    if frequencies is not None and (frequencies < 1).any():
        raise ValueError("words.frequencies are not all at least 1")
    squares = tensors.get("wide.squares")
    if squares is not None and (squares < 0).any():
        raise ValueError("wide.squares are not all at least 0")
