"""Rules that follow the corpus: batch sizes by rows and task, and the decay that a share of the run stands for."""

import pytest

from factories.settings import settings
from textrnn.common.config.train import Ema, Swa
from textrnn.training.optimization.weight_averaging import ema_weight
from textrnn.training.planning.rules import auto_batch_size, resolve_average, resolve_batch_size


@pytest.mark.parametrize(
    ("task", "rows", "batch_size"),
    [
        ("classify", 1, 16),
        ("classify", 1_999, 16),
        ("classify", 2_000, 32),
        ("classify", 49_999, 32),
        ("classify", 50_000, 64),
        ("classify", 100_000, 128),
        ("classify", 10**7, 128),
        ("tag", 2_499, 16),
        ("tag", 2_500, 32),
        ("tag", 10**6, 32),
    ],
)
def test_the_batch_size_follows_rows_and_task(task, rows, batch_size):
    assert auto_batch_size(rows, task) == batch_size
    assert resolve_batch_size(settings(batch_size="auto"), rows, task) == settings(batch_size=batch_size)


def test_a_batch_size_that_is_stated_wins():
    stated = settings(batch_size=1024)
    assert resolve_batch_size(stated, 10, "classify") is stated


@pytest.mark.parametrize(
    ("share", "steps", "decay"), [(0.1, 4000, 0.9975), (0.1, 540, 1 - 1 / 54), (1.0, 8, 0.875), (0.1, 5, 0.0)]
)
def test_the_window_of_an_average_is_its_share_of_the_steps(share, steps, decay):
    resolved = resolve_average(settings(average=Ema("ema", share=share)), steps)
    assert resolved.average.decay == pytest.approx(decay, abs=1e-12)
    assert resolved.average.share is None  # so that the settings in use are valid ones
    resolved.check("train")


def test_the_window_of_a_run_without_end_is_bounded():
    average = resolve_average(settings(average=Ema("ema", share=0.5)), 2**63 - 1).average
    assert 1 - 1e-11 < average.decay < 1
    assert ema_weight(average.decay, 1) == 1


@pytest.mark.parametrize("average", [None, Ema("ema", 0.9), Swa("swa", 2)])
def test_an_average_without_a_share_is_left_alone(average):
    assert resolve_average(settings(average=average), 10).average == average
