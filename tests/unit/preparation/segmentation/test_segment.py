"""A parsed corpus into token shards: contents, token counts of train, the same bytes for any number of workers."""

from __future__ import annotations

import json

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from factories.shards import LABELS, write_parsed
from textrnn.common.config.segment import Punkt, Segment
from textrnn.common.executor import tasks as workers_module
from textrnn.common.storage import shards as shards_module
from textrnn.common.storage.parsed_rows import ParsedFacts, ParsedRows
from textrnn.common.storage.resumable import resumable_folder
from textrnn.common.storage.schemas import COUNTS
from textrnn.common.storage.segmented_rows import SegmentedRows
from textrnn.errors import UserError
from textrnn.preparation.segmentation import segment as module
from textrnn.preparation.segmentation import segmenters
from textrnn.preparation.segmentation.cleaning import clean
from textrnn.preparation.segmentation.punkt import learn_punkt
from textrnn.preparation.segmentation.segment import segment, segment_inputs
from textrnn.preparation.segmentation.segmenters import Segmenter
from textrnn.preparation.segmentation.token_habits import learn_habits

TEXTS = {
    "train": [("Bad CD. Mr. Fox left at 5 p.m. today.", 0), ("a b a", 1), ("", 1), ("b a, Mr. Fox!", 0), ("c", 1)],
    "dev": [("a z", 1), ("zz", 0)],
    "test": [("y y y", 0), ("b", 1), ("x", 1)],
}


def run(parsed, out, settings, *, punkt_folder=None):
    with resumable_folder(out) as temporary:
        return segment(ParsedRows.read(parsed), settings, punkt_folder=punkt_folder or out, out=temporary)


def rows(folder, split):
    return [row for batch in SegmentedRows.read(folder).batches(split) for row in batch.to_pylist()]


def counts(folder):
    table = pa.ipc.open_file(str(folder / "counts.arrow")).read_all()
    assert table.schema.equals(COUNTS)
    return list(zip(table["token"].to_pylist(), table["count"].to_pylist(), strict=True))


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_rows_by_hand(tmp_path):
    report = run(
        write_parsed(tmp_path / "in", "classify", TEXTS),
        tmp_path / "out",
        Segment("tokens", ("lower",), None, 0.0, 1, None),
    )
    train = rows(tmp_path / "out", "train")
    assert train[1:] == [
        {"row": 101, "tokens": ["a", "b", "a"], "label": 1},
        {"row": 102, "tokens": [], "label": 1},
        {"row": 103, "tokens": ["b", "a,", "mr.", "fox!"], "label": 0},
        {"row": 104, "tokens": ["c"], "label": 1},
    ]
    assert train[0]["tokens"] == ["bad", "cd.", "mr.", "fox", "left", "at", "5", "p.m.", "today."]
    assert rows(tmp_path / "out", "test") == [
        {"row": 100, "tokens": ["y", "y", "y"], "label": 0},
        {"row": 101, "tokens": ["b"], "label": 1},
        {"row": 102, "tokens": ["x"], "label": 1},
    ]
    assert report == {"tokens": {"train": 17, "dev": 3, "test": 5}, "distinct_in_train": 14, "verified_rows": 0}
    reader = SegmentedRows.read(tmp_path / "out")
    assert reader.facts == ParsedFacts("classify", {}, ("down", "up"))
    assert reader.open(reader.of("train")[0]).schema.equals(SegmentedRows.schema("classify"))


def test_only_train_is_counted_and_counts_are_sorted(tmp_path):
    splits = {
        "train": [("ba", 0), ("Ab𠮷", 1), ("b", 1)],
        "dev": [("zzzzzz", 0)],
        "test": [("aaaaaa", 0)],
    }
    run(write_parsed(tmp_path / "in", "classify", splits), tmp_path / "out", Segment("chars", (), None, 0.0, 1, None))
    assert counts(tmp_path / "out") == [("b", 3), ("A", 1), ("a", 1), ("𠮷", 1)]  # ties by code point


