"""Read the results of a recipe from the files that stages wrote; a missing file is None or empty, and listed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from textrnn.common.integrity.json_files import read_json
from textrnn.common.params.sections import get_param
from textrnn.errors import require
from textrnn.evaluation.metrics.comparison import ENTITY_F1, best_baseline, score_name
from textrnn.evaluation.metrics.intervals import Intervals
from textrnn.evaluation.metrics.joined_text import token_separator
from textrnn.evaluation.metrics.paired_tests import Difference, paired_test, same_rows
from textrnn.evaluation.metrics.predicted_rows import PREDICTED, PredictedRows
from textrnn.evaluation.metrics.result_forms import (
    ConfusedText,
    Evaluated,
    Origin,
    Padding,
    Segmentation,
    ShownConfig,
    Training,
    WrongSentence,
)
from textrnn.evaluation.outputs.result_reader import (
    CLASSES,
    CURVES,
    LENGTHS,
    RELIABILITY,
    ResultReader,
    Row,
    require_metric,
)
from textrnn.preparation.artifacts.result_files import BaselineFiles, RecipeFiles


@dataclass(frozen=True)
class RecipeResults:
    """The content of a recipe's files; `missing` lists files that do not exist, each with the stage that writes it.

    parts: by split, the metrics of the network alone (deep), of the wide part alone and of both; empty without one.
    intervals: of the metrics of dev and test, by split. ahead: by how much the recipe is ahead of its best baseline on
    test, with the paired interval; None where one of them has no predictions, or they are of other rows. generated:
    whether its corpus is a generated sample. size: bytes of the file of weights.
    """

    name: str
    encoding: str
    corpus: str
    generated: bool
    pad: dict[str, Any] | None
    train: dict[str, Any] | None
    dev: dict[str, float] | None
    test: dict[str, float] | None
    parts: dict[str, dict[str, dict[str, float]]]
    intervals: dict[str, Intervals]
    ahead: Difference | None
    analysis: dict[str, Any] | None
    baselines: dict[str, Any] | None
    curves: list[Row]
    classes: list[Row]
    confusion: list[list[str]]
    lengths: list[Row]
    reliability: list[Row]
    errors: list[dict[str, Any]]
    config: dict[str, Any] | None
    segmentation: dict[str, Any] | None
    parameters: int | None
    size: int | None
    missing: list[tuple[str, str]] = field(default_factory=list)

    @property
    def has_run(self) -> bool:
        """Whether the recipe has been trained in this project."""
        return self.train is not None

    @property
    def corpus_shown(self) -> str:
        """The name of its corpus, with a mark if the rows are generated: such scores say nothing of real ones."""
        return f"{self.corpus} (generated)" if self.generated else self.corpus

    @property
    def is_tagger(self) -> bool:
        """Whether it is a tagger, scored by entities."""
        return self.primary_metric == "entity_f1"

    @property
    def primary_metric(self) -> str:
        """The name of the metric by which recipes of its task are compared: that of the score."""
        return score_name(self.test or {})

    @property
    def best_baseline(self) -> str | None:
        """The name of the baseline that dev ranks first by that metric."""
        return None if self.baselines is None else best_baseline(self.baselines["baselines"], self.primary_metric)

    def interval(self, metric: str, split: str = "test") -> list[float] | None:
        """The bounds of a metric's interval; None where `evaluate` wrote none."""
        return self.intervals.get(split, {}).get(metric)

    def spacing(self, tokens: Sequence[str]) -> str:
        """Return what to put between the tokens of a text so that it can be read."""
        return token_separator(tokens, (self.segmentation or {}).get("segmenter"))


def encodings_and_corpora(params: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """Return each recipe's encoding and corpus, by recipe name; raise UserError, by dotted name, for a missing one."""
    recipes = get_param(params, "recipes")
    require(isinstance(recipes, Mapping), "recipes", "must be a mapping of named entries", recipes)
    encodings = {recipe: get_param(params, "recipes", recipe, "encoding") for recipe in recipes}
    return {
        recipe: (encoding, get_param(params, "encodings", encoding, "corpus")) for recipe, encoding in encodings.items()
    }


def read_recipe_results(name: str, encoding: str, corpus: str, project: Path = Path()) -> RecipeResults:
    """Read all existing files of a recipe; raise UserError, naming the file, for one that cannot be read.

    project: the folder that holds params.yaml.
    """
    files, of_baselines = RecipeFiles(name, project), BaselineFiles(encoding, project)
    train, analyze = f"train@{name}", f"analyze@{name}"
    model, analyzed, reader = files.model, files.analyzed, ResultReader()
    training = reader.json(model.training, train, Training)
    evaluated = reader.json(files.evaluated.metrics, f"evaluate@{name}", Evaluated) or {}
    metric = score_name(evaluated.get("test", {}))
    if evaluated:
        require_metric(files.evaluated.metrics, metric, evaluated["dev"])
    own = reader.rows(files.evaluated.predicted_rows, f"evaluate@{name}")
    results = RecipeResults(
        name,
        encoding,
        corpus,
        generated=analyzed.origin.is_file() and read_json(analyzed.origin, Origin)["generated"],
        pad=reader.json(analyzed.padding, analyze, Padding),
        train=training,
        dev=evaluated.get("dev"),
        test=evaluated.get("test"),
        parts=evaluated.get("parts", {}),
        intervals=evaluated.get("intervals", {}),
        ahead=None,
        analysis=reader.analysis(analyzed.analysis, analyze, metric),
        baselines=reader.baselines(of_baselines.baselines, f"baseline@{encoding}", metric),
        curves=reader.table(files.curves, train, CURVES),
        classes=reader.table(analyzed.classes, analyze, CLASSES),
        confusion=reader.counts(analyzed.confusion_counts, analyze),
        lengths=reader.table(analyzed.lengths, analyze, LENGTHS),
        reliability=reader.table(analyzed.reliability, analyze, RELIABILITY),
        errors=reader.lines(analyzed.errors, analyze, WrongSentence if metric == ENTITY_F1 else ConfusedText),
        config=reader.json(model.config, train, ShownConfig),
        segmentation=reader.json(model.preparation.segmentation_file, train, Segmentation),
        parameters=reader.parameters(model, train),
        size=model.weights.stat().st_size if model.weights.is_file() else None,
        missing=reader.missing,
    )
    others = reader.rows(of_baselines.predicted_rows, f"baseline@{encoding}")
    return replace(results, ahead=_ahead(results.best_baseline, own, others))


def _ahead(baseline: str | None, own: PredictedRows | None, others: PredictedRows | None) -> Difference | None:
    """The difference between a recipe and a baseline on test in the score of their task."""
    if (
        own is None
        or others is None
        or baseline is None
        or baseline not in others.predicted
        or same_rows(own, others) is not None
    ):
        return None
    return paired_test(own, PREDICTED, others, baseline).score[1]
