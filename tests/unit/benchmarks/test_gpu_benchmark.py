"""benchmarks/gpu.py on the CPU: its rows, its rungs, its page; the tutorials' loop is a stub."""

import json
import sys

import pytest
import torch

from textrnn.errors import UserError
from textrnn.training.batching.buckets import Bucket

# the interface of the tutorials' loop in a few lines; the last two ids are the unknown token and padding
LOOP = """
import json, sys

def read_rows(path, limit):
    rows = [line.split("\\t") for line in path.read_text(encoding="utf-8").splitlines()]
    return [(title, int(label)) for title, label in rows[:limit]]

def build_vocab(rows):
    chars = sorted(set("".join(title for title, _ in rows)))
    return {char: index for index, char in enumerate([*chars, "<UNK>", "<PAD>"])}

def encode(rows, vocab, pad_size):
    padded = [([*title[:pad_size]] + ["<PAD>"] * pad_size)[:pad_size] for title, _ in rows]
    return [([vocab[char] for char in chars], label) for chars, (_, label) in zip(padded, rows)]

if __name__ == "__main__":
    print("a line before")
    print(json.dumps({"samples_per_second": 50.0, "arguments": sys.argv[1:]}))
"""
TITLES = ["ab", "cabba", "", "abcabcab", "b", "cc", "acb", "bbbb", "a", "ca"]


@pytest.fixture
def gpu(import_benchmark, tmp_path, monkeypatch):
    """benchmarks/gpu.py with a small case, corpus and yardstick in tmp_path."""
    gpu, sides = import_benchmark("gpu"), import_benchmark("gpu_sides")
    monkeypatch.setitem(gpu.CASES, "rnn_b64", sides.Case("rnn", True, 3, 6))
    monkeypatch.setattr(sides, "GRU_REPEATS", 1)
    monkeypatch.setattr(sides, "GRU_STEPS", 4)
    performance = import_benchmark("performance")
    for module, name, file in (
        (gpu, "LADDER", "gpu.md"),
        (performance, "PAGE", "performance.md"),
        (performance, "RESULTS", "performance.json"),
        (performance, "LATEST", "latest"),
    ):
        monkeypatch.setattr(module, name, tmp_path / file)
    (tmp_path / "thucnews").mkdir()
    lines = "".join(f"{title}\t{row % 10}\n" for row, title in enumerate(TITLES))
    (tmp_path / "thucnews" / "train.txt").write_text(lines, encoding="utf-8")
    (tmp_path / "headlines_loop.py").write_text(LOOP, encoding="utf-8")
    return gpu


def start(gpu, monkeypatch, tmp_path, *options):
    arguments = ["gpu.py", "--source", str(tmp_path), "--yardstick", str(tmp_path), *options]
    monkeypatch.setattr(sys, "argv", arguments)
    gpu.main()


def test_rows_are_the_yardsticks_with_padding_as_0(gpu, tmp_path):
    case = gpu.CASES["rnn_b64"]
    titles = gpu.read_rows(gpu.load(tmp_path, "headlines_loop"), tmp_path, case, 3)
    assert titles.vocabulary_size == 5  # a, b, c, unknown, padding
    assert titles.rows.ids.tolist()[:4] == [
        [1, 2, 0, 0, 0, 0],
        [3, 1, 2, 2, 1, 0],
        [0, 0, 0, 0, 0, 0],
        [1, 2, 3, 1, 2, 3],
    ]
    assert titles.rows.lengths.tolist() == [2, 5, 0, 6, 1, 2, 3, 4, 1]
    assert titles.rows.targets.tolist() == list(range(9))


def test_grouping_by_width_removes_padding_alone(gpu, import_benchmark):
    sides = import_benchmark("gpu_sides")
    lengths = torch.arange(40) % 12
    ids = (1 + torch.arange(12) + torch.arange(40)[:, None]).masked_fill(torch.arange(12) >= lengths[:, None], 0)
    found = sides.by_width(Bucket(torch.arange(40), ids, lengths, lengths))
    assert 1 < len(found) <= sides.WIDTHS
    assert sorted(row for bucket in found for row in bucket.row_numbers.tolist()) == list(range(40))
    for bucket in found:
        assert bucket.lengths.max() <= bucket.width < 12
        whole = torch.nn.functional.pad(bucket.ids, (0, 12 - bucket.width))
        assert torch.equal(whole, ids[bucket.row_numbers])