def test_the_bytes_do_not_depend_on_the_workers(tmp_path, monkeypatch):
    many = {
        split: [(f"{text} {index}", label) for index in range(4) for text, label in TEXTS[split]] for split in TEXTS
    }
    with monkeypatch.context() as small:
        small.setattr(shards_module, "ROWS_PER_BATCH", 3)
        small.setattr(shards_module, "ROWS_PER_SHARD", 6)
        parsed = write_parsed(tmp_path / "in", "classify", many)
    assert [shard.rows for shard in ParsedRows.read(parsed).of("train")] == [6, 6, 6, 2]
    monkeypatch.setattr(workers_module, "MIN_ROWS_FOR_POOL", 0)
    segmentation = Segment("nltk", ("lower", "digits"), Punkt("train", 20), 0.0, 1, None)
    reports = {}
    for workers in (1, 3):
        monkeypatch.setenv("TEXTRNN_WORKERS", str(workers))
        reports[workers] = run(parsed, tmp_path / str(workers), segmentation)
    assert reports[1] == reports[3]
    assert contents(tmp_path / "1") == contents(tmp_path / "3")
    names = [shard.file for shard in SegmentedRows.read(tmp_path / "3").shards]
    assert names[:5] == [f"train-{number:05d}.arrow" for number in range(4)] + ["dev-00000.arrow"]
    cut = Segmenter.load(tmp_path / "3" / "segmentation.json")
    assert [row["tokens"] for row in rows(tmp_path / "3", "train")] == [cut(text) for text, _ in many["train"]]
    assert [row["row"] for row in rows(tmp_path / "3", "train")] == list(range(100, 120))


def test_an_empty_split(tmp_path):
    parsed = write_parsed(tmp_path / "in", "classify", {**TEXTS, "dev": []})
    report = run(parsed, tmp_path / "out", Segment("chars", (), None, 0.0, 1, None))
    assert report["tokens"]["dev"] == 0
    assert rows(tmp_path / "out", "dev") == []


# the sentence model


def test_the_sentence_model_learns_from_the_first_cleaned_rows_of_train(tmp_path):
    parsed = write_parsed(tmp_path / "in", "classify", TEXTS)
    run(parsed, tmp_path / "out", Segment("nltk", ("lower",), Punkt("train", 2), 0.0, 1, None))
    state = json.loads((tmp_path / "out" / "segmentation.json").read_text(encoding="utf-8"))
    texts = [clean(text, ["lower"]) for text, _ in TEXTS["train"]]
    assert state == {"clean": ["lower"], "segmenter": "nltk", "punkt": learn_punkt(texts[:2])}
    assert state["punkt"] != learn_punkt(texts)
    assert state["punkt"] != learn_punkt(text for text, _ in TEXTS["train"][:2])


def test_a_published_sentence_model(tmp_path):
    english = tmp_path / "punkt" / "english"
    english.mkdir(parents=True)
    for name, text in (("abbrev_types.txt", "mr"), ("collocations.tab", ""), ("ortho_context.tab", "a\t4")):
        (english / name).write_text(text, encoding="utf-8")
    parsed = write_parsed(tmp_path / "in", "classify", TEXTS)
    settings = Segment("nltk", (), Punkt("english", None), 0.0, 1, None)
    with pytest.raises(UserError, match=r"sent_starters\.txt: no such file of a Punkt model"):
        run(parsed, tmp_path / "bad", settings, punkt_folder=tmp_path / "punkt")
    (english / "sent_starters.txt").write_text("now\n", encoding="utf-8")
    run(parsed, tmp_path / "out", settings, punkt_folder=tmp_path / "punkt")
    state = json.loads((tmp_path / "out" / "segmentation.json").read_text(encoding="utf-8"))
    tables = {"abbrev_types": ["mr"], "collocations": [], "sent_starters": ["now"], "ortho_context": {"a": 4}}
    assert state["punkt"] == tables
    assert rows(tmp_path / "out", "train")[3]["tokens"] == ["b", "a", ",", "Mr.", "Fox", "!"]


# tagged corpora


