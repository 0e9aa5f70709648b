"""A classifier of texts that follows scikit-learn's conventions and trains as the pipeline does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from sklearn.base import ClassifierMixin

from textrnn.common.config.types import Task
from textrnn.estimator.base import TextEstimator
from textrnn.estimator.corpus import Corpus, Rows
from textrnn.estimator.input_checks import InputError, check_not_empty, check_texts, split_validation_data
from textrnn.estimator.recipes import AUTO, start_of_classifier
from textrnn.estimator.target_checks import check_labels

if TYPE_CHECKING:
    from textrnn.inference.prediction.predictor import ClassPrediction


class TextClassifier(ClassifierMixin, TextEstimator):
    """Classify texts with an RNN, LSTM or GRU, trained as a recipe of the pipeline is; see docs/estimator.md.

    X is a list of texts, y a list of their labels. What is None is the value of the recipe, which `recipe` names or,
    with `auto`, follows from the texts; `params_` has all values. Names and meanings are those of docs/params.md.

    segmenter: `chars`, `nltk`, `jieba`, `tokens` (at white space), or `auto`, which follows the script.
    embedding_size: `embed.width`. vectors: the path of a file of word vectors that the embedding starts from.
    segment, encode, vectorize, embed, pad, model, train, baseline: other params, as a dictionary of a section's values.
    validation_data: (X, y) that selects the weights; else `validation_share` of the rows is held out, stratified.
    random_state: the seed of all stages. verbose: print the plan and the progress of training.

    Fitted attributes: `classes_`, `params_`, and `model_`, the files of a model directory.
    """

    task: Task = "classify"

    def __init__(
        self,
        *,
        recipe: str = AUTO,
        segmenter: str = AUTO,
        min_count: int | str | None = None,
        max_tokens: int | None = None,
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
        readout: str | Sequence[str] | None = None,
        wide: bool | Mapping[str, float] | None = None,
        epochs: int | None = None,
        min_steps: int | None = None,
        batch_size: int | str | None = None,
        learning_rate: float | None = None,
        class_weights: str | Mapping[str, float] | None = None,
        patience: int | None = None,
        segment: Mapping[str, Any] | None = None,
        encode: Mapping[str, Any] | None = None,
        vectorize: Mapping[str, Any] | None = None,
        embed: Mapping[str, Any] | None = None,
        pad: Mapping[str, Any] | None = None,
        model: Mapping[str, Any] | None = None,
        train: Mapping[str, Any] | None = None,
        baseline: Mapping[str, Any] | None = None,
        validation_share: float = 0.1,
        validation_data: tuple[Iterable[str], Iterable[Any]] | None = None,
        random_state: int | np.random.RandomState | None = 1,
        verbose: bool = False,
    ) -> None:
        self.recipe = recipe
        self.segmenter = segmenter
        self.min_count = min_count
        self.max_tokens = max_tokens
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
        self.readout = readout
        self.wide = wide
        self.epochs = epochs
        self.min_steps = min_steps
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.class_weights = class_weights
        self.patience = patience
        self.segment = segment
        self.encode = encode
        self.vectorize = vectorize
        self.embed = embed
        self.pad = pad
        self.model = model
        self.train = train
        self.baseline = baseline
        self.validation_share = validation_share
        self.validation_data = validation_data
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X: Iterable[str], y: Iterable[Any]) -> TextClassifier:  # noqa: N803  (scikit-learn's name)
        """Train on texts and their labels.

        Raises InputError, a ValueError, for rows that cannot be used, and UserError for invalid arguments.
        """
        texts, labels = _check_rows(X, y, "X", "y")
        classes, targets = np.unique(labels, return_inverse=True)
        if len(classes) < 2:
            got = f"only one class: {classes.tolist()}"
            raise InputError("y", "must have at least two classes", got=got)
        start = start_of_classifier(texts, self.recipe, self.segmenter)
        dev = None if self.validation_data is None else _validation_rows(self.validation_data, classes)
        names = tuple(map(str, classes.tolist()))
        self._fit(Corpus(self.task, names, Rows(texts, targets), dev), start)
        self.classes_ = classes
        return self

    def predict(self, X: Iterable[str]) -> np.ndarray:  # noqa: N803
        """The most probable label of each text (N,). Raises NotFittedError before `fit`."""
        ids = {name: number for number, name in enumerate(self._predictor.labels)}
        numbers = [ids[prediction["label"]] for prediction in self._predictions(X)]
        return np.asarray(self.classes_[np.array(numbers, np.int64)])

    def predict_proba(self, X: Iterable[str]) -> np.ndarray:  # noqa: N803
        """The probability of each of `classes_` for each text (N, C). Raises NotFittedError before `fit`."""
        rows = [list(prediction["probabilities"].values()) for prediction in self._predictions(X)]
        return np.array(rows, np.float64).reshape(-1, len(self.classes_))

    def _predictions(self, texts: Any) -> list[ClassPrediction]:
        predictor = self._predictor
        return cast("list[ClassPrediction]", predictor.predict(check_texts(texts, "X")))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = tags.input_tags.one_d_array = True
        tags.input_tags.two_d_array = False
        return tags


def _check_rows(texts: Any, labels: Any, where: str, where_labels: str) -> tuple[list[str], np.ndarray]:
    """The texts and labels to train or to validate on. Raises InputError for rows that cannot be used."""
    checked = check_texts(texts, where)
    targets = check_labels(labels, checked, where_labels)
    check_not_empty(checked, where)
    return checked, targets


def _validation_rows(validation_data: Any, classes: np.ndarray) -> Rows:
    texts, labels = _check_rows(*split_validation_data(validation_data), "validation_data[0]", "validation_data[1]")
    unknown = [label for label in np.unique(labels).tolist() if label not in set(classes.tolist())]
    if unknown:
        raise InputError("validation_data[1]", "must have no label that y does not have", got=unknown)
    return Rows(texts, np.searchsorted(classes, labels))
