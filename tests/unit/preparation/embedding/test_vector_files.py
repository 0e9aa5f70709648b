"""Files of word vectors: every published form, and every error named by file and line."""

from __future__ import annotations

import bz2
import gzip

import numpy as np
import pytest

from textrnn.errors import UserError
from textrnn.preparation.embedding.vector_files import read_vectors

WANTED = {"a": 2, "b": 3, "中": 4, "unseen": 5, "New York": 6, ". .": 7, "<unk>": 8}
LINES = "中 0.5 -1 2e-1\nx 9 9 9\na 1 2 3\n"


def check(path, expected):
    """Compare what is read with vectors by id, in file order."""
    ids, matrix = read_vectors(path, WANTED)
    assert ids.dtype == np.int64
    assert matrix.dtype == np.float32
    assert ids.tolist() == list(expected)
    assert matrix.tolist() == np.array(list(expected.values()), dtype=np.float32).tolist()


def text(tmp_path, content):
    path = tmp_path / "some.vec"
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    return path


def npz(tmp_path, **arrays):
    path = tmp_path / "some.npz"
    np.savez(path, **arrays)
    return path


THREE = {4: [0.5, -1, 0.2], 2: [1, 2, 3]}


@pytest.mark.parametrize("header", ["", "3 3\n"])
@pytest.mark.parametrize(
    ("name", "pack"), [("v.txt", bytes), ("v.vec", bytes), ("v.vec.gz", gzip.compress), ("v.txt.bz2", bz2.compress)]
)
def test_text_files(header, name, pack, tmp_path):
    path = tmp_path / name
    path.write_bytes(pack((header + LINES).encode("utf-8")))
    check(path, THREE)


@pytest.mark.parametrize(
    "content",
    [
        LINES.rstrip("\n"),  # no end of line at the end
        LINES.replace("\n", " \n"),  # word2vec writes a blank at the end of lines
        LINES.replace("\n", "\r\n"),
        "3 3\n".replace("\n", "\r\n") + LINES.replace("\n", "\r\n"),
        "\ufeff" + LINES,
        "\ufeff3 3 \n" + LINES,
    ],
)
def test_ends_of_lines(content, tmp_path):
    check(text(tmp_path, content), THREE)


def test_a_token_may_contain_blanks_and_other_spaces(tmp_path):
    content = "b 1 2\n. . 3 4\nNew York 5 6\nold\u00a0x\u3000y 7 8\na\u2028b 7 8\n<unk> 0 1\n"
    check(text(tmp_path, content), {3: [1, 2], 7: [3, 4], 6: [5, 6], 8: [0, 1]})


def test_with_a_header_the_first_token_may_contain_blanks_too(tmp_path):
    check(text(tmp_path, "2 2\nNew York 5 6\nb 1 2\n"), {6: [5, 6], 3: [1, 2]})


def test_a_first_token_that_is_a_number_is_not_a_header(tmp_path):
    ids, matrix = read_vectors(text(tmp_path, "7 3 1\n8 4 5\n"), {"7": 0})
    assert (ids.tolist(), matrix.tolist()) == ([0], [[3, 1]])


def test_a_token_that_occurs_twice_keeps_its_first_vector(tmp_path):
    check(text(tmp_path, "a 1 2\nb 3 4\na 5 6\n"), {2: [1, 2], 3: [3, 4]})


def test_bytes_that_are_not_utf8_affect_only_their_token(tmp_path):
    check(text(tmp_path, b"a 1 2\n\xff\xfe 3 4\nb 5 6\n"), {2: [1, 2], 3: [5, 6]})


@pytest.mark.parametrize(
    ("content", "match"),
    [
        ("a 1 2\nb 1\n", r"some\.vec, line 2: has 1 numbers instead of 2"),
        ("x 1 2\ny 1 2 3\n", r"line 2: has 3 numbers instead of 2; .*every line must have the same width"),
        ("2 3\na 1 2\n", r"line 2: has 2 numbers instead of 3"),
        ("a 1 2\n\nb 1 2\n", r"line 2: has 0 numbers instead of 2"),
        ("word\n", r"line 1: is not a token followed by numbers; got 'word"),
        ("a 1 2\nb 1 two\n", r"line 2: contains a value that is not a number; got .*two"),
        ("a 1 nan\n", r"line 1: contains a number that is not finite"),
        ("a 1 2\nb inf 2\n", r"line 2: contains a number that is not finite"),
        ("a 1 1e39\n", r"line 1: contains a number that is not finite"),
        ("x 1 2\ny 1 2\n", r"some\.vec: has no vector for any token of the vocabulary"),
        ("2 2\n", r"some\.vec: has no vector for any token of the vocabulary"),
        ("", r"some\.vec: the file is empty"),
    ],
)
def test_invalid_text(content, match, tmp_path):
    with pytest.raises(UserError, match=match):
        read_vectors(text(tmp_path, content), WANTED)


def test_errors_of_unwanted_tokens_are_ignored(tmp_path):
    check(text(tmp_path, "x nan none\na 1 2\n"), {2: [1, 2]})