def test_every_rung_is_timed_and_without_keep_nothing_is_rendered(gpu, monkeypatch, tmp_path, capfd):
    options = ["--device", "cpu", "--batches", "3", "--repeats", "1", "--only", "rnn_b64"]
    start(gpu, monkeypatch, tmp_path, *options)
    result = json.loads(capfd.readouterr().out.splitlines()[-1])
    assert (result["benchmark"], result["yardstick"], result["device"]) == ("gpu_rnn_b64", 50.0, "CPU")
    assert list(result["rungs"]) == ["eager", "resident", "fused", "graphs", "bfloat16", "buckets"]
    assert result["ours"] == result["rungs"]["buckets"]["ours"] > 0
    assert all(rung["ratio"] == pytest.approx(rung["ours"] / 50, abs=0.01) for rung in result["rungs"].values())
    assert not list(tmp_path.glob("*.md")) + list(tmp_path.glob("performance.json"))


def test_the_yardstick_gets_the_options_of_the_case(gpu, monkeypatch, tmp_path):
    commands = []
    run = gpu.subprocess.run
    monkeypatch.setattr(gpu.subprocess, "run", lambda command, **more: commands.append(command) or run(command, **more))
    args = gpu.argparse.Namespace(source=tmp_path, yardstick=tmp_path, batches=7, device="cpu")
    assert gpu.yardstick_rate(args, gpu.CASES["rnn_b64"]) == 50.0
    words = " ".join(commands[0][2:])
    assert words.endswith("--cell rnn --batch-size 3 --pad-size 6 --batches 7 --warmup 10 --device cpu --bidirectional")
    (tmp_path / "headlines_loop.py").write_text("raise SystemExit(3)", encoding="utf-8")
    with pytest.raises(UserError, match=r"headlines_loop\.py.*: failed; see its message above"):
        gpu.yardstick_rate(args, gpu.CASES["rnn_b64"])


def test_the_grus_are_timed(gpu, monkeypatch, tmp_path, capfd):
    start(gpu, monkeypatch, tmp_path, "--device", "cpu", "--repeats", "1", "--only", "scratch_gru")
    result = json.loads(capfd.readouterr().out)
    assert result["benchmark"] == "gpu_scratch_gru"
    assert set(result["rungs"]) == {"eager", "graphs"}
    assert all(side["ours"] > 0 and side["yardstick"] > 0 for side in result["rungs"].values())


def test_results_of_a_cpu_are_not_kept(gpu, monkeypatch, tmp_path):
    with pytest.raises(UserError, match=r"^--keep: only results of a GPU are kept; got cpu; leave out --keep or "):
        start(gpu, monkeypatch, tmp_path, "--device", "cpu", "--keep")


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_without_a_gpu_nothing_is_measured(gpu, monkeypatch, tmp_path):
    with pytest.raises(
        UserError, match=r"^--device: this machine has no GPU; got cuda; run it on a machine with a GPU$"
    ):
        start(gpu, monkeypatch, tmp_path)


def test_a_missing_yardstick_is_named(gpu, tmp_path):
    with pytest.raises(UserError, match=r"nowhere/headlines_loop\.py: no such file; give --yardstick"):
        gpu.load(tmp_path / "nowhere", "headlines_loop")


def test_the_page_of_the_ladder(gpu):
    rungs = {rung: {"ours": 1000.0 * number, "ratio": number / 2} for number, rung in enumerate(gpu.RUNGS, start=1)}
    common = {"device": "a GPU", "date": "2026-01-01"}
    mode = {"ours": 9.0, "yardstick": 18.0, "ratio": 0.5}
    page = gpu.render_ladder(
        [
            {"benchmark": "gpu_rnn_b256", "yardstick": 2000.0, "rungs": rungs, **common},
            {"benchmark": "gpu_scratch_gru", "rungs": {"graphs": mode}, **common},
            {"benchmark": "another", "ours": 1.0, **common},
        ]
    )
    assert "| case | yardstick | eager | resident | fused | graphs | bfloat16 | buckets |\n|---|---|" in page
    assert "| rnn_b256 | 2,000 | 1,000 (0.50×) | 2,000 (1.00×) |" in page
    assert "| graphs | 9.0 | 18.0 | 0.5 |" in page
    assert "* `gpu_scratch_gru`, a GPU, 2026-01-01" in page
    assert "another" not in page
