"""What runs of the study record, made up, and the verdicts on it."""

from __future__ import annotations

from textrnn.study.verdicts.judging import judge_all
from textrnn.study.verdicts.measures import MEASURES


def values(measure="test_accuracy", **variants):
    by_measure = {name: {} for name in MEASURES}
    by_measure[measure] = {name: dict(enumerate(values)) for name, values in variants.items()}
    return by_measure


def facts(accuracy):
    gradients = {"before": [1.0, 0.5, None], "after": [1.0, 0.1 * accuracy, None]}
    points = [[2, 0.5, 1.0, 1.1, accuracy / 2], [4, 1.0, 0.8, 0.9, accuracy]]
    values = {
        "batch_size": 4,
        "rows": 16,
        "points": points,
        "losses": [4.0, 3.0, 1.0, 2.0],
        "short": [],
        "diverged": False,
    }
    return values | {"gradients": gradients, "test_accuracy": accuracy, "kept_share": 0.8}


def verdicts():
    runs = {}
    for seed in (1, 2):
        for name, accuracy in (("rnn_b64_p16", 0.8), ("rnn_b64_p32", 0.3), ("rnn_b256_p16", 0.75)):
            total = 2.0 if name == "rnn_b256_p16" else 8.0
            timings = {"seconds": [total / 2, total * (1 + seed / 1000)], "threads": 1}
            runs[name, seed] = (facts(accuracy + seed / 1000), timings)
    differences = {"output_difference": 1e-16, "gradient_difference": 1e-15}
    cell_differences = {str(seed): {"equations": differences, "kernels": differences} for seed in (1, 2)}
    cell_timings = {"nn_gru": [1.0, 1.01, 0.99], "equations": [3.0, 3.01, 2.99], "kernels": [0.9, 0.91, 0.9]}
    return runs, judge_all(runs, cell_differences, cell_timings)
