"""What both estimators share: params, fitting in a temporary folder, the fitted model, pickling."""

from __future__ import annotations

import tempfile
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from textrnn.common.config.parse import Parse
from textrnn.common.config.types import Task
from textrnn.common.params.sections import load_entry_section
from textrnn.errors import require
from textrnn.estimator.corpus import Corpus
from textrnn.estimator.model_bytes import ModelBytes
from textrnn.estimator.recipes import StartingPoint
from textrnn.estimator.settings import build_params

if TYPE_CHECKING:
    from textrnn.inference.prediction.predictor import Predictor

MAX_SEED = 2**31 - 1
NO_PARAMS = ("recipe", "segmenter", "random_state", "verbose")  # they decide on params, or change no result


class TextEstimator(BaseEstimator):
    """An estimator that trains the recipe of its arguments by the stages of the pipeline.

    A subclass names its arguments in `__init__`, which stores them unchanged, and its task. Fitted attributes:
    `params_`, the values that the model was trained with, laid out as params.yaml is; `model_`, a model directory as
    bytes. Only these and the arguments are pickled.
    """

    task: Task
    _loaded: Predictor | None = None

    def save(self, folder: str | Path) -> None:
        """Write the fitted model as a model directory: for `textrnn.load`, `textrnn predict`, `serve` and `export`.

        A model directory at the path is replaced. Raises UserError if there are other files, or a file.
        """
        check_is_fitted(self)
        self.model_.write(Path(folder).expanduser())

    def _fit(self, corpus: Corpus, start: StartingPoint) -> None:
        """Train on the corpus; the folder of the stages is removed whatever happens, and an error changes nothing."""
        name = type(self).__name__
        params = build_params(name, self._arguments(), start, task=self.task, seed=self._seed())
        # imported late: torch takes seconds, which who only makes an estimator need not wait for
        from textrnn.estimator.stages import StageRun

        with tempfile.TemporaryDirectory(prefix="textrnn-") as folder:
            parsed = corpus.write(load_entry_section(Parse, params, "corpora", name, "parse"), Path(folder) / "parsed")
            model = StageRun(name, params, Path(folder)).run(parsed, verbose=bool(self.verbose))
            self.model_ = ModelBytes.read(model)
        self.params_, self._loaded = params, None

    def _arguments(self) -> dict[str, Any]:
        return {name: value for name, value in self.get_params(deep=False).items() if name not in NO_PARAMS}

    def _seed(self) -> int:
        """The seed of all stages: the number itself, or one that the generator gives, as scikit-learn has it."""
        if isinstance(self.random_state, Integral):
            seed = int(self.random_state)
            require(0 <= seed < 2**63, "random_state", "must lie in [0, 2^63)", seed)
            return seed
        return int(check_random_state(self.random_state).randint(MAX_SEED))

    @property
    def _predictor(self) -> Predictor:
        """The fitted model, loaded at the first prediction. Raises NotFittedError without one."""
        check_is_fitted(self)
        if self._loaded is None:
            self._loaded = self.model_.load()
        return self._loaded

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "model_")

    def __getstate__(self) -> dict[str, Any]:
        """The arguments and the fitted attributes; networks are loaded from these again."""
        state = dict(super().__getstate__())
        return state | {"_loaded": None} if "_loaded" in state else state
