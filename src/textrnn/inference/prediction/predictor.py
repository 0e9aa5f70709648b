"""Predict labels or entities of raw texts with a model directory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, TypedDict

import numpy as np
import torch
from torch import Tensor

from textrnn.common.config.types import Task
from textrnn.common.storage.schemas import IGNORED_TAG
from textrnn.errors import UserError
from textrnn.inference.prediction.model_inputs import (
    InputBatch,
    PaddingRule,
    Text,
)
from textrnn.modeling.models.decoding import class_probabilities, decode_classes, entity_spans
from textrnn.modeling.models.model_directory import (
    SavedModel,
    convert_read_errors,
    load_model,
)
from textrnn.modeling.nn.crf import find_crf, log_probabilities
from textrnn.preparation.artifacts.labels import Labels
from textrnn.preparation.artifacts.preparation_folder import Preparation
from textrnn.preparation.artifacts.vocabulary import Vocabulary
from textrnn.preparation.segmentation.habitual_tokenizer import CharacterSpan, HabitualTokenizer
from textrnn.preparation.segmentation.segmenters import Segmenter
from textrnn.preparation.segmentation.token_habits import learn_habits

CHUNK_TEXTS = 4096  # texts that are prepared and predicted together


class ClassPrediction(TypedDict):
    """A text's most probable label, its probability, and the probability of every label."""

    label: str
    probability: float
    probabilities: dict[str, float]


class EntityMention(TypedDict):
    """An entity in a text: its type and its characters, text[start:end].

    score: how sure the model is of it, the lowest of the probabilities of its tokens' tags.
    """

    start: int
    end: int
    type: str
    text: str
    score: float


class TagPrediction(TypedDict):
    """The entities of a text, in order."""

    entities: list[EntityMention]


Prediction = ClassPrediction | TagPrediction


