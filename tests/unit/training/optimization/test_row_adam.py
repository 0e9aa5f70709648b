"""Adam over rows: compared with SparseAdam and Adam; sums over reads and processes, decay, overflows of a scaler."""

import copy

import pytest
import torch
from torch import nn

from factories.process_groups import together
from textrnn.modeling.nn.embedding_lookup import SparseTable
from textrnn.training.distributed.process_group import SINGLE_PROCESS
from textrnn.training.optimization.row_adam import RowAdam, sum_rows

ROWS, WIDTH = 12, 5
READS = [[3, 3, 7, 1], [7, 2, 0, 0], [3, 11, 11, 11], [5], [3, 7]]


def make_table():
    torch.manual_seed(0)
    return SparseTable(ROWS, WIDTH).double()


def backward(table, reads, scale=1.0):
    table.weight.grad = None
    vectors = table(torch.tensor(reads))
    ((vectors - 0.3) * torch.arange(1, vectors.numel() + 1).view_as(vectors) * scale).sum().backward()


def test_the_gradient_of_a_row_is_the_sum_over_its_reads():
    table = make_table()
    backward(table, [7, 0, 3, 7, 7, 3])
    wanted = table.weight.grad.to_dense()
    sum_rows([table.weight], SINGLE_PROCESS)
    rows, values = table.weight.grad._indices()[0], table.weight.grad._values()
    assert rows.tolist() == [0, 3, 7, 0, 0, 0]  # as many as were read; the surplus ones are padding's
    assert torch.equal(values[[0, 3, 4, 5]], torch.zeros(4, WIDTH, dtype=torch.float64))
    torch.testing.assert_close(table.weight.grad.to_dense(), wanted)
    assert wanted[3].any()
    assert wanted[7].any()


def test_steps_equal_those_of_sparse_adam():
    ours, theirs = make_table(), make_table()
    row_adam = RowAdam([ours.weight], 0.1, 0.0)
    other = torch.optim.SparseAdam([theirs.weight], lr=0.1)
    start = ours.weight.detach().clone()
    for at, reads in enumerate(READS * 3):
        for table, optimizer in ((ours, row_adam), (theirs, other)):
            backward(table, reads)
            for group in optimizer.param_groups:
                group["lr"] = 0.1 / (1 + at)
        sum_rows([ours.weight], SINGLE_PROCESS)
        before = ours.weight.detach().clone()
        row_adam.step()
        other.step()
        moved = (ours.weight != before).any(dim=1).nonzero().flatten().tolist()
        assert moved == sorted(set(reads) - {0})
    torch.testing.assert_close(ours.weight, theirs.weight, rtol=0, atol=1e-6)  # eps, 1e-8, is elsewhere in the formula
    state, wanted = row_adam.state[ours.weight], other.state[theirs.weight]
    assert state["step"].item() == wanted["step"] == len(READS) * 3
    for name in ("exp_avg", "exp_avg_sq"):
        torch.testing.assert_close(state[name], wanted[name], rtol=1e-10, atol=1e-14)
    assert not ours.weight[0].any()
    unread = [row for row in range(ROWS) if not any(row in reads for reads in READS)]
    assert unread
    assert torch.equal(ours.weight[unread], start[unread])


def test_if_every_step_reads_all_rows_it_is_adam():
    ours, theirs = make_table(), make_table()
    row_adam, other = RowAdam([ours.weight], 0.1, 0.3), torch.optim.Adam(theirs.parameters(), 0.1, weight_decay=0.3)
    for _ in range(5):
        for table in (ours, theirs):
            backward(table, [*range(ROWS), 3, 3], 1e-6)  # so small that eps matters
        sum_rows([ours.weight], SINGLE_PROCESS)
        theirs.weight.grad = theirs.weight.grad.to_dense()
        row_adam.step()
        other.step()
    torch.testing.assert_close(ours.weight, theirs.weight, rtol=1e-10, atol=1e-12)


