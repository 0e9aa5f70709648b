import contextlib
import sys
from dataclasses import replace
from functools import partial

import pytest

import textrnn.common.storage.resumable
import textrnn.common.storage.shards
import textrnn.preparation.parsing.staging
from factories.settings import parse_settings
from textrnn.common.config.parse import HoldOut, Table
from textrnn.preparation.parsing.formats import FORMATS
from textrnn.preparation.parsing.parse import parse
from textrnn.preparation.parsing.staging import FileCounts, _update_bar, stage_file

LENIENT = {"dev": HoldOut("train", 0.3, 1), "max_rejects": 10**6}
TEXTS = parse_settings("fasttext", classes={"__label__1": "a", "__label__2": "b"}, **LENIENT)
TAGS = parse_settings("bio", **LENIENT)
# of 37 rows every fifth and the last two have an unknown label
TEXT_ROWS = [(f"text {at % 11}", f"__label__{3 if at % 5 == 4 or at > 34 else 1 + at % 2}") for at in range(37)]
TABLE = parse_settings("table", table=Table(text="text", label="label", group="author"), **LENIENT)
TABLE_ROWS = [(f"text {at}\nand more", "" if at % 5 == 4 else f"{at % 2}", f"author {at % 7}") for at in range(37)]
TAG_ROWS = [("ab", ["O", ("B-X", "B-Y", "E-X", "I-Y")[at % 4]]) for at in range(30)]


class Stopped(Exception):  # noqa: N818
    """Stands for the interruption of a run."""


@pytest.fixture(autouse=True)
def _small_shards(monkeypatch):
    for module in (textrnn.common.storage.shards, textrnn.preparation.parsing.staging):
        monkeypatch.setattr(module, "ROWS_PER_BATCH", 2)
        monkeypatch.setattr(module, "ROWS_PER_SHARD", 4)


