"""Encoding: what the vocabulary sees, unknown tokens, tag ids and gold spans."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factories.shards import write_segment_output
from textrnn.common.config.encode import Encode
from textrnn.common.storage.encoded_rows import EncodedRows
from textrnn.common.storage.segmented_rows import SegmentedRows
from textrnn.common.storage.stored_rows import RowFacts
from textrnn.errors import UserError
from textrnn.preparation.artifacts.labels import Labels, make_labels
from textrnn.preparation.artifacts.tag_schemes import bio_spans
from textrnn.preparation.artifacts.vocabulary import Vocabulary
from textrnn.preparation.encoding.encode import encode

PLAIN = Encode(min_count=1, max_tokens=None, tags=None)
CLASSES = ["down", "up"]
TAGS = ["O", "B-LOC", "I-LOC", "B-PER", "I-PER"]
OUT, B_LOC, I_LOC, B_PER, I_PER = range(5)

TEXTS = {
    "train": [(["b", "a", "b"], 0), (["c", "b", "a"], 1)],
    "dev": [(["a", "z", "z", "z"], 1)],
    "test": [(["z"], 0), ([], 1), (["c", "<pad>", "b"], 1)],
}
SENTENCE = [B_LOC, I_LOC, B_LOC, OUT, I_PER, I_PER, B_PER]
SENTENCES = {
    "train": [(list("海淀京的小明丽"), SENTENCE), (["a"], [OUT])],
    "dev": [(["a", "a", "a"], [I_LOC, I_PER, I_LOC])],
    "test": [(["a", "q"], [B_PER, OUT])],
}


def run(segmented, out, settings):
    (out / "ids").mkdir(parents=True)
    return encode(SegmentedRows.read(segmented), settings, where="encodings.e", ids=out / "ids", preparation=out)


def rows(out, split):
    return [row for batch in EncodedRows.read(out / "ids").batches(split) for row in batch.to_pylist()]


def tagged(tmp_path, scheme):
    segmented = write_segment_output(tmp_path / "in", "tag", SENTENCES, TAGS)
    return tmp_path / "out", run(segmented, tmp_path / "out", Encode(1, None, scheme))


# classification


def test_ids_by_hand(tmp_path):
    report = run(write_segment_output(tmp_path / "in", "classify", TEXTS, CLASSES), tmp_path / "out", PLAIN)
    # counts of train: b 3, a 2, c 1
    assert rows(tmp_path / "out", "train") == [
        {"row": 7, "ids": [2, 3, 2], "label": 0},
        {"row": 8, "ids": [4, 2, 3], "label": 1},
    ]
    assert rows(tmp_path / "out", "dev") == [{"row": 7, "ids": [3, 1, 1, 1], "label": 1}]
    assert rows(tmp_path / "out", "test") == [
        {"row": 7, "ids": [1], "label": 0},
        {"row": 8, "ids": [], "label": 1},
        {"row": 9, "ids": [4, 1, 2], "label": 1},
    ]
    assert report == {
        "vocabulary": 5,
        "min_count": 1,
        "auto": [],
        "max_tokens": None,
        "labels": 2,
        "unknown_share": {"train": 0.0, "dev": 0.75, "test": 0.5},
    }
    reader = EncodedRows.read(tmp_path / "out" / "ids")
    assert reader.facts == RowFacts("classify", {})
    assert reader.open(reader.of("dev")[0]).schema.equals(EncodedRows.schema("classify"))


def test_the_vocabulary_never_sees_dev_or_test(tmp_path):
    other = {**TEXTS, "dev": [(["q"] * 9, 0)], "test": [(["q", "w"], 1)]}
    run(write_segment_output(tmp_path / "in", "classify", TEXTS, CLASSES), tmp_path / "out", PLAIN)
    run(write_segment_output(tmp_path / "in2", "classify", other, CLASSES), tmp_path / "out2", PLAIN)
    one, two = (tmp_path / name / "vocabulary.arrow" for name in ("out", "out2"))
    assert Vocabulary.load(one).tokens.to_pylist() == ["b", "a", "c"]
    assert one.read_bytes() == two.read_bytes()
    assert rows(tmp_path / "out2", "dev") == [{"row": 7, "ids": [1] * 9, "label": 0}]


@pytest.mark.parametrize(
    ("settings", "ids", "share"),
    [(Encode(2, None, None), [[2, 3, 2], [1, 2, 3]], 1 / 6), (Encode(1, 1, None), [[2, 1, 2], [1, 2, 1]], 3 / 6)],
)
def test_limits_make_tokens_of_train_unknown(settings, ids, share, tmp_path):
    report = run(write_segment_output(tmp_path / "in", "classify", TEXTS, CLASSES), tmp_path / "out", settings)
    assert [row["ids"] for row in rows(tmp_path / "out", "train")] == ids
    assert report["unknown_share"]["train"] == pytest.approx(share)


def test_an_empty_split(tmp_path):
    segmented = write_segment_output(tmp_path / "in", "classify", {**TEXTS, "dev": []}, CLASSES)
    report = run(segmented, tmp_path / "out", PLAIN)
    assert report["unknown_share"]["dev"] == 0.0
    assert rows(tmp_path / "out", "dev") == []


# tags


def test_bio_tags_keep_their_ids(tmp_path):
    out, report = tagged(tmp_path, "bio")
    assert [row["tags"] for row in rows(out, "train")] == [SENTENCE, [OUT]]
    assert report["labels"] == 5
    assert Labels.load(out / "labels.json") == Labels("tag", TAGS, "bio", ["LOC", "PER"])


def test_type_tags_are_collapsed(tmp_path):
    out, report = tagged(tmp_path, "type")
    assert [row["tags"] for row in rows(out, "train")] == [[1, 1, 1, 0, 2, 2, 2], [0]]
    assert [row["tags"] for row in rows(out, "dev")] == [[1, 2, 1]]
    assert report["labels"] == 3
    assert Labels.load(out / "labels.json") == Labels("tag", ["O", "LOC", "PER"], "type", ["LOC", "PER"])


def test_bioes_tags_come_from_the_spans(tmp_path):
    out, report = tagged(tmp_path, "bioes")
    names = ["O", "B-LOC", "I-LOC", "E-LOC", "S-LOC", "B-PER", "I-PER", "E-PER", "S-PER"]
    assert Labels.load(out / "labels.json") == Labels("tag", names, "bioes", ["LOC", "PER"])
    assert report["labels"] == 9
    train_tags = [[names[tag] for tag in row["tags"]] for row in rows(out, "train")]
    assert train_tags == [["B-LOC", "E-LOC", "S-LOC", "O", "B-PER", "E-PER", "S-PER"], ["O"]]
    assert [[names[tag] for tag in row["tags"]] for row in rows(out, "dev")] == [["S-LOC", "S-PER", "S-LOC"]]


@pytest.mark.parametrize("scheme", ["bio", "bioes", "type"])
def test_gold_spans_come_from_the_bio_tags_in_every_scheme(scheme, tmp_path):
    out, _ = tagged(tmp_path, scheme)

    def spans(split):
        return [[(s["start"], s["end"], s["type"]) for s in row["spans"]] for row in rows(out, split)]

    # two adjacent places stay two; a person may start with I; a B ends the span before it
    assert spans("train") == [[(0, 2, 0), (2, 3, 0), (4, 6, 1), (6, 7, 1)], []]
    assert spans("dev") == [[(0, 1, 0), (1, 2, 1), (2, 3, 0)]]
    assert spans("test") == [[(0, 1, 1)]]
    assert [row["ids"] for row in rows(out, "test")] == [
        [Vocabulary.load(out / "vocabulary.arrow").encode(["a"])[0], 1]
    ]


def test_types_are_numbered_in_the_order_of_the_tags(tmp_path):
    raw = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC", "B-TV-X", "I-TV-X"]
    splits = {"train": [(list("abcd"), [5, 6, 3, 1])], "dev": [], "test": []}
    segmented = write_segment_output(tmp_path / "in", "tag", splits, raw)
    run(segmented, tmp_path / "out", Encode(1, None, "type"))
    [row] = rows(tmp_path / "out", "train")
    assert row["tags"] == [3, 3, 2, 1]
    assert [tuple(span.values()) for span in row["spans"]] == [(0, 2, 2), (2, 3, 1), (3, 4, 0)]
    assert Labels.load(tmp_path / "out" / "labels.json").names == ["O", "PER", "LOC", "TV-X"]


@given(st.lists(st.sampled_from(TAGS), max_size=8))
def test_bio_spans_compared_with_another_algorithm(tags):
    """A span starts at a B, or at an I after another type, and includes the I of its type that follow."""
    kinds = [tag[2:] for tag in tags]
    starts = [
        at
        for at, tag in enumerate(tags)
        if tag[0] == "B" or (tag[0] == "I" and (at == 0 or kinds[at - 1] != kinds[at]))
    ]
    expected = []
    for start in starts:
        end = start + 1
        while end < len(tags) and tags[end] == f"I-{kinds[start]}":
            end += 1
        expected.append((start, end, kinds[start]))
    assert bio_spans(tags) == expected


# labels


def test_labels_of_classes(tmp_path):
    labels = make_labels("classify", ["负", "正"], None, "encodings.e")
    assert labels == Labels("classify", ["负", "正"], None, [])
    labels.save(tmp_path / "labels.json")
    assert Labels.load(tmp_path / "labels.json") == labels
    text = (tmp_path / "labels.json").read_text(encoding="utf-8")
    assert json.loads(text) == {"task": "classify", "names": ["负", "正"], "scheme": None, "types": []}
    with pytest.raises(UserError, match=r"none\.json: no such file; run the stage"):
        Labels.load(tmp_path / "none.json")


# errors


def test_the_tag_scheme_must_fit_the_task(tmp_path):
    texts = write_segment_output(tmp_path / "texts", "classify", TEXTS, CLASSES)
    with pytest.raises(
        UserError,
        match=r"encodings\.e\.tags: must be bio, bioes or type for a tagged corpus, and null for any other; got 'bio'",
    ):
        run(texts, tmp_path / "a", Encode(1, None, "bio"))
    sentences = write_segment_output(tmp_path / "sentences", "tag", SENTENCES, TAGS)
    with pytest.raises(UserError, match=r"encodings\.e\.tags: must be bio, bioes or type .*; got null"):
        run(sentences, tmp_path / "b", PLAIN)


def test_min_count_too_high(tmp_path):
    segmented = write_segment_output(tmp_path / "in", "classify", TEXTS, CLASSES)
    run(segmented, tmp_path / "three", Encode(3, None, None))
    with pytest.raises(UserError, match=r"encodings\.e\.min_count: no token of train occurs that often; got 4"):
        run(segmented, tmp_path / "four", Encode(4, None, None))
    assert not (tmp_path / "four" / "vocabulary.arrow").exists()


def test_missing_counts(tmp_path):
    segmented = write_segment_output(tmp_path / "in", "classify", TEXTS, CLASSES)
    (segmented / "counts.arrow").unlink()
    with pytest.raises(UserError, match=r"counts\.arrow: no such file; run the stage that writes it"):
        run(segmented, tmp_path / "out", PLAIN)


def test_limits_are_checked_by_their_name():
    with pytest.raises(UserError, match=r"encodings\.e\.min_count: must be at least 1; got 0"):
        Encode(0, None, None).check("encodings.e")
    PLAIN.check("encodings.e")
