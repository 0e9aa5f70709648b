"""Files of texts without labels: segmented as the encoding, and what is dropped, by reason."""

import bz2
import gzip
import json

import pyarrow as pa
import pytest

from factories.shards import write_segment_output
from textrnn.common.files import bounded_batches
from textrnn.common.storage.segmented_rows import SegmentedRows
from textrnn.errors import UserError
from textrnn.preparation.vectorization import unlabelled_text
from textrnn.preparation.vectorization.unlabelled_text import NO_TEXT, segment_unlabelled

SPLITS = {"train": [(["a", "b"], 0)], "dev": [(["d", "e"], 0)], "test": [(["t", "u"], 1), ([], 1)]}


@pytest.fixture
def segmented(tmp_path):
    return SegmentedRows.read(write_segment_output(tmp_path / "segmented", "classify", SPLITS, ["x", "y"]))


@pytest.fixture
def out(tmp_path):
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


def tokens_of(text):
    return [row for batch in text.batches() for row in batch.to_pylist()]


def test_lines_equal_to_dev_or_test_are_dropped_and_counted(tmp_path, segmented, out):
    path = tmp_path / "more.txt"
    path.write_bytes(b"a b\nt  u\nd e\n\n \nt u\nt u v\n\xff\nz\r\nlast t u")
    text = segment_unlabelled(path, segmented, out)
    assert tokens_of(text) == [["a", "b"], ["t", "u", "v"], ["z"], ["last", "t", "u"]]
    assert text.texts == 4
    assert text.dropped == {"empty": 2, "equal to a text of dev": 1, "equal to a text of test": 2, "not UTF-8": 1}
    counts = pa.concat_tables(text.counts()).to_pydict()
    assert dict(zip(counts["token"], counts["count"], strict=True)) == {
        **{"a": 1, "b": 1, "t": 2, "u": 2},
        **{"v": 1, "z": 1, "last": 1},
    }
    text.remove_files()
    assert [file.name for file in out.iterdir() if file.is_file()] == []


def test_lines_are_cleaned_and_segmented_as_the_encoding(tmp_path, segmented, out):
    state = {"clean": ["lower", "digits"], "segmenter": "chars", "punkt": None}
    segmented.segmentation_file.write_text(json.dumps(state), encoding="utf-8")
    (tmp_path / "more.txt").write_text("Ab9\nTU\nDE\n", encoding="utf-8")
    text = segment_unlabelled(tmp_path / "more.txt", segmented, out)
    assert tokens_of(text) == [["a", "b", "0"]]
    assert text.dropped == {"equal to a text of dev": 1, "equal to a text of test": 1}


def test_many_lines_are_many_tasks_in_the_order_of_the_file(tmp_path, segmented, out, monkeypatch):
    monkeypatch.setattr(unlabelled_text, "LINES_PER_TASK", 3)
    (tmp_path / "more.txt").write_text("\n".join(f"{at} x" for at in range(10)), encoding="utf-8")
    text = segment_unlabelled(tmp_path / "more.txt", segmented, out)
    assert len(text.kept) == 4
    assert [row[0] for row in tokens_of(text)] == [str(at) for at in range(10)]


@pytest.mark.parametrize(("name", "pack"), [("m.gz", gzip.compress), ("m.bz2", bz2.compress), ("m", bytes)])
def test_a_packed_file_is_read_by_its_name(tmp_path, segmented, out, name, pack):
    (tmp_path / name).write_bytes(pack(b"a b\nc\n"))
    assert tokens_of(segment_unlabelled(tmp_path / name, segmented, out)) == [["a", "b"], ["c"]]


@pytest.mark.parametrize(("content", "encoding"), [("今 天\n", "gb18030"), ("\ufeff今 天\n", None)])
def test_a_file_of_another_encoding(tmp_path, segmented, out, content, encoding):
    (tmp_path / "more.txt").write_bytes(content.encode(encoding or "utf-16-le") + (b"\xff\n" if encoding else b""))
    text = segment_unlabelled(tmp_path / "more.txt", segmented, out, encoding)
    assert tokens_of(text) == [["今", "天"]]
    assert text.dropped == ({"not gb18030": 1} if encoding else {})


@pytest.mark.parametrize(
    ("name", "content", "match"),
    [
        ("none.txt", None, r"none\.txt: no such file; put it there"),
        ("empty.txt", b"", r"empty\.txt: the file is empty; fetch it again"),
        (
            "cut.gz",
            gzip.compress(b"a b\n" * 99, mtime=0)[:-9],
            r"cut\.gz: the compressed file is truncated or damaged; got",
        ),
        ("no.bz2", b"a b\n", r"no\.bz2: is not a bz2 file or is damaged; got"),
        ("known.txt", b"t u\n\n", r"known\.txt: has no usable line; got 1 empty, 1 equal to a text of test; correct"),
    ],
)
def test_an_unusable_file_is_one_line(tmp_path, segmented, out, name, content, match):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=match) as raised:
        segment_unlabelled(tmp_path / name, segmented, out)
    assert "\n" not in str(raised.value)


def test_no_text_has_nothing():
    assert (NO_TEXT.texts, list(NO_TEXT.batches()), list(NO_TEXT.counts())) == (0, [], [])


def test_long_lines_are_more_tasks_with_the_same_texts(tmp_path, segmented, out, monkeypatch):
    (tmp_path / "more.txt").write_text("".join(f"text {at}\n" for at in range(10)))
    (tmp_path / "small").mkdir()
    whole = segment_unlabelled(tmp_path / "more.txt", segmented, out)
    monkeypatch.setattr(bounded_batches, "MAX_CHARACTERS", 12)
    text = segment_unlabelled(tmp_path / "more.txt", segmented, tmp_path / "small")
    assert (len(whole.kept), len(text.kept)) == (1, 5)
    assert tokens_of(text) == tokens_of(whole) == [["text", str(at)] for at in range(10)]
