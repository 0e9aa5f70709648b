"""Save and load model directories, which hold all that a prediction needs.

These are the weights, the configuration, the vocabulary, the labels and the segmentation.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from textrnn import __version__
from textrnn.common.config.model import Model
from textrnn.common.config.types import Side
from textrnn.common.integrity.checksums import one_line
from textrnn.common.integrity.json_files import read_json
from textrnn.common.params.conversion import build_dataclass
from textrnn.common.storage.padded_rows import PaddedFacts
from textrnn.common.storage.schemas import RESERVED
from textrnn.errors import CombinedError, DamagedFileError, UserError
from textrnn.modeling.models.saved_weights import fill_network, save_weights
from textrnn.modeling.models.text_rnn import TextRNN
from textrnn.modeling.models.wide import WidePart
from textrnn.modeling.nn.soft_lexicon import LexiconSizes
from textrnn.preparation.artifacts.labels import Labels
from textrnn.preparation.artifacts.linear_model import KEYS
from textrnn.preparation.artifacts.model_files import CONFIG_FILE, REQUIRED_FILES, ModelFiles
from textrnn.preparation.artifacts.preparation_folder import Preparation

# what a configuration may ask for
MAX_SIZE = 2**31 - 1  # rows or columns of a table
MAX_LAYERS = 1_000
MAX_WIDTH = 2**24  # tokens that rows are padded to: the longest line has as many bytes
MAX_DIGITS = 63  # tokens of a word or an n-gram, whose ids are the digits of one int64


@dataclass(frozen=True)
class ModelConfig:
    """All that is needed to rebuild a model and its input: sizes, the recipe's model, and how rows are padded.

    tokens: the size of the vocabulary. pairs: the number of bigrams that have embeddings, 0 for a model without them.
    words: the sizes of its lexicon, None for a model without words. ngrams: the number of n-grams of each order that
    the wide part knows, empty for a model without one. Fields are named as the keys of config.json, which saved models
    contain; elsewhere the counts of tokens and pairs are `vocabulary_size` and `bigram_count`.
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
    ngrams: tuple[int, ...]
    model: Model

    def check(self) -> None:
        """Raise ValueError for sizes that no model has; `load_model` calls it before it allocates anything."""
        try:
            self.model.check("model")
        except UserError as error:
            raise ValueError(str(error)) from error
        words = (self.words.words, self.words.rows, self.words.longest) if self.words else (1,)
        sizes = (self.embedding_size, self.classes, *self.widths, *words)
        if not self.widths or min(sizes) < 1 or self.tokens < len(RESERVED) or min(self.pairs, *self.ngrams, 0) < 0:
            raise ValueError("a size is too small, or widths is empty")
        asked = [self.tokens, self.pairs, *self.ngrams, self.model.hidden_size, self.model.head_size or 1]
        asked += [part.width for part in (self.model.bigrams, self.model.words) if part]
        if max(*sizes, *asked) > MAX_SIZE or self.model.layers > MAX_LAYERS:
            raise ValueError(f"a size is above {MAX_SIZE:,}, or there are more than {MAX_LAYERS} layers")
        if max(self.widths) > MAX_WIDTH or list(self.widths) != sorted(self.widths):
            raise ValueError(f"widths are above {MAX_WIDTH:,}, or not in ascending order")
        digits = max(self.words.longest if self.words else 1, len(self.ngrams))
        if digits > MAX_DIGITS or self.tokens**digits > KEYS:
            raise ValueError(f"words or n-grams of {digits} tokens, whose keys are above {KEYS:,}")
        if (self.model.words is None) != (self.words is None) or (self.model.bigrams is None) != (self.pairs == 0):
            raise ValueError("words and pairs do not fit the model")


@dataclass(frozen=True)
class SavedModel:
    """A model loaded from its directory, in evaluation mode."""

    config: ModelConfig
    labels: Labels
    network: TextRNN


