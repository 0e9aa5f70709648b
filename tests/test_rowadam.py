"""Adam over rows: torch.optim.SparseAdam's weights, sums over reads and processes, decay, a scaler's overflows."""

import copy

import pytest
import torch
from torch import nn

from test_processes import together
from textrnn.modeling.nn.embedding_lookup import SparseTable
from textrnn.training.distributed.process_group import SINGLE_PROCESS
from textrnn.training.optimization.row_adam import RowAdam, sum_rows

ROWS, WIDTH = 12, 5
READS = [[3, 3, 7, 1], [7, 2, 0, 0], [3, 11, 11, 11], [5], [3, 7]]


def table():
    torch.manual_seed(0)
    return SparseTable(ROWS, WIDTH).double()


def backward(made, reads, weigh=1.0):
    made.weight.grad = None
    found = made(torch.tensor(reads))
    ((found - 0.3) * torch.arange(1, found.numel() + 1).view_as(found) * weigh).sum().backward()


def test_the_gradient_of_a_row_is_the_sum_over_its_reads():
    made = table()
    backward(made, [7, 0, 3, 7, 7, 3])
    wanted = made.weight.grad.to_dense()
    sum_rows([made.weight], SINGLE_PROCESS)
    rows, values = made.weight.grad._indices()[0], made.weight.grad._values()
    assert rows.tolist() == [0, 3, 7, 0, 0, 0]  # as many as were read, what is over being padding's
    assert torch.equal(values[[0, 3, 4, 5]], torch.zeros(4, WIDTH, dtype=torch.float64))
    torch.testing.assert_close(made.weight.grad.to_dense(), wanted)
    assert wanted[3].any()
    assert wanted[7].any()


def test_the_steps_are_those_of_sparse_adam():
    ours, theirs = table(), table()
    own = RowAdam([ours.weight], 0.1, 0.0)
    other = torch.optim.SparseAdam([theirs.weight], lr=0.1)
    start = ours.weight.detach().clone()
    for at, reads in enumerate(READS * 3):
        for made, optimizer in ((ours, own), (theirs, other)):
            backward(made, reads)
            for group in optimizer.param_groups:
                group["lr"] = 0.1 / (1 + at)
        sum_rows([ours.weight], SINGLE_PROCESS)
        before = ours.weight.detach().clone()
        own.step()
        other.step()
        moved = (ours.weight != before).any(dim=1).nonzero().flatten().tolist()
        assert moved == sorted(set(reads) - {0})
    torch.testing.assert_close(ours.weight, theirs.weight, rtol=0, atol=1e-6)  # eps, 1e-8, stands elsewhere
    kept, wanted = own.state[ours.weight], other.state[theirs.weight]
    assert kept["step"].item() == wanted["step"] == len(READS) * 3
    for name in ("exp_avg", "exp_avg_sq"):
        torch.testing.assert_close(kept[name], wanted[name], rtol=1e-10, atol=1e-14)
    assert not ours.weight[0].any()
    unread = [row for row in range(ROWS) if not any(row in reads for reads in READS)]
    assert unread
    assert torch.equal(ours.weight[unread], start[unread])


def test_where_every_step_reads_all_rows_it_is_adam():
    ours, theirs = table(), table()
    own, other = RowAdam([ours.weight], 0.1, 0.3), torch.optim.Adam(theirs.parameters(), 0.1, weight_decay=0.3)
    for _ in range(5):
        for made in (ours, theirs):
            backward(made, [*range(ROWS), 3, 3], 1e-6)  # so small that eps counts
        sum_rows([ours.weight], SINGLE_PROCESS)
        theirs.weight.grad = theirs.weight.grad.to_dense()
        own.step()
        other.step()
    torch.testing.assert_close(ours.weight, theirs.weight, rtol=1e-10, atol=1e-12)


