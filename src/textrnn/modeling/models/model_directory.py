"""Save and load model directories, which hold all that a prediction needs.

These are the weights, the configuration, the vocabulary, the labels and the segmentation.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save

from textrnn import __version__
from textrnn.common.config.model import Model
from textrnn.common.config.types import Side
from textrnn.common.params.conversion import build_dataclass
from textrnn.common.storage.padded_rows import PaddedFacts
from textrnn.errors import DamagedFileError, UserError
from textrnn.modeling.models.text_rnn import TextRNN
from textrnn.modeling.nn.soft_lexicon import LexiconSizes
from textrnn.preparation.artifacts.labels import Labels
from textrnn.preparation.artifacts.model_files import REQUIRED_FILES, ModelFiles
from textrnn.preparation.artifacts.preparation_folder import Preparation


@dataclass(frozen=True)
class ModelConfig:
    """All that is needed to rebuild a model and its input: sizes, the recipe's model, and how rows are padded.

    tokens: the size of the vocabulary. pairs: the number of bigrams that have embeddings, 0 for a model without them.
    words: the sizes of its lexicon, None for a model without words. Fields are named as the keys of config.json, which
    saved models contain; everywhere else the two counts are `vocabulary_size` and `bigram_count`.
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
    """A model loaded from its directory, in evaluation mode."""

    config: ModelConfig
    labels: Labels
    network: TextRNN


def make_network(config: ModelConfig) -> TextRNN:
    """An untrained network of this configuration."""
    return TextRNN(
        config.model,
        vocabulary_size=config.tokens,
        embedding_size=config.embedding_size,
        classes=config.classes,
        pad_side=config.pad_side,
        bigram_count=config.pairs,
        words=config.words,
    )


def make_config(
    recipe: str,
    model: Model,
    matrix_shape: tuple[int, int],
    classes: int,
    padded: PaddedFacts,
    bigram_count: int = 0,
    words: LexiconSizes | None = None,
) -> ModelConfig:
    """The configuration of a recipe's model, for an embedding matrix (tokens, width) and the facts of padded shards."""
    vocabulary_size, embedding_size = matrix_shape
    return ModelConfig(
        recipe=recipe,
        version=__version__,
        tokens=vocabulary_size,
        embedding_size=embedding_size,
        classes=classes,
        widths=padded.widths,
        pad_side=padded.side,
        truncates=padded.truncates,
        pairs=bigram_count,
        words=words,
        model=model,
    )


def save_model(folder: Path, config: ModelConfig, network: TextRNN, preparation: Preparation) -> None:
    """Write a model directory; the files of `preparation` are copied into it."""
    weights = {name: value.detach().cpu().contiguous() for name, value in network.state_dict().items()}
    # not save_file, so that a full disk is an OSError, which keeps the run's checkpoint
    files = ModelFiles(folder)
    files.weights.write_bytes(save(weights))
    text = json.dumps(asdict(config), indent=1, ensure_ascii=False)
    files.config.write_text(text + "\n", encoding="utf-8")
    preparation.copy_to(folder)


def load_model(folder: Path, device: torch.device | None = None) -> SavedModel:
    """Load a model from the files of its directory alone, to the device or to the CPU.

    Raises UserError, naming the file, if one is missing, damaged or belongs to another model.
    """
    files = ModelFiles(folder)
    for name in REQUIRED_FILES:
        with convert_read_errors(folder / name):
            exists = (folder / name).is_file()
        if not exists:
            do = "train the recipe, or copy its directory as a whole"
            raise UserError(folder / name, "is missing from the model directory", do=do)
    with convert_read_errors(files.config):
        config = build_dataclass(ModelConfig, json.loads(files.config.read_text(encoding="utf-8")), str(files.config))
        if not config.widths:
            raise ValueError("widths is empty")
        network = make_network(config)
    with convert_read_errors(files.weights):
        network.load_state_dict(load_file(str(files.weights)))
    with convert_read_errors(files.preparation.labels_file):
        labels = files.preparation.read_labels()
    if len(labels.names) != config.classes:
        do = "train the recipe, or copy its directory as a whole"
        message = f"does not belong to a model with {config.classes} classes"
        raise UserError(files.preparation.labels_file, message, got=labels.names, do=do)
    network.eval()
    return SavedModel(config, labels, network.to(device or torch.device("cpu")))


@contextlib.contextmanager
def convert_read_errors(path: Path) -> Iterator[None]:
    """Convert the errors of reading a damaged or unreadable file into a UserError that names the file."""
    try:
        yield
    except OSError as error:
        raise UserError(path, "cannot be read", got=error) from error
    except (
        *(ValueError, TypeError, KeyError, AssertionError, RuntimeError),
        *(SafetensorError, DamagedFileError),
    ) as error:
        cause = error.__cause__ if isinstance(error, DamagedFileError) else error
        got = f"{type(cause).__name__}: {cause}"
        raise UserError(path, "is damaged or belongs to another model", got=got, do="train the recipe again") from error