def test_a_tagged_corpus_passes_through(tmp_path):
    splits = {"train": [(["海", "淀 ", "海"], [1, 2, 0])], "dev": [(["a"], [0])], "test": [(["b", "B"], [0, 1])]}
    report = run(
        write_parsed(tmp_path / "in", "tag", splits), tmp_path / "out", Segment("tokens", (), None, 0.0, 1, None)
    )
    assert rows(tmp_path / "out", "train") == [{"row": 100, "tokens": ["海", "淀 ", "海"], "tags": [1, 2, 0]}]
    assert rows(tmp_path / "out", "test") == [{"row": 100, "tokens": ["b", "B"], "tags": [0, 1]}]
    assert counts(tmp_path / "out") == [("海", 2), ("淀 ", 1)]
    assert report == {"tokens": {"train": 3, "dev": 1, "test": 2}, "distinct_in_train": 2, "verified_rows": 0}
    assert SegmentedRows.read(tmp_path / "out").labels == tuple(LABELS["tag"])


def test_how_the_tokens_of_train_were_cut_is_learned(tmp_path):
    splits = {
        "train": [(list("海淀。"), [1, 2, 0])] * 3 + [(["2023", "年"], [0, 0])],
        "dev": [],
        "test": [(["B"], [0])],
    }
    run(write_parsed(tmp_path / "in", "tag", splits), tmp_path / "out", Segment("tokens", (), None, 0.0, 1, None))
    state = json.loads((tmp_path / "out" / "segmentation.json").read_text(encoding="utf-8"))
    assert state["habits"] == learn_habits([("海", 3), ("淀", 3), ("。", 3), ("2023", 1), ("年", 1)])
    assert (state["habits"]["unspaced"], state["habits"]["digits"]) == ("characters", "words")
    run(
        write_parsed(tmp_path / "texts", "classify", TEXTS),
        tmp_path / "words",
        Segment("tokens", (), None, 0.0, 1, None),
    )
    assert "habits" not in json.loads((tmp_path / "words" / "segmentation.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("settings", "got"),
    [
        (Segment("chars", (), None, 0.0, 1, None), r"segmenter: chars, clean: \[\]"),
        (Segment("tokens", ("lower", "urls"), None, 0.0, 1, None), r"segmenter: tokens, clean: \[lower, urls\]"),
    ],
)
def test_a_tagged_corpus_is_not_segmented_again(settings, got, tmp_path):
    parsed = write_parsed(tmp_path / "in", "tag", {"train": [(["a"], [0])], "dev": [], "test": []})
    with pytest.raises(UserError, match=rf"a tagged corpus is already segmented; got {got}; set segmenter: tokens"):
        run(parsed, tmp_path / "out", settings)


# errors


def test_a_damaged_shard_is_named(tmp_path):
    parsed = write_parsed(tmp_path / "in", "classify", TEXTS)
    path = parsed / "dev-00000.arrow"
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    with pytest.raises(UserError, match=r"dev-00000\.arrow: is damaged: the shard does not have the index's checksum"):
        run(parsed, tmp_path / "out", Segment("chars", (), None, 0.0, 1, None))


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        (
            Segment("nltk", (), None, 0.0, 1, None),
            r"\.e\.punkt: must be given with segmenter: nltk and null .*; got null",
        ),
        (
            Segment("chars", (), Punkt("train", 1), 0.0, 1, None),
            r"encodings\.e\.punkt: must be given with segmenter: nltk",
        ),
        (Segment("nltk", (), Punkt("train", 0), 0.0, 1, None), r"encodings\.e\.punkt\.rows: must be at least 1; got 0"),
        (
            Segment("nltk", (), Punkt("train", None), 0.0, 1, None),
            r"rows: must be given with model: train and null otherwise; got null",
        ),
        (
            Segment("nltk", (), Punkt("english", 5), 0.0, 1, None),
            r"\.rows: must be given with model: train .*; got 5",
        ),
    ],
)
def test_invalid_settings(settings, match):
    with pytest.raises(UserError, match=match):
        settings.check("encodings.e")


def test_valid_settings():
    Segment("nltk", (), Punkt("train", 1), 0.0, 1, None).check("encodings.e")
    Segment("jieba", ("lower",), None, 0.0, 1, None).check("encodings.e")


# verification against the original libraries


def test_every_row_is_compared_with_nltk(tmp_path, monkeypatch):
    parsed = write_parsed(tmp_path / "in", "classify", TEXTS)
    settings = Segment("nltk", ("lower",), Punkt("train", 5), 1.0, 1, None)
    report = run(parsed, tmp_path / "out", settings)
    assert report["verified_rows"] == 10
    original = Segmenter.original
    monkeypatch.setattr(module.Segmenter, "original", lambda self, text: [*original(self, text), "!"])
    wrong = r"in, train, row 100: got \['bad', .*'\.'\]; the original gives \['bad', .*'\.', '!'\]; text: 'Bad CD\."
    with pytest.raises(RuntimeError, match=wrong):
        run(parsed, tmp_path / "bad", settings)
    assert not (tmp_path / "bad").exists()


