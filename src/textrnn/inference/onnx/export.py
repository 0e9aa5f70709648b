"""A model directory as one ONNX file, which runs without this package and without torch."""

from __future__ import annotations

import importlib
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from textrnn.errors import UserError
from textrnn.inference.onnx.graph import make_model
from textrnn.modeling.models.model_directory import SavedModel, load_model
from textrnn.stage import output_file

EXTRA = "install the extra onnx: pip install -c constraints.txt -e '.[onnx]'"
ROOM = 2**31 - 2**20  # bytes of weights: a file of protobuf ends at 2 GiB, and the graph wants some
SUFFIX = {False: ".onnx", True: ".int8.onnx"}  # by whether weights are of 8 bits


def import_extra(name: str) -> Any:
    """The module of that name; UserError, naming the extra, where it is not installed."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise UserError(name, "is not installed", got=error, do=EXTRA) from error


def export_model(folder: Path, output: Path | None = None, *, int8: bool = False) -> Path:
    """Write the model of a directory as an ONNX file, beside the directory where `output` is None; return its path.

    Inputs `ids` (B, T) and `lengths` (B,), int64, output `logits`, float32, (B, C) or for tagging (B, T, C): those of
    TextRNN, for any B and T from 1 up, of rows padded on the side that the model was trained with. What decoding
    needs stands in the file's metadata (see `metadata`).
    int8: embeddings, matrix products and LSTM layers with weights of 8 bits (onnxruntime's dynamic quantisation);
    it has none for RNN and GRU layers, whose weights stay.
    Raises UserError when the directory is no model's, the extra onnx is not installed, the weights are more than an
    ONNX file holds, or the file cannot be written.
    """
    checker = import_extra("onnx.checker")
    quantization = import_extra("onnxruntime.quantization") if int8 else None
    saved = load_model(folder)
    count = sum(value.nbytes for value in saved.network.state_dict().values())
    if count > ROOM:
        raise UserError(folder, f"has more weights than an ONNX file holds, {ROOM:,} bytes", got=f"{count:,}")
    made = make_model(saved.network)
    checker.check_model(made, full_check=True)
    output = output or _beside(folder, SUFFIX[int8])
    with _written(output) as path:
        if quantization is not None:
            made = _quantized(quantization, made, path)
        made.metadata_props.clear()
        for key, value in metadata(saved).items():
            made.metadata_props.add(key=key, value=value)
        path.write_bytes(made.SerializeToString(deterministic=True))
    return output


def _beside(folder: Path, suffix: str) -> Path:
    named = folder.resolve() if folder.name in ("", "..") else folder  # "." has a name too
    return named.with_name(named.name + suffix)


@contextmanager
def _written(output: Path) -> Iterator[Path]:
    try:
        if output.exists() and not (output.is_file() or output.is_dir()):
            raise UserError(output, "is a device or a pipe, whose place no file can take", do="name a file")
        with output_file(output) as path:
            yield path
    except OSError as error:
        raise UserError(output, "cannot be written", got=error) from error


def _quantized(quantization: Any, made: Any, path: Path) -> Any:
    """The model with weights of 8 bits, by way of the file that is being made."""
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)  # it warns that shapes were not inferred, which the layers it knows do not need
    try:
        quantization.quantize_dynamic(made, path, weight_type=quantization.QuantType.QInt8)
    finally:
        root.setLevel(level)
    return import_extra("onnx").load(path)


def metadata(saved: SavedModel) -> dict[str, str]:
    """What stands in the file beside the graph, each value as JSON.

    recipe, version (of this package), task, labels (by id), scheme (of tags, or null), widths (that rows were padded
    to), pad_side, truncates, and crf: null, or its `transitions` (C, C) from row to column, `start` and `end` (C,),
    which are no part of the logits.
    """
    config, labels, crf = saved.config, saved.labels, saved.network.crf
    scores = None if crf is None else {name: value.tolist() for name, value in crf.state_dict().items()}
    values = {
        "recipe": config.recipe,
        "version": config.version,
        "task": labels.task,
        "labels": labels.names,
        "scheme": labels.scheme,
        "widths": config.widths,
        "pad_side": config.pad_side,
        "truncates": config.truncates,
        "crf": scores,
    }
    return {key: json.dumps(value, ensure_ascii=False) for key, value in values.items()}
