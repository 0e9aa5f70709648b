"""The longest line, of files in any packing and encoding and of streams, and batches of long texts."""

import bz2
import gzip
import io
import re

import pytest

import textrnn.common.files.bounded_batches
import textrnn.common.files.lines
import textrnn.common.files.text_encoding
from textrnn.common.files.bounded_batches import bounded_batches, count_characters
from textrnn.common.files.lines import read_bytes, read_lines, read_start
from textrnn.errors import UserError
from textrnn.inference.prediction import text_sources
from textrnn.inference.prediction.text_sources import read_stream

PACKS = {"a.txt": bytes, "a.gz": gzip.compress, "a.bz2": bz2.compress}
LONGEST = 100


@pytest.fixture(autouse=True)
def _small_limits(monkeypatch):
    """A line has at most 100 bytes, and is read 30 at a time: a line within what is read at once is not measured."""
    monkeypatch.setattr(textrnn.common.files.text_encoding, "START_BYTES", 30)
    monkeypatch.setattr(textrnn.common.files.lines, "MAX_LINE_BYTES", LONGEST)
    monkeypatch.setattr(text_sources, "MAX_LINE_BYTES", LONGEST)
    monkeypatch.setattr(textrnn.common.files.lines, "CHUNK_BYTES", 30)


def too_long(where, line, start):
    return (
        rf"^{re.escape(f'{where}, line {line}: is longer than 100 bytes, the most that a line may have; got {start}')}"
    )


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("name", PACKS)
@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n", b"\nshort\n"])
def test_the_longest_line(name, end, workers, tmp_path, monkeypatch):
    monkeypatch.setenv("TEXTRNN_WORKERS", str(workers))
    path = tmp_path / name
    longest = b"x" * (LONGEST - end.startswith(b"\r"))
    path.write_bytes(PACKS[name](b"one\n" + longest + end))
    assert [line for _, line in read_lines(path)][:2] == [b"one", longest]
    path.write_bytes(PACKS[name](b"one\n" + longest + b"yy" + end))
    monkeypatch.setattr(textrnn.common.files.bzip2, "TEXT_BYTES", 30)
    reading = read_lines(path)
    assert next(reading) == (1, b"one")
    with pytest.raises(UserError, match=too_long(path, 2, "b'xxxxxxxxxxxxxxxxxxxx'…; correct the line ends of the")):
        next(reading)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32-be", "gb18030", "latin-1"])
def test_the_limit_is_that_of_the_line_in_utf_8(encoding, tmp_path):
    path = tmp_path / "a.txt.gz"
    path.write_bytes(gzip.compress(("é" * 50 + "\n" + "x" * 100 + "\nend").encode(encoding)))
    assert [len(line) for _, line in read_lines(path, encoding)] == [100, 100, 3]
    path.write_bytes(gzip.compress(("a\n" + "é" * 70 + "\n").encode(encoding)))
    with pytest.raises(UserError, match=too_long(path, 2, "b'" + r"\xc3\xa9" * 10)):
        list(read_lines(path, encoding))


def test_what_no_character_ends_is_not_kept_for_ever(tmp_path, monkeypatch):
    monkeypatch.setattr(textrnn.common.files.text_encoding, "MAX_PENDING_BYTES", 0)
    path = tmp_path / "a.txt"
    path.write_bytes(b"+" + b"A" * 5000)
    with pytest.raises(UserError, match=r"form no complete character in utf-7$"):
        list(read_lines(path, "utf-7"))


def test_a_file_without_newlines_is_still_told_what_it_lacks(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"a text\r" * 50)
    with pytest.raises(UserError, match="its lines end with a carriage return alone; convert it with `tr"):
        list(read_lines(tmp_path / "a.txt"))


def test_bytes_that_are_no_lines_have_no_limit(tmp_path):
    (tmp_path / "a.gz").write_bytes(gzip.compress(b"x" * 1000))
    assert b"".join(read_bytes(tmp_path / "a.gz")) == b"x" * 1000
    assert 50 <= len(read_start(tmp_path / "a.gz", 50)) < 1000


@pytest.mark.parametrize("piece", [1, 7, 40])
def test_a_stream_has_the_same_limit(piece, monkeypatch):
    monkeypatch.setattr(text_sources, "READ_BYTES", piece)
    longest = "x" * LONGEST
    assert [text for batch in read_stream(stream(f"one\n{longest}\n{longest}"), "stdin", 5) for text in batch] == [
        "one",
        longest,
        longest,
    ]
    with pytest.raises(UserError, match=too_long("stdin", 3, "b'")):
        list(read_stream(stream(f"one\ntwo\n{longest}y"), "stdin", 5))


def stream(text):
    return io.BufferedReader(io.BytesIO(text.encode()))


def test_batches_of_long_texts_are_smaller(monkeypatch):
    texts = ["ab", "c", "d" * 9, "", ["efg", "h"], ["ij"], "k", "l"]
    assert list(bounded_batches(texts, 3)) == [texts[:3], texts[3:6], texts[6:]]
    monkeypatch.setattr(textrnn.common.files.bounded_batches, "MAX_CHARACTERS", 5)
    assert list(bounded_batches(texts, 3)) == [texts[:3], texts[3:6], texts[6:]]
    assert list(bounded_batches(texts[2:], 3)) == [[texts[2]], texts[3:6], texts[6:]]
    assert list(bounded_batches([], 3)) == []
    assert [count_characters(text) for text in texts] == [2, 1, 9, 0, 4, 2, 1, 1]
