"""Export a model directory as one ONNX file, which runs without this package and without torch."""

from __future__ import annotations

import importlib
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from textrnn.errors import UserError, install_extra
from textrnn.inference.onnx.graph import make_model
from textrnn.modeling.models.model_directory import SavedModel, load_model
from textrnn.stage import output_file

MAX_WEIGHT_BYTES = 2**31 - 2**20  # protobuf limits a file to 2 GiB, and the graph itself needs some space
SUFFIX = {False: ".onnx", True: ".int8.onnx"}  # by whether the weights have 8 bits


def import_extra(name: str) -> Any:
    """Import a module of the extra onnx; raises UserError, naming the extra, if it is not installed."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise UserError(
            name, "is not installed", got=error, do=f"install the extra onnx: {install_extra('onnx')}"
        ) from error


def export_model(folder: Path, output: Path | None = None, *, int8: bool = False) -> Path:
    """Write the model of a directory as an ONNX file and return its path; by default next to the directory.

    Inputs: `ids` (B, T) and `lengths` (B,), int64, B and T at least 1, rows padded on the side used in training.
    Output: `logits`, float32, (B, C) or for tagging (B, T, C), as TextRNN computes them. What decoding needs is in the
    file's metadata (see `metadata`).
    int8: quantize the weights of embeddings, matrix products and LSTM layers to 8 bits (onnxruntime's dynamic
    quantization); onnxruntime cannot quantize RNN and GRU layers, which keep their weights.
    Raises UserError if the directory is not a model's, the extra onnx is not installed, the weights exceed what an
    ONNX file can hold, or the file cannot be written.
    """
    checker = import_extra("onnx.checker")
    quantization = import_extra("onnxruntime.quantization") if int8 else None
    saved = load_model(folder)
    size = sum(value.nbytes for value in saved.network.state_dict().values())
    if size > MAX_WEIGHT_BYTES:
        wrong = f"has more weights than an ONNX file can hold, {MAX_WEIGHT_BYTES:,} bytes"
        raise UserError(folder, wrong, got=f"{size:,}")
    model = make_model(saved.network)
    checker.check_model(model, full_check=True)
    output = output or _default_output(folder, SUFFIX[int8])
    with _temporary_output(output) as path:
        if quantization is not None:
            model = _quantize(quantization, model, path)
        model.metadata_props.clear()
        for key, value in metadata(saved).items():
            model.metadata_props.add(key=key, value=value)
        path.write_bytes(model.SerializeToString(deterministic=True))
    return output


def _default_output(folder: Path, suffix: str) -> Path:
    if folder.name in ("", ".."):  # "." and ".." stand for a directory with a name
        folder = folder.resolve()
    return folder.with_name(folder.name + suffix)


@contextmanager
def _temporary_output(output: Path) -> Iterator[Path]:
    """Yield a temporary path to write to; it replaces `output` when the block ends without an error."""
    try:
        if output.exists() and not (output.is_file() or output.is_dir()):
            raise UserError(output, "is a device or a pipe, which a file cannot replace", do="name a file")
        with output_file(output) as path:
            yield path
    except OSError as error:
        raise UserError(output, "cannot be written", got=error) from error


def _quantize(quantization: Any, model: Any, path: Path) -> Any:
    """Return the model with 8-bit weights; onnxruntime writes it to `path` first."""
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)  # its warning that shapes were not inferred does not concern these layers
    try:
        quantization.quantize_dynamic(model, path, weight_type=quantization.QuantType.QInt8)
    finally:
        root.setLevel(level)
    return import_extra("onnx").load(path)


def metadata(saved: SavedModel) -> dict[str, str]:
    """Return the file's metadata, each value as JSON.

    recipe, version (of this package), task, labels (by id), scheme (of the tags, or null), widths (to which training
    rows were padded), pad_side, truncates, and crf: null, or its `transitions` (C, C), row to column, `start` and `end`
    (C,). The CRF's scores are not part of the logits.
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
