"""What tests share: where the real corpora are, and tiny raw files in the published formats."""

import bz2
import csv
import gzip
import importlib
import io
import os
import signal
import sys
from pathlib import Path

import pytest

# before torch is imported: on tensors as small as the tests', threads wait for each other more than they work
os.environ.setdefault("OMP_NUM_THREADS", "1")

# a shell's `&` has it ignored, and every process that a test starts and interrupts would inherit that
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

FILES = {
    "headlines": {"train": "train.txt", "dev": "dev.txt", "test": "test.txt", "classes": "class.txt"},
    "names": {"train": "train.csv.gz", "dev": "dev.csv.gz", "test": "test.csv.gz"},
    "bio": {"train": "train_bio.txt", "dev": "dev_bio.txt", "test": "test_bio.txt"},
    "fasttext": {"train": "train.ft.txt.bz2", "dev": "dev.ft.txt.bz2", "test": "test.ft.txt.bz2"},
}


@pytest.fixture(scope="session")
def real_data():
    """The folder of the real corpora, for tests marked `real`; they are skipped where it is absent."""
    beside = Path(__file__).resolve().parent.parent.parent / "shared" / "data"
    folder = Path(os.environ.get("TEXTRNN_DATA", beside))
    if not folder.is_dir():
        pytest.skip("no real corpora: set TEXTRNN_DATA to their folder")
    return folder


def published(format, rows):
    """Rows, pairs of (text or tokens, label or tags), as the text of a file in their published format."""
    if format == "names":
        text = io.StringIO()
        csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(rows)
        return text.getvalue()
    if format == "bio":
        return "".join("".join(f"{a}\t{b}\n" for a, b in zip(*row, strict=True)) + "\n" for row in rows)
    line = {"headlines": "{0}\t{1}\n", "fasttext": "{1} {0}\n"}[format]
    return "".join(line.format(*row) for row in rows)


def importer(monkeypatch, folder):
    """A function of a name: that module of a folder of scripts, with the `checkout` of its own folder."""
    monkeypatch.syspath_prepend(str(Path(__file__).resolve().parent.parent / folder))
    monkeypatch.delitem(sys.modules, "checkout", raising=False)
    return importlib.import_module


@pytest.fixture
def import_benchmark(monkeypatch):
    return importer(monkeypatch, "benchmarks")


@pytest.fixture
def import_stage(monkeypatch):
    return importer(monkeypatch, "pipeline")


@pytest.fixture(scope="session")
def write_raw():
    """A function of a path and its content, text or bytes: writes it compressed as its suffix says."""

    def write(path, content):
        content = content.encode() if isinstance(content, str) else content
        pack = {".gz": gzip.compress, ".bz2": bz2.compress}.get(path.suffix, bytes)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(pack(content))
        return path

    return write


@pytest.fixture(scope="session")
def write_published(write_raw):
    """A function of a path, a format and rows: writes them as they are published."""
    return lambda path, format, rows: write_raw(path, published(format, rows))


@pytest.fixture(scope="session")
def write_corpus(write_raw, write_published):
    """A function of a folder, a format and rows by role (`classes`: names): writes the files, returns their names."""

    def write(folder, format, **roles):
        files = {role: FILES[format][role] for role in roles}
        for role, rows in roles.items():
            if role == "classes":
                write_raw(folder / files[role], "".join(f"{name}\n" for name in rows))
            else:
                write_published(folder / files[role], format, rows)
        return files

    return write