def test_the_fraction_of_rows_that_is_compared(tmp_path):
    many = {"train": [(f"a b {index}.", index % 2) for index in range(2000)], "dev": [("a", 0)], "test": [("b", 1)]}
    parsed = write_parsed(tmp_path / "in", "classify", many)
    some = [
        run(parsed, tmp_path / f"{seed}", Segment("nltk", (), Punkt("train", 5), 0.1, seed, None))["verified_rows"]
        for seed in (1, 2)
    ]
    assert all(150 < rows < 250 for rows in some)
    assert some[0] != some[1]


def test_a_segmenter_without_another_original_is_not_compared(tmp_path):
    parsed = write_parsed(tmp_path / "in", "classify", TEXTS)
    report = run(parsed, tmp_path / "out", Segment("chars", (), None, 1.0, 1, None))
    assert report["verified_rows"] == 0


@pytest.mark.parametrize(("share", "seed"), [(1.1, 1), (-0.1, 1), (0.0, -1)])
def test_values_out_of_range(share, seed):
    with pytest.raises(UserError, match=r"segment\.(verify_share: must lie in \[0, 1\]|seed: must not be negative)"):
        Segment("chars", (), None, share, seed, None).check("segment")


def test_inputs_differ_for_different_shards_and_models(tmp_path):
    english = tmp_path / "punkt" / "english"
    english.mkdir(parents=True)
    (english / "abbrev_types.txt").write_text("mr", encoding="utf-8")
    one = write_parsed(tmp_path / "one", "classify", TEXTS)
    two = write_parsed(tmp_path / "two", "classify", {**TEXTS, "dev": []})
    segmentation = Segment("nltk", (), Punkt("english", None), 0.0, 1, None)
    first = segment_inputs(ParsedRows.read(one), segmentation, punkt_folder=tmp_path / "punkt")
    assert first == segment_inputs(ParsedRows.read(one), segmentation, punkt_folder=tmp_path / "punkt")
    assert first != segment_inputs(ParsedRows.read(two), segmentation, punkt_folder=tmp_path / "punkt")
    (english / "abbrev_types.txt").write_text("dr", encoding="utf-8")
    assert first != segment_inputs(ParsedRows.read(one), segmentation, punkt_folder=tmp_path / "punkt")


@pytest.mark.parametrize("segmenter", ["chars", "tokens", "nltk"])
def test_long_texts_are_segmented_in_parts_with_the_same_result(segmenter, tmp_path, monkeypatch):
    parsed = write_parsed(tmp_path / "in", "classify", TEXTS)
    punkt = Punkt("train", 20) if segmenter == "nltk" else None
    segmentation = Segment(segmenter, ("lower",), punkt, 1.0, 1, None)
    whole = run(parsed, tmp_path / "whole", segmentation)
    sizes = []
    column = Segmenter.column
    for size in (1, 10, 30):
        with monkeypatch.context() as patch:
            patch.setattr(segmenters, "MAX_PART_BYTES", size)
            patch.setattr(Segmenter, "column", lambda self, texts: sizes.append(len(texts)) or column(self, texts))
            assert run(parsed, tmp_path / str(size), segmentation) == whole
        assert contents(tmp_path / str(size)) == contents(tmp_path / "whole")
    assert sizes[:5] == [1] * 5


@given(st.lists(st.text(max_size=9), max_size=12), st.integers(1, 20))
def test_parts_of_a_column(texts, size):
    column = pa.array(["before", *texts], pa.string())[1:]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(segmenters, "MAX_PART_BYTES", size)
        parts = [part.to_pylist() for part in segmenters.split_column(column)]
        cut = Segmenter({"clean": [], "segmenter": "chars", "punkt": None}).column(column)
    assert [text for part in parts for text in part] == texts
    assert all(len("".join(part).encode()) <= size for part in parts if len(part) > 1)
    assert cut.to_pylist() == [list(text) for text in texts]
