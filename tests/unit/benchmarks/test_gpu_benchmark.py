"""The ladder of benchmarks/gpu.py on the CPU: its rows, its rungs; the tutorials' loop is a stub."""

import json
from types import SimpleNamespace

import pytest
import torch

from factories.gpu_folders import LOOP, TITLES
from textrnn.errors import UserError
from textrnn.training.batching.buckets import Bucket

CPU = torch.device("cpu")
RUNGS = ["eager", "resident", "fused", "graphs", "buckets", "tf32", "float16"]


@pytest.fixture
def gpu(import_benchmark, tmp_path, monkeypatch):
    """The modules of the benchmark with a small case, and a packed folder's corpus and yardstick in tmp_path."""
    names = ("gpu_folder", "gpu_ladder", "gpu_record", "gpu_sides")
    modules = SimpleNamespace(**{name.removeprefix("gpu_"): import_benchmark(name) for name in names})
    monkeypatch.setitem(modules.sides.CASES, "rnn_b64", modules.sides.Case("rnn", True, 3, 6))
    monkeypatch.setattr(modules.sides, "GRU_STEPS", 4)
    (tmp_path / "thucnews").mkdir()
    lines = "".join(f"{title}\t{row % 10}\n" for row, title in enumerate(TITLES))
    (tmp_path / "thucnews" / "train.txt").write_text(lines, encoding="utf-8")
    (tmp_path / "yardstick").mkdir()
    (tmp_path / "yardstick" / "headlines_loop.py").write_text(LOOP, encoding="utf-8")
    modules.case = modules.sides.CASES["rnn_b64"]
    modules.sizes = modules.ladder.LadderSizes(batches=3, warm_up=10, rounds=1, shrink=1, gru_repeats=1)
    modules.packed = modules.folder.GpuFolder(tmp_path)
    return modules


def climb(gpu, monkeypatch, tmp_path, cases, deadline=float("inf"), **sizes):
    """The lines that the ladder records of some cases."""
    for name in set(gpu.ladder.CASES) - set(cases):
        monkeypatch.delitem(gpu.ladder.CASES, name)
    recorder = gpu.record.Recorder(tmp_path / "lines", {"part": "ladder"})
    sizes = gpu.ladder.LadderSizes(**{**vars(gpu.sizes), **sizes})
    gpu.ladder.ladder(recorder, gpu.packed, CPU, sizes, deadline)
    lines = (tmp_path / "lines").read_text(encoding="utf-8").splitlines() if (tmp_path / "lines").exists() else []
    return [json.loads(line) for line in lines]


def test_rows_are_the_yardsticks_with_padding_as_0(gpu, tmp_path):
    titles = gpu.sides.read_rows(gpu.packed.load_loop(), tmp_path, gpu.case, 3)
    assert titles.vocabulary_size == 5  # a, b, c, unknown, padding
    assert titles.rows.ids.tolist()[:4] == [
        [1, 2, 0, 0, 0, 0],
        [3, 1, 2, 2, 1, 0],
        [0, 0, 0, 0, 0, 0],
        [1, 2, 3, 1, 2, 3],
    ]
    assert titles.rows.lengths.tolist() == [2, 5, 0, 6, 1, 2, 3, 4, 1]
    assert titles.rows.targets.tolist() == list(range(9))


def test_grouping_by_width_removes_padding_alone(gpu):
    lengths = torch.arange(40) % 12
    ids = (1 + torch.arange(12) + torch.arange(40)[:, None]).masked_fill(torch.arange(12) >= lengths[:, None], 0)
    found = gpu.sides.by_width(Bucket(torch.arange(40), ids, lengths, lengths))
    assert 1 < len(found) <= gpu.sides.WIDTHS
    assert sorted(row for bucket in found for row in bucket.row_numbers.tolist()) == list(range(40))
    for bucket in found:
        assert bucket.lengths.max() <= bucket.width < 12
        whole = torch.nn.functional.pad(bucket.ids, (0, 12 - bucket.width))
        assert torch.equal(whole, ids[bucket.row_numbers])


def test_every_rung_is_timed_in_turn_with_the_yardstick_and_the_grus(gpu, monkeypatch, tmp_path):
    case, grus = climb(gpu, monkeypatch, tmp_path, ["rnn_b64"])
    assert (case["case"], case["round"], case["batches"], case["rates"]["yardstick"]) == ("rnn_b64", 0, 3, 50.0)
    assert list(gpu.sides.RUNGS) == RUNGS
    # a CPU has neither TensorFloat-32 nor float16
    assert list(case["rates"]) == ["yardstick", *RUNGS[:-2]]
    assert all(rate > 0 for rate in case["rates"].values())
    assert case["reasons"] == {
        "tf32": "refused: train.precision: tf32 needs a GPU; got device cpu; use bfloat16 or float32",
        "float16": "refused: train.precision: float16 needs a GPU; got device cpu; use bfloat16 or float32",
    }
    assert grus["case"] == "scratch_gru"
    assert all(grus[side] > 0 for side in ("scratch", "cudnn", "scratch_graph", "cudnn_graph"))
    assert not list(tmp_path.glob("*.md")) + list(tmp_path.glob("performance.json"))


