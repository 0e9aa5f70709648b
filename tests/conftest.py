"""The fixtures of tests in several folders: the real corpora, raw files, scripts as modules, the command `textrnn`."""

import bz2
import gzip
import importlib
import io
import json
import os
import signal
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from factories.imports import ROOT
from factories.published_files import FILES, published
from textrnn.cli import main

# before torch is imported: on tensors as small as the tests', threads wait for each other more than they work
os.environ.setdefault("OMP_NUM_THREADS", "1")

# a shell's `&` has it ignored, and every process that a test starts and interrupts would inherit that
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


# what takes longest begins first, so that at the end workers have little to wait for each other; see `shared_scope`
LONGEST_FIRST = (
    "pipeline/test_whole_graph.py",
    "pipeline/test_real_corpora.py",
    "pipeline/test_run_command.py",
    "pipeline/one_recipe",
    "pipeline/test_training_resume.py",
    "pipeline/test_experiments_page.py",
    "pipeline/test_study_slow.py",
    "pipeline/test_experiments.py",
    "tests/unit/common/params/test_check.py::test_no_value_anywhere_is_a_traceback",
    "pipeline/",
    "tests/exhaustive/test_nltk_words_exhaustive.py::test_all_real_texts[imdb",
    "tests/exhaustive/test_jieba_words_exhaustive.py",
    "pipeline",
    "system",
    "contract",
    "",
)


def shared_scope(nodeid):
    """What one worker runs as a whole: an exhaustive test, else all tests of a file, or of a folder below pipeline etc.

    Files share fixtures that take seconds; files in a folder of their own share them with each other.
    """
    file = nodeid.split("::")[0]
    _, folder, *inner = file.split("/")
    return {"unit": file, "exhaustive": nodeid}.get(folder, f"{folder}/{inner[0]}")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    def rank(item):
        scope = shared_scope(item.nodeid)
        return next(place for place, start in enumerate(LONGEST_FIRST) if scope.startswith(start))

    items.sort(key=rank)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    from xdist.scheduler import LoadScopeScheduling

    class Scheduling(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            return shared_scope(nodeid)

    config.option.loadscopereorder = False  # they are in order
    return Scheduling(config, log)


@pytest.fixture(scope="session")
def real_data():
    """The folder of the real corpora, for tests marked `real`; they are skipped where it is absent."""
    beside = ROOT.parent / "shared" / "data"
    folder = Path(os.environ.get("TEXTRNN_DATA", beside))
    if not folder.is_dir():
        pytest.skip("no real corpora: set TEXTRNN_DATA to their folder")
    return folder


def importer(monkeypatch, folder):
    """A function of a name: that module of a folder of scripts, with the `checkout` of its own folder."""
    monkeypatch.syspath_prepend(str(ROOT / folder))
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


@pytest.fixture
def run_command(monkeypatch, capsysbinary):
    """A function of arguments and standard input that returns the exit code, the printed JSON rows, and stderr."""

    def command(*arguments, stdin=b""):
        monkeypatch.setattr(sys, "argv", ["textrnn", *map(str, arguments)])
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BufferedReader(io.BytesIO(stdin))))
        code = 0
        try:
            main()
        except SystemExit as stop:
            code = stop.code
        out, message = capsysbinary.readouterr()
        rows = [json.loads(line) for line in out.decode().split("\n")[:-1]] if out.startswith(b"{") else out.decode()
        return code, rows, message.decode()

    return command


@pytest.fixture
def english(real_data, monkeypatch):
    """nltk's published English sentence model, which nltk.word_tokenize reads as well."""
    folder = real_data / "nltk_data"
    if not folder.is_dir():
        pytest.skip("needs nltk_data in the folder of real data")
    import nltk

    from textrnn.preparation.segmentation.punkt import load_punkt

    monkeypatch.setattr(nltk.data, "path", [str(folder)])
    nltk.tokenize._get_punkt_tokenizer.cache_clear()
    yield load_punkt(folder / "tokenizers" / "punkt_tab" / "english")
    nltk.tokenize._get_punkt_tokenizer.cache_clear()
