"""All variants of the study as shipped, with two seeds, on a few rows: every claim is judged, plotted and reported."""

import numpy as np
import pytest

from factories.imports import ROOT
from factories.shards import write_padded
from textrnn.common.params.params_file import read_params
from textrnn.preparation.artifacts.labels import Labels
from textrnn.study.plan.json_files import read_results, read_runs, run_file, write_results
from textrnn.study.plan.result_forms import Verdicts
from textrnn.study.plan.variants import CellComparison, read_study
from textrnn.study.runs.cell_comparison import differences, timings
from textrnn.study.runs.training_run import run_variant
from textrnn.study.runs.variant_settings import variant_settings
from textrnn.study.verdicts.curves import draw_all
from textrnn.study.verdicts.judging import judge_all
from textrnn.study.verdicts.measure_plots import draw_measures
from textrnn.study.verdicts.study_page import render
from textrnn.training.trainer.recipe import PreparedData, Recipe

pytestmark = pytest.mark.slow

LABELS = Labels("classify", ["even", "odd", "none"], None, [])
SEEDS = (1, 2)


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    study = read_study(
        read_params(ROOT / "study" / "params.yaml") | {"evaluate_rows": 128, "gradient_rows": 201, "seeds": list(SEEDS)}
    )
    params = read_params(ROOT / "params.yaml") | {"limits": {"rows": None, "epochs": 1, "hidden_size": 4}}
    generator = np.random.default_rng(0)
    rows = [(generator.integers(2, 9, generator.permutation(18)[0] + 3).tolist(), row % 3) for row in range(300)]
    splits = {"train": rows, "dev": [([2] * 20, 0), *rows[:200]], "test": rows[30:60]}
    padded = {}
    for width in study.pads:
        (folder / str(width)).mkdir()
        padded[width] = write_padded(folder / str(width), "classify", splits, size=width)
    matrix = generator.normal(size=(9, 4)).astype(np.float32)
    for name in study.runs:
        for seed in SEEDS:
            model, settings = variant_settings(study, params, name, seed)
            data = PreparedData(padded[study.variants[name].max_length], matrix, LABELS)
            recipe = Recipe(name, f"study.variants.{name}", model, settings, data)
            run = run_variant(recipe, gradient_rows=study.gradient_rows)
            write_results(run_file(folder / "facts", name, seed), run.facts | {"kept_share": 0.8})
            write_results(run_file(folder / "timings", name, seed), run.timings)
    runs = read_runs(folder / "facts", folder / "timings", study.runs, SEEDS)
    sizes = CellComparison(3, 2, 4, 3, repeats=2)
    verdicts = judge_all(runs, {str(seed): differences(sizes, seed) for seed in SEEDS}, timings(sizes, 1))
    write_results(folder / "verdicts.json", verdicts)
    return runs, read_results(folder / "verdicts.json", Verdicts)


def test_every_comparison_is_measured_except_those_that_need_more_rows(verdicts):
    _, content = verdicts
    findings = [finding for claim in content["claims"] for finding in claim["findings"]]
    missing = [finding["measure"] for finding in findings if finding["difference"] is None]
    # half an epoch has at most one point of 1,024 rows; if the fastest run is short, slower ones may have no point yet
    assert set(missing) <= {"roughness", "roughness_at_rows", "dev_accuracy_at_time"}
    assert content["seeds"] == list(SEEDS)
    assert content["rows"] == 300


def test_every_claim_is_plotted_and_reported(verdicts):
    runs, content = verdicts
    curves = draw_all(runs)
    assert len(curves) == 6
    for claim in content["claims"]:
        plot = draw_measures(claim["measured"])
        assert all(f">{variant}</text>" in plot for variants in claim["measured"].values() for variant in variants)
    page = render(content, sorted(curves), "study", "make study")
    assert all(f"(study/{name})" in page for name in curves)


def test_padding_lies_between_the_text_and_the_step_that_is_read(verdicts):
    runs, _ = verdicts
    # texts have 3 to 20 tokens, rows 32 steps
    for name, first in (("rnn_b256_p32", 12), ("rnn_valid_p32", 0)):
        gradients = runs[name, 1][0]["gradients"]["after"]
        assert [distance for distance, norm in enumerate(gradients) if norm is not None] == list(
            range(first, first + 20)
        )
        assert all(norm > 0 for norm in gradients[first : first + 20])