def test_decay_is_a_penalty_on_the_rows_that_are_read():
    ours, byhand = make_table(), make_table()
    optimizer = RowAdam([ours.weight], 0.1, 0.5)
    for table in (ours, byhand):
        backward(table, READS[0])
    gradient = byhand.weight.grad.to_dense() + 0.5 * byhand.weight.detach()
    sum_rows([ours.weight], SINGLE_PROCESS)
    optimizer.step()
    wanted = byhand.weight.detach().clone()
    for row in (1, 3, 7):  # Adam's first step is the learning rate times the sign of the gradient
        wanted[row] -= 0.1 * gradient[row].sign()
    torch.testing.assert_close(ours.weight.detach(), wanted, rtol=1e-5, atol=1e-6)


def test_a_step_without_rows_changes_no_weight_but_counts():
    table = make_table()
    optimizer, before = RowAdam([table.weight], 0.1, 0.1), table.weight.detach().clone()
    sum_rows([table.weight], SINGLE_PROCESS)
    optimizer.step()
    assert torch.equal(table.weight, before)
    assert optimizer.state[table.weight]["step"] == 1


@pytest.mark.parametrize("overflow", [False, True])
@pytest.mark.parametrize("unscaled", [False, True])
def test_a_scaler_unscales_gradients_and_skips_overflows(overflow, unscaled):
    table, plain = (SparseTable(4, 2) for _ in range(2))
    plain.load_state_dict(table.state_dict())
    scaler = torch.amp.GradScaler("cpu", init_scale=8.0)
    optimizer, other = RowAdam([table.weight], 0.1, 0.01), RowAdam([plain.weight], 0.1, 0.01)
    for at in range(3):
        over = overflow and at == 1
        for each, scale in ((table, 8.0), (plain, 1.0)):
            each.weight.grad = None
            loss = (each(torch.tensor([1, 3, 3])) * (at + 1) * scale).sum() * (torch.inf if over and scale > 1 else 1)
            (scaler.scale(loss / 8.0) if scale > 1 else loss).backward()
            sum_rows([each.weight], SINGLE_PROCESS)
        if unscaled:
            scaler.unscale_(optimizer)
        old_state = copy.deepcopy(optimizer.state[table.weight])
        before = table.weight.detach().clone()
        scaler.step(optimizer)
        scaler.update(8.0)
        if over:
            assert torch.equal(table.weight, before)
            assert all(torch.equal(optimizer.state[table.weight][name], value) for name, value in old_state.items())
        else:
            other.step()
    torch.testing.assert_close(table.weight, plain.weight)
    assert optimizer.state[table.weight]["step"] == 3 - overflow


@pytest.mark.parametrize("count", [2, 3])
def test_processes_that_read_different_rows_get_the_same_sum(count):
    reads = [[3, 3, 7], None, [7, 1, 1, 5]][:count]
    tables = [make_table() for _ in range(count)]
    wanted = torch.zeros(ROWS, WIDTH, dtype=torch.float64)
    for table, table_reads in zip(tables, reads, strict=True):
        if table_reads is not None:
            backward(table, table_reads)
            wanted += table.weight.grad.to_dense()

    def work(group):
        table = tables[group.rank]
        sum_rows([table.weight], group)
        optimizer = RowAdam([table.weight], 0.1, 0.0)
        optimizer.step()
        return table.weight.grad.to_dense(), table.weight.detach()

    results = together(count, work)
    torch.testing.assert_close(results[0][0], wanted)
    for gradient, weight in results[1:]:
        assert torch.equal(gradient, results[0][0])
        assert torch.equal(weight, results[0][1])


def test_a_table_learns_what_a_dense_one_learns():
    torch.manual_seed(1)
    table, head, targets = SparseTable(50, 4), nn.Linear(4, 3), torch.randint(3, (50,))
    optimizer = RowAdam([table.weight], 0.1, 0.0)
    rows = torch.arange(1, 50)
    for _ in range(60):
        table.weight.grad = None
        nn.functional.cross_entropy(head(table(rows)), targets[rows]).backward()
        sum_rows([table.weight], SINGLE_PROCESS)
        optimizer.step()
    assert (head(table(rows)).argmax(1) == targets[rows]).all()
