"""Model directories with random weights."""

from __future__ import annotations

import dataclasses

import pyarrow as pa
import torch

from factories.linear_models import random_linear
from factories.networks import PLAIN
from textrnn.common.storage.padded_rows import PaddedFacts
from textrnn.modeling.models.model_directory import (
    make_config,
    make_network,
    save_model,
)
from textrnn.modeling.models.wide import WidePart
from textrnn.modeling.nn.soft_lexicon import LexiconSizes
from textrnn.preparation.artifacts.labels import Labels
from textrnn.preparation.artifacts.preparation_folder import Preparation
from textrnn.preparation.artifacts.vocabulary import Vocabulary
from textrnn.training.features.bigram_features import BigramFeatures
from textrnn.training.features.token_features import TokenFeatures
from textrnn.training.features.word_features import WordFeatures

FACTS = PaddedFacts("classify", {}, (2, 5), "right", False)
KNOWN_BIGRAMS = [28, 37, 45]  # token 3 before 1, 4 before 1, and 5 at the end, in the rows of `padded`
WORDS = WordFeatures(
    torch.tensor([2 * 9 + 6, 5 * 9 + 3, 5 * 81 + 3 * 9 + 8]),
    torch.tensor([2, 1, 3]),
    torch.tensor([4.0, 1.0, 9.0]),
    LexiconSizes(3, 4, 3),
    None,
)
LABELS = Labels("classify", ["北", "south", "east"], None, [])


def options(**changes):
    return dataclasses.replace(PLAIN, **changes)


def save(tmp_path, model=PLAIN, labels=LABELS, recipe="tiny", facts=FACTS):
    """Save a network with random weights; the directory, its configuration and the network."""
    torch.manual_seed(4)
    features = TokenFeatures(
        BigramFeatures(torch.tensor(KNOWN_BIGRAMS), None) if model.bigrams else None, WORDS if model.words else None
    )
    classes = len(labels.names)
    linear = random_linear(classes=classes) if model.wide else None
    config = make_config(
        recipe,
        model,
        (9, 4),
        classes,
        facts,
        features.bigram_count,
        features.lexicon_sizes,
        [] if linear is None else [len(keys) for keys in linear.keys],
    )
    network = make_network(config)
    features.fill(network)
    if linear is not None:
        network.wide = WidePart.from_linear(linear, facts.side)
        network.wide.scales.copy_(torch.tensor([0.75, 1.5]))
    words = Vocabulary(pa.array(list("abcdefg")), pa.array(range(7, 0, -1), pa.int64()))
    (tmp_path / "segmenter.json").write_text('{"segmenter": "chars"}\n')
    folder = tmp_path / recipe
    folder.mkdir()
    preparation = Preparation.write(tmp_path, words, labels, tmp_path / "segmenter.json")
    save_model(folder, config, network, preparation)
    return folder, config, network


def make_folder(folder):
    folder.mkdir()
    return folder