class Predictor:
    """Predict with one model on the CPU.

    task: `classify` or `tag`; labels: the names of the classes, or the types of entities; name: the recipe's name.
    Only one thread at a time may call it, because nltk's segmenter caches what it has seen.
    """

    def __init__(self, saved: SavedModel, segmenter: Segmenter, vocabulary: Vocabulary) -> None:
        self._saved, self._segmenter, self._vocabulary = saved, segmenter, vocabulary
        config = saved.config
        fixed = config.model.readout == "last_step"
        self._padding = PaddingRule(config.widths, config.pad_side, config.truncates, fixed)
        self._tokenizer = _raw_text_tokenizer(segmenter, vocabulary) if saved.labels.task == "tag" else None
        self.name = config.recipe
        self.task: Task = saved.labels.task
        self.labels = saved.labels.types if self.task == "tag" else saved.labels.names

    @torch.inference_mode()
    def predict(self, texts: Iterable[Text]) -> list[Prediction]:
        """Return a prediction for each text, in order; any number of texts, each of any length.

        A tagger also takes a list of tokens as a text; start and end then count tokens. Where training truncated its
        rows, later tokens are not read and have no entities. A text without tokens is a row of padding: a classifier
        returns its output for padding, a tagger no entities.
        Raises TypeError for a value that is not a text, UserError for a text with half of a surrogate pair.
        """
        if isinstance(texts, str):
            raise TypeError("predict takes a list of texts, not one text")
        texts = list(texts)
        for index, text in enumerate(texts):
            self._check(text, f"texts[{index}]")
        predict_chunk = self._tag if self.task == "tag" else self._classify
        chunks = (predict_chunk(texts[first : first + CHUNK_TEXTS]) for first in range(0, len(texts), CHUNK_TEXTS))
        return [prediction for chunk in chunks for prediction in chunk]

    @torch.no_grad()  # not inference mode: the marginals of a CRF are gradients
    def tag_probabilities(self, sentences: Iterable[Sequence[str]]) -> list[np.ndarray]:
        """The probability of each tag of a tagger for each token of lists of tokens: (T, C) float64 for T tokens.

        The C tags are the names of `tag_labels`; a CRF gives their marginals. Tokens that are not read, as training
        truncated its rows, are certainly O. Raises as `predict` does.
        """
        assert self.task == "tag"
        lists = list(sentences)
        for index, tokens in enumerate(lists):
            if isinstance(tokens, str):
                raise TypeError(f"texts[{index}] must be a list of str, not str")
            self._check(tokens, f"texts[{index}]")
        chunks = (lists[first : first + CHUNK_TEXTS] for first in range(0, len(lists), CHUNK_TEXTS))
        return [row for chunk in chunks for row in self._chunk_probabilities(chunk)]

    @property
    def tag_labels(self) -> Labels:
        """The names of a tagger's tags by id, O first, and their scheme."""
        return self._saved.labels

    def _chunk_probabilities(self, sentences: Sequence[Sequence[str]]) -> list[np.ndarray]:
        rows = [np.zeros((len(tokens), len(self.tag_labels.names))) for tokens in sentences]
        for batch in self._padding.batches([self._vocabulary.encode(tokens) for tokens in sentences]):
            logits, predicted = self._run(batch)
            # the marginals do not depend on the tags that are given, as long as there are any
            targets = np.where(batch.valid, np.array(predicted), IGNORED_TAG)
            values = class_probabilities(self._saved.network, logits, torch.from_numpy(targets)).numpy()
            for row, probabilities, valid in zip(batch.rows.tolist(), values, batch.valid, strict=True):
                rows[row][: valid.sum()] = probabilities[valid]
                rows[row][valid.sum() :, 0] = 1.0
        return rows

    def _check(self, text: Text, where: str) -> None:
        tokens = [text] if isinstance(text, str) else text
        expected = "a str or a list of str" if self.task == "tag" else "a str"
        allowed = tokens is not text or (self.task == "tag" and isinstance(text, list | tuple))
        if not allowed or not all(isinstance(token, str) for token in tokens):
            raise TypeError(f"{where} must be {expected}, not {type(text).__name__}")
        try:
            "".join(tokens).encode()
        except UnicodeEncodeError as error:
            wrong = "has half of a surrogate pair, which is not valid text"
            raise UserError(where, wrong, got=ascii(text)[:80]) from error

    def _classify(self, texts: list[Text]) -> list[Prediction]:
        names = self._saved.labels.names
        predictions: dict[int, Prediction] = {}
        tokenized = self._segmenter.several(text for text in texts if isinstance(text, str))
        for batch in self._padding.batches([self._vocabulary.encode(tokens) for tokens in tokenized]):
            logits, predicted = self._run(batch)
            probabilities = class_probabilities(self._saved.network, logits, None).tolist()
            for row, label, values in zip(batch.rows.tolist(), predicted, probabilities, strict=True):
                by_name = dict(zip(names, values, strict=True))
                predictions[row] = {
                    "label": names[label],
                    "probability": values[label],
                    "probabilities": by_name,
                }
        return [predictions[row] for row in range(len(texts))]

    def _tag(self, texts: list[Text]) -> list[Prediction]:
        predictions: dict[int, Prediction] = {}
        tokenized = [self._tokenize(text) for text in texts]
        for batch in self._padding.batches([self._vocabulary.encode(tokens) for tokens, _ in tokenized]):
            logits, predicted = self._run(batch)
            scores = self._tag_scores(logits, batch, predicted)
            for index, (row, valid) in enumerate(zip(batch.rows.tolist(), batch.valid, strict=True)):
                spans = tokenized[row][1]
                tags = [tag for tag, is_token in zip(predicted[index], valid, strict=True) if is_token]
                sure = scores[index][valid]
                predictions[row] = {
                    "entities": [
                        self._entity(texts[row], spans[first][0], spans[end - 1][1], kind, float(sure[first:end].min()))
                        for first, end, kind in entity_spans(self._saved.labels, tags)
                    ]
                }
        return [predictions[row] for row in range(len(texts))]

    def _tokenize(self, text: Text) -> tuple[Sequence[str], Sequence[CharacterSpan]]:
        """A tagger's tokens of a text and their spans; of a list of tokens, the list and the tokens' indices."""
        if isinstance(text, str):
            assert self._tokenizer is not None
            return self._tokenizer.tokenize(text)
        return text, [(index, index + 1) for index in range(len(text))]

    def _tag_scores(self, logits: Tensor, batch: InputBatch, tags: list[list[int]]) -> np.ndarray:
        """The probability of the tag (B, T) of each token, over all tag sequences if there is a CRF: (B, T)."""
        valid = torch.from_numpy(batch.valid)
        probabilities = log_probabilities(find_crf(self._saved.network), logits, valid, 1.0).exp()
        scores: np.ndarray = probabilities.gather(-1, torch.tensor(tags)[..., None])[..., 0].numpy()
        return scores

    def _entity(self, text: Text, start: int, end: int, kind: str, score: float) -> EntityMention:
        piece = text[start:end]
        assert self._tokenizer is not None
        joined = piece if isinstance(piece, str) else self._tokenizer.joiner.join(piece)
        return {"start": start, "end": end, "type": kind, "text": joined, "score": score}

    def _run(self, batch: InputBatch) -> tuple[Tensor, list[Any]]:
        """The logits of a batch, (B, C) or (B, T, C), and the class of each row or the tags of all its T steps."""
        ids = torch.from_numpy(batch.ids)
        logits = self._saved.network(ids, torch.from_numpy(batch.lengths))
        if not torch.isfinite(logits).all():
            do = "the weights are damaged, or training diverged: train the recipe again"
            raise UserError(self.name, "gives scores that are not finite numbers", do=do)
        return logits, decode_classes(self._saved, logits, torch.from_numpy(batch.valid)).tolist()


