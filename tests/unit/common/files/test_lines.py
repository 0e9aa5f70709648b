"""Lines of plain, gz and bz2 files: threads change neither the lines nor the errors."""

import bz2
import gzip
import os
import random
import re

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import textrnn.common.files.bzip2
import textrnn.common.files.lines
from textrnn.common.files.bzip2 import MalformedStream, read_blocks
from textrnn.common.files.lines import fraction_read, read_lines
from textrnn.common.files.text_encoding import BINARY
from textrnn.errors import UserError

RANDOM = random.Random(1)
WORDS = [RANDOM.randbytes(RANDOM.randint(1, 9)).replace(b"\n", b"") for _ in range(500)]
LINES = [b" ".join(RANDOM.choices(WORDS, k=RANDOM.randint(0, 60))) for _ in range(2500)]
TEXT = b"\n".join(LINES)  # some 350 kB: four blocks at level 1
PACKED = bz2.compress(TEXT, 1)
SMALL = bz2.compress(b"c\nd\n")


def outcome(path, monkeypatch, workers):
    """All lines, or the message of the error."""
    monkeypatch.setenv("TEXTRNN_WORKERS", str(workers))
    try:
        return list(read_lines(path))
    except UserError as error:
        return str(error)


def blocks(path, threads=3):
    with path.open("rb") as file:
        return list(read_blocks(file.fileno(), threads))


@pytest.mark.parametrize("workers", [1, 2, 5])
@pytest.mark.parametrize("name", ["a.bz2", "a.gz", "a.txt"])
def test_lines_and_their_numbers(tmp_path, monkeypatch, name, workers):
    pack = {".bz2": lambda text: bz2.compress(text, 1), ".gz": gzip.compress, ".txt": bytes}[name[1:]]
    (tmp_path / name).write_bytes(pack(TEXT))
    expected = [(at, line.removesuffix(b"\r")) for at, line in enumerate(LINES, start=1)]
    assert outcome(tmp_path / name, monkeypatch, workers) == expected


lines = st.lists(st.binary(max_size=12).map(lambda line: line.replace(b"\n", b"\r")), min_size=1, max_size=20)


@settings(max_examples=100, deadline=None)
@given(lines, st.integers(1, 9), st.booleans())
def test_lines_across_chunks(tmp_path_factory, given_lines, chunk_bytes, has_bom):
    text = b"\xef\xbb\xbf" * has_bom + b"\n".join(given_lines)
    assume(not text.startswith(tuple(BINARY)))
    path = tmp_path_factory.mktemp("lines") / "a.txt"
    path.write_bytes(text)
    marks = re.compile(rb"^(\xef\xbb\xbf(?![\t ]))+", re.MULTILINE)
    text = text.removeprefix(b"\xef\xbb\xbf")
    expected = [marks.sub(b"", line) for line in text.split(b"\n")]
    if not text.split(b"\n")[-1]:
        expected.pop()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(textrnn.common.files.lines, "CHUNK_BYTES", chunk_bytes)
        if not text:
            with pytest.raises(UserError, match="the file is empty"):
                list(read_lines(path))
        elif len(expected) == 1 and b"\r" in expected[0].removesuffix(b"\r"):
            with pytest.raises(UserError, match="its lines end with a carriage return alone"):
                list(read_lines(path))
        else:
            assert [line for _, line in read_lines(path)] == [line.removesuffix(b"\r") for line in expected]


