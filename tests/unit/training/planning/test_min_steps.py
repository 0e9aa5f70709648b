"""`train.min_steps`: a small corpus is read for more epochs, a large one is not, and `limits.epochs` bounds both."""

from dataclasses import replace

import pytest

from factories.settings import SETTINGS
from textrnn.training.planning.limits import epochs_for_min_steps


@pytest.mark.parametrize(
    ("epochs", "min_steps", "steps_per_epoch", "limit", "expected"),
    [
        (7, None, 3, None, 7),
        (7, 180, 12, None, 15),
        (7, 181, 12, None, 16),  # whole epochs
        (7, 180, 700, None, 7),
        (7, 180, 26, None, 7),
        (7, 180, 3, 15, 15),  # a large batch takes fewer steps rather than more epochs than the limit
        (7, 180, 3, 8, 8),
        (5, 180, 3, 5, 5),
        (1, 1, 1, None, 1),
    ],
)
def test_the_epochs_of_a_run(epochs, min_steps, steps_per_epoch, limit, expected):
    settings = replace(SETTINGS, epochs=epochs, min_steps=min_steps)
    assert epochs_for_min_steps(settings, steps_per_epoch, limit) == expected