def damaged(data, at):
    return data[:at] + bytes(byte ^ 255 for byte in data[at : at + 40]) + data[at + 40 :]


@pytest.mark.parametrize(("name", "pack"), [("v.gz", gzip.compress), ("v.bz2", bz2.compress)])
@pytest.mark.parametrize("damage", ["truncated", "damaged", "plain"])
def test_damaged_compressed_files(name, pack, damage, tmp_path):
    rng = np.random.default_rng(0)
    lines = "".join(f"w{at} {rng.random():.6f} {rng.random():.6f}\n" for at in range(2000)).encode()
    whole = pack(lines)
    path = tmp_path / name
    path.write_bytes({"truncated": whole[:-100], "damaged": damaged(whole, 12), "plain": lines}[damage])
    match = rf"{name}: (the compressed file is truncated|is not a bz2 file) or (is )?damaged; got"
    with pytest.raises(UserError, match=match):
        read_vectors(path, {"w1": 2})


def test_a_missing_file(tmp_path):
    with pytest.raises(UserError, match=r"none\.vec: no such file; put it there, or correct the params"):
        read_vectors(tmp_path / "none.vec", WANTED)
    with pytest.raises(UserError, match="no such file"):
        read_vectors(tmp_path, WANTED)


# matrices


@pytest.mark.parametrize("kind", ["f2", "f4", "f8", "i4"])
def test_npz_with_tokens(kind, tmp_path):
    embeddings = np.array([[1, 2], [3, 4], [5, 6], [7, 8]], dtype=kind)
    check(npz(tmp_path, embeddings=embeddings, tokens=np.array(["b", "x", "New York", "b"])), {3: [1, 2], 6: [5, 6]})


@pytest.mark.parametrize("end", ["", "\n"])
def test_npz_with_tokens_in_a_file_next_to_it(end, tmp_path):
    (tmp_path / "some.tokens.txt").write_text("中\nNew York\n\na" + end, encoding="utf-8")
    path = npz(tmp_path, embeddings=np.array([[1.0, 2], [3, 4], [5, 6], [7, 8]]))
    check(path, {4: [1, 2], 6: [3, 4], 2: [7, 8]})


@pytest.mark.parametrize(
    ("arrays", "match"),
    [
        ({"embeddings": np.ones((2, 2))}, r"some\.npz: has no array named tokens; add it, or put some\.tokens\.txt"),
        ({"embeddings": np.ones((2, 2)), "tokens": np.array(["a"])}, r"has 2 vectors and 1 tokens; they must match"),
        ({"embeddings": np.ones((1, 2)), "tokens": np.array(["a"], dtype=object)}, r"is not an \.npz of plain arrays"),
        ({"embeddings": np.array([[None]]), "tokens": np.array(["a"])}, r"is not an \.npz of plain arrays.*pickle"),
        ({"embeddings": np.ones(2), "tokens": np.array(["a", "b"])}, r"needs a two-dimensional array of numbers"),
        (
            {"embeddings": np.array([["1", "x"]]), "tokens": np.array(["a"])},
            r"needs a two-dimensional array of numbers",
        ),
        ({"vectors": np.ones((1, 2)), "tokens": np.array(["a"])}, r"named embeddings; got vectors, tokens"),
        (
            {"embeddings": np.ones((1, 2)), "tokens": np.array([b"a"])},
            r"its array tokens must be a one-dimensional array of text; got .S1",
        ),
        (
            {"embeddings": np.ones((1, 2)), "tokens": np.array([["a"]])},
            r"must be a one-dimensional array of text; got <U1 \(1, 1\)",
        ),
        (
            {"embeddings": np.array([[1, np.nan]]), "tokens": np.array(["a"])},
            r"some\.npz: contains a number that is not finite",
        ),
        ({"embeddings": np.ones((1, 2)), "tokens": np.array(["x"])}, r"has no vector for any token of the vocabulary"),
    ],
)
def test_invalid_npz(arrays, match, tmp_path):
    with pytest.raises(UserError, match=match):
        read_vectors(npz(tmp_path, **arrays), WANTED)


def test_files_that_are_not_npz(tmp_path):
    path = npz(tmp_path, embeddings=np.ones((50, 50)), tokens=np.array(["a"] * 50))
    whole = path.read_bytes()
    for content in (whole[: len(whole) // 2], b"", b"a 1 2\n"):
        path.write_bytes(content)
        with pytest.raises(UserError, match=r"some\.npz: is not an \.npz file, or is truncated"):
            read_vectors(path, WANTED)
    path.write_bytes(damaged(whole, 1000))
    with pytest.raises(UserError, match=r"some\.npz: is not an \.npz of plain arrays; got .*CRC"):
        read_vectors(path, WANTED)


def test_a_token_file_that_is_not_utf8(tmp_path):
    (tmp_path / "some.tokens.txt").write_bytes(b"a\n\xff\n")
    with pytest.raises(UserError, match=r"some\.tokens\.txt: is not UTF-8"):
        read_vectors(npz(tmp_path, embeddings=np.ones((2, 2))), WANTED)
