"""Learning rates by hand: warm-up, and each schedule after it."""

import pytest

from factories.settings import settings
from textrnn.common.config.train import CosineSchedule, StepSchedule
from textrnn.training.optimization.lr_schedule import learning_rate


def test_learning_rates_by_hand():
    step = settings(epochs=5, schedule=StepSchedule("step", 2, 0.1), learning_rate=1.0)
    rates = [learning_rate(step, at, 3) for at in range(15)]
    assert rates == pytest.approx([1] * 6 + [0.1] * 6 + [0.01] * 3)
    cosine = settings(epochs=2, schedule=CosineSchedule("cosine", 0.1, 0.0), learning_rate=2.0)
    assert [learning_rate(cosine, at, 2) for at in range(4)] == pytest.approx([2.0, 1.736396, 1.1, 0.463604], abs=1e-6)
    assert [learning_rate(settings(), at, 2) for at in (0, 1, 99)] == [0.01] * 3


def test_warm_up_is_linear_and_the_cosine_takes_the_remaining_steps():
    warm = settings(epochs=2, schedule=CosineSchedule("cosine", 0.1, 0.3), learning_rate=2.0)
    rates = [learning_rate(warm, at, 5) for at in range(10)]
    assert rates[:3] == pytest.approx([2 / 3, 4 / 3, 2.0])
    cosine = settings(epochs=1, schedule=CosineSchedule("cosine", 0.1, 0.0), learning_rate=2.0)
    assert rates[3:] == pytest.approx([learning_rate(cosine, at, 7) for at in range(7)])
