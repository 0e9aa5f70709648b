"""Files of word vectors: every published form, and every error named by file and line."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import pickle
import tarfile
import zipfile

import numpy as np
import pytest

from textrnn.common.files import lines
from textrnn.errors import UserError
from textrnn.preparation.embedding.vector_files import read_vectors

WANTED = {"a": 2, "b": 3, "中": 4, "unseen": 5, "New York": 6, ". .": 7, "<unk>": 8}
LINES = "中 0.5 -1 2e-1\nx 9 9 9\na 1 2 3\n"


def check(path, expected, skipped=0):
    """Compare what is read with vectors by id, in file order, and the number of lines that are passed over."""
    ids, matrix, skipped_lines = read_vectors(path, WANTED)
    assert skipped_lines == skipped
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
        " " + LINES.replace("\n", "\n ").rstrip(" "),  # a blank before each line
        " 3 3\n " + LINES.replace("\n", "\n ").rstrip(" "),
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
    ids, matrix, _ = read_vectors(text(tmp_path, "7 3 1\n8 4 5\n"), {"7": 0})
    assert (ids.tolist(), matrix.tolist()) == ([0], [[3, 1]])


def test_a_token_that_occurs_twice_keeps_its_first_vector(tmp_path):
    check(text(tmp_path, "a 1 2\nb 3 4\na 5 6\n"), {2: [1, 2], 3: [3, 4]})


def test_bytes_that_are_not_utf8_affect_only_their_token(tmp_path):
    check(text(tmp_path, b"a 1 2\n\xff\xfe 3 4\nb 5 6\n"), {2: [1, 2], 3: [5, 6]}, skipped=1)


@pytest.mark.parametrize(
    ("content", "match"),
    [
        ("a 1 2\nb 1\n", r"some\.vec, line 2: has 1 numbers instead of 2"),
        ("x 1 2\nb 1 2 3\n", r"line 2: has 3 numbers instead of 2; .*every line must have the same width"),
        ("2 3\na 1 2\n", r"line 2: has 2 numbers instead of 3"),
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


def test_a_blank_line_is_passed_over(tmp_path):
    check(text(tmp_path, "a 1 2\n\nb 1 2\n"), {2: [1, 2], 3: [1, 2]}, skipped=1)


@pytest.mark.parametrize("head", ["", "2 2\n"])
def test_a_blank_first_line_is_passed_over(head, tmp_path):
    check(text(tmp_path, "\n" + head + "a 1 2\nb 1 2\n"), {2: [1, 2], 3: [1, 2]}, skipped=1)


def test_a_blank_before_a_token_and_a_token_that_is_a_blank(tmp_path):
    ids, matrix, _ = read_vectors(text(tmp_path, " b 5 6\n 12 1 2\n 7 8\n"), {"b": 2, "12": 4, "": 3})
    assert (ids.tolist(), matrix.tolist()) == ([2, 4, 3], [[5, 6], [1, 2], [7, 8]])
    ids, matrix, _ = read_vectors(text(tmp_path, "3 2\n 7 8\nb 5 6\n"), {"b": 2, "": 3})
    assert (ids.tolist(), matrix.tolist()) == ([3, 2], [[7, 8], [5, 6]])


@pytest.mark.parametrize("width", [1, 3, 900])
@pytest.mark.parametrize("token", ["\x1c", "\x00", "ab\x08c", "New \x01 York"])
def test_a_control_character_makes_no_binary_file(token, width, tmp_path):
    numbers = " ".join(["0.25"] * width)
    check(text(tmp_path, f"3 {width}\n{token} {numbers}\na {numbers}\nb\x02 {numbers}\n"), {2: [0.25] * width})


def test_errors_of_unwanted_tokens_are_ignored(tmp_path):
    check(text(tmp_path, "x nan none\na 1 2\n"), {2: [1, 2]})


@pytest.mark.parametrize("separator", ["\t", "\t\t", "  ", " \t"])
def test_other_separators(separator, tmp_path):
    check(text(tmp_path, LINES.replace(" ", separator)), THREE)
    check(text(tmp_path, LINES.replace(" ", separator, 1)), THREE)
    check(text(tmp_path, "3 3\n".replace(" ", separator) + LINES.replace(" ", separator)), THREE)


def test_a_token_of_words_and_numbers_where_the_head_gives_the_width(tmp_path):
    wanted = {"iphone 12": 2, "iphone": 3, "12": 4, "a": 5}
    path = text(tmp_path, "3 2\niphone 12 1 2\n12 3 4\na 5 6\n")
    ids, matrix, skipped = read_vectors(path, wanted)
    assert (ids.tolist(), matrix.tolist(), skipped) == ([2, 4, 5], [[1, 2], [3, 4], [5, 6]], 0)
    # without a head only a wanted token may end in a number
    path = text(tmp_path, "a 5 6\niphone 12 1 2\niphon 12 1 2\n")
    ids, matrix, skipped = read_vectors(path, {"iphone 12": 2, "a": 5})
    assert (ids.tolist(), matrix.tolist(), skipped) == ([5, 2], [[5, 6], [1, 2]], 1)
    with pytest.raises(UserError, match="line 2: has 3 numbers instead of 2; got 'iphone 12 1 2'"):
        read_vectors(path, {"iphone": 3, "a": 5})


def test_a_first_token_with_blanks_where_there_is_no_head(tmp_path):
    check(text(tmp_path, "New York 5 6\nb 1 2\na 3 4\n"), {6: [5, 6], 3: [1, 2], 2: [3, 4]})


@pytest.mark.parametrize("head", ["", "7 3\n"])
def test_damaged_lines_of_tokens_that_are_not_wanted_are_counted(head, tmp_path):
    damaged_lines = ["y 1 2", "", "z1 2 3", "y 1 2 3 z 4 5 6"]
    good = [f"w{number} 1 1 1" for number in range(5)]
    content = head + "\n".join([*good, LINES.strip(), *damaged_lines]) + "\n"
    check(text(tmp_path, content), THREE, skipped=4)
    for line in ("b 1 2", "b 1 2 3 z 4 5 6"):
        with pytest.raises(UserError, match=r"line \d+: has \d numbers instead of 3; got 'b 1 2"):
            read_vectors(text(tmp_path, content + line + "\n"), WANTED)


def test_a_file_of_which_most_lines_are_damaged(tmp_path):
    content = "x 1 2 3\na 1 2 3\n" + "y 1 2\n" * 5
    with pytest.raises(UserError, match=r"5 of its 7 lines are not a token and 3 numbers; got 'y 1 2'; every line"):
        read_vectors(text(tmp_path, content), WANTED)


HAN = "今天球队赢得比赛股市上涨北京大学"


@pytest.mark.parametrize("encoding", ["gb18030", "big5", "shift_jis"])
@pytest.mark.parametrize("copies", [1, 30])
def test_another_encoding_is_named(encoding, copies, tmp_path):
    characters = {"gb18030": HAN, "big5": "今天球隊贏得比賽", "shift_jis": "東京大学は日本の"}[encoding]
    content = "a 1 2\n" + "".join(f"{character} 1 2\n" for character in characters) * copies
    match = r"some\.vec: is not UTF-8; got \d+ lines that are not, of \d+; convert it "
    if encoding == "gb18030":
        match += r"with `iconv -f gb18030 -t utf-8 some\.vec > utf8-some\.vec`, as it is probably gb18030$"
    with pytest.raises(UserError, match=match):
        read_vectors(text(tmp_path, content.encode(encoding)), WANTED)


def test_latin_letters_in_another_encoding(tmp_path):
    content = "a 1 2\n" * 50 + "é 1 2\n" * 12
    with pytest.raises(UserError, match=r"is not UTF-8; got 12 lines that are not, of 62"):
        read_vectors(text(tmp_path, content.encode("latin-1")), WANTED)
    check(text(tmp_path, b"a 1 2\n" * 9 + "é 1 2\n".encode("latin-1") * 2), {2: [1, 2]}, skipped=2)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf16_with_its_mark_is_read(encoding, tmp_path):
    check(text(tmp_path, ("\ufeff" + LINES).encode(encoding)), THREE)


# archives and files of other kinds


def tar_of(content):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        info = tarfile.TarInfo("some.vec")
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
    return file.getvalue()


def zip_of(content):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("some.vec", content)
    return file.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "wrong"),
    [
        ("v.tar", tar_of(LINES.encode()), "is a tar archive; unpack it, and name"),
        ("v.vec", tar_of(LINES.encode()), "is a tar archive"),
        ("v.tar.gz", gzip.compress(tar_of(LINES.encode())), "is a tar archive"),
        ("v.tar.bz2", bz2.compress(tar_of(LINES.encode())), "is a tar archive"),
        ("v.vec.gz", gzip.compress(tar_of(b"")), "is a tar archive"),
        ("glove.zip", zip_of(LINES), "is a zip archive; unpack it, and name the file of vectors in it"),
        ("glove.vec.gz", gzip.compress(zip_of(LINES)), "is a zip archive"),
        ("v.vec", gzip.compress(LINES.encode()), r"is compressed with gzip, but its name does not end in \.gz; rename"),
        ("v.tgz", gzip.compress(tar_of(LINES.encode())), "is a tar archive; unpack it, and name"),
        ("v.TBZ2", bz2.compress(tar_of(LINES.encode())), "is a tar archive"),
        ("v.tar.xz", lzma.compress(tar_of(LINES.encode())), "is a tar archive"),
        ("v.vec", gzip.compress(tar_of(LINES.encode())), r"is compressed with gzip, but its name"),
        ("v.vec.xz", lzma.compress(LINES.encode()), "is compressed with xz; unpack it"),
        ("cc.bin", b"\xba\x16\x4f\x2f" + bytes(100), r"is a fastText model; name the file .* ends in \.vec"),
        ("w2v.model", pickle.dumps({"a": 1}), "is a pickle, as gensim saves models; save it with gensim's"),
        ("m.npy", b"\x93NUMPY" + bytes(100), r"is a matrix without tokens; save it as \.npz"),
    ],
    ids=lambda value: "bytes" if isinstance(value, bytes) else None,  # packed bytes hold the time
)
def test_other_kinds_of_files(name, content, wrong, tmp_path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=rf"{name}: {wrong}"):
        read_vectors(tmp_path / name, WANTED)


# word2vec's binary files


def binary(rows, width, end="", count=None):
    head = f"{len(rows) if count is None else count} {width}\n".encode()
    return head + b"".join(
        (token if isinstance(token, bytes) else token.encode())
        + b" "
        + np.array(vector, "<f4").tobytes()
        + end.encode()
        for token, vector in rows
    )


ROWS = [("中", [0.5, -1, 0.2]), ("x", [9, 9, 9]), (b"\xff", [1, 1, 1]), ("a", [1, 2, 3]), ("a", [7, 7, 7])]


@pytest.mark.parametrize("end", ["", "\n"])
@pytest.mark.parametrize(("name", "pack"), [("v.bin", bytes), ("v.bin.gz", gzip.compress), ("v.bz2", bz2.compress)])
def test_word2vec_binary(end, name, pack, tmp_path):
    (tmp_path / name).write_bytes(pack(binary(ROWS, 3, end)))
    check(tmp_path / name, THREE)


def test_a_large_binary_file_is_read_in_pieces(tmp_path, monkeypatch):
    rng = np.random.default_rng(1)
    rows = [(f"w{number}", rng.random(5, dtype=np.float32)) for number in range(500)]
    path = tmp_path / "v.bin"
    path.write_bytes(binary(rows, 5, "\n"))
    monkeypatch.setattr(lines, "CHUNK_BYTES", 7)
    ids, matrix, _ = read_vectors(path, {token: number for number, (token, _) in enumerate(rows)})
    assert ids.tolist() == list(range(500))
    assert (matrix == np.stack([vector for _, vector in rows])).all()


def test_values_that_look_like_text_are_binary_too(tmp_path):
    value = np.frombuffer(b"ABCD", "<f4")[0]  # no control characters
    high = np.frombuffer(b"\xcd\xcc\xcc=", "<f4")[0]  # 0.1
    path = tmp_path / "v.bin"
    path.write_bytes(binary([("a", [high, value])], 2))
    ids, matrix, _ = read_vectors(path, WANTED)
    assert (ids.tolist(), matrix.tolist()) == ([2], [[high, value]])


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (binary(ROWS, 3)[:-2], r"v\.bin: is truncated; got the end of the file in vector 5 of 5; fetch it again"),
        (binary(ROWS, 3, count=10**11), r"v\.bin: has no token in front of vector 6; check the width"),
        (b"2 3\n" + bytes(9000), r"v\.bin: has no token in front of vector 1; check the width"),
        (binary([("a", [1, np.nan, 2])], 3), r"v\.bin, vector 1: contains a number that is not finite; got a"),
        (binary([("x", [1, 0, 2])], 3), r"v\.bin: has no vector for any token of the vocabulary"),
        (b"2 0\na \x00b \x01", r"v\.bin: the file contains no vectors; got a width of 0"),
    ],
)
def test_invalid_binary_files(content, match, tmp_path):
    (tmp_path / "v.bin").write_bytes(content)
    with pytest.raises(UserError, match=match):
        read_vectors(tmp_path / "v.bin", WANTED)


def values_of(token, kind):
    return token.encode() + b" " + np.array([1.1, 2.2, 3.3], kind).tobytes()


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (
            binary(ROWS, 3, count=2),
            r"v\.bin: goes on after the 2 vectors of 3 values of float32 that its",
        ),
        (binary(ROWS, 3, "\n", count=4), r"v\.bin: goes on after the 4 vectors"),
        (b"2 3\n" + values_of("a", "<f8") + values_of("b", "<f8"), r"v\.bin: "),
        (binary(ROWS * 9, 3).replace(b"45 3", b"45 2"), r"v\.bin: "),
        (binary(ROWS * 9, 3).replace(b"45 3", b"45 4"), r"v\.bin: "),
        (
            binary([("a", [1, 2, 3])] + [(b"\xff\xfe", [1, 2, 3])] * 3, 3),
            r"v\.bin: 3 of its 4 tokens are not valid UTF-8",
        ),
    ],
)
@pytest.mark.parametrize("chunk_bytes", [5, 1 << 20])
def test_a_head_that_does_not_fit_its_binary_file(content, match, chunk_bytes, tmp_path, monkeypatch):
    monkeypatch.setattr(lines, "CHUNK_BYTES", chunk_bytes)
    (tmp_path / "v.bin").write_bytes(content)
    with pytest.raises(UserError, match=match):
        read_vectors(tmp_path / "v.bin", WANTED)


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
