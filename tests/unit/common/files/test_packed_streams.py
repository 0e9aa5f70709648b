"""Packed files of several streams: all rows or an error, whatever is damaged, with any number of threads."""

import bz2
import gzip
import io
import random
import re
import zlib

import pytest

from textrnn.common.files.lines import read_lines
from textrnn.common.files.packed_streams import DamagedStream, read_bz2, read_gz
from textrnn.errors import UserError

RANDOM = random.Random(21)
PARTS = [b"".join(b"%d a line of part %d\n" % (RANDOM.randrange(999), part) for _ in range(50)) for part in range(3)]
TEXT = b"".join(PARTS)
KINDS = {"gz": (gzip.compress, read_gz), "bz2": (bz2.compress, read_bz2)}


def flip(data, bit):
    changed = bytearray(data)
    changed[bit // 8] ^= 0x80 >> bit % 8
    return bytes(changed)


def outcomes(path, monkeypatch):
    """What 1, 2 and 7 threads read: all lines, or the error; it must be the same."""
    found = []
    for workers in (1, 2, 7):
        monkeypatch.setenv("TEXTRNN_WORKERS", str(workers))
        try:
            found.append(b"".join(line + b"\n" for _, line in read_lines(path)))
        except UserError as error:
            found.append(str(error))
    assert found[0] == found[1] == found[2]
    return found[0]


def read(kind, data, chunk_bytes=1000):
    return list(KINDS[kind][1](io.BufferedReader(io.BytesIO(data)), chunk_bytes))


def levels(kind):
    return [pack(part, level) for pack in (KINDS[kind][0],) for part, level in zip(PARTS, (1, 9, 5), strict=True)]


@pytest.mark.parametrize("kind", KINDS)
def test_sound_files_of_several_streams(kind, tmp_path, monkeypatch):
    pack = KINDS[kind][0]
    empty = pack(b"")
    files = [
        pack(TEXT),
        b"".join(levels(kind)),
        empty.join([b"", *levels(kind), b""]),
        b"".join(pack(line + b"\n") for line in TEXT.splitlines()),
    ]
    for data in files:
        (tmp_path / f"a.{kind}").write_bytes(data)
        assert outcomes(tmp_path / f"a.{kind}", monkeypatch) == TEXT


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("chunk_bytes", [1, 7, 100_000])
def test_chunks_are_bounded(kind, chunk_bytes):
    chunks = read(kind, b"".join(levels(kind)), chunk_bytes)
    assert b"".join(chunks) == TEXT
    assert max(map(len, chunks)) <= chunk_bytes
    zeros = KINDS[kind][0](bytes(300_000))
    assert {len(chunk) for chunk in read(kind, zeros, 1000)} == {1000}


@pytest.mark.parametrize("kind", KINDS)
def test_every_flipped_bit_of_a_later_stream_is_told(kind, tmp_path, monkeypatch):
    first, second, third = levels(kind)
    path = tmp_path / f"a.{kind}"
    bits = [*range(8 * len(first), 8 * (len(first) + 30)), *RANDOM.sample(range(8 * len(first + second)), 60)]
    for bit in bits:
        path.write_bytes(flip(first + second + third, bit))
        found = outcomes(path, monkeypatch)
        # of gz, some bits of a head say nothing of the text: its time, the system it was made on
        assert found == TEXT or (isinstance(found, str) and found.startswith(f"{path}: ") and "damaged; got" in found)
        assert found != TEXT or bit % (8 * len(first)) < 80


@pytest.mark.parametrize("kind", KINDS)
def test_every_truncation_is_told_but_one_between_streams(kind, tmp_path, monkeypatch):
    streams = levels(kind)
    data = b"".join(streams)
    path = tmp_path / f"a.{kind}"
    starts = {len(streams[0]): PARTS[0], len(streams[0] + streams[1]): PARTS[0] + PARTS[1]}
    lengths = {*range(1, 12), *(start + by for start in starts for by in range(-9, 12)), *range(13, len(data), 40)}
    for length in sorted(lengths):
        path.write_bytes(data[:length])
        found = outcomes(path, monkeypatch)
        if length in starts:
            assert found == starts[length]
        else:
            assert re.fullmatch(f"{path}: .* damaged; got .*; fetch it again", found)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("junk", [b"j", b"junk" * 9, b"\n", b"BZx", b"\x1f\x8c", bytes(600) + b"\1", b"PK\x03\x04"])
def test_other_bytes_behind_or_between_streams_are_told(kind, junk, tmp_path, monkeypatch):
    first, second, _ = levels(kind)
    path = tmp_path / f"a.{kind}"
    for data in (first + junk, first + junk + second, first + second + junk):
        path.write_bytes(data)
        found = outcomes(path, monkeypatch)
        wrong = "is not a bz2 file or is damaged" if kind == "bz2" else "the compressed file is truncated or damaged"
        shown = junk.lstrip(b"\0") if kind == "gz" else junk
        assert found.startswith(f"{path}: {wrong}; got bytes after a complete stream that do not begin another one, ")
        assert repr(shown[:9])[:-1] in found
        assert found.endswith("; fetch it again")


@pytest.mark.parametrize("length", [1, 512, 10_240, 200_000])
def test_zeros_are_padding_of_gz_as_gzip_has_it_and_of_bz2_none(length, tmp_path, monkeypatch):
    path = tmp_path / "a.gz"
    first, second, third = levels("gz")
    path.write_bytes(first + bytes(length))
    assert outcomes(path, monkeypatch) == PARTS[0]
    path.write_bytes(first + bytes(length) + second + third + bytes(length))
    assert outcomes(path, monkeypatch) == TEXT
    (tmp_path / "a.bz2").write_bytes(b"".join(levels("bz2")) + bytes(length))
    assert "got bytes after a complete stream" in outcomes(tmp_path / "a.bz2", monkeypatch)


def test_what_is_no_stream_at_all():
    with pytest.raises(DamagedStream):
        read("gz", b"a plain text\n")
    with pytest.raises(DamagedStream):
        read("bz2", b"a plain text\n")
    with pytest.raises(DamagedStream):  # reserved flags in its head
        read("gz", b"\x1f\x8b\x08\xe0" + gzip.compress(b"a")[4:])
    assert read("gz", b"") == []
    for data in (b"BZh9", b"B", b""):
        with pytest.raises(EOFError):
            read("bz2", data)


def test_a_wrong_length_or_checksum_is_told():
    packed = gzip.compress(TEXT)
    for at in (-1, -4, -5, -8):
        with pytest.raises(DamagedStream):
            read("gz", flip(packed, 8 * (len(packed) + at)))
    assert zlib.decompress(packed, 31) == TEXT
