"""A file of results of benchmarks/gpu.py in docs/performance.json, and the pages rendered from it."""

import json
import sys

import pytest

from factories.imports import ROOT
from textrnn.errors import UserError

OLD, NEW = "2026-01-01T09:00:00+00:00", "2026-01-02T09:00:00+00:00"
RUN = {
    "graphed": True,
    "epochs": 7.0,
    "setup_seconds": 1.5,
    "rows_per_second": 123456.7,
    "dev_accuracy": 0.9,
    "test_accuracy": 0.911,
}


def line(part, result, *, run=NEW, device="A GPU", small=False, **values):
    return {"run": run, "part": part, "device": device, "small": small, "result": result, **values}


def training(seconds, recipe="news_rnn", batch_size=64, *, again=False, stopped_by=None, **values):
    named = {"recipe": recipe, "batch_size": batch_size, "again": again, "stopped_by": stopped_by, "seconds": seconds}
    return line("trainings", "training", **named, **RUN, **values)


def rates(case, number, theirs, **ours):
    known = {"yardstick": theirs, **ours} if theirs else ours
    return line("ladder", "ladder", case=case, round=number, batches=160, rates=known, reasons={"float16": "refused"})


LINES = [
    line("probe", "versions", run=OLD, torch="2.5"),  # a later run of the part takes its place
    line(
        "tests", "tests", run=OLD, passed=9, failed=1, error=0, skipped=0, ended="exit code 1", wrong=["t"], output="x"
    ),
    line("probe", "versions", torch="2.11", cuda="13.0", cudnn=91000, python="3.12.1"),
    line("probe", "embedding_gradient", table="ours", reads=1024, error=2.4e-07, repeats=20, other_bytes=0),
    line("probe", "cell", cell="lstm", precision="bfloat16", refused="train.precision: no\n| bfloat16"),
    line("probe", "end", outcome="done", seconds=31.5),
    training(7.25),
    training(2.5, batch_size=1024),
    training(1.5, batch_size=1024, again=True),
    training(20.0, "news_bilstm", 128, seconds_to_target=3.5, target=0.911, points=[]),
    line("amazon", "steps", precision="float32", batch_size=400, two_epochs_seconds=310.5, graphed=True),
    line("amazon", "steps", precision="tf32", batch_size=400, exception="RuntimeError: out of memory"),
    line(
        "profile",
        "profile",
        case="rnn_b64",
        graphed=True,
        step_milliseconds=0.25,
        kernel_milliseconds=0.2,
        kernels=120.0,
        parts=[{"part": "gemm", "seconds": 0.001, "share": 0.5}],
    ),
    line("profile", "end", outcome="over its time", seconds=30.0, exit_code=None, text="slow"),
    rates("rnn_b64", 0, 100.0, eager=150.0, fused=400.0),
    rates("rnn_b64", 1, 120.0, eager=170.0, fused=300.0),
    rates("rnn_b64", 2, 110.0, eager=160.0),
    rates("rnn_b64", 3, None, eager=1e9),  # without the yardstick there is nothing to compare with
    rates("rnn_b256", 0, None, eager=1e9),
    line("ladder", "ladder", case="rnn_b1024", round=0, batches=160, exception="OSError: gone"),
    line("ladder", "ladder", case="scratch_gru", round=0, scratch=1.0, cudnn=2.0, scratch_graph=9.0, cudnn_graph=18.0),
]


@pytest.fixture
def results(import_benchmark, tmp_path, monkeypatch):
    """benchmarks/gpu_results.py, which saves and renders in tmp_path."""
    performance, page = import_benchmark("performance"), import_benchmark("gpu_page")
    for module, name, file in (
        (page, "PAGE", "gpu.md"),
        (performance, "PAGE", "performance.md"),
        (performance, "RESULTS", "performance.json"),
        (performance, "LATEST", "latest"),
    ):
        monkeypatch.setattr(module, name, tmp_path / file)
    return import_benchmark("gpu_results")


def write(tmp_path, lines):
    path = tmp_path / "lines"
    path.write_text("".join(json.dumps(each) + "\n" for each in lines), encoding="utf-8")
    return path


