"""Model directories of tiny corpora: prepared by the functions of the stages, with random weights."""

from __future__ import annotations

import dataclasses
import random
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from factories.linear_models import random_linear
from factories.networks import PLAIN
from factories.shards import write_parsed
from textrnn.common.config.embed import Lexicon
from textrnn.common.config.encode import Encode
from textrnn.common.config.model import BigramOptions, SoftLexiconOptions
from textrnn.common.config.pad import Pad
from textrnn.common.config.segment import Punkt, Segment
from textrnn.common.storage.encoded_rows import EncodedRows
from textrnn.common.storage.padded_rows import PaddedRows
from textrnn.common.storage.parsed_rows import ParsedRows
from textrnn.common.storage.segmented_rows import SegmentedRows
from textrnn.modeling.models.model_directory import (
    SavedModel,
    load_model,
    make_config,
    make_network,
    save_model,
)
from textrnn.modeling.models.wide import WidePart
from textrnn.preparation.artifacts.linear_model import LinearModel
from textrnn.preparation.artifacts.preparation_folder import Preparation
from textrnn.preparation.artifacts.vocabulary import Vocabulary
from textrnn.preparation.embedding.lexicon import build_lexicon
from textrnn.preparation.encoding.encode import encode
from textrnn.preparation.padding.pad import pad
from textrnn.preparation.segmentation.segment import segment
from textrnn.training.batching.loading import load_buckets
from textrnn.training.features.token_features import learn_token_features

TAGS = ["O", "B-LOC", "I-LOC", "B-PER", "I-PER"]
CLASSES = {"classify": ["down", "up"], "tag": TAGS}
PUNKT = Punkt("train", 1000)

HAN = "中国股市今日大涨三百点收盘比赛电影明星网易杭研大厦的了吗"
# words that occur often enough in rows sampled from HAN
DICTIONARY = [(a + b, 1 + HAN.index(a), "nv"[b in HAN[:6]]) for a in HAN[:12] for b in HAN[:12]]
DICTIONARY += [(a + HAN[3:5] + b, 7, "a") for a in HAN for b in ("", HAN[0])]
SENTENCES = "Mr. Fox left at 5 p.m. today. He won! (Twice?) Dr. No said: 'it cost $3.50, see www.a.com'. isn't it"
WORDS = SENTENCES.split()


@dataclass(frozen=True)
class Tiny:
    """A model directory, the loaded model, the padded shards of its corpus, and the rows of the test split."""

    folder: Path
    saved: SavedModel
    padded: PaddedRows
    rows: list[tuple[Any, Any]]

    @property
    def vocabulary(self) -> Vocabulary:
        return Vocabulary.load(self.folder / "vocabulary.arrow")

    @property
    def texts(self) -> list[Any]:
        """The texts of the test split, or the tokens of a tagged corpus."""
        return [content for content, _ in self.rows]


def han(rng: random.Random, max_length: int) -> str:
    """A text of up to max_length characters, some of them unknown and some spaces."""
    return "".join(rng.choice(HAN + "鼎 7a") for _ in range(rng.randint(0, max_length)))


def english(rng: random.Random, max_length: int) -> str:
    return " ".join(rng.choice([*WORDS, f"w{rng.randint(0, 9)}", "NEW"]) for _ in range(rng.randint(0, max_length)))


def texts(make: Any, count: int, max_length: int, seed: int) -> list[tuple[str, int]]:
    rng = random.Random(seed)
    return [("", 0), *((make(rng, max_length), rng.randint(0, 1)) for _ in range(count - 1))]


def sentences(tokens: list[str], count: int, max_length: int, seed: int) -> list[tuple[list[str], list[int]]]:
    """Tagged rows of the tokens, one of them empty."""
    rng = random.Random(seed)
    lengths = [0, *(rng.randint(1, max_length) for _ in range(count - 1))]
    return [(rng.choices(tokens, k=n), rng.choices(range(len(TAGS)), k=n)) for n in lengths]


def make_tiny(
    folder: Path,
    task: Any,
    splits: dict[str, list[Any]],
    way: Segment,
    padding: Pad,
    tags: Any = None,
    **changes: Any,
) -> Tiny:
    """Segment, encode and pad the rows of each split, and save a model with the options of PLAIN and the changes."""
    folder.mkdir(parents=True, exist_ok=True)
    parsed = ParsedRows.read(write_parsed(folder / "parsed", task, splits, CLASSES[task]))
    segmented, ids, padded = (folder / name for name in ("segmented", "ids", "padded"))
    for path in (segmented, ids, padded):
        path.mkdir()
    segment(parsed, way, punkt_folder=folder, out=segmented)
    rows = SegmentedRows.read(segmented)
    encode(rows, Encode(1, None, tags), where="encodings.e", ids=ids, preparation=folder)
    pad(EncodedRows.read(ids), padding, padded)
    reader = PaddedRows.read(padded)
    model = save_tiny(folder / "model", reader, Preparation(folder), dataclasses.replace(PLAIN, **changes))
    return Tiny(model, load_model(model), reader, splits["test"])


