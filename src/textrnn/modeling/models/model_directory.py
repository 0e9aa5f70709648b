"""A model directory: weights, configuration, vocabulary, labels and segmentation, all that using the model needs."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save

from textrnn import __version__
from textrnn.common.config.model import Model
from textrnn.common.config.params import build_dataclass
from textrnn.common.config.types import Side
from textrnn.errors import UserError
from textrnn.modeling.models.text_rnn import TextRNN
from textrnn.modeling.nn.soft_lexicon import LexiconSizes
from textrnn.preparation.artifacts.labels import Labels

CONFIG = "config.json"
WEIGHTS = "model.safetensors"
LABELS = "labels.json"
VOCABULARY = "vocabulary.arrow"
SEGMENTATION = "segmentation.json"
PREPARATION_FILES = (VOCABULARY, LABELS, SEGMENTATION)


@dataclass(frozen=True)
class ModelConfig:
    """What rebuilds a model and feeds it: sizes, the recipe's model, and how its rows are padded.

    pairs: how many pairs of tokens have embeddings, 0 where the model has no bigrams; words: of its lexicon.
    """

    recipe: str
    version: str
    tokens: int
    embedding_size: int
    classes: int
    widths: tuple[int, ...]
    pad_side: Side
    truncates: bool
    pairs: int
    words: LexiconSizes | None
    model: Model


@dataclass(frozen=True)
class SavedModel:
    """A model read back from its directory, on the CPU and in evaluation mode."""

    config: ModelConfig
    labels: Labels
    network: TextRNN


def make_network(config: ModelConfig) -> TextRNN:
    sizes = config.tokens, config.embedding_size, config.classes
    return TextRNN(config.model, *sizes, config.pad_side, config.pairs, config.words)


def make_config(
    recipe: str,
    model: Model,
    matrix_shape: tuple[int, int],
    classes: int,
    padded: Mapping[str, Any],
    pairs: int = 0,
    words: LexiconSizes | None = None,
) -> ModelConfig:
    """The configuration of a recipe's model over an embedding (tokens, width) and padded shards with these facts."""
    tokens, width = matrix_shape
    widths, truncates = tuple(padded["widths"]), padded["truncates"]
    sizes = tokens, width, classes, widths
    return ModelConfig(recipe, __version__, *sizes, padded["side"], truncates, pairs, words, model)


def save_model(folder: Path, config: ModelConfig, network: TextRNN, preparation: Mapping[str, Path]) -> None:
    """Write the directory; `preparation` gives the file to copy for each name of PREPARATION."""
    weights = {name: value.detach().cpu().contiguous() for name, value in network.state_dict().items()}
    (folder / WEIGHTS).write_bytes(save(weights))  # a full disk is an OSError so, which keeps a run's checkpoint
    text = json.dumps(asdict(config), indent=1, ensure_ascii=False)
    (folder / CONFIG).write_text(text + "\n", encoding="utf-8")
    for name in PREPARATION_FILES:
        shutil.copyfile(preparation[name], folder / name)


def load_model(folder: Path, device: torch.device | None = None) -> SavedModel:
    """The model of a directory, rebuilt from what lies there alone.

    Raises UserError, naming the file, when one is missing, damaged or of another model.
    """
    for name in (CONFIG, WEIGHTS, *PREPARATION_FILES):
        with reading_model_file(folder / name):
            there = (folder / name).is_file()
        if not there:
            raise UserError(folder / name, "no such file of a model directory", do="train the recipe, or copy it whole")
    with reading_model_file(folder / CONFIG):
        config = build_dataclass(
            ModelConfig, json.loads((folder / CONFIG).read_text(encoding="utf-8")), str(folder / CONFIG)
        )
        if not config.widths:
            raise ValueError("widths has none")
        network = make_network(config)
    with reading_model_file(folder / WEIGHTS):
        network.load_state_dict(load_file(str(folder / WEIGHTS)))
    with reading_model_file(folder / LABELS):
        labels = Labels.load(folder / LABELS)
    if len(labels.names) != config.classes:
        do = "train the recipe, or copy its directory whole"
        raise UserError(folder / LABELS, f"is not of a model with {config.classes} classes", got=labels.names, do=do)
    network.eval()
    return SavedModel(config, labels, network.to(device or torch.device("cpu")))


@contextlib.contextmanager
def reading_model_file(path: Path) -> Iterator[None]:
    """What a file that is damaged or cannot be read raises, as a UserError that names it."""
    try:
        yield
    except OSError as error:
        raise UserError(path, "cannot be read", got=error) from error
    except (ValueError, TypeError, KeyError, AssertionError, RuntimeError, SafetensorError) as error:
        fault = f"{type(error).__name__}: {error}"
        raise UserError(path, "is damaged or of another model", got=fault, do="train the recipe again") from error
