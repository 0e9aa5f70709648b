"""`textrnn losses`: the chart has every finite loss of the file, and a mean that is worked by hand."""

from __future__ import annotations

import math
import re

import pytest

from textrnn.tools.losses_command import read_losses, running_mean

HEAD = "step,loss,accuracy"


def write(path, losses):
    rows = [f"{step},{loss},0.5" for step, loss in enumerate(losses, start=1)]
    path.write_text("\n".join([HEAD, *rows, ""]), encoding="utf-8")
    return path


def test_every_loss_is_a_point_of_the_line(run_command, tmp_path):
    path = write(tmp_path / "news_rnn.csv", [3.0, 2.5, 2.0, 1.0])
    plot = tmp_path / "news_rnn.svg"
    assert run_command("losses", path) == (0, f"{plot}: 4 batches, loss 3.0000 to 1.0000\n", "")
    svg = plot.read_text(encoding="utf-8")
    (line,) = re.findall(r'<polyline points="([^"]*)"', svg)
    # from the left edge at step 1 to the right one at step 4, from the top at 3 to the bottom at 1
    assert line == "58.0,36.0 180.0,89.5 302.0,143.0 424.0,250.0"
    assert ">news_rnn: loss of each batch</text>" in svg
    assert ">each batch</text>" in svg
    assert "mean of" not in svg


def test_a_longer_run_has_a_mean_too(run_command, tmp_path):
    path = write(tmp_path / "a.csv", [1 + step % 2 for step in range(150)])
    assert run_command("losses", path)[0] == 0
    svg = (tmp_path / "a.svg").read_text(encoding="utf-8")
    raw, mean = (points.split() for points in re.findall(r'<polyline points="([^"]*)"', svg))
    assert (len(raw), len(mean)) == (150, 148)
    assert ">mean of 3</text>" in svg


def test_the_running_mean_is_that_by_hand():
    losses = [(step, (step * 7919) % 13 / 3) for step in range(5, 40)]
    means = running_mean(losses, 4)
    assert [step for step, _ in means] == list(range(7, 39))
    for index, (_, mean) in enumerate(means):
        assert mean == pytest.approx(sum(loss for _, loss in losses[index : index + 4]) / 4)
    assert running_mean(losses[:3], 4) == []


def test_losses_that_are_no_finite_number_are_left_out(run_command, tmp_path):
    path = write(tmp_path / "a.csv", [1.0, "nan", "inf", "1e300", 0.5])
    assert read_losses(path) == [(1.0, 1.0), (5.0, 0.5)]
    assert run_command("losses", path)[1].endswith("a.svg: 2 batches, loss 1.0000 to 0.5000\n")
    path = write(tmp_path / "b.csv", [math.nan])
    code, _, stderr = run_command("losses", path)
    assert (code, stderr) == (1, f"error: {path}: has no finite loss; wait for the first evaluation of the run\n")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no such file"),
        ("", "is damaged; got its columns"),
        ("step,split,loss,accuracy\n1,train,0.5,0.5\n", "is damaged; got its columns"),
        (f"{HEAD}\n1,much,0.5\n", "is damaged; got could not convert"),
        (f"{HEAD}\n1,0.5\n", "is damaged; got not enough values"),
        (f"{HEAD}\n", "has no finite loss"),
    ],
)
def test_what_cannot_be_drawn_is_one_line(run_command, tmp_path, content, message):
    path = tmp_path / "a.csv"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    code, text, stderr = run_command("losses", path)
    assert (code, text, stderr.count("\n")) == (1, "", 1)
    assert stderr.startswith(f"error: {path}: {message}")
    assert not (tmp_path / "a.svg").exists()
