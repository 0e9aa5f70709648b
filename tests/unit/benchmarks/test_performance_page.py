"""The saved results of speed and memory, and the page rendered from them alone."""

import argparse
import json
from pathlib import Path

import pytest

SIDES = {
    "Python": {"bytes": 2048, "rows_per_second": 1001.4, "accuracy": 0.91, "entity_f1": None, "distance": "0.0e+00"},
    "8 bits": {"bytes": 1024, "rows_per_second": 2002.0, "accuracy": 0.905, "entity_f1": 0.8, "distance": "1.5e-03"},
}
RATES = {"requests_per_second": 1234.4, "texts_per_second": 2469, "errors": 0, "wrong": 7}
LOAD = {"clients": 16, "texts": 2, "p50": 1.5, "p95": 2, "p99": 30.24, **RATES}


@pytest.fixture
def performance(import_benchmark, tmp_path, monkeypatch):
    """benchmarks/performance.py, saving its results in an empty folder."""
    performance = import_benchmark("performance")
    monkeypatch.setattr(performance, "RESULTS", tmp_path / "performance.json")
    monkeypatch.setattr(performance, "PAGE", tmp_path / "performance.md")
    monkeypatch.setattr(performance, "LATEST", tmp_path / "latest")
    return performance


def test_the_recorded_command_names_no_folder_of_this_machine(performance, monkeypatch, tmp_path):
    words = ["--source", f"{tmp_path}/web/", "--model", "models/a b", "--only", "rnn", "--keep"]
    monkeypatch.setattr("sys.argv", ["/somewhere/benchmarks/train.py", *words])
    parser = argparse.ArgumentParser()
    for option in ("--source", "--model"):
        parser.add_argument(option, type=Path)
    parser.add_argument("--only")
    args = performance.parse_arguments(parser)
    assert args.keep
    assert args.command == "python benchmarks/train.py --source <source> --model 'models/a b' --only rnn"


def test_a_kept_result_has_medians_and_replaces_the_previous_one(performance, capsys):
    for rates in ([1.0, 2.0, 9.0], [3.0, 30.0, 10.0]):
        result = performance.compare("b", rates, [4.0, 1.0, 2.0], unit="rows/s", differences=7)
        performance.save(result, keep=True, command="the command")
    result = performance.compare("a", [1.0], [2.0], unit="rows/s", differences=0)
    performance.save(result, keep=True, command="another")
    saved = performance.read()
    assert [(row["benchmark"], row["ours"], row["yardstick"], row["ratio"]) for row in saved] == [
        ("a", 1.0, 2.0, 0.5),
        ("b", 10.0, 2.0, 5.0),
    ]
    printed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert printed[1:] == saved[::-1]
    assert set(printed[0]) >= {"benchmark", "ours", "yardstick", "ratio", "unit", "differences", "device"}
    assert performance.PAGE.read_text(encoding="utf-8") == performance.render(saved)


def test_a_result_that_is_not_kept_is_printed_and_written_to_a_file_of_its_own(performance, capsys, tmp_path):
    for rate in (1.0, 2.0):
        performance.save(performance.compare("b", [rate], [2.0], unit="rows/s"), keep=False, command="the command")
    (latest,) = (path for path in tmp_path.rglob("*") if path.is_file())
    assert latest == tmp_path / "latest" / "b.json"
    result = json.loads(latest.read_text(encoding="utf-8"))
    assert result == json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (result["ours"], result["command"]) == (2.0, "the command")


def test_the_page_shows_results_sections_and_commands(performance):
    points = [{"peak_mib": 200.0, "seconds": 1.0}, {"peak_mib": 210.0, "seconds": 40.0}]
    results = [
        {"benchmark": "export", "text": "How.", "models": [{"recipe": "news", "train_rows": 1234, "sides": SIDES}]},
        {
            **performance.compare("b", [3.0], [2.0], unit="rows/s", differences=7),
            "date": "2026-01-01",
            "command": "one",
        },
        {"benchmark": "memory", "text": "Text.", "rows": [100_000, 4_000_000], "stages": {"parse": points}},
        {
            "benchmark": "review_segmentation_profile",
            "of": "review_segmentation",
            "text": "Why.",
            "parts": [{"part": "chunks", "seconds": 1.5, "share": 0.25}],
        },
        {
            **performance.compare("run", [1.0], [4.0], unit="s"),
            "ours": 20.0,
            "yardstick": 80.0,
            "test_accuracy": {"ours": 0.861, "yardstick": 0.8525},
            "text": "Why so.",
        },
        {
            "benchmark": "prediction",
            "text": "How long.",
            "device": "2 cores",
            "answers": [
                {"model": "m", "cell": "rnn", "hidden_size": 8, "p50": 0.5, "p95": 1, "p99": 2, "texts_per_second": 2e4}
            ],
        },
        {"benchmark": "serving", "text": "How it bears.", "device": "2 cores", "model": "m", "loads": [LOAD]},
    ]
    page = performance.render([{"date": "2026-01-02", "command": "two", **row} for row in results])
    assert "| b | 3.0 | 2.0 | 1.5 | rows/s | 7 | " in page
    assert "## Exported models\n\nHow.\n" in page
    assert "| `news` | 1,234 | Python | 2 | 1,001 | 91.00% |  |  |\n" in page
    assert "| `news` | 1,234 | 8 bits | 1 | 2,002 | 90.50% | 80.00% | 1.5e-03 |\n" in page
    assert "| run | 20.0 | 80.0 | 0.25 | s |  | " in page
    assert "ours 86.10% after 20.0 s, the yardstick's 85.25% after 80.0 s. Why so." in page
    assert "| parse | 200 MiB, 1 s | 210 MiB, 40 s | 1.05 |" in page
    assert "| chunks | 1.50 | 25% |" in page
    assert "## Prediction\n\nHow long.\nDevice: 2 cores.\n" in page
    assert "| `m` | rnn | 8 | 0.50 ms | 1.00 ms | 2.00 ms | 20,000 |" in page
    assert "## Serving\n\nHow it bears.\nModel: `m`. Device: 2 cores.\n" in page
    assert "| 16 | 2 | 1.5 ms | 2.0 ms | 30.2 ms | 1,234 | 2,469 | 0 | 7 |" in page
    assert "* `b` (2026-01-01): `one`\n* `memory` (2026-01-02): `two`\n" in page