def test_blocks_are_decoded_one_by_one(tmp_path):
    path = tmp_path / "a.bz2"
    path.write_bytes(PACKED + bz2.compress(TEXT, 9))
    pieces = blocks(path)
    assert b"".join(text for text, _ in pieces) == TEXT * 2
    assert [len(text) // 10_000 for text, _ in pieces] == [9, 9, 9, 9, 5, 45]
    ends = [end for _, end in pieces]
    assert ends == sorted(ends)
    assert len(PACKED) < ends[-1] < path.stat().st_size


@pytest.mark.parametrize("window", [1, 5, 11, 64, 4096])
def test_markers_across_windows(tmp_path, monkeypatch, window):
    path = tmp_path / "a.bz2"
    path.write_bytes((b"".join(bz2.compress(b"%d" % at * at, 1) for at in range(40)) + PACKED)[: 6000 + len(SMALL)])
    monkeypatch.setattr(textrnn.common.files.bzip2, "WINDOW", window)
    with path.open("rb") as file:
        marks = list(textrnn.common.files.bzip2._find_markers(file.fileno()))
    bits = int.from_bytes(path.read_bytes(), "big")
    length = path.stat().st_size * 8
    low = (1 << 48) - 1
    at_bits = ((at, bits >> (length - at - 48) & low) for at in range(length - 47))
    kinds = {textrnn.common.files.bzip2.BLOCK: False, textrnn.common.files.bzip2.END: True}
    assert marks == [(at, kinds[value]) for at, value in at_bits if value in kinds]
    assert len(marks) > 70


def flip(packed, bit):
    changed = bytearray(packed)
    changed[bit // 8] ^= 0x80 >> bit % 8
    return bytes(changed)


FILES = {
    "valid": PACKED,
    "two": PACKED + SMALL,
    "many": b"".join(bz2.compress(b"%d\n" % at) for at in range(100)),
    "empty streams": bz2.compress(b"") + SMALL + bz2.compress(b"") + PACKED + bz2.compress(b""),
    "nothing": b"",
    "no text": bz2.compress(b""),
    "not bz2": b"__label__1 a text\n",
    "gz": gzip.compress(TEXT),
    "header alone": b"BZh9",
    "half a marker": PACKED[:7],
    "no checksum": PACKED[:-1],
    "truncated in the end marker": PACKED[:-8],
    "truncated in a block": PACKED[: len(PACKED) // 2],
    "truncated in the second": PACKED + PACKED[:-3000],
    "truncated in a small second": PACKED + SMALL[:-3],
    "another marker": PACKED.replace(b"1AY&SY", b"1AY&SX", 1),
    "another checksum": flip(PACKED, len(PACKED) * 8 - 20),
    "another text": flip(PACKED, len(PACKED) * 4),
    "lower level": b"BZh1" + bz2.compress(TEXT, 9)[4:],
    "garbage": PACKED + b"junk" * 10,
    "garbage, short": PACKED + b"j",
    "garbage, like a header": PACKED + b"BZ",
    "garbage, a header": PACKED + b"BZh9",
    "garbage after a header": PACKED + b"BZh9" + b"junk" * 10,
    "zeros": PACKED + bytes(100),
    "small second with another checksum": PACKED + flip(SMALL, len(SMALL) * 8 - 20),
    "small second with another text": PACKED + flip(SMALL, 300),
    "small third with another checksum": PACKED + SMALL + flip(SMALL, len(SMALL) * 8 - 20) + SMALL,
    # blocks with 45 MB of text take 50 bytes, and an error follows; Python ignores a stream that begins with one
    "two small blocks": SMALL + flip(bz2.compress(b"a" * 60_000_000 + b"\n"), 8 * 70),
    "large second with another checksum": PACKED + flip(PACKED, len(PACKED) * 8 - 20),
    "large second with another text": SMALL + flip(PACKED, len(PACKED) * 4),
}


@pytest.mark.parametrize("name", list(FILES))
def test_threads_do_not_change_the_outcome(tmp_path, monkeypatch, name):
    path = tmp_path / "a.bz2"
    path.write_bytes(FILES[name])
    assert outcome(path, monkeypatch, 3) == outcome(path, monkeypatch, 1)


def test_threads_do_not_change_the_outcome_of_random_damage(tmp_path, monkeypatch):
    path = tmp_path / "a.bz2"
    packed = bz2.compress(TEXT[:40_000], 1) + SMALL + bz2.compress(TEXT[:2000])
    path.write_bytes(packed)
    sound = outcome(path, monkeypatch, 1)
    errors = 0
    for i in range(150):
        path.write_bytes(
            flip(packed, RANDOM.randrange(len(packed) * 8)) if i % 2 else packed[: RANDOM.randrange(len(packed))]
        )
        result = outcome(path, monkeypatch, 3)
        assert result == outcome(path, monkeypatch, 1)
        errors += isinstance(result, str)
        assert isinstance(result, str) or result == sound  # no row is lost without a word
    assert 140 < errors <= 150


@pytest.mark.parametrize("name", ["valid", "two", "many", "empty streams", "no text"])
def test_valid_files_are_not_read_twice(tmp_path, name):
    path = tmp_path / "a.bz2"
    path.write_bytes(FILES[name])
    assert b"".join(text for text, _ in blocks(path)) == bz2.decompress(FILES[name])


@pytest.mark.parametrize("name", ["nothing", "another marker", "another checksum", "garbage", "truncated in a block"])
def test_malformed_files_are_left_to_one_thread(tmp_path, name):
    path = tmp_path / "a.bz2"
    path.write_bytes(FILES[name])
    with pytest.raises(MalformedStream):
        blocks(path)


def test_a_false_marker_in_a_block_does_not_change_the_outcome(tmp_path, monkeypatch):
    path = tmp_path / "a.bz2"
    path.write_bytes(PACKED)
    real = textrnn.common.files.bzip2._find_markers

    def with_a_false_marker(file):
        for start, is_end in real(file):
            yield start, is_end
            if start == 32:
                yield 5000, False

    monkeypatch.setattr(textrnn.common.files.bzip2, "_find_markers", with_a_false_marker)
    assert outcome(path, monkeypatch, 3) == outcome(path, monkeypatch, 1)


def test_at_most_two_chunks_per_thread_are_decoded_ahead(tmp_path, monkeypatch):
    path = tmp_path / "a.bz2"
    path.write_bytes(bz2.compress(TEXT * 8, 1))
    decoded = []
    real = textrnn.common.files.bzip2._decode
    monkeypatch.setattr(textrnn.common.files.bzip2, "_decode", lambda *args: decoded.append(1) or real(*args))
    with path.open("rb") as file:
        pieces = read_blocks(file.fileno(), 2)
        next(pieces)
        pieces.close()
    assert 1 <= len(decoded) <= 5


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("name", ["a.bz2", "a.gz", "a.txt"])
def test_fraction_read(tmp_path, monkeypatch, name, workers):
    monkeypatch.setenv("TEXTRNN_WORKERS", str(workers))
    monkeypatch.setattr(textrnn.common.files.lines, "CHUNK_BYTES", 20_000)
    path = tmp_path / name
    path.write_bytes({".bz2": PACKED, ".gz": gzip.compress(TEXT), ".txt": TEXT}[name[1:]])
    assert fraction_read(path) == 0
    fractions = [fraction_read(path) for _ in read_lines(path)]
    assert fractions == sorted(fractions)
    assert 0 < fractions[0] < 0.5 < 0.9 < fractions[-1] <= 1
    assert fraction_read(path) == 0


def test_files_are_closed_when_reading_stops_early(tmp_path, monkeypatch):
    path = tmp_path / "a.bz2"
    path.write_bytes(PACKED)
    monkeypatch.setenv("TEXTRNN_WORKERS", "3")
    before = len(os.listdir("/proc/self/fd"))
    reading = read_lines(path)
    assert next(reading) == (1, LINES[0])
    assert len(os.listdir("/proc/self/fd")) == before + 1
    reading.close()
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.real
def test_published_reviews(real_data, monkeypatch):
    path = real_data / "amazon" / "test.ft.txt.bz2"
    assert outcome(path, monkeypatch, 3) == outcome(path, monkeypatch, 1)


@pytest.mark.parametrize("name", ["a.txt", "a.txt.gz"])
def test_lines_that_end_with_a_carriage_return_alone(tmp_path, name):
    content = b"a\t0\rb\t1\r"
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    with pytest.raises(UserError, match=r"its lines end with a carriage return alone; convert it with `tr '\\r' '\\n'"):
        list(read_lines(tmp_path / name))
    (tmp_path / "b.txt").write_bytes(b"a\rb\r\nc\r\n")
    assert list(read_lines(tmp_path / "b.txt")) == [(1, b"a\rb"), (2, b"c")]