def bytes_of(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def stop_after(monkeypatch, markers):
    """Let that many markers be written, and raise Stopped instead of writing the next one."""
    mark_finished, remaining = textrnn.common.storage.markers.mark_finished, [markers]

    def mark_or_stop(*args):
        remaining[0] -= 1
        if remaining[0] < 0:
            raise Stopped
        return mark_finished(*args)

    monkeypatch.setattr(textrnn.preparation.parsing.staging, "mark_finished", mark_or_stop)


@pytest.mark.parametrize("limit", [None, 22, 28])
@pytest.mark.parametrize(
    ("corpus", "rows"),
    [(TEXTS, TEXT_ROWS), (TAGS, TAG_ROWS), (TABLE, TABLE_ROWS)],
    ids=["texts", "tags", "table with groups and blank lines"],
)
def test_a_run_resumes_wherever_it_was_stopped(tmp_path, monkeypatch, write_corpus, corpus, rows, limit):
    files = write_corpus(tmp_path, corpus.format, train=rows, test=rows[:9])
    corpus = replace(corpus, files=files, rows={"train": limit})

    def run(out):
        out.mkdir(exist_ok=True)
        return parse(tmp_path, corpus, limit=8, out=out)

    whole = run(tmp_path / "whole")
    assert whole["files"]["train"]["read"] == min(limit or 99, len(rows))
    shards = 0
    while True:
        out = tmp_path / f"stopped{shards}"
        with monkeypatch.context() as patch, contextlib.suppress(Stopped):
            stop_after(patch, shards)
            assert run(out) == whole
            break
        finished = [
            file
            for name in textrnn.common.storage.markers.finished_shards(out)
            for file in textrnn.common.storage.markers.read_result(out, name)["files"]
        ]
        assert len(finished) == shards
        written = []
        with monkeypatch.context() as patch:
            patch.setattr(textrnn.preparation.parsing.staging, "ShardWriter", spy(written))
            assert run(out) == whole
        assert len(written) > 0
        assert not {f"staging/{name}" for name in written} & set(finished)
        assert bytes_of(out) == bytes_of(tmp_path / "whole")
        shards += 1
    assert shards > 6


def spy(written):
    """A ShardWriter that records the names of the files it opens."""

    class Spy(textrnn.common.storage.shards.ShardWriter):
        def _open(self):
            super()._open()
            written.append(self._path.name)

    return Spy


def test_markers_record_the_position_in_the_file_and_the_counts(tmp_path, write_corpus):
    (tmp_path / "staging").mkdir()
    path = tmp_path / write_corpus(tmp_path, "fasttext", train=TEXT_ROWS)["train"]
    rows_of = partial(FORMATS["fasttext"].read, settings=TEXTS)

    def stage():
        ids = {"__label__1": 0, "__label__2": 1}
        return stage_file(path, "train", rows_of(path), limit=None, task="classify", label_ids=ids, out=tmp_path)

    shards, count = stage()
    first = [f"line {line}: a label that is not one of the 2 classes; got '__label__3'" for line in (5, 10, 15)]
    assert count == FileCounts(37, 28, 0, {"a label that is not one of the 2 classes": 9}, first)
    # the last shard is empty: all rows after the one before it are rejected
    assert [shard.rows for shard in shards] == [4, 4, 4, 4, 4, 4, 4, 0]
    markers = [textrnn.common.storage.markers.read_result(tmp_path, f"staging-train-{at:05d}") for at in range(1, 9)]
    assert [marker["count"]["read"] for marker in markers] == [4, 9, 14, 19, 24, 29, 34, 37]
    assert [marker["count"]["kept"] for marker in markers] == [4, 8, 12, 16, 20, 24, 28, 28]
    assert [marker["ended"] for marker in markers] == [False] * 7 + [True]
    path.unlink()  # everything is staged: the file is not opened again
    assert stage() == (shards, count)


def test_shards_after_a_damaged_one_are_staged_again(tmp_path, write_corpus):
    (tmp_path / "staging").mkdir()
    path = tmp_path / write_corpus(tmp_path, "fasttext", train=TEXT_ROWS)["train"]
    rows_of = partial(FORMATS["fasttext"].read, settings=TEXTS)

    def stage():
        ids = {"__label__1": 0, "__label__2": 1}
        return stage_file(path, "train", rows_of(path), limit=20, task="classify", label_ids=ids, out=tmp_path)

    first = stage()
    before = bytes_of(tmp_path / "staging")
    (tmp_path / "staging" / "train-00001.arrow").write_bytes(b"")
    assert stage() == first
    assert bytes_of(tmp_path / "staging") == before


class Bar:
    n = 0
    total = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def update(self, rows):
        self.n += rows


@pytest.mark.parametrize(("limit", "totals"), [(None, [1000, 800, 800]), (900, [900, 800, 800])])
def test_the_total_of_the_bar_is_estimated_from_the_fraction_read(monkeypatch, tmp_path, limit, totals):
    fractions = iter([0.1, 0.25, 0.0])  # 0.0 is the fraction of a file that is not being read
    monkeypatch.setattr(textrnn.preparation.parsing.staging, "fraction_read", lambda path: next(fractions))
    bar, seen = Bar(), []
    with _update_bar(bar, tmp_path, limit) as advance:
        for _ in range(3):
            advance(100)
            seen.append(bar.total)
    assert (seen, bar.n) == (totals, 300)


def test_progress_bars_on_a_terminal(monkeypatch, capsys, tmp_path, write_corpus):
    files = write_corpus(tmp_path, "fasttext", train=TEXT_ROWS, test=TEXT_ROWS[:9])
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TQDM_MININTERVAL", "0")
    parse(tmp_path, replace(TEXTS, files=files), limit=None, out=(tmp_path / "o").mkdir() or tmp_path / "o")
    error_output = capsys.readouterr().err
    assert "train.ft.txt.bz2: " in error_output
    assert "split train: " in error_output
    assert " rows/s]" in error_output


def test_no_progress_bars_elsewhere(capsys, tmp_path, write_corpus):
    files = write_corpus(tmp_path, "fasttext", train=TEXT_ROWS, test=TEXT_ROWS[:9])
    (tmp_path / "out").mkdir()
    parse(tmp_path, replace(TEXTS, files=files), limit=None, out=tmp_path / "out")
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(("corpus", "rows"), [(TEXTS, TEXT_ROWS), (TABLE, TABLE_ROWS), (TAGS, TAG_ROWS)])
def test_long_rows_are_staged_in_smaller_batches_with_the_same_result(
    tmp_path, monkeypatch, write_corpus, corpus, rows
):
    corpus = replace(corpus, files=write_corpus(tmp_path, corpus.format, train=rows, test=rows[:9]))
    written = []
    real = textrnn.common.storage.shards.ShardWriter.write
    write = lambda writer, batch: written.append(batch.num_rows) or real(writer, batch)  # noqa: E731
    monkeypatch.setattr(textrnn.common.storage.shards.ShardWriter, "write", write)
    for characters in (1 << 26, 2):
        monkeypatch.setattr(textrnn.preparation.parsing.staging, "MAX_CHARACTERS", characters)
        (tmp_path / str(characters)).mkdir()
        written.append(parse(tmp_path, corpus, limit=None, out=tmp_path / str(characters)))
    assert bytes_of(tmp_path / "2") == bytes_of(tmp_path / str(1 << 26))
    first, second = (at for at, value in enumerate(written) if isinstance(value, dict))
    assert written[first] == written[second]
    assert second - first > first + 9  # batches of fewer rows are more of them