def keep(import_benchmark, results, monkeypatch, tmp_path, lines):
    """Keep the lines with the command that the page gives; return what is then saved, and both pages."""
    monkeypatch.setattr(sys, "argv", ["gpu.py", "keep", str(write(tmp_path, lines))])
    import_benchmark("gpu").main()
    saved = {row["benchmark"]: row for row in json.loads((tmp_path / "performance.json").read_text(encoding="utf-8"))}
    return saved, *((tmp_path / name).read_text(encoding="utf-8") for name in ("gpu.md", "performance.md"))


def test_the_goals_are_compared_with_what_was_measured(import_benchmark, results, monkeypatch, tmp_path):
    saved, page, performance = keep(import_benchmark, results, monkeypatch, tmp_path, LINES)
    assert [goal["measured"] for goal in saved["gpu"]["goals"]] == [7.25, 2.5, 3.5, 310.5, None]
    for text in (page, performance):
        assert "| RNN, 7 epochs of 180,000 headlines, batch 64 | 15 s | 7.2 s | met |" in text
        assert "| RNN, 7 epochs of 180,000 headlines, batch 1024 | 2 s | 2.5 s | missed |" in text
        assert "| BiLSTM, to 91.1% on test | 10 s | 3.5 s | met |" in text
        assert "float32 | 300 s | 310.5 s | missed |" in text
        assert "TF32 | 300 s |  |  |" in text
    assert "Device: A GPU." in performance
    assert "A GPU, 2026-01-02." in page


def test_a_run_that_was_cut_short_reaches_no_goal(results):
    (_, goal, *_) = results.summarize([training(1.0, batch_size=1024, stopped_by="time_limit")])[0]["goals"]
    assert goal["measured"] is None


def test_each_rung_has_the_median_of_its_rounds(import_benchmark, results, monkeypatch, tmp_path):
    saved, page, performance = keep(import_benchmark, results, monkeypatch, tmp_path, LINES)
    case = saved["gpu_rnn_b64"]
    assert (case["yardstick"], case["ours"], case["ratio"], case["rung"], case["repeats"]) == (
        110,
        350,
        3.18,
        "fused",
        3,
    )
    assert case["rungs"] == {"eager": {"ours": 160, "ratio": 1.45}, "fused": {"ours": 350, "ratio": 3.18}}
    assert (case["device"], case["date"], case["differences"]) == ("A GPU", "2026-01-02", "none counted")
    assert "| rnn_b64 | 110 | 160 (1.45×) |  | 350 (3.18×) |  |  |  |  | 3 |" in page
    assert (
        "| case | yardstick | eager | resident | fused | graphs | buckets | tf32 | float16 | rounds |\n|---|---|"
        in page
    )
    assert "gpu_rnn_b256" not in saved
    assert "gpu_rnn_b1024" not in saved
    assert saved["gpu_scratch_gru"]["rungs"]["graphs"] == {"ours": 9.0, "yardstick": 18.0, "ratio": 0.5}
    assert "| graphs | 9.0 | 18.0 | 0.5 |" in page
    assert "| gpu_rnn_b64 | 350.0 | 110.0 | 3.18 | samples/s | none counted | A GPU |" in performance
    assert "* `gpu` (2026-01-02): `python benchmarks/gpu.py build/gpu`" in performance


def test_the_page_has_all_that_was_measured_by_the_latest_run_of_each_part(
    import_benchmark, results, monkeypatch, tmp_path
):
    saved, page, performance = keep(import_benchmark, results, monkeypatch, tmp_path, LINES)
    assert "2.11" in page
    assert "2.5 |" not in page.partition("## Versions")[2].partition("##")[0]
    assert "| 9 | 1 | 0 | 0 | exit code 1 | `t` |  |" in page  # from the earlier run: the later one had no tests
    assert "| ours | 1024 | 2.4e-07 | 0 |  |" in page
    assert "| lstm | bfloat16 |  |  |  |  |  |  | refused: train.precision: no \\| bfloat16 |" in page
    assert "| tf32 |  |  |  |  |  | exception: RuntimeError: out of memory |" in page
    assert "| news_rnn | 64 | no | yes | 7 | 7.25 | 1.5 | 123,457 | 90.00% | 91.10% |  |  |  |" in page
    assert "| `profile` | over its time | 30 | text: slow |" in page
    assert saved["gpu_rnn_b64_profile"]["of"] == "gpu_rnn_b64"
    assert "| gemm | 0.00 | 50% |" in performance
    assert "takes 0.25 ms by the clock; its 120 kernels" in performance


