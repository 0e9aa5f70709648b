"""All variants of the study as shipped, with two seeds, on a few rows: every claim is judged, drawn and reported."""

import dataclasses
import itertools

import numpy as np
import pytest

from factories.imports import ROOT
from factories.shards import write_padded
from textrnn.common.config.data import Limits
from textrnn.common.params.params_file import read_params, read_values
from textrnn.preparation.artifacts.labels import Labels
from textrnn.study.cells.cell_comparison import differences, timings
from textrnn.study.cells.gates import extreme_gates, layer_parameters
from textrnn.study.page.study_page import render
from textrnn.study.plan.json_files import read_results, read_run, run_file, write_results
from textrnn.study.plan.settings import input_settings, run_settings
from textrnn.study.plan.variants import CellComparison, read_study
from textrnn.study.runs.training_run import run_variant
from textrnn.study.runs.variant_recipe import variant_recipe
from textrnn.study.verdicts.as_values import verdict_values
from textrnn.study.verdicts.figures import draw_figures
from textrnn.study.verdicts.judging import Measurements, judge_all
from textrnn.study.verdicts.verdict_forms import Verdicts
from textrnn.training.trainer.recipe import PreparedData

pytestmark = pytest.mark.slow

LABELS = {
    "news": Labels("classify", ["even", "odd", "none"], None, []),
    "films": Labels("classify", ["negative", "positive"], None, []),
    "tags": Labels("tag", ["O", "LOC", "ORG", "PER"], "type", ["LOC", "ORG", "PER"]),
}
SEEDS = (1, 2)
LIMITS = Limits(rows=None, epochs=1, hidden_size=4)
LONGEST = 24  # tokens of a film, in place of 200


def texts_of(kind, generator):
    """Rows of train, dev and test for a kind of labels; the first text of dev has the most tokens."""
    texts = [generator.integers(2, 9, generator.permutation(18)[0] + 3).tolist() for _ in range(160)]
    if kind == "tags":
        rows = [(text, [token % 4 for token in text], spans_of(text)) for text in texts]
        return {"train": rows, "dev": [([2] * 20, [2] * 20, spans_of([2] * 20)), *rows[:100]], "test": rows[30:60]}
    rows = [(text, row % len(LABELS[kind].names)) for row, text in enumerate(texts)]
    return {"train": rows, "dev": [([2] * 20, 0), *rows[:100]], "test": rows[30:60]}


def spans_of(text):
    """The runs of one type that is not O."""
    tags = [token % 4 for token in text]
    edges = [0, *(np.flatnonzero(np.diff(tags)) + 1).tolist(), len(tags)]
    runs = [(start, end) for start, end in itertools.pairwise(edges) if tags[start]]
    return [{"start": start, "end": end, "type": tags[start] - 1} for start, end in runs]


def kind_of(name):
    return "films" if name.startswith(("films", "reviews")) else "tags" if name.startswith("ner") else "news"


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """The measurements of all runs, the judged claims, and verdicts.json as it is read back."""
    folder = tmp_path_factory.mktemp("study")
    values = read_values(ROOT / "study" / "params.yaml") | {"evaluate_rows": 128, "gradient_rows": 201}
    plan, params = read_study(values), read_params(ROOT / "params.yaml")
    generator, padded, runs = np.random.default_rng(0), {}, {}
    splits = {kind: texts_of(kind, generator) for kind in LABELS}
    matrix = generator.normal(size=(9, 4)).astype(np.float32)
    for name in plan.variants:
        settings, pad, kind = run_settings(plan, params, name), input_settings(plan, params, name).pad, kind_of(name)
        width = LONGEST if kind == "films" else pad.max_length
        if (kind, width) not in padded:
            (folder / f"{kind}-{width}").mkdir()
            task = LABELS[kind].task
            padded[kind, width] = write_padded(folder / f"{kind}-{width}", task, splits[kind], width, pad.side)
        settings = dataclasses.replace(settings, limits=LIMITS, rows=settings.rows and settings.rows // 100)
        data = PreparedData(padded[kind, width], matrix, LABELS[kind])
        for seed in SEEDS:
            run = run_variant(variant_recipe(name, seed, settings, data), settings)
            files = run_file(folder / "facts", name, seed), run_file(folder / "timings", name, seed)
            write_results(files[0], {"variant": name, "seed": seed, **run.facts, "kept_share": 0.8})
            write_results(files[1], run.timings | {"load": 1.0})
            runs[name, seed] = read_run(*files)
    sizes = CellComparison(3, 2, 4, 3, repeats=2, seeds=2)
    found = {str(seed): differences(sizes, seed) | extreme_gates(sizes, seed) for seed in SEEDS}
    cells = {"differences": found, "parameters": layer_parameters(sizes)}, timings(sizes, 1)
    measurements = Measurements.of_runs(runs, dict.fromkeys(plan.variants, len(SEEDS)), cells)
    judged = judge_all(measurements)
    write_results(folder / "verdicts.json", verdict_values(judged, measurements))
    return measurements, judged, read_results(folder / "verdicts.json", Verdicts)


def test_every_comparison_is_measured_except_those_that_need_more_rows(study):
    _measurements, _, content = study
    findings = [finding for claim in content["claims"] for finding in claim["findings"]]
    missing = [finding["measure"] for finding in findings if finding["difference"] is None]
    # one epoch of a few batches: its half has at most a point, and no run has an epoch after the first or before its
    # middle; if the fastest run is short, slower ones may have no point yet
    few = {"roughness", "roughness_at_rows", "largest_rise", "late_gain", "dev_accuracy_at_time"}
    assert set(missing) <= few
    assert not any(claim["missing"] for claim in content["claims"])
    assert (
        content["runs"]
        == content["planned_runs"]
        == 2 * len(read_study(read_values(ROOT / "study/params.yaml")).variants)
    )


def test_every_claim_has_a_verdict_a_figure_and_its_place_on_both_pages(study):
    measurements, judged, content = study
    figures = draw_figures(judged, {claim["claim"]: claim["measured"] for claim in content["claims"]}, measurements)
    for language in ("en", "zh"):
        page = render(content, list(figures), "study", "make study", language)
        assert all(f"(study/{name})" in page for name in figures)
    assert {claim["claim"] for claim in content["claims"] if claim["measured"]} <= {name[:-4] for name in figures}
    assert {claim["verdict"] for claim in content["claims"]} <= {"supported", "not supported", "undecided"}


def test_records_are_small(study):
    measurements, _, _ = study
    for facts, _ in measurements.runs.values():
        assert len(facts["losses"]["mean"]) <= 200
        assert (facts["correct"] is None) == (facts["task"] == "tag")


def test_padding_lies_between_the_text_and_the_step_that_is_read(study):
    measurements, _, _ = study
    # texts have 3 to 20 tokens, rows 32 steps
    for name, first in (("rnn_b256_p32", 12), ("rnn_valid_p32", 0)):
        gradients = measurements.runs[name, 1][0]["gradients"]["after"]
        distances = [distance for distance, norm in enumerate(gradients) if norm is not None]
        assert distances == list(range(first, first + 20))
        assert all(norm > 0 for norm in gradients[first : first + 20])
    assert measurements.runs["films_lstm", 1][0]["gradients"] is None  # padded on the left
