"""Files of vectors whose heads lie, or that are damaged on purpose: one line that names the file, little memory."""

import contextlib
import io
import random
import re
import tracemalloc
import zipfile

import numpy as np
import pytest

from textrnn.errors import UserError
from textrnn.preparation.embedding.npy_entries import BLOCK_BYTES
from textrnn.preparation.embedding.vector_files import read_vectors

WANTED = {"a": 2, "b": 3, "tok12": 4}
TOKENS = np.array(["a", "b", "c"])
VECTORS = np.arange(12, dtype=np.float32).reshape(3, 4)


def head(shape, kind="<f4", order="False"):
    """The head of an `.npy` array, which may say anything."""
    text = f"{{'descr': '{kind}', 'fortran_order': {order}, 'shape': {shape}, }}".encode()
    text += b" " * (-(len(text) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


def content(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def npz(tmp_path, embeddings, tokens=None, compression=zipfile.ZIP_DEFLATED, **others):
    """An archive of these entries, bytes or arrays."""
    path = tmp_path / "some.npz"
    entries = {"embeddings": embeddings, "tokens": TOKENS if tokens is None else tokens, **others}
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, value in entries.items():
            archive.writestr(f"{name}.npy", value if isinstance(value, bytes) else content(value))
    return path


def refusal(path):
    """The message of the error, which is one line with the file's name; and the most memory that it took, in bytes."""
    tracemalloc.start()
    try:
        with pytest.raises(UserError) as caught:
            read_vectors(path, WANTED)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    message = str(caught.value)
    assert message.startswith(str(path))
    assert len(message) < 1000
    assert re.search("[\x00-\x08\x0a-\x1f]", message) is None
    return message.removeprefix(str(path)), peak


@pytest.mark.parametrize("order", ["False", "True"])
@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_whatever_order_and_compression(tmp_path, order, compression):
    array = VECTORS if order == "False" else np.asfortranarray(VECTORS)
    ids, matrix, _ = read_vectors(npz(tmp_path, array, compression=compression), WANTED)
    assert ids.tolist() == [2, 3]
    assert matrix.tolist() == [[0, 1, 2, 3], [4, 5, 6, 7]]


@pytest.mark.parametrize("kind", ["<f4", ">f4", "<f8", "<f2", "<i2", "<u8"])
def test_a_large_matrix_is_read_in_blocks(tmp_path, kind):
    rows = 3 * BLOCK_BYTES // 256 + 7
    matrix = (np.arange(rows * 64) % 1000).reshape(rows, 64).astype(kind)
    tokens = np.array([f"tok{row}" for row in range(rows)])
    wanted = {f"tok{row}": row + 2 for row in (0, 1, rows // 2, rows - 1)}
    ids, found, _ = read_vectors(npz(tmp_path, matrix, tokens), wanted)
    assert ids.tolist() == list(wanted.values())
    assert found.dtype == np.float32
    assert (found == matrix[ids - 2].astype(np.float32)).all()


@pytest.mark.parametrize("order", ["False", "True"])
@pytest.mark.parametrize(
    ("shape", "wrong"),
    [
        (
            (3, 10**12),
            "each row of its array embeddings.npy must have 1 to 16,777,216 bytes; got float32 (3, 1000",
        ),
        ((3, 2 * 10**9), "each row of its array embeddings.npy must have 1 to 16,777,216 bytes"),
        ((3, 10**300), "each row of its array embeddings.npy must have 1 to 16,777,216 bytes"),
        ((3, 0), "each row of its array embeddings.npy must have 1 to 16,777,216 bytes"),
        ((3, 10**6), "its array embeddings.npy has fewer values than its header says; got float32 (3, 1000000)"),
        ((3, 5), "its array embeddings.npy has fewer values than its header says"),
        ((3, 3), "its array embeddings.npy has more values than its header says"),
        ((10**12, 4), "has 1000000000000 vectors and 3 tokens; they must match"),
        ((2 * 10**9, 4), "has 2000000000 vectors and 3 tokens; they must match"),
        ((-3, 4), "is not an .npz of plain arrays; got a shape of (-3, 4)"),
        ((3, -4), "is not an .npz of plain arrays; got a shape of (3, -4)"),
        ("(3, 4.0)", "is not an .npz of plain arrays; got shape is not valid"),
        ("(3, " + "9" * 5000 + ")", "is not an .npz of plain arrays; got Cannot parse header"),
        ("(" * 5000, "is not an .npz of plain arrays; got "),
        ((12,), "needs a two-dimensional array of numbers named embeddings"),
        ((3, 2, 2), "needs a two-dimensional array of numbers named embeddings"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_shape_that_lies_allocates_nothing(tmp_path, shape, wrong, order):
    message, peak = refusal(npz(tmp_path, head(shape, order=order) + VECTORS.tobytes()))
    assert message.startswith(f": {wrong}")
    assert peak < 40 * 2**20


def test_columns_of_zeros_are_not_unpacked(tmp_path):
    zeros = np.zeros((3, 4 * 2**20), np.float32, order="F")
    message, peak = refusal(npz(tmp_path, zeros))
    assert message == (
        ": its array embeddings.npy would fill 50,331,648 bytes of memory, as it is stored by columns; "
        "save numpy.ascontiguousarray of it"
    )
    assert peak < 40 * 2**20


def test_both_heads_may_lie(tmp_path):
    rows = 10**12
    path = npz(tmp_path, head((rows, 4)) + VECTORS.tobytes(), head((rows,), "<U1") + b"a\0\0\0b\0\0\0")
    message, peak = refusal(path)
    assert "has fewer values than its header says; got " in message
    assert peak < 40 * 2**20
    path = npz(tmp_path, head((rows, 4)) + VECTORS.tobytes(), head((rows,), "<U0"))
    assert "each row of its array tokens.npy must have 1 to 16,777,216 bytes" in refusal(path)[0]
    path = npz(tmp_path, VECTORS, head((3,), "<U100000000"))
    assert "each row of its array tokens.npy must have 1 to 16,777,216 bytes" in refusal(path)[0]


@pytest.mark.parametrize(
    ("entries", "wrong"),
    [
        ({"embeddings": b"hello"}, "is not an .npz of plain arrays; got EOF: reading magic string"),
        ({"embeddings": b"no array at all"}, "is not an .npz of plain arrays; got the magic string is not correct"),
        ({"embeddings": b"\x93NUMPY\x03\x00"}, "is not an .npz of plain arrays; got version (3, 0) of the format"),
        ({"embeddings": head((3, 4), "|O") + b"x"}, "is not an .npz of plain arrays; got it has objects"),
        ({"embeddings": head((3, 4), "spam")}, "is not an .npz of plain arrays; got "),
        ({"embeddings": head((3, 4), "|V16")}, "needs a two-dimensional array of numbers named embeddings"),
        ({"embeddings": VECTORS, "tokens": b"hello"}, "is not an .npz of plain arrays; got EOF"),
        ({"embeddings": VECTORS, "tokens": head((3,), "<U1") + b"\xff" * 12}, "is not an .npz of plain arrays; got "),
        ({"embeddings": VECTORS, "tokens": np.array("a")}, "its array tokens must be a one-dimensional array of text"),
        ({"embeddings": VECTORS.astype(complex)}, "needs a two-dimensional array of numbers named embeddings"),
        ({"embeddings": VECTORS.astype(np.float64) * 1e300}, "contains a number that is not finite"),
    ],
    ids=range(11),
)
def test_an_entry_that_is_no_array_of_its_kind(tmp_path, entries, wrong):
    assert refusal(npz(tmp_path, **entries))[0].startswith(f": {wrong}")


def test_other_entries_are_not_looked_at(tmp_path):
    ids, _, _ = read_vectors(npz(tmp_path, VECTORS, notes=b"hello"), WANTED)
    assert ids.tolist() == [2, 3]


@pytest.mark.parametrize(("at", "value", "got"), [(6, 1, "is encrypted, password required"), (8, 99, "not supported")])
def test_an_archive_of_another_kind(tmp_path, at, value, got):
    path = npz(tmp_path, VECTORS)
    data = bytearray(path.read_bytes())
    for signature, shift in ((b"PK\x03\x04", 0), (b"PK\x01\x02", 2)):
        start = data.index(signature)
        data[start + at + shift] = value
    path.write_bytes(data)
    message, _ = refusal(path)
    assert message.startswith(": is not an .npz of plain arrays; got ")
    assert got in message


def test_a_truncated_entry(tmp_path):
    path = npz(tmp_path, VECTORS, compression=zipfile.ZIP_STORED)
    data = path.read_bytes()
    start = data.index(b"\x93NUMPY")
    path.write_bytes(data[: start + 140] + data[start + 160 :])
    refusal(path)


def test_an_archive_may_be_damaged_anywhere(tmp_path):
    path = npz(tmp_path, VECTORS)
    whole, generator = path.read_bytes(), random.Random(21)
    for _ in range(300):
        data = bytearray(whole)
        for _ in range(generator.choice((1, 1, 3))):
            at = generator.randrange(len(data))
            if generator.random() < 0.8:
                data[at] ^= 1 << generator.randrange(8)
            else:
                del data[at : at + generator.randrange(1, 20)]
        path.write_bytes(data)
        found = None
        with contextlib.suppress(UserError):
            found = read_vectors(path, WANTED)
        if found is None:
            refusal(path)
        else:
            assert found.ids.tolist() == [2, 3]
            assert found.matrix.tolist() == VECTORS[:2].tolist()


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        (f"1 {'9' * 5000}\n", ": has no vector for any token of the vocabulary"),
        (f"a {'9' * 5000}\n", ", line 1: contains a number that is not finite"),
        (f"{'9' * 5000} 4\na 1 2 3 4\n", ", line 2: has 4 numbers instead of 1; got 'a 1 2 3 4'"),
        ("3 999999999999999999\na 1 2 3 4\n", ", line 2: has 4 numbers instead of 999999999999999999"),
        ("a 1e400 1\n", ", line 1: contains a number that is not finite"),
        ("a 1 nan\n", ", line 1: contains a number that is not finite"),
        ("a -inf 1\n", ", line 1: contains a number that is not finite"),
        ("a 1 2\nb 1 x\n", ", line 2: contains a value that is not a number"),
    ],
    ids=range(8),
)
def test_numbers_that_are_none_in_a_text_file(tmp_path, text, wrong):
    path = tmp_path / "some.vec"
    path.write_text(text, encoding="utf-8")
    message, peak = refusal(path)
    assert message.startswith(wrong)
    assert peak < 10 * 2**20


@pytest.mark.parametrize("number_and_width", [b"999999999999 4", b"2 999999", b"999999999999 999999"])
def test_a_head_of_a_binary_file_that_lies(tmp_path, number_and_width):
    path = tmp_path / "some.bin"
    vectors = b"".join(token + b" " + np.full(4, 0.1, "<f4").tobytes() + b"\n" for token in (b"a", b"b"))
    path.write_bytes(number_and_width + b"\n" + vectors)
    message, peak = refusal(path)
    assert message.startswith((": is truncated; got the end of the file in ", ": has no token in front of vector 3"))
    assert peak < 10 * 2**20
