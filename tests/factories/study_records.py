"""What runs of the study record, made up, and the verdicts on it."""

from __future__ import annotations

import numpy as np

from textrnn.study.plan.packed_rows import pack_bits
from textrnn.study.verdicts.as_values import verdict_values
from textrnn.study.verdicts.judging import Measurements, judge_all

ROWS = 200  # of test


def correct(score, seed=1):
    """So many correct rows, drawn by the seed."""
    rows = np.zeros(ROWS, bool)
    rows[np.random.default_rng(seed).permutation(ROWS)[: round(score * ROWS)]] = True
    return rows


def facts(variant="a", seed=1, score=0.5, **changes):
    """The facts of a run with this score on test, whose dev accuracy rises from half of it."""
    curve = {
        "step": [2, 4],
        "epoch": [0.5, 1.0],
        "train_loss": [1.0, 0.8],
        "dev_loss": [1.1, 0.9],
        "dev_accuracy": [score / 2, score],
        "dev_f1": None,
        "test_accuracy": None,
    }
    values = {
        "variant": variant,
        "seed": seed,
        "recipe": "news_rnn",
        "task": "classify",
        "batch_size": 4,
        "rows": 16,
        "epochs": 1.0,
        "steps": 4,
        "parameters": 100,
        "flops": 1e6,
        "diverged": False,
        "kept_share": 0.8,
        "test_score": float(correct(score, seed).mean()),
        "measures": {"roughness": 0.1 + seed / 1000, "roughness_at_rows": 0.05 + seed / 1000, "largest_rise": 0.3},
        "gradients": {"before": [1.0, 0.5, None], "after": [1.0, 0.1 * score, None]},
        "curve": curve,
        "losses": {"batches": 2, "mean": [3.5, 1.5], "low": [3.0, 1.0], "high": [4.0, 2.0]},
        "correct": pack_bits(correct(score, seed)),
        "entities": None,
    }
    return values | changes


def timings(total=8.0, **changes):
    """The timings of a run that was alone and took so many seconds."""
    values = {"seconds": [total / 2, total], "cpu_seconds": [total / 2, total], "load": 1.0}
    return values | {"threads": 1, "cpus": 2, "processor": "a CPU"} | changes


def cells(seeds=(1, 2)):
    """What study_cells writes."""
    small = {"output_difference": 1e-16, "gradient_difference": 1e-15}
    each = {"equations": small, "kernels": small} | {name: {"state_difference": 0.0} for name in ("plain", "kept")}
    seconds = {"nn_gru": [1.0, 1.01, 0.99], "equations": [3.0, 3.01, 2.99], "kernels": [0.9, 0.91, 0.9]}
    facts = {"differences": {str(seed): each for seed in seeds}, "parameters": {"nn_gru": 300, "nn_lstm": 400}}
    return facts, seconds | {"nn_lstm": [1.2, 1.2, 1.21]}


def measurements(scores, seeds=2, cell_facts=None, seconds=None):
    """What claims are judged by: runs of the scores by variant, with so many seeds planned of each."""
    runs = {}
    for name, score in scores.items():
        for seed in range(1, seeds + 1):
            of_run = facts(name, seed, score + seed / ROWS)
            runs[name, seed] = of_run, timings((seconds or {}).get(name, 8.0) * (1 + seed / 1000))
    return Measurements.of_runs(runs, dict.fromkeys(scores, seeds), cell_facts)


def verdicts():
    """The measurements of a small study, its judged claims, and the content of verdicts.json."""
    scores = {"rnn_b64_p16": 0.8, "rnn_b64_p32": 0.3, "rnn_b256_p16": 0.75, "rnn_b1024_p16": 0.7}
    measured = measurements(scores, 5, cells(range(1, 6)), {"rnn_b256_p16": 2.0, "rnn_b1024_p16": 1.0})
    judged = judge_all(measured)
    return measured, judged, verdict_values(judged, measured)
