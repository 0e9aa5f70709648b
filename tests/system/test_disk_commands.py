"""The commands of `textrnn` on a disk that is full or closed to them: one line, and nothing half-written."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from factories.faults import limit, mode, under_permissions
from factories.imports import ROOT, SOURCE
from factories.tiny_models import classifier

pytestmark = pytest.mark.slow

TABLE = "text,label\n" + "".join(
    f"row {number} is {'good' if number % 2 else 'bad'},{number % 2}\n" for number in range(40)
)
LONG = "x" * 300


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a model, a table, params.yaml, and a folder that may not be written."""
    made = tmp_path_factory.mktemp("commands")
    classifier(made / "made", "chars right last_step").folder.rename(made / "model")
    (made / "rows.csv").write_text(TABLE, encoding="utf-8")
    (made / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    (made / "closed").mkdir()
    return made


def contents(folder: Path) -> dict[str, str]:
    files = {path: path.read_bytes() if path.is_file() else b"" for path in folder.rglob("*")}
    return {str(path.relative_to(folder)): hashlib.sha256(data).hexdigest() for path, data in files.items()}


def told(folder: Path, arguments: str, fault: Callable[[], None] | None = None) -> str:
    """The one line with which a command ends, all files as they were."""
    before = contents(folder)
    program = "from textrnn.cli import main; main()"
    done = subprocess.run(
        under_permissions([sys.executable, "-c", program, *arguments.split()]),
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(SOURCE), "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"},
        preexec_fn=fault,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1, done.stderr
    assert contents(folder) == before
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ")
    assert len(line) < 900
    return line


@pytest.mark.parametrize(
    ("arguments", "closed", "says"),
    [
        ("predict model a --output closed/out.jsonl", "closed", "closed/out.jsonl: cannot be written"),
        ("export model --format onnx --output closed/out.onnx", "closed", "closed/out.onnx: cannot be written"),
        ("init closed/project --file rows.csv", "closed", "closed/project: cannot be written"),
        (
            "add recipe mine --from news_rnn",
            ".",
            "params.yaml: permission denied; give this user permission to read and write it",
        ),
        ("predict model a", "model/config.json", "model/config.json: "),
        ("export model --format onnx", "model/model.safetensors", "model/model.safetensors: "),
        ("serve model --port 0", "model/model.safetensors", "model/model.safetensors: "),
        ("serve model --port 0", "model", "model"),
        ("check rows.csv", "rows.csv", "rows.csv: "),
        ("check", "params.yaml", "params.yaml: permission denied; give this user permission to read and write it"),
        ("predict model --file rows.csv", "rows.csv", "rows.csv: "),
        ("compare model model", "model", "model"),
    ],
)
def test_what_may_not_be_read_or_written_is_one_line(folder, arguments, closed, says):
    path = folder / closed
    if "--format onnx" in arguments:
        pytest.importorskip("onnx")
    with mode(path, 0o555 if closed in ("closed", ".") else 0):
        assert says in told(folder, arguments)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ("predict model a --output out.jsonl", "out.jsonl: cannot be written"),
        ("init project --file rows.csv", "project: cannot be written"),
        ("add recipe mine --from news_rnn", "params.yaml: file too large; raise the limit of the size of files"),
    ],
)
def test_a_full_disk_is_one_line(folder, arguments, says):
    assert says in told(folder, arguments, limit(size=0))


@pytest.mark.parametrize(
    "arguments",
    [
        f"predict model a --output {LONG}",
        f"predict {LONG} a",
        f"init {LONG} --file rows.csv",
        f"check {LONG}.csv",
        f"serve {LONG} --port 0",
        f"compare {LONG} {LONG}",
        "predict rows.csv a",
        "predict model a --output rows.csv/out",
        "init rows.csv/project --file rows.csv",
        "init project --file model",
    ],
)
def test_names_that_are_too_long_and_files_for_folders_are_one_line(folder, arguments):
    told(folder, arguments)
