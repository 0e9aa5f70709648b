"""A tagger of token sequences that follows scikit-learn's conventions and trains as the pipeline does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from textrnn.common.config.types import Task
from textrnn.estimator.base import TextEstimator
from textrnn.estimator.corpus import Corpus, Rows
from textrnn.estimator.input_checks import InputError, check_not_empty, check_token_lists, split_validation_data
from textrnn.estimator.recipes import AUTO, start_of_tagger
from textrnn.estimator.tag_probabilities import bio_probabilities
from textrnn.estimator.target_checks import check_tag_lists
from textrnn.evaluation.metrics.precision_recall import score_spans
from textrnn.preparation.artifacts.tag_schemes import OUTSIDE, bio_spans, bio_tags

if TYPE_CHECKING:
    from textrnn.inference.prediction.predictor import TagPrediction


class SequenceTagger(TextEstimator):
    """Tag tokens with BIO tags by an LSTM with a CRF, trained as a recipe of the pipeline is; see docs/estimator.md.

    X is a list of lists of tokens, y a list of lists of their tags, in BIO, IOB1, BIOES, BILOU or BMES: which one is
    found, as in files. What is predicted is BIO. Arguments are those of TextClassifier, where they apply to a tagger;
    `tags` is the scheme that the model learns, and `crf` whether it has a CRF.

    Fitted attributes: `classes_`, the BIO tags; `params_`, and `model_`, the files of a model directory.
    """

    task: Task = "tag"

    def __init__(
        self,
        *,
        recipe: str = AUTO,
        min_count: int | str | None = None,
        max_tokens: int | None = None,
        tags: str | None = None,
        embedding_size: int | None = None,
        vectors: str | PathLike[str] | None = None,
        max_length: int | None = None,
        cell: str | None = None,
        hidden_size: int | None = None,
        layers: int | None = None,
        bidirectional: bool | None = None,
        dropout: float | None = None,
        embedding_dropout: float | None = None,
        head_dropout: float | None = None,
        crf: bool | None = None,
        epochs: int | None = None,
        min_steps: int | None = None,
        batch_size: int | str | None = None,
        learning_rate: float | None = None,
        patience: int | None = None,
        encode: Mapping[str, Any] | None = None,
        vectorize: Mapping[str, Any] | None = None,
        embed: Mapping[str, Any] | None = None,
        pad: Mapping[str, Any] | None = None,
        model: Mapping[str, Any] | None = None,
        train: Mapping[str, Any] | None = None,
        validation_share: float = 0.1,
        validation_data: tuple[Iterable[Sequence[str]], Iterable[Sequence[str]]] | None = None,
        random_state: int | np.random.RandomState | None = 1,
        verbose: bool = False,
    ) -> None:
        self.recipe = recipe
        self.min_count = min_count
        self.max_tokens = max_tokens
        self.tags = tags
        self.embedding_size = embedding_size
        self.vectors = vectors
        self.max_length = max_length
        self.cell = cell
        self.hidden_size = hidden_size
        self.layers = layers
        self.bidirectional = bidirectional
        self.dropout = dropout
        self.embedding_dropout = embedding_dropout
        self.head_dropout = head_dropout
        self.crf = crf
        self.epochs = epochs
        self.min_steps = min_steps
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.patience = patience
        self.encode = encode
        self.vectorize = vectorize
        self.embed = embed
        self.pad = pad
        self.model = model
        self.train = train
        self.validation_share = validation_share
        self.validation_data = validation_data
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X: Iterable[Sequence[str]], y: Iterable[Sequence[str]]) -> SequenceTagger:  # noqa: N803
        """Train on lists of tokens and their tags.

        Raises InputError, a ValueError, for rows that cannot be used, and UserError for invalid arguments.
        """
        sentences, tags = _check_rows(X, y, "X", "y")
        types = sorted({tag[2:] for row in tags for tag in row if tag != OUTSIDE})
        if not types:
            raise InputError("y", "must have at least one entity", got="only one class: ['O']")
        names = (OUTSIDE, *(f"{prefix}-{entity_type}" for entity_type in types for prefix in "BI"))
        ids = {name: number for number, name in enumerate(names)}
        dev = None if self.validation_data is None else _validation_rows(self.validation_data, ids)
        start = start_of_tagger(sentences, self.recipe)
        self._fit(Corpus(self.task, names, _as_rows(sentences, tags, ids), dev), start)
        self.classes_ = np.array(names)
        return self

    def predict(self, X: Iterable[Sequence[str]]) -> list[list[str]]:  # noqa: N803
        """The BIO tags of each list of tokens. Raises NotFittedError before `fit`."""
        predictor = self._predictor
        sentences = check_token_lists(X, "X")
        predictions = cast("list[TagPrediction]", predictor.predict(sentences))
        entities = [prediction["entities"] for prediction in predictions]
        return [
            bio_tags([(entity["start"], entity["end"], entity["type"]) for entity in found], len(sentence))
            for found, sentence in zip(entities, sentences, strict=True)
        ]

    def predict_proba(self, X: Iterable[Sequence[str]]) -> list[np.ndarray]:  # noqa: N803
        """The probability of each of `classes_` for each token: an array (T, C) for each list of T tokens.

        With a CRF these are marginals, while `predict` gives the best sequence. Raises NotFittedError before `fit`.
        """
        predictor = self._predictor
        rows = predictor.tag_probabilities(check_token_lists(X, "X"))
        return [bio_probabilities(row, predictor.tag_labels, self.classes_.tolist()) for row in rows]

    def score(self, X: Iterable[Sequence[str]], y: Iterable[Sequence[str]]) -> float:  # noqa: N803
        """The F1 score of exact entity spans, micro-averaged over all entities; y in any scheme that `fit` takes."""
        sentences = check_token_lists(X, "X")
        gold = check_tag_lists(y, sentences, "y")
        predicted = self.predict(sentences)
        return score_spans([set(bio_spans(row)) for row in gold], [set(bio_spans(row)) for row in predicted]).f1

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array, tags.input_tags.string = False, True
        tags.target_tags.required = True
        return tags


def _check_rows(tokens: Any, tags: Any, where: str, where_tags: str) -> tuple[list[list[str]], list[list[str]]]:
    """The tokens and tags to train or to validate on. Raises InputError for rows that cannot be used."""
    sentences = check_token_lists(tokens, where)
    tagged = check_tag_lists(tags, sentences, where_tags)
    check_not_empty(sentences, where)
    return sentences, tagged


def _validation_rows(validation_data: Any, ids: Mapping[str, int]) -> Rows:
    sentences, tags = _check_rows(*split_validation_data(validation_data), "validation_data[0]", "validation_data[1]")
    unknown = sorted({tag for row in tags for tag in row} - ids.keys())
    if unknown:
        raise InputError("validation_data[1]", "must have no entity type that y does not have", got=unknown)
    return _as_rows(sentences, tags, ids)


def _as_rows(sentences: list[list[str]], tags: list[list[str]], ids: Mapping[str, int]) -> Rows:
    return Rows(sentences, [[ids[tag] for tag in row] for row in tags])
