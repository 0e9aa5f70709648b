"""The two scales of late fusion: the maximum of the likelihood, its boundaries, and what is too little to fit them."""

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from scipy.special import logsumexp

from factories.linear_models import random_linear
from factories.networks import small
from factories.settings import settings
from textrnn.common.config.model import WideOptions
from textrnn.training.batching.buckets import Bucket
from textrnn.training.distributed.process_group import ProcessGroup
from textrnn.training.optimization.fusion import Fusion, add_wide_part, fit_scales


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


def dev_rows(count, width=6):
    generator = torch.Generator().manual_seed(count)
    lengths = torch.randint(1, width + 1, (count,), generator=generator)
    ids = torch.randint(2, 9, (count, width), generator=generator).masked_fill(
        torch.arange(width) >= lengths[:, None], 0
    )
    return [Bucket(torch.arange(count), ids, lengths, ids[:, 0] % 3)]


def accuracy(logits, bucket):
    return (logits.argmax(1) == bucket.targets).double().mean().item()


@pytest.mark.parametrize(
    ("rows", "options", "fitted"), [(90, True, True), (20, True, False), (90, WideOptions(2.5), False)]
)
def test_a_wide_part_is_added_to_a_network(rows, options, fitted):
    network = small(classes=3, wide=options).float()
    linear, (bucket,) = random_linear(), dev_rows(rows)
    linear.weights[:7] = 4 * np.eye(3, dtype=np.float32)[[1, 2, 0, 1, 2, 0, 1]]  # of the tokens 1, 2, ...
    deep = network(bucket.ids, bucket.lengths)
    fusion = add_wide_part(network, linear, [bucket], settings(batch_size=7))
    scales = (fusion.deep_scale, fusion.wide_scale)
    scores = network.wide(bucket.ids, bucket.lengths)
    expected = fit_scales(deep.detach().numpy(), scores.numpy(), bucket.targets.numpy()) if fitted else (1.0, 1.0)
    assert scales == pytest.approx((1.0, 2.5) if options is not True else expected, rel=1e-5)
    assert network.wide.scales.tolist() == list(scales)
    both = network(bucket.ids, bucket.lengths)
    torch.testing.assert_close(both, scales[0] * deep + scales[1] * scores)
    assert fusion.fitted == fitted
    found = (fusion.deep_accuracy, fusion.wide_accuracy, fusion.both_accuracy)
    assert found == pytest.approx([accuracy(logits, bucket) for logits in (deep, scores, both)])


def test_all_processes_get_the_scales_of_process_0(monkeypatch):
    network = small(classes=3, wide=True).float()
    others = torch.tensor([[0.25, 4.0], [9.0, 9.0]])
    monkeypatch.setattr(ProcessGroup, "all_gather", lambda self, values: others)
    fusion = add_wide_part(network, random_linear(), dev_rows(90), settings(), ProcessGroup(1, 2))
    assert network.wide.scales.tolist() == [fusion.deep_scale, fusion.wide_scale] == [0.25, 4.0]


def test_the_line_of_the_log():
    fusion = Fusion(0.93125, 0.929, 0.93666, 0.9412, 13.07, True)
    assert fusion.describe("news") == ("news: dev accuracy 0.9313 deep, 0.9290 wide, 0.9367 both (scales 0.941, 13.1)")
    fusion = Fusion(0.5, 0.5, 0.5, 1.0, 1.0, False)
    assert fusion.describe("news").endswith("0.5000 both (scales 1, 1, not fitted)")