def _raw_text_tokenizer(segmenter: Segmenter, vocabulary: Vocabulary) -> HabitualTokenizer:
    """What cuts a tagger's raw texts: by the habits that `segment` has learned, or those of the vocabulary.

    Model directories of before these were saved have the vocabulary alone.
    """
    habits = segmenter.state.get("habits")
    if habits is None:
        habits = learn_habits(zip(vocabulary.tokens.to_pylist(), vocabulary.counts.to_pylist(), strict=True))
    return HabitualTokenizer(habits, vocabulary.__contains__, vocabulary.longest_token)


def load(folder: str | Path) -> Predictor:
    """Load the predictor of a model directory; it needs no file outside the directory. A leading `~` is expanded.

    Raises UserError, naming the file, when a file is missing, damaged or belongs to another model.
    """
    folder = Path(folder).expanduser()
    saved = load_model(folder)
    preparation = Preparation(folder)
    with convert_read_errors(preparation.labels_file):
        if (saved.labels.task == "tag") != (saved.config.model.readout == "every_step"):
            raise ValueError(f"the task {saved.labels.task}, and a model with the readout {saved.config.model.readout}")
    with convert_read_errors(preparation.segmentation_file):
        segmenter = Segmenter.load(preparation.segmentation_file)
    with convert_read_errors(preparation.vocabulary_file):
        vocabulary = preparation.read_vocabulary()
    if len(vocabulary) != saved.config.tokens:
        wrong = f"does not belong to a model with {saved.config.tokens} tokens"
        do = "train the recipe, or copy its whole directory"
        raise UserError(preparation.vocabulary_file, wrong, got=len(vocabulary), do=do)
    saved.network.recurrent.prepack()
    with convert_read_errors(preparation.vocabulary_file):
        vocabulary.encode(())  # builds the index now, so that the first prediction does not wait for it
    return Predictor(saved, segmenter, vocabulary)
