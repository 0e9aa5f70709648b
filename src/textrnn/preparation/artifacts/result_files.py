"""Where the results of a recipe and of an encoding lie in a project. Each path is defined here and nowhere else."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from textrnn.names import path_of
from textrnn.preparation.artifacts.model_files import ModelFiles


@dataclass(frozen=True)
class EvaluatedFiles:
    """What `evaluate` writes into its folder: all metrics of dev and test, their intervals, and predictions of test.

    The predictions are in two files: with the probability of each class, by id, and as gold and predicted labels by
    name, which can be compared with those of any other model.
    """

    folder: Path

    @property
    def metrics(self) -> Path:
        return self.folder / "metrics.json"

    @property
    def predictions(self) -> Path:
        return self.folder / "test.arrow"

    @property
    def predicted_rows(self) -> Path:
        return self.folder / "predicted.arrow"


@dataclass(frozen=True)
class AnalyzedFiles:
    """What `analyze` writes into its folder.

    origin: the folder that the corpus was read from, and whether its rows are generated. The last two are copies of
    files of `pad`, which the report shows.
    """

    folder: Path

    @property
    def analysis(self) -> Path:
        return self.folder / "analysis.json"

    @property
    def classes(self) -> Path:
        return self.folder / "classes.csv"

    @property
    def confusion_counts(self) -> Path:
        return self.folder / "confusion_counts.csv"

    @property
    def reliability(self) -> Path:
        return self.folder / "reliability.csv"

    @property
    def errors(self) -> Path:
        return self.folder / "errors.jsonl"

    @property
    def origin(self) -> Path:
        return self.folder / "origin.json"

    @property
    def padding(self) -> Path:
        return self.folder / "padding.json"

    @property
    def lengths(self) -> Path:
        return self.folder / "lengths.csv"


@dataclass(frozen=True)
class RecipeFiles:
    """The results of a recipe; `project` is the folder that holds params.yaml."""

    recipe: str
    project: Path = Path()

    @property
    def model(self) -> ModelFiles:
        return ModelFiles(path_of(self.project / "models", self.recipe))

    @property
    def card(self) -> Path:
        return path_of(self.project / "models", self.recipe, ".md")

    @property
    def evaluated(self) -> EvaluatedFiles:
        return EvaluatedFiles(path_of(self.project / "data" / "evaluated", self.recipe))

    @property
    def analyzed(self) -> AnalyzedFiles:
        return AnalyzedFiles(path_of(self.project / "data" / "analyzed", self.recipe))

    @property
    def scores(self) -> Path:
        """The few metrics that DVC compares between runs."""
        return self._metrics / "scores.json"

    @property
    def curves(self) -> Path:
        """Loss and accuracy at each evaluation, a plot of DVC."""
        return self._metrics / "curves.csv"

    @property
    def confusion_plot(self) -> Path:
        """The confusion as DVC plots it: a row for each prediction."""
        return self._metrics / "confusion.csv"

    @property
    def timings(self) -> Path:
        """Seconds and the machine: they differ from run to run, so no stage declares the file."""
        return path_of(self.project / "logs", self.recipe, ".json")

    @property
    def _metrics(self) -> Path:
        return path_of(self.project / "metrics", self.recipe)


@dataclass(frozen=True)
class BaselineFiles:
    """The results of the baselines of an encoding; `project` is the folder that holds params.yaml."""

    encoding: str
    project: Path = Path()

    @property
    def baselines(self) -> Path:
        """The metrics of all baselines."""
        return path_of(self.project / "data" / "baselines", self.encoding, ".json")

    @property
    def predicted_rows(self) -> Path:
        """The gold labels of test, and the labels that each baseline predicts."""
        return path_of(self.project / "data" / "baselines", self.encoding, ".arrow")

    @property
    def stored(self) -> tuple[Path, Path]:
        """The two files above, which have their checksums next to them."""
        return self.baselines, self.predicted_rows

    @property
    def best_score(self) -> Path:
        """The test score of the baseline that is best on dev, which DVC compares between runs."""
        return path_of(self.project / "metrics", self.encoding) / "baseline.json"

    @property
    def timings(self) -> Path:
        """Seconds of each baseline; no stage declares the file."""
        return path_of(self.project / "logs", self.encoding, ".baselines.json")