def test_what_was_saved_before_stays(import_benchmark, results, monkeypatch, tmp_path):
    others = [{"benchmark": name, "command": "c", "date": "2025-01-01"} for name in ("gpu_rnn_b256", "serving")]
    (tmp_path / "performance.json").write_text(json.dumps(others), encoding="utf-8")
    saved, *_ = keep(import_benchmark, results, monkeypatch, tmp_path, [training(7.25)])
    assert sorted(saved) == ["gpu", "gpu_rnn_b256", "serving"]
    assert saved["serving"] == others[1]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([training(1.0), line("probe", "end", device="CPU")], r"has results of a CPU; only those of a GPU are kept"),
        ([training(1.0), line("probe", "end", small=True)], r"has results of --small; only those of whole runs"),
        ([], r"has no results"),
        ([{"benchmark": "train"}], r"line 1: is not a result of benchmarks/gpu\.py; got \{\"benchmark"),
    ],
)
def test_other_results_are_refused(results, tmp_path, lines, message):
    with pytest.raises(UserError, match=message):
        results.keep_results(write(tmp_path, lines))
    assert not list(tmp_path.glob("performance.*")) + list(tmp_path.glob("*.md"))


def test_what_is_no_file_of_results_is_refused(results, tmp_path):
    with pytest.raises(UserError, match=r"lines: no such file; give the results file"):
        results.keep_results(tmp_path / "lines")
    (tmp_path / "lines").write_text("{\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"lines, line 1: is not JSON; got \{"):
        results.keep_results(tmp_path / "lines")


def test_a_line_appears_as_soon_as_it_is_known_and_errors_take_its_place(import_benchmark, tmp_path, capsys):
    recorder = import_benchmark("gpu_record").Recorder(tmp_path / "new" / "lines", {"part": "probe"})
    recorder.add("a", value=1.23456789, lost=float("nan"), several=[float("inf"), 2])
    assert len((tmp_path / "new" / "lines").read_text(encoding="utf-8").splitlines()) == 1
    with recorder.attempt("b", cell="rnn") as found:
        found["cell"] = "gru"
    for error in (UserError("train.precision", "no"), KeyError("tf32")):
        with recorder.attempt("c") as found:
            found["value"] = 1
            raise error
    with pytest.raises(KeyboardInterrupt), recorder.attempt("d"):
        raise KeyboardInterrupt
    lines = [json.loads(text) for text in capsys.readouterr().out.splitlines()]
    assert lines == [
        {"part": "probe", "result": "a", "value": 1.23457, "lost": "nan", "several": ["inf", 2]},
        {"part": "probe", "result": "b", "cell": "gru"},
        {"part": "probe", "result": "c", "refused": "train.precision: no"},
        {"part": "probe", "result": "c", "exception": "KeyError: 'tf32'"},
    ]


def test_the_page_of_the_repository_is_rendered_from_the_committed_results(import_benchmark, monkeypatch):
    monkeypatch.setattr(import_benchmark("performance"), "RESULTS", ROOT / "docs" / "performance.json")
    page = import_benchmark("gpu_page")
    assert (ROOT / "docs" / "gpu.md").read_text(encoding="utf-8") == page.render(page.read())


def test_without_results_the_page_says_so(import_benchmark):
    page = import_benchmark("gpu_page").render([])
    assert "The script has not been run on a GPU yet, so there are no results.\n" in page
    assert "* RNN, 7 epochs of 180,000 headlines, batch 1024: at most 2 s\n" in page
    assert "| `tests` | 130 s | tests/system/test_gpu.py" in page
