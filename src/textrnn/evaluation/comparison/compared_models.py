"""Find the predictions of a model by what a user calls it: a recipe, a folder of `evaluate`, or a baseline."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from textrnn.common.params.params_file import read_params
from textrnn.common.params.sections import get_param
from textrnn.errors import UserError
from textrnn.evaluation.metrics.comparison import best_baseline, read_baselines, score_name
from textrnn.evaluation.metrics.predicted_rows import PREDICTED, PredictedRows
from textrnn.names import is_name
from textrnn.preparation.artifacts.result_files import BaselineFiles, EvaluatedFiles, RecipeFiles

BEST = "best_baseline"  # stands for the baseline that dev ranks first


@dataclass(frozen=True, eq=False)
class ComparedModel:
    """A model's name, its rows, and the name of its predictions among them."""

    name: str
    rows: PredictedRows
    column: str


def find_models(first: str, second: str) -> tuple[ComparedModel, ComparedModel]:
    """The models of two names, each a recipe, a folder or `<encoding>:<baseline>`.

    `best_baseline` alone is that of the other's encoding, which must be a recipe. Raises UserError for a model that
    has no predictions.
    """
    names = [
        f"{_encoding(other)}:{BEST}" if name == BEST else name for name, other in ((first, second), (second, first))
    ]
    one, two = (_find(name) for name in names)
    return one, two


def _find(name: str) -> ComparedModel:
    encoding, colon, baseline = name.partition(":")
    if colon and not Path(name).exists():
        return _find_baseline(encoding, baseline)
    folder = Path(name)
    if is_name(name) and (of_recipe := RecipeFiles(name).evaluated.folder).is_dir():
        folder = of_recipe
    if not folder.is_dir():
        do = "give a recipe that has run, a folder of data/evaluated, <encoding>:<baseline> or best_baseline"
        raise UserError(name, "there are no predictions of such a model", do=do)
    rows = PredictedRows.read(EvaluatedFiles(folder).predicted_rows)
    if PREDICTED not in rows.predicted:
        raise UserError(folder, "does not contain the predictions of one model", got=", ".join(rows.predicted))
    return ComparedModel(name, rows, PREDICTED)


def _find_baseline(encoding: str, baseline: str) -> ComparedModel:
    files = BaselineFiles(encoding)
    rows = PredictedRows.read(files.predicted_rows)
    if baseline == BEST:
        baselines = read_baselines(files.baselines)["baselines"]
        baseline = best_baseline(baselines, score_name(next(iter(baselines.values()))["dev"]))
    if baseline not in rows.predicted:
        do = f"give one of {', '.join(rows.predicted)} or {BEST}"
        raise UserError(f"{encoding}:{baseline}", "the encoding has no such baseline", do=do)
    return ComparedModel(f"{encoding}:{baseline}", rows, baseline)


def _encoding(recipe: str) -> str:
    """The encoding of a recipe of params.yaml."""
    params = read_params()
    if recipe not in get_param(params, "recipes"):
        raise UserError(BEST, "stands for the best baseline of a recipe's encoding", got=recipe, do="give a recipe")
    return str(get_param(params, "recipes", recipe, "encoding"))