def make_network(config: ModelConfig) -> TextRNN:
    """An untrained network of this configuration, with its wide part if it has one."""
    network = TextRNN(
        config.model,
        vocabulary_size=config.tokens,
        embedding_size=config.embedding_size,
        classes=config.classes,
        pad_side=config.pad_side,
        bigram_count=config.pairs,
        words=config.words,
    )
    if config.ngrams:
        network.wide = WidePart(config.ngrams, config.classes, config.tokens, config.pad_side)
    return network


def make_config(
    recipe: str,
    model: Model,
    matrix_shape: tuple[int, int],
    classes: int,
    padded: PaddedFacts,
    bigram_count: int = 0,
    words: LexiconSizes | None = None,
    ngrams: Sequence[int] = (),
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
        ngrams=tuple(ngrams),
        model=model,
    )


def save_model(folder: Path, config: ModelConfig, network: TextRNN, preparation: Preparation) -> None:
    """Write a model directory; the files of `preparation` are copied into it."""
    files = ModelFiles(folder)
    save_weights(files.weights, network)
    text = json.dumps(asdict(config), indent=1, ensure_ascii=False)
    files.config.write_text(text + "\n", encoding="utf-8")
    preparation.copy_to(folder)


def load_model(folder: Path, device: torch.device | None = None, *, before_refit: bool = False) -> SavedModel:
    """Load a model from the files of its directory alone, to the device or to the CPU.

    before_refit: with the weights of the run on train alone, if dev was trained on afterwards, so that dev can be
    scored. Raises UserError, naming the file, if one is missing, damaged or belongs to another model.
    """
    files = ModelFiles(folder)
    for name in REQUIRED_FILES:
        with convert_read_errors(folder / name):
            exists = (folder / name).is_file()
        if not exists:
            do = "train the recipe, or copy its directory as a whole"
            raise UserError(folder / name, "is missing from the model directory", do=do)
    with convert_read_errors(files.config):
        values = _with_wide_keys(read_json(files.config, dict[str, Any]))
        config = _config_of(values)
        config.check()
        # on the meta device: memory is allocated for the sizes in the weights file, not for those in the configuration
        with torch.device("meta"):
            network = make_network(config)
    first_run = before_refit and files.weights_before_refit.is_file()
    weights = files.weights_before_refit if first_run else files.weights
    with convert_read_errors(weights):
        fill_network(weights, network)
    with convert_read_errors(files.preparation.labels_file):
        labels = files.preparation.read_labels()
    if len(labels.names) != config.classes:
        do = "train the recipe, or copy its directory as a whole"
        message = f"does not belong to a model with {config.classes} classes"
        raise UserError(files.preparation.labels_file, message, got=str(labels.names)[:200], do=do)
    network.eval()
    return SavedModel(config, labels, network.to(device or torch.device("cpu")))


def _config_of(values: Any) -> ModelConfig:
    """The configuration. Raises ValueError for values of another form."""
    try:
        return build_dataclass(ModelConfig, values, CONFIG_FILE)
    except CombinedError as several:  # one line is enough to say that the file is no configuration
        raise ValueError(str(several.errors[0])) from several
    except UserError as error:
        raise ValueError(str(error)) from error


def _with_wide_keys(values: Any) -> Any:
    """The content of config.json. Models saved by older versions lack the keys of the wide part; they are added."""
    if isinstance(values, dict) and "ngrams" not in values and isinstance(values.get("model"), dict):
        return {**values, "ngrams": [], "model": {"wide": False, **values["model"]}}
    return values


@contextlib.contextmanager
def convert_read_errors(path: Path) -> Iterator[None]:
    """Convert the errors of reading a damaged or unreadable file into a UserError that names the file."""
    try:
        yield
    except OSError as error:
        raise UserError(path, "cannot be read", got=error) from error
    except (
        *(ValueError, TypeError, LookupError, AssertionError, RuntimeError, OverflowError, MemoryError),
        *(AttributeError, DamagedFileError),
    ) as error:
        if isinstance(error, DamagedFileError) and not str(error).startswith(f"{path}: "):
            raise  # it names another file, such as that of the checksums
        cause = (error.__cause__ or error) if isinstance(error, DamagedFileError) else error
        got = f"{type(cause).__name__}: {one_line(cause)}"
        raise UserError(path, "is damaged or belongs to another model", got=got, do="train the recipe again") from error
