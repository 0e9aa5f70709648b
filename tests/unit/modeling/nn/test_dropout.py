"""Test dropout: the fraction it drops, the scale of the rest, its gradient, and what determines the mask."""

import pytest
import torch

from textrnn.modeling.nn.dropout import dropout, locked_dropout
from textrnn.modeling.nn.layer_input import LayerInput
from textrnn.modeling.nn.recurrent import Recurrent

MANY = 1 << 20


def seeded(x, probability, seed=0, training=True):
    torch.manual_seed(seed)
    return dropout(x, probability, training)


@pytest.mark.parametrize("probability", [0.1, 0.3, 0.5, 0.9, 0.99])
def test_the_fraction_is_dropped_and_the_rest_is_scaled(probability):
    ones = torch.ones(MANY, dtype=torch.float64)
    out = seeded(ones, probability)
    kept = out != 0
    error = (probability * (1 - probability) / MANY) ** 0.5  # the standard error of a fraction
    assert abs(kept.double().mean().item() - (1 - probability)) < 4 * error + 1e-5
    assert out.mean().item() == pytest.approx(1, abs=4 * error / (1 - probability) + 1e-5)
    # 1 / (1 - probability), up to rounding of the probability to 1/65,536
    assert out[kept].unique().tolist() == pytest.approx([1 / (1 - probability)], abs=2e-5 / (1 - probability) ** 2)


def test_the_smallest_probability_drops_one_in_65536():
    out = seeded(torch.ones(4 * MANY), 1 / 65536)
    assert 64 - 40 < (out == 0).sum().item() < 64 + 40  # five standard errors; zero and two in 65,536 are outside
    assert seeded(torch.ones(MANY), 0.4 / 65536).all()


def test_a_probability_that_rounds_to_1_drops_almost_all():
    out = seeded(torch.ones(MANY), 1 - 2**-17)
    assert out.isfinite().all()
    assert (out != 0).sum().item() < 64  # 16 are expected, as the probability is 65,535 in 65,536


def test_a_probability_near_1_keeps_the_rest():
    out = seeded(torch.ones(4 * MANY), 1 - 1 / 4096)
    kept = out[out != 0]
    assert 1024 - 160 < len(kept) < 1024 + 160
    assert (kept == 4096).all()


def test_probability_0_and_evaluation_change_nothing():
    x = torch.randn(50, 7)
    for probability, training in [(0.0, True), (0.0, False), (0.5, False), (1.0, False)]:
        assert torch.equal(seeded(x, probability, training=training), x)


def test_values_are_dropped_independently_of_their_neighbours():
    kept = (seeded(torch.ones(MANY), 0.3) != 0).double()
    lanes = kept.view(-1, 4).mean(dim=0)  # four values share one 64-bit random number
    assert (lanes - 0.7).abs().max().item() < 4 * (0.21 / (MANY / 4)) ** 0.5
    for distance in (1, 2, 3, 4, 8):
        both_kept = (kept[distance:] * kept[:-distance]).mean().item()
        assert both_kept == pytest.approx(0.49, abs=4 * (0.49 * 0.51 / MANY) ** 0.5)


def test_the_seed_determines_the_mask_whatever_the_number_of_threads():
    x = torch.ones(512, 300)
    first = seeded(x, 0.4, seed=1)
    threads = torch.get_num_threads()
    try:
        for count in (1, 2):
            torch.set_num_threads(count)
            assert torch.equal(seeded(x, 0.4, seed=1), first)
    finally:
        torch.set_num_threads(threads)
    assert not torch.equal(seeded(x, 0.4, seed=2), first)
    torch.manual_seed(1)
    masks = [dropout(x, 0.4, True), dropout(x, 0.4, True)]
    assert torch.equal(masks[0], first)
    assert not torch.equal(masks[1], first)  # the next call draws a new mask


def test_the_mask_does_not_depend_on_the_memory_layout():
    x = torch.randn(6, 5, 3)
    permuted = x.permute(2, 1, 0).contiguous().permute(2, 1, 0)
    assert torch.equal(seeded(permuted, 0.5), seeded(x, 0.5))


@pytest.mark.parametrize("size", range(9))
def test_any_number_of_values_has_a_mask(size):
    long, short = seeded(torch.ones(64), 0.5), seeded(torch.ones(size), 0.5)
    assert torch.equal(short, long[:size])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16], ids=str)
def test_the_gradient_is_the_mask(dtype):
    x = torch.randn(40, 30).to(dtype).requires_grad_()
    out = seeded(x, 0.3)
    (gradient,) = torch.autograd.grad(out.sum(), x)
    mask = seeded(torch.ones_like(x), 0.3)
    assert out.dtype == gradient.dtype == dtype
    assert torch.equal(gradient, mask)
    assert torch.equal(out, x * mask)
    assert 0.2 < (mask == 0).double().mean().item() < 0.4


def test_layers_and_directions_do_not_share_masks(monkeypatch):
    masks = []

    def recorded(x, probability, training):
        out = dropout(x, probability, training)
        masks.append(out != 0)
        return out

    monkeypatch.setattr("textrnn.modeling.nn.recurrent.dropout", recorded)
    torch.manual_seed(0)
    model = Recurrent("gru", 3, 32, 3, True, 0.5)
    model(LayerInput.from_dense(torch.randn(20, 16, 3)), None)
    assert [mask.shape for mask in masks] == [(20, 16, 64)] * 2  # below layers 2 and 3
    halves = [half for mask in masks for half in mask.chunk(2, dim=2)]
    for index, half in enumerate(halves):
        for other in halves[:index]:
            agreement = (half == other).double().mean().item()
            assert agreement == pytest.approx(0.5, abs=4 * 0.5 / half.numel() ** 0.5)


@pytest.mark.parametrize("steps", [0, 1])
def test_a_locked_mask_is_the_same_for_all_steps(steps):
    x = 2.0 ** torch.randint(5, (30, 40, 50))  # so that dividing by it is exact
    torch.manual_seed(0)
    out = locked_dropout(x, 0.3, True, steps)
    mask = (out / x).transpose(0, steps)
    assert (mask == mask[0]).all()
    kept = mask[0] != 0
    assert kept.double().mean().item() == pytest.approx(0.7, abs=4 * (0.21 / kept.numel()) ** 0.5)
    torch.testing.assert_close(mask[0][kept], torch.full_like(mask[0][kept], 1 / 0.7), rtol=1e-4, atol=0)
    rows = kept.double().mean(dim=1)
    assert rows.min() < rows.max()  # each row has its own mask
    assert torch.equal(locked_dropout(x, 0.3, False, steps), x)
    assert torch.equal(locked_dropout(x, 0.0, True, steps), x)


@pytest.mark.parametrize("locked", [True, False])
def test_layers_lock_their_masks_if_configured(monkeypatch, locked):
    inputs = []
    monkeypatch.setattr(
        Recurrent,
        "_run_module",
        lambda self, direction_index, x, start: inputs.append(x) or (x.to_dense(), x.to_dense()[-1]),
    )
    torch.manual_seed(0)
    model = Recurrent("gru", 8, 8, 2, False, 0.5, locked)
    model(LayerInput.from_dense(torch.ones(20, 16, 8)), None)
    below = inputs[1].to_dense()
    assert (below == 0).double().mean().item() == pytest.approx(0.5, abs=0.1)
    assert (below == below[0]).all().item() == locked
