"""A model directory that answers: texts in, labels with probabilities or entities with their places out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, TypedDict

import torch
from torch import Tensor

from textrnn.common.config.types import Task
from textrnn.errors import UserError
from textrnn.inference.prediction.model_inputs import (
    CharacterSpan,
    InputBatch,
    PaddingRule,
    cut_spans,
    has_single_characters,
)
from textrnn.modeling.models.decoding import class_probabilities, decode_classes, entity_spans
from textrnn.modeling.models.model_directory import SEGMENTATION, VOCABULARY, SavedModel, load_model, reading_model_file
from textrnn.preparation.artifacts.vocabulary import Vocabulary
from textrnn.preparation.segmentation.segmenters import Segmenter

PREPARED = 4096  # texts prepared before the first of them is answered

Text = str | Sequence[str]


class Labelled(TypedDict):
    """A text's label, its probability, and that of every label."""

    label: str
    probability: float
    probabilities: dict[str, float]


class Entity(TypedDict):
    """An entity of a text: text[start:end], and its type."""

    start: int
    end: int
    type: str
    text: str


class Tagged(TypedDict):
    """The entities of a text, in order."""

    entities: list[Entity]


Answer = Labelled | Tagged


class Predictor:
    """Answers for one model, on the CPU; not to be called by two threads at once, as nltk's words are learned.

    task: `classify` or `tag`; labels: the classes' names, or the types of entities; name: the recipe's.
    """

    def __init__(self, saved: SavedModel, segmenter: Segmenter, vocabulary: Vocabulary) -> None:
        self._saved, self._segmenter, self._vocabulary = saved, segmenter, vocabulary
        config = saved.config
        fixed = config.model.readout == "last_step"
        self._padding = PaddingRule(config.widths, config.pad_side, config.truncates, fixed)
        self._characters = has_single_characters(vocabulary)
        self.name = config.recipe
        self.task: Task = saved.labels.task
        self.labels = saved.labels.types if self.task == "tag" else saved.labels.names

    @torch.inference_mode()
    def predict(self, texts: Iterable[Text]) -> list[Answer]:
        """An answer for each text, in their order: any number of texts, of any length.

        A tagger takes a list of tokens in place of a text too; places are then in tokens. Tokens past those that
        training kept are not read and have no entities. A text without tokens gets what the model says of padding
        alone, or no entities. Raises TypeError for what is no text, UserError for a text with half a surrogate pair.
        """
        if isinstance(texts, str):
            raise TypeError("predict takes a list of texts, not one text")
        texts = list(texts)
        for at, text in enumerate(texts):
            self._check(text, f"texts[{at}]")
        answer = self._tag if self.task == "tag" else self._classify
        parts = (answer(texts[first : first + PREPARED]) for first in range(0, len(texts), PREPARED))
        return [each for part in parts for each in part]

    def _check(self, text: Text, where: str) -> None:
        tokens = [text] if isinstance(text, str) else text
        takes = "a str or a list of str" if self.task == "tag" else "a str"
        listed = tokens is not text or (self.task == "tag" and isinstance(text, list | tuple))
        if not listed or not all(isinstance(token, str) for token in tokens):
            raise TypeError(f"{where} must be {takes}, not {type(text).__name__}")
        try:
            "".join(tokens).encode()
        except UnicodeEncodeError as error:
            raise UserError(where, "has half of a surrogate pair, which is no text", got=ascii(text)[:80]) from error

    def _classify(self, texts: list[Text]) -> list[Answer]:
        names = self._saved.labels.names
        found: dict[int, Answer] = {}
        rows = self._segmenter.several(text for text in texts if isinstance(text, str))
        for batch in self._padding.batches([self._vocabulary.encode(tokens) for tokens in rows]):
            logits, guess = self._run(batch)
            shares = class_probabilities(self._saved.network, logits, None).tolist()
            for row, at, share in zip(batch.rows.tolist(), guess, shares, strict=True):
                by_name = dict(zip(names, share, strict=True))
                found[row] = {"label": names[at], "probability": share[at], "probabilities": by_name}
        return [found[row] for row in range(len(texts))]

    def _tag(self, texts: list[Text]) -> list[Answer]:
        found: dict[int, Answer] = {}
        cut = [self._cut(text) for text in texts]
        for batch in self._padding.batches([self._vocabulary.encode(tokens) for tokens, _ in cut]):
            _, guess = self._run(batch)
            for row, tags, kept in zip(batch.rows.tolist(), guess, batch.kept, strict=True):
                places = cut[row][1]
                tags = [tag for tag, here in zip(tags, kept, strict=True) if here]
                spans = entity_spans(self._saved.labels, tags)
                found[row] = {
                    "entities": [
                        self._entity(texts[row], places[start][0], places[end - 1][1], kind)
                        for start, end, kind in spans
                    ]
                }
        return [found[row] for row in range(len(texts))]

    def _cut(self, text: Text) -> tuple[Sequence[str], Sequence[CharacterSpan]]:
        """A tagger's tokens of a text, and where each stands in it; both as given where they are given."""
        if isinstance(text, str):
            return cut_spans(text, self._characters)
        return text, [(at, at + 1) for at in range(len(text))]

    def _entity(self, text: Text, start: int, end: int, kind: str) -> Entity:
        piece = text[start:end]
        joined = piece if isinstance(piece, str) else ("" if self._characters else " ").join(piece)
        return {"start": start, "end": end, "type": kind, "text": joined}

    def _run(self, batch: InputBatch) -> tuple[Tensor, list[Any]]:
        """The logits of a batch, (B, C) or (B, T, C), and the class of each row, or the tags of all its T steps."""
        ids = torch.from_numpy(batch.ids)
        logits = self._saved.network(ids, torch.from_numpy(batch.lengths))
        return logits, decode_classes(self._saved, logits, torch.from_numpy(batch.kept)).tolist()


def load(folder: str | Path) -> Predictor:
    """The predictor of a model directory, from what lies there alone.

    Raises UserError, naming the file, when one is missing, damaged or of another model.
    """
    folder = Path(folder)
    saved = load_model(folder)
    with reading_model_file(folder / SEGMENTATION):
        segmenter = Segmenter.load(folder / SEGMENTATION)
    vocabulary = Vocabulary.load(folder / VOCABULARY)
    if len(vocabulary) != saved.config.tokens:
        wrong = f"is not of a model with {saved.config.tokens} tokens"
        do = "train the recipe, or copy its directory whole"
        raise UserError(folder / VOCABULARY, wrong, got=len(vocabulary), do=do)
    saved.network.recurrent.pack()
    with reading_model_file(folder / VOCABULARY):
        vocabulary.encode(())  # makes its index, which would else be part of the first answer
    return Predictor(saved, segmenter, vocabulary)
