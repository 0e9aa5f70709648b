"""The vocabulary: golden order, limits, reserved ids, and `encode_lists` compared with `encode`."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from textrnn.common.config.encode import Encode
from textrnn.common.storage.schemas import COUNTS
from textrnn.errors import UserError
from textrnn.preparation.artifacts.vocabulary import Vocabulary

ALL = (1, None)
TOKENS = pa.list_(pa.string())


def table(counts):
    return pa.table([list(counts), list(counts.values())], schema=COUNTS)


def vocabulary(*words):
    return Vocabulary.build(table({word: len(words) - at for at, word in enumerate(words)}), *ALL)


def words(vocabulary):
    return vocabulary.tokens.to_pylist()


def test_golden_order():
    built = Vocabulary.build(table({"b": 2, "ä": 2, "𠮷": 2, "\uffee": 2, "Z": 2, "a": 7, "c": 1, "": 2}), *ALL)
    # by descending count, ties by code point: U+FFEE is before U+20BB7, unlike in UTF-16
    assert words(built) == ["a", "", "Z", "b", "ä", "\uffee", "𠮷", "c"]
    assert built.counts.to_pylist() == [7, 2, 2, 2, 2, 2, 2, 1]
    assert len(built) == 10
    assert built.encode(["a", "", "Z", "c", "unseen"]) == [2, 3, 4, 9, 1]


def test_the_order_of_the_counts_does_not_matter():
    counts = {"d": 1, "c": 3, "b": 1, "a": 3}
    assert words(Vocabulary.build(table(counts), *ALL)) == ["a", "c", "b", "d"]
    assert words(Vocabulary.build(table(dict(sorted(counts.items()))), *ALL)) == ["a", "c", "b", "d"]


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ((2, None), ["a", "b", "c"]),
        ((3, None), ["a"]),
        ((4, None), []),
        ((1, 2), ["a", "b"]),
        ((1, 9), ["a", "b", "c", "d"]),
        ((2, 4), ["a", "b", "c"]),
    ],
)
def test_limits(limits, expected):
    built = Vocabulary.build(table({"d": 1, "c": 2, "b": 2, "a": 3}), *limits)
    assert words(built) == expected
    assert len(built) == 2 + len(expected)


def test_counts_in_several_chunks():
    chunked = pa.concat_tables([table({"b": 2, "a": 1}), table({"c": 2, "d": 5})])
    assert words(Vocabulary.build(chunked, *ALL)) == ["d", "b", "c", "a"]


def test_a_text_cannot_contain_the_padding_id():
    built = Vocabulary.build(table({"<pad>": 3, "<unk>": 3, "x": 5}), *ALL)
    assert built.encode(["x", "<pad>", "<unk>", "y"]) == [2, 3, 4, 1]
    without = vocabulary("x")
    assert without.encode(["<pad>", "<unk>", "x"]) == [1, 1, 2]
    assert without.encode_lists(pa.array([["<pad>", "<unk>"]])).to_pylist() == [[1, 1]]


def test_encode_lists_by_hand():
    built = vocabulary("a", "b")
    encoded = built.encode_lists(pa.array([["b", "z"], [], ["a", "a", "b"]], TOKENS))
    assert encoded.type == pa.list_(pa.int32())
    assert encoded.to_pylist() == [[3, 1], [], [2, 2, 3]]


@given(
    known=st.lists(st.sampled_from(["a", "b", "ab", "", "<pad>", "<unk>", "字", "𠮷"]), unique=True),
    rows=st.lists(st.lists(st.sampled_from(["a", "b", "ab", "", "<pad>", "<unk>", "字", "𠮷", "zz"]), max_size=5)),
    start=st.integers(0, 4),
    length=st.integers(0, 6),
)
def test_encode_lists_equals_encode(known, rows, start, length):
    built = vocabulary(*known)
    column = pa.array(rows, TOKENS)
    assert built.encode_lists(column).to_pylist() == [built.encode(row) for row in rows]
    sliced = column.slice(start, length)
    assert built.encode_lists(sliced).to_pylist() == [built.encode(row) for row in rows[start : start + length]]
    assert all(number >= 1 for row in rows for number in built.encode(row))


def test_encode_lists_of_a_slice_by_hand():
    built = vocabulary("a", "b")
    sliced = pa.array([["b", "b"], ["a"], ["z", "b"], ["a"]], TOKENS).slice(1, 2)
    encoded = built.encode_lists(sliced)
    assert encoded.to_pylist() == [[2], [1, 3]]
    assert len(encoded.values) == 3  # no values of rows outside the slice


def test_an_empty_vocabulary(tmp_path):
    built = Vocabulary.build(table({}), *ALL)
    assert len(built) == 2
    assert built.encode(["a"]) == [1]
    assert built.encode_lists(pa.array([["a", "b"], []], TOKENS)).to_pylist() == [[1, 1], []]
    built.save(tmp_path / "v.arrow")
    assert words(Vocabulary.load(tmp_path / "v.arrow")) == []


def test_save_and_load(tmp_path):
    built = Vocabulary.build(table({"b": 2, "a": 2, "<pad>": 9, " ": 1}), *ALL)
    built.save(tmp_path / "one.arrow")
    loaded = Vocabulary.load(tmp_path / "one.arrow")
    loaded.save(tmp_path / "two.arrow")
    assert words(loaded) == ["<pad>", "a", "b", " "]
    assert loaded.counts.to_pylist() == [9, 2, 2, 1]
    assert loaded.encode([" ", "b", "<pad>", "?"]) == [5, 4, 2, 1]
    assert (tmp_path / "one.arrow").read_bytes() == (tmp_path / "two.arrow").read_bytes()


def test_files_that_are_not_counts(tmp_path):
    path = tmp_path / "v.arrow"
    with pytest.raises(UserError, match=r"v\.arrow: no such file; run the stage"):
        Vocabulary.load(path)
    for content in (b"", b"not arrow at all"):
        path.write_bytes(content)
        with pytest.raises(UserError, match=r"v\.arrow: is not an Arrow file"):
            Vocabulary.load(path)
    other = pa.table({"token": ["a"]})
    with pa.ipc.new_file(str(path), other.schema) as file:
        file.write_table(other)
    with pytest.raises(UserError, match=r"v\.arrow: does not contain tokens and counts; got \['token'\]"):
        Vocabulary.load(path)


@pytest.mark.parametrize(
    ("limits", "match"),
    [
        (Encode(0, None, None), r"encodings\.e\.min_count: must be at least 1; got 0"),
        (Encode(1, 0, None), r"encodings\.e\.max_tokens: must be at least 1; got 0"),
    ],
)
def test_limits_out_of_range(limits, match):
    with pytest.raises(UserError, match=match):
        limits.check("encodings.e")
    Encode(1, 1, None).check("encodings.e")


def test_the_longest_token_is_counted_in_characters():
    assert vocabulary("北京大学", "𠮷野家", "a").longest_token == 4
    assert vocabulary().longest_token == 0