def test_a_yardstick_or_a_rung_that_fails_leaves_the_others(gpu, monkeypatch, tmp_path):
    (tmp_path / "yardstick" / "headlines_loop.py").write_text(
        LOOP.replace('print("a line before")', 'raise SystemExit("out of order")'), encoding="utf-8"
    )
    time_rung = gpu.ladder.time_rung

    def broken(rung, *more):
        if rung == "graphs":
            raise RuntimeError("capture failed")
        return time_rung(rung, *more)

    monkeypatch.setattr(gpu.ladder, "time_rung", broken)
    case, _ = climb(gpu, monkeypatch, tmp_path, ["rnn_b64"])
    assert list(case["rates"]) == ["eager", "resident", "fused", "buckets"]
    assert case["reasons"]["graphs"] == "RuntimeError: capture failed"
    assert case["reasons"]["yardstick"].endswith("failed: out of order\n")


def test_rounds_end_before_the_deadline(gpu, monkeypatch, tmp_path):
    assert climb(gpu, monkeypatch, tmp_path, ["rnn_b64"], deadline=0) == []
    clock = iter(range(0, 1000, 10))  # seconds; each look takes ten
    monkeypatch.setattr(gpu.ladder, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    monkeypatch.setattr(gpu.ladder, "climb", lambda *_: {})
    monkeypatch.setattr(gpu.ladder, "time_grus", lambda *_: {})
    lines = climb(gpu, monkeypatch, tmp_path, ["rnn_b64"], deadline=65, rounds=9)
    # begun at 0, 20 and 40 seconds; what begins at 60 would last until 70
    assert [(line["case"], line["round"]) for line in lines] == [("rnn_b64", 0), ("scratch_gru", 0), ("rnn_b64", 1)]


def test_the_yardstick_gets_the_options_of_the_case(gpu, monkeypatch, tmp_path):
    commands = []
    run = gpu.ladder.subprocess.run
    record = lambda command, **more: commands.append(command) or run(command, **more)  # noqa: E731
    monkeypatch.setattr(gpu.ladder.subprocess, "run", record)
    script = gpu.packed.loop("headlines_loop.py")
    sizes = gpu.ladder.LadderSizes(**{**vars(gpu.sizes), "batches": 7})
    assert gpu.ladder.yardstick_rate(script, gpu.packed.raw, gpu.case, CPU, sizes) == 50.0
    words = " ".join(commands[0][2:])
    assert words.startswith(f"--data {tmp_path}/thucnews --cell")
    assert words.endswith("--cell rnn --batch-size 3 --pad-size 6 --batches 7 --warmup 10 --device cpu --bidirectional")
    script.write_text("raise SystemExit(3)", encoding="utf-8")
    with pytest.raises(RuntimeError, match=r"headlines_loop\.py.* failed: "):
        gpu.ladder.yardstick_rate(script, gpu.packed.raw, gpu.case, CPU, sizes)


def test_a_missing_yardstick_is_named(gpu, tmp_path):
    with pytest.raises(UserError, match=r"nowhere/headlines_loop\.py: no such file; give --yardstick"):
        gpu.folder.load_script(tmp_path / "nowhere" / "headlines_loop.py")


def test_a_precision_that_the_device_lacks_is_refused(gpu):
    with pytest.raises(UserError, match=r"^train\.precision: float16 needs a GPU"):
        gpu.sides.use_precision("float16", "lstm", CPU)
    assert gpu.sides.use_precision("bfloat16", "lstm", CPU) == "bfloat16"


def test_a_rung_of_graphs_counts_only_while_graphs_are_replayed(gpu):
    class Step(gpu.sides.GraphedTrainStep):
        def __init__(self):
            self._recorder, self._steps = object(), {}

    step = Step()
    assert not gpu.sides.replays_graphs(step)
    step._steps = {3: SimpleNamespace(is_recorded=False), 4: SimpleNamespace(is_recorded=True)}
    assert gpu.sides.replays_graphs(step)
    step.close()  # as after a recording that has failed
    assert not gpu.sides.replays_graphs(step)
    assert not gpu.sides.replays_graphs(object())
