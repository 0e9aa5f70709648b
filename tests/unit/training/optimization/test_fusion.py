"""Late fusion: the scales that a network gets with its wide part, in every process, and the line that tells them."""

import numpy as np
import pytest
import torch

from factories.linear_models import random_linear
from factories.networks import small
from factories.settings import settings
from textrnn.common.config.model import WideOptions
from textrnn.preparation.artifacts.score_scales import equal_scales, fit_scales
from textrnn.training.batching.buckets import Bucket
from textrnn.training.distributed.process_group import ProcessGroup
from textrnn.training.optimization.fusion import Fusion, add_wide_part


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
    both_scores = deep.detach().numpy(), scores.numpy()
    expected = fit_scales(*both_scores, bucket.targets.numpy()) if fitted else equal_scales(*both_scores)
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
