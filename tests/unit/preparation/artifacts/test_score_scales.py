"""The scales of scores and of their sums: the highest likelihood, its boundaries, and where scales are not fitted."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import logsumexp

from textrnn.preparation.artifacts.score_scales import equal_scales, fit_scales, least_loss


def parts(deep=2.0, wide=0.15, rows=400, classes=3, seed=0):
    """Random scores of two parts in which the right class has more, on scales that differ by ten."""
    generator = np.random.default_rng(seed)
    gold = generator.integers(0, classes, rows)
    scores = [generator.standard_normal((rows, classes)) * scale for scale in (1, 0.1)]
    for part, more in zip(scores, (deep, wide), strict=True):
        part[np.arange(rows), gold] += more
    return (*(part.astype(np.float32) for part in scores), gold)


def loss(scales, deep, wide, gold):
    total = scales[0] * deep.astype(float) + scales[1] * wide
    return (logsumexp(total, axis=1) - total[np.arange(len(gold)), gold]).mean()


def test_the_scales_have_the_highest_likelihood():
    data = parts()
    scales = fit_scales(*data)
    best = minimize(loss, (1, 1), data, "L-BFGS-B", bounds=[(0, None)] * 2, options={"ftol": 1e-14, "gtol": 1e-9})
    assert scales == pytest.approx(best.x, rel=2e-3)  # the penalty
    assert loss(scales, *data) < min(loss((1, 0), *data), loss((0, 1), *data), loss((1, 1), *data))
    assert fit_scales(*data) == scales


@pytest.mark.parametrize(("deep", "wide", "zero"), [(2.0, -0.3, 1), (-2.0, 0.3, 0)])
def test_a_part_that_misleads_gets_scale_0_and_the_other_its_own_best(deep, wide, zero):
    data = parts(deep, wide)
    scales = fit_scales(*data)
    assert scales[zero] == 0
    best = minimize(lambda scale: loss(np.eye(2)[1 - zero] * scale, *data), (1,), method="Nelder-Mead", tol=1e-10)
    assert scales[1 - zero] == pytest.approx(best.x[0], rel=2e-3)


def test_the_sum_is_no_less_likely_on_dev_than_either_part_at_its_best():
    for seed in range(5):
        data = parts(deep=0.4, wide=0.03 * seed, rows=60, seed=seed)
        scales = fit_scales(*data)
        alone = [
            minimize(lambda scale, unit=unit, data=data: loss(unit * abs(scale), *data), (1,), method="Nelder-Mead").fun
            for unit in np.eye(2)
        ]
        assert loss(scales, *data) <= min(alone) + 1e-4


def test_without_errors_on_dev_the_scales_are_finite():
    gold = np.arange(60) % 3
    right = np.eye(3, dtype=np.float32)[gold]
    deep_scale, wide_scale = fit_scales(right, 3 * right, gold)
    assert 1 < deep_scale < 50
    assert 0 < wide_scale < 50
    assert fit_scales(right, np.zeros_like(right), gold)[1] == 0


def test_too_little_to_fit_the_scales():
    deep, wide, gold = parts()
    assert fit_scales(deep[:49], wide[:49], gold[:49]) is None
    assert fit_scales(deep[:50], wide[:50], gold[:50]) is not None
    assert fit_scales(deep, wide, np.zeros_like(gold)) is None
    assert fit_scales(*parts(-2.0, -0.3)) is None
    assert fit_scales(np.full_like(deep, np.nan), wide, gold) is None


def test_parts_that_count_equally():
    first, second = np.array([[0.0, 2.0], [5.0, 3.0]]), np.array([[1.0, 1.5], [0.0, 0.5]])
    assert equal_scales(first, second) == (1, pytest.approx(4))  # what all classes of a row have in common is nothing
    for same in (np.ones((2, 3)), np.full((2, 3), 0.1)):
        assert equal_scales(same, np.eye(3)[:2]) == equal_scales(np.eye(3)[:2], same) == (1, 1)


def test_the_least_loss_is_that_at_the_best_scale():
    deep, wide, gold = parts()
    best = minimize(lambda scale: loss(np.eye(2)[0] * scale, deep, wide, gold), (1,), method="Nelder-Mead", tol=1e-10)
    assert least_loss(deep, gold) == pytest.approx(best.fun, rel=2e-4)  # the penalty
    assert least_loss(1000 * deep, gold) == pytest.approx(least_loss(deep, gold), rel=1e-9)
    # scores that mislead, or say nothing, are best left out
    assert least_loss(-deep, gold) == least_loss(np.zeros_like(deep), gold) == pytest.approx(np.log(3))