def save_tiny(model: Path, padded: PaddedRows, preparation: Preparation, options: Any) -> Path:
    vocabulary, labels = preparation.read_vocabulary(), preparation.read_labels()
    vocabulary_size = len(vocabulary)
    lexicon = build_lexicon(DICTIONARY, vocabulary, Lexicon(4, None) if options.words else None, "recipes.tiny.lexicon")
    features = learn_token_features(load_buckets(padded, "train"), vocabulary_size, options, lexicon, "recipes.tiny")
    linear = tiny_linear(padded, vocabulary_size, len(labels.names)) if options.wide else None
    config = make_config(
        "tiny",
        options,
        (vocabulary_size, 5),
        len(labels.names),
        padded.facts,
        features.bigram_count,
        features.lexicon_sizes,
        [] if linear is None else [len(keys) for keys in linear.keys],
    )
    torch.manual_seed(3)
    network = make_network(config)
    for weight in network.parameters():  # padding too, so that a test notices if it is read
        torch.nn.init.normal_(weight, std=0.7)
    features.fill(network)
    if linear is not None:
        network.wide = WidePart.from_linear(linear, padded.facts.side)
    model.mkdir()
    save_model(model, config, network, preparation)
    return model


def tiny_linear(padded: PaddedRows, vocabulary_size: int, classes: int) -> LinearModel:
    """A linear model with random weights of the n-grams of half of train's rows."""
    rows = [ids[ids != 0].tolist() for bucket in load_buckets(padded, "train") for ids in bucket.ids]
    return random_linear(rows[::2], vocabulary_size=vocabulary_size, classes=classes)


def move(tiny: Tiny, to: Path) -> Path:
    """Move the model directory and delete everything it was made from."""
    shutil.move(tiny.folder, to)
    shutil.rmtree(tiny.folder.parent)
    return to


CLEAN = ("lower", "digits", "urls")
BIGRAMS = BigramOptions(3, 1)
LAST_STEP = {"cell": "rnn", "layers": 2, "readout": "last_step"}
# (segmentation, padding, model options); texts have up to 14 tokens
CLASSIFIERS = {
    "chars right last_step": (Segment("chars", (), None, 0.0, 1, None), Pad(9, "right", None), LAST_STEP),
    "chars left last_step bce": (
        Segment("chars", ("digits",), None, 0.0, 1, None),
        Pad(9, "left", None),
        {"cell": "lstm", "bidirectional": True, "readout": "last_step", "loss": "bce", "head_size": 4},
    ),
    "jieba buckets bigrams": (
        Segment("jieba", (), None, 0.0, 1, None),
        Pad(None, "right", 3),
        {"cell": "lstm", "bidirectional": True, "readout": ("max", "mean"), "bigrams": BIGRAMS, "layer_norm": True},
    ),
    "jieba left last_valid": (
        Segment("jieba", (), None, 0.0, 1, None),
        Pad(6, "left", None),
        {"cell": "gru", "layers": 2},
    ),
    "chars left buckets wide": (
        Segment("chars", (), None, 0.0, 1, None),
        Pad(8, "left", 3),
        {"cell": "gru", "readout": ("max", "mean"), "wide": True},
    ),
    "nltk bce wide": (
        Segment("nltk", CLEAN, PUNKT, 0.0, 1, None),
        Pad(12, "right", None),
        {"cell": "rnn", "loss": "bce", "wide": True},
    ),
    "nltk punkt": (
        Segment("nltk", CLEAN, PUNKT, 0.0, 1, None),
        Pad(12, "right", None),
        {"cell": "rnn", "bidirectional": True, "readout": "attention"},
    ),
    "tokens buckets truncated": (
        Segment("tokens", ("lower",), None, 0.0, 1, None),
        Pad(7, "right", 3),
        {"cell": "scratch_gru", "readout": ("max", "last_valid"), "head_size": 4},
    ),
}


def classifier(folder, name):
    segmentation, padding, options = CLASSIFIERS[name]
    make = english if segmentation.segmenter in ("nltk", "tokens") else han
    splits = {split: texts(make, 60, 14, seed) for seed, split in enumerate(("train", "dev", "test"))}
    return make_tiny(folder, "classify", splits, segmentation, padding, **options)


# (tokens, padding, tag scheme, model options); sentences have up to 12 tokens
TAGGERS = {
    "chars crf bio buckets": (
        list(HAN),
        Pad(None, "right", 3),
        "bio",
        {"cell": "lstm", "bidirectional": True, "crf": True, "bigrams": BIGRAMS},
    ),
    "chars words left buckets": (
        list(HAN),
        Pad(None, "left", 3),
        "bio",
        {"cell": "lstm", "bidirectional": True, "crf": True, "bigrams": BIGRAMS, "words": SoftLexiconOptions(3, 2)},
    ),
    "chars crf bioes left truncated": (list(HAN), Pad(7, "left", None), "bioes", {"cell": "gru", "crf": True}),
    "words crf bio left truncated": (WORDS, Pad(7, "left", None), "bio", {"cell": "gru", "crf": True}),
    "chars type left truncated": (list(HAN), Pad(7, "left", None), "type", {"cell": "scratch_gru", "head_size": 4}),
    "words bio right truncated": (WORDS, Pad(7, "right", 2), "bio", {"cell": "rnn", "bidirectional": True}),
}


def tagger(folder, name):
    tokens, padding, tags, options = TAGGERS[name]
    splits = {split: sentences(tokens, 60, 12, seed) for seed, split in enumerate(("train", "dev", "test"))}
    segmentation = Segment("tokens", (), None, 0.0, 1, None)
    return make_tiny(folder, "tag", splits, segmentation, padding, tags, readout="every_step", **options)
