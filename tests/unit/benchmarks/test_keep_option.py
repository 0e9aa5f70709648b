"""What all benchmarks have in common: they change no committed file unless asked to keep their results."""

import json
import runpy
import shutil
import subprocess
import sys

import pytest

from factories.imports import ROOT
from factories.tiny_models import han, make_tiny, texts
from textrnn.common.config.pad import Pad
from textrnn.common.config.segment import Segment

SIDES = ["--source", "nowhere", "--yardstick", "nowhere"]
ALTERED = {  # a script: its other arguments, and sizes that are not the default
    "export": (["nowhere"], ["--repeats", "1"]),
    "predict": (["nowhere"], ["--calls", "100", "--texts", "9"]),
    "prepare": (SIDES, ["--rows", "100", "--repeats", "1", "--sizes", "10"]),
    "serve": (["nowhere"], ["--requests", "9"]),
    "serve_beside": (["nowhere"], ["--requests", "9"]),
    "train": (SIDES, ["--repeats", "1"]),
}


@pytest.fixture
def checkout(tmp_path):
    """A git repository with the benchmarks and all files that they could change, and a function that runs git in it."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    for name in ("benchmarks", "docs"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in (".gitignore", "README.md", "README.zh-CN.md", "params.yaml", "dvc.lock"):
        shutil.copy(ROOT / name, folder)
    (folder / "src").symlink_to(ROOT / "src")

    def git(*arguments):
        command = ["git", "-c", "user.name=tests", "-c", "user.email=tests@localhost", *arguments]
        return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout

    git("init", "-q")
    git("add", "-A")
    git("commit", "-q", "-m", "as it stands")
    return folder, git


@pytest.mark.parametrize(
    ("words", "recorded"),
    [
        (["--source", "/data", "--keep"], "--source <source>"),
        (["--source=/data", "--repeats=3"], "--source=<source> --repeats=3"),
        (["models/m", "/models/n", "--calls", "9"], "models/m <folder> --calls 9"),
        (["--models", "/a", "/b", "--text", "two words"], "--models <models> <models> --text 'two words'"),
    ],
)
def test_a_recorded_command_names_no_folder_of_the_machine(import_benchmark, monkeypatch, words, recorded):
    monkeypatch.setattr(sys, "argv", ["/anywhere/predict.py", *words])
    command = import_benchmark("performance")._recorded_command(words)
    assert command == f"python benchmarks/predict.py {recorded}"


def test_a_benchmark_changes_no_committed_file(checkout, tmp_path):
    (folder, git), splits = checkout, {split: texts(han, 60, 14, 0) for split in ("train", "dev", "test")}
    segmentation = Segment("chars", (), None, 0.0, 1, None)
    model = make_tiny(tmp_path / "tiny", "classify", splits, segmentation, Pad(7, "right", None)).folder
    command = [sys.executable, "benchmarks/predict.py", str(model), "--calls", "100", "--texts", "64"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    result = json.loads(done.stdout)
    assert result["answers"][0]["texts_per_second"] > 0
    assert result["command"] == "python benchmarks/predict.py <folder> --calls 100 --texts 64"
    assert git("status", "--porcelain") == ""
    assert json.loads((folder / "build" / "benchmarks" / "prediction.json").read_text(encoding="utf-8")) == result


def test_with_keep_it_changes_the_saved_results_and_their_page(checkout, monkeypatch, import_benchmark, tmp_path):
    (folder, git), predict = checkout, import_benchmark("predict")
    answer = {"model": "m", "cell": "rnn", "hidden_size": 8, "p50": 1, "p95": 2, "p99": 3.5, "texts_per_second": 4321}
    monkeypatch.setattr(predict, "measure", lambda model, args: answer)
    monkeypatch.setattr(sys, "argv", ["benchmarks/predict.py", "models/m", "--keep"])
    monkeypatch.chdir(folder)
    predict.main()
    assert git("status", "--porcelain").splitlines() == [" M docs/performance.json", " M docs/performance.md"]
    page = (folder / "docs" / "performance.md").read_text(encoding="utf-8")
    assert "| `m` | rnn | 8 | 1.00 ms | 2.00 ms | 3.50 ms | 4,321 |" in page
    assert "): `python benchmarks/predict.py models/m`\n" in page  # `--keep` is not what was measured


def test_every_benchmark_with_sizes_is_listed_here():
    scripts = {path.stem for path in (ROOT / "benchmarks").glob("*.py") if "sizes=[" in path.read_text("utf-8")}
    assert scripts == set(ALTERED)


@pytest.mark.parametrize("script", ALTERED)
def test_results_of_another_size_are_not_kept(script, import_benchmark, monkeypatch, tmp_path, capsys):
    needed, altered = ALTERED[script]
    path = ROOT / "benchmarks" / f"{script}.py"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [str(path), *needed, *altered, "--keep"])
    with pytest.raises(SystemExit) as stopped:
        runpy.run_path(str(path), run_name="__main__")
    options = " ".join(word for word in altered if word.startswith("--"))
    what = "only results of the default sizes are kept"
    assert capsys.readouterr().err == f"error: --keep: {what}; got {options}; leave out one or the other\n"
    assert stopped.value.code == 1
    assert list(tmp_path.iterdir()) == []
