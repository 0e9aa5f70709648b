"""One run of the study: train a variant with a seed, and measure what the claims are judged by."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from textrnn.modeling.models.text_rnn import TextRNN
from textrnn.study.plan.packed_rows import pack_bits, pack_counts
from textrnn.study.plan.settings import RunSettings
from textrnn.study.runs.gradients import by_distance
from textrnn.study.runs.loss_curve import BatchRecords, loss_bins
from textrnn.study.runs.recorder import RunRecorder
from textrnn.study.runs.scored_rows import correct_rows, entity_f1, sentence_counts
from textrnn.study.runs.variant_recipe import part_of_rows
from textrnn.training.batching.buckets import AnyBucket
from textrnn.training.batching.loading import CPU, check_id_ranges, load_buckets
from textrnn.training.planning.model_summary import summarize
from textrnn.training.trainer.loop import Trainer
from textrnn.training.trainer.recipe import Recipe
from textrnn.training.trainer.run_state import DivergedError, EvaluationPoint
from textrnn.training.trainer.setup import TrainingSetup, report_out_of_memory, set_up_training

CPU_INFO = Path("/proc/cpuinfo")


@dataclass(frozen=True)
class StudyRun:
    """The result of a run.

    facts: reproducible with the same seed: `RunFacts`, but for the name and the seed of the variant and for what is
    known of its inputs alone. timings: not reproducible: `RunTimings`. batches: all batches, of which the facts have
    summaries.
    """

    facts: dict[str, Any]
    timings: dict[str, Any]
    batches: BatchRecords


def run_variant(recipe: Recipe, settings: RunSettings) -> StudyRun:
    """Train a variant, a classifier or a tagger, and measure it.

    Training is that of a recipe, on the CPU, so that the times of all runs are comparable. A run that diverges has a
    result too, that of its final weights. Raises UserError for values that do not fit the data.
    """
    with report_out_of_memory():
        setup = set_up_training(recipe, CPU)
        data = replace(setup.data, train=part_of_rows(setup.data.train, settings.rows))
        padded, labels, train = recipe.data.padded, recipe.data.labels, setup.recipe.train
        test = load_buckets(padded, "test")
        check_id_ranges(test, len(recipe.data.matrix), len(labels.names), padded.folder)
        network = setup.initial_network(train.seed)
        with_gradients = labels.task == "classify" and padded.facts.side == "right"
        before = by_distance(network, data.dev, settings.gradient_rows) if with_gradients else None
        score_test = (lambda: float(correct_rows(network, test).mean())) if settings.test_curve else None
        recorder, diverged = RunRecorder(score_test, gradient_norms=settings.gradient_norms), False
        trainer = Trainer(network, data, train, callbacks=[recorder])
        try:
            trainer.fit()
        except DivergedError:
            diverged = True
        after = by_distance(network, data.dev, settings.gradient_rows) if with_gradients else None
        assert isinstance(train.batch_size, int)  # the settings refuse others
        batches = BatchRecords(
            recorder.losses, recorder.rows, trainer.epochs.steps, train.batch_size, recorder.gradient_norms
        )
        facts = {"recipe": settings.recipe, "task": labels.task, "batch_size": train.batch_size}
        facts |= _sizes(setup, data.train, trainer)
        facts |= {"diverged": diverged, "measures": batches.measures()}
        facts |= {"gradients": {"before": before, "after": after} if with_gradients else None}
        facts |= {"curve": _curve(recorder.points, recorder.test_accuracy), "losses": loss_bins(recorder.losses)}
        facts |= _score_test(network, recipe, test)
    return StudyRun(facts, _timings(recorder), batches)


def _sizes(setup: TrainingSetup, train: Sequence[AnyBucket], trainer: Trainer[TextRNN]) -> dict[str, Any]:
    """How much was trained: rows, epochs, steps, parameters and floating-point operations."""
    summary, steps = summarize(setup.config), trainer.state.step
    cost = {each.width: each.training for each in summary.costs}
    epochs = steps / trainer.epochs.steps
    flops = epochs * sum(len(bucket) * cost[bucket.width] for bucket in train)
    sizes = {"rows": sum(map(len, train)), "epochs": epochs, "steps": steps}
    return sizes | {"parameters": summary.parameters, "flops": flops}


def _curve(points: Sequence[EvaluationPoint], test_accuracy: list[float]) -> dict[str, Any]:
    f1 = [point.dev.entity_f1 for point in points]
    return {
        "step": [point.step for point in points],
        "epoch": [point.epoch for point in points],
        "train_loss": [point.train.loss for point in points],
        "dev_loss": [point.dev.loss for point in points],
        "dev_accuracy": [point.dev.accuracy for point in points],
        "dev_f1": None if not f1 or f1[0] is None else f1,
        "test_accuracy": test_accuracy or None,
    }


def _score_test(network: TextRNN, recipe: Recipe, test: Sequence[AnyBucket]) -> dict[str, Any]:
    if recipe.data.labels.task == "tag":
        counts = sentence_counts(network, recipe.data.padded, recipe.data.labels, test)
        return {"test_score": entity_f1(counts), "correct": None, "entities": pack_counts(counts)}
    correct = correct_rows(network, test)
    return {"test_score": float(np.mean(correct)), "correct": pack_bits(correct), "entities": None}


def _timings(recorder: RunRecorder) -> dict[str, Any]:
    found = re.search(r"model name\s*: (.+)", CPU_INFO.read_text(encoding="utf-8")) if CPU_INFO.is_file() else None
    return {
        "seconds": recorder.seconds,
        "cpu_seconds": recorder.cpu_seconds,
        "load": recorder.load,
        "threads": torch.get_num_threads(),
        "cpus": os.cpu_count() or 1,
        "processor": found[1].strip() if found else platform.machine(),
    }