def test_decay_is_a_penalty_on_the_rows_that_are_read():
    ours, byhand = table(), table()
    optimizer = RowAdam([ours.weight], 0.1, 0.5)
    for made in (ours, byhand):
        backward(made, READS[0])
    gradient = byhand.weight.grad.to_dense() + 0.5 * byhand.weight.detach()
    sum_rows([ours.weight], SINGLE_PROCESS)
    optimizer.step()
    wanted = byhand.weight.detach().clone()
    for row in (1, 3, 7):  # the first step of Adam is the rate times the sign
        wanted[row] -= 0.1 * gradient[row].sign()
    torch.testing.assert_close(ours.weight.detach(), wanted, rtol=1e-5, atol=1e-6)


def test_a_step_without_rows_moves_nothing_and_counts():
    made = table()
    optimizer, before = RowAdam([made.weight], 0.1, 0.1), made.weight.detach().clone()
    sum_rows([made.weight], SINGLE_PROCESS)
    optimizer.step()
    assert torch.equal(made.weight, before)
    assert optimizer.state[made.weight]["step"] == 1


@pytest.mark.parametrize("overflow", [False, True])
@pytest.mark.parametrize("unscaled", [False, True])
def test_a_scaler_divides_its_scale_out_and_leaves_overflows_out(overflow, unscaled):
    made, plain = (SparseTable(4, 2) for _ in range(2))
    plain.load_state_dict(made.state_dict())
    scaler = torch.amp.GradScaler("cpu", init_scale=8.0)
    optimizer, other = RowAdam([made.weight], 0.1, 0.01), RowAdam([plain.weight], 0.1, 0.01)
    for at in range(3):
        over = overflow and at == 1
        for each, scale in ((made, 8.0), (plain, 1.0)):
            each.weight.grad = None
            loss = (each(torch.tensor([1, 3, 3])) * (at + 1) * scale).sum() * (torch.inf if over and scale > 1 else 1)
            (scaler.scale(loss / 8.0) if scale > 1 else loss).backward()
            sum_rows([each.weight], SINGLE_PROCESS)
        if unscaled:
            scaler.unscale_(optimizer)
        kept = copy.deepcopy(optimizer.state[made.weight])
        before = made.weight.detach().clone()
        scaler.step(optimizer)
        scaler.update(8.0)
        if over:
            assert torch.equal(made.weight, before)
            assert all(torch.equal(optimizer.state[made.weight][name], value) for name, value in kept.items())
        else:
            other.step()
    torch.testing.assert_close(made.weight, plain.weight)
    assert optimizer.state[made.weight]["step"] == 3 - overflow


@pytest.mark.parametrize("count", [2, 3])
def test_processes_that_read_different_rows_get_the_same_sum(count):
    reads = [[3, 3, 7], None, [7, 1, 1, 5]][:count]
    tables = [table() for _ in range(count)]
    wanted = torch.zeros(ROWS, WIDTH, dtype=torch.float64)
    for made, own in zip(tables, reads, strict=True):
        if own is not None:
            backward(made, own)
            wanted += made.weight.grad.to_dense()

    def work(group):
        made = tables[group.rank]
        sum_rows([made.weight], group)
        optimizer = RowAdam([made.weight], 0.1, 0.0)
        optimizer.step()
        return made.weight.grad.to_dense(), made.weight.detach()

    found = together(count, work)
    torch.testing.assert_close(found[0][0], wanted)
    for gradient, weight in found[1:]:
        assert torch.equal(gradient, found[0][0])
        assert torch.equal(weight, found[0][1])


def test_a_table_learns_what_a_dense_one_learns():
    torch.manual_seed(1)
    made, head, targets = SparseTable(50, 4), nn.Linear(4, 3), torch.randint(3, (50,))
    optimizer = RowAdam([made.weight], 0.1, 0.0)
    rows = torch.arange(1, 50)
    for _ in range(60):
        made.weight.grad = None
        nn.functional.cross_entropy(head(made(rows)), targets[rows]).backward()
        sum_rows([made.weight], SINGLE_PROCESS)
        optimizer.step()
    assert (head(made(rows)).argmax(1) == targets[rows]).all()
