"""Collect the content of a model card from the files that the stages wrote."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from textrnn.common.integrity.checksums import file_sha256
from textrnn.common.integrity.json_files import read_json
from textrnn.common.storage.encoded_rows import EncodedRows
from textrnn.common.storage.padded_rows import PaddedRows
from textrnn.common.storage.stored_files import STATISTICS
from textrnn.evaluation.analysis.card_forms import (
    CardConfig,
    CardEmbedding,
    CardEncoding,
    CardPadding,
    CardScores,
    CardSegmentation,
    CardTraining,
    VectorizedTexts,
)
from textrnn.preparation.artifacts.labels import Labels
from textrnn.preparation.artifacts.model_files import ModelFiles
from textrnn.preparation.artifacts.recipe_embedding import RecipeEmbedding
from textrnn.preparation.artifacts.result_files import RecipeFiles

PACKAGES = ("torch", "numpy", "pyarrow", "safetensors")
SAMPLE = Path("data/sample")  # what the stage `sample` writes


@dataclass(frozen=True)
class CardFiles:
    """Where the facts of a card are: the model directory, and what encode, embed, pad and evaluate wrote as JSON."""

    model: ModelFiles
    encoded: Path
    embedded: Path
    padded: Path
    metrics: Path

    @classmethod
    def of_recipe(cls, recipe: str, encoding: str) -> CardFiles:
        """The files of a recipe in the project."""
        return cls(
            model=RecipeFiles(recipe).model,
            encoded=EncodedRows.default_folder(encoding) / STATISTICS,
            embedded=RecipeEmbedding.default_folder(recipe) / STATISTICS,
            padded=PaddedRows.default_folder(recipe) / STATISTICS,
            metrics=RecipeFiles(recipe).evaluated.metrics,
        )


@dataclass(frozen=True)
class CardParams:
    """What a card takes from params.yaml: the names of encoding and corpus, the folder of the corpora."""

    encoding: str
    corpus: str
    source: str


@dataclass(frozen=True)
class CardFacts:
    """The content of a card, as the stages wrote it.

    folder: the model directory; config: its config.json; weights: the number of weights; size, sha256: bytes and hash
    of their file; data: facts about the corpus, in order; padded, encoded: statistics of pad and encode; trained: how
    training ended, its params, what rules and `limits` changed of them, and notices; scores: metrics of evaluate by
    split; intervals: of these metrics, by split; parts: by split, those of the network alone, of the wide part alone
    and of both, empty without a wide part; versions: of the software used.
    """

    folder: str
    config: Mapping[str, Any]
    labels: Labels
    weights: int
    size: int
    sha256: str
    data: Mapping[str, Any]
    padded: Mapping[str, Any]
    encoded: Mapping[str, Any]
    trained: Mapping[str, Any]
    scores: Mapping[str, Mapping[str, float]]
    parts: Mapping[str, Mapping[str, Mapping[str, float]]]
    intervals: Mapping[str, Mapping[str, Sequence[float]]]
    versions: Mapping[str, str]


def read_facts(files: CardFiles, params: CardParams) -> CardFacts:
    """Read the facts of a card; raise UserError, naming the file, for one that is missing or damaged."""
    model, preparation = files.model, files.model.preparation
    config, labels = model.read_config(CardConfig), preparation.read_labels()
    encoded = read_json(files.encoded, CardEncoding)
    data: dict[str, Any] = {"encoding": params.encoding, "corpus": params.corpus}
    data |= describe_segmentation(read_json(preparation.segmentation_file, CardSegmentation))
    follows = [f" ({value['asked']}: {value['follows']})" for value in encoded.get("auto", [])]
    data |= {"min_count": "".join([str(encoded["min_count"]), *follows])}
    data |= {"max_tokens": encoded["max_tokens"], "tags": labels.scheme}
    data |= _origin(params, read_json(files.embedded, CardEmbedding))
    scores: dict[str, Any] = dict(read_json(files.metrics, CardScores))
    parts = scores.pop("parts", {})
    intervals = scores.pop("intervals", {})
    return CardFacts(
        folder=model.folder.as_posix(),
        config=config,
        labels=labels,
        weights=model.count_weights(),
        size=model.weights.stat().st_size,
        sha256=file_sha256(model.weights),
        data=data,
        padded=read_json(files.padded, CardPadding),
        encoded=encoded,
        trained=read_json(model.training, CardTraining),
        scores=scores,
        parts=parts,
        intervals=intervals,
        versions={
            "textrnn": config["version"],
            **{name: version(name) for name in PACKAGES},
        },
    )


def is_generated(source: str) -> bool:
    """Whether the folder of corpora is the one that the stage `sample` fills."""
    return Path(source) == SAMPLE


def _origin(params: CardParams, embedded: CardEmbedding) -> dict[str, Any]:
    """Where the rows and the vectors are from."""
    origin: dict[str, Any] = {"rows": "generated, none is real"} if is_generated(params.source) else {}
    origin |= {"data.source": params.source, "word vectors": embedded["vectors"]}
    lexicon, texts = embedded["lexicon"], embedded["vectorized_texts"]
    origin |= {"vectors of words and pairs": lexicon["vectors"]} if lexicon else {}
    origin |= {"vectors of bigrams": embedded["bigrams"]} if embedded["bigrams"] else {}
    return origin | ({"vectorized from": _describe_texts(texts)} if texts else {})


def _describe_texts(texts: VectorizedTexts) -> str:
    """The texts that vectors are learned from: train's, and those of a file without labels."""
    train = f"{texts['train']:,} texts of train"
    return f"{train}, {texts['unlabelled']:,} of {texts['text']}" if texts["text"] else train


def describe_segmentation(state: CardSegmentation) -> dict[str, Any]:
    """How texts became tokens; of a sentence model's tables only the sizes."""
    punkt = state["punkt"]
    if punkt is not None:
        punkt = {name: len(value) if isinstance(value, (list, dict)) else value for name, value in punkt.items()}
    dictionary = {"words of the user dictionary": len(state["dictionary"])} if "dictionary" in state else {}
    return {"clean": state["clean"], "segmenter": state["segmenter"], "punkt": punkt, **dictionary}
