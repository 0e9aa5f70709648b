"""All variants of the study as shipped, with two seeds, on a few rows: every claim is judged, drawn and told."""

import numpy as np
import pytest

from imports import ROOT
from test_batches import write_padded
from textrnn.common.config.params import read_params
from textrnn.preparation.artifacts.labels import Labels
from textrnn.study.plan.json_files import read_figures, read_runs, run_name, write_figures
from textrnn.study.plan.variants import CellComparison, read_study, variant_settings
from textrnn.study.runs.cell_comparison import differences, seconds
from textrnn.study.runs.training_run import run_variant
from textrnn.study.verdicts.curves import draw_all
from textrnn.study.verdicts.judging import judge_all
from textrnn.study.verdicts.measure_plots import draw_measures
from textrnn.study.verdicts.study_page import render

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
    draw = np.random.default_rng(0)
    rows = [(draw.integers(2, 9, draw.permutation(18)[0] + 3).tolist(), at % 3) for at in range(300)]
    splits = {"train": rows, "dev": [([2] * 20, 0), *rows[:200]], "test": rows[30:60]}
    padded = {}
    for width in study.pads:
        (folder / str(width)).mkdir()
        padded[width] = write_padded(folder / str(width), "classify", splits, size=width)
    matrix = draw.normal(size=(9, 4)).astype(np.float32)
    for name in study.runs:
        for seed in SEEDS:
            model, settings = variant_settings(study, params, name, seed)
            done = run_variant(
                name, padded[study.variants[name].pad_size], matrix, LABELS, model, settings, study.gradient_rows
            )
            file = f"{run_name(name, seed)}.json"
            write_figures(folder / "facts" / file, done.facts | {"kept_share": 0.8})
            write_figures(folder / "clocks" / file, done.clock)
    runs = read_runs(folder / "facts", folder / "clocks", study.runs, SEEDS)
    sizes = CellComparison(3, 2, 4, 3, repeats=2)
    found = judge_all(runs, {str(seed): differences(sizes, seed) for seed in SEEDS}, seconds(sizes, 1))
    write_figures(folder / "verdicts.json", found)
    return runs, read_figures(folder / "verdicts.json")


def test_every_claim_has_a_verdict_but_what_so_few_rows_cannot_show(verdicts):
    _, found = verdicts
    missing = [
        finding["measure"] for each in found["claims"] for finding in each["findings"] if finding["difference"] is None
    ]
    # half an epoch has one point of 1,024 rows at most; and where the first run to end is slow, others have no point
    assert set(missing) <= {"roughness", "roughness_at_rows", "dev_accuracy_at_time"}
    assert found["seeds"] == list(SEEDS)
    assert found["rows"] == 300


def test_every_claim_is_drawn_and_told(verdicts):
    runs, found = verdicts
    drawn = draw_all(runs)
    assert len(drawn) == 6
    for each in found["claims"]:
        plot = draw_measures(each["measured"])
        assert all(f">{variant}</text>" in plot for of in each["measured"].values() for variant in of)
    page = render(found, sorted(drawn), "study", "make study")
    assert all(f"(study/{name})" in page for name in drawn)


def test_through_the_padding_no_text_is_near_to_what_is_read(verdicts):
    runs, _ = verdicts
    # texts have 3 to 20 tokens, rows 32 steps
    for name, first in (("rnn_b256_p32", 12), ("rnn_valid_p32", 0)):
        gradients = runs[name, 1][0]["gradients"]["after"]
        assert [at for at, norm in enumerate(gradients) if norm is not None] == list(range(first, first + 20))
        assert all(norm > 0 for norm in gradients[first : first + 20])
