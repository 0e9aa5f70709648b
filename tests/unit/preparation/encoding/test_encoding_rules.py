"""`encode.min_count: auto`: the smallest count follows the tokens of train and the segmenter."""

import json

import pytest

from factories.shards import write_segment_output
from textrnn.common.config.encode import Encode
from textrnn.common.params.rule_values import RuleValue
from textrnn.common.params.sections import load_entry_section
from textrnn.common.storage.segmented_rows import SegmentedRows
from textrnn.errors import UserError
from textrnn.preparation.encoding.encode import encode
from textrnn.preparation.encoding.rules import auto_min_count, resolve_min_count


@pytest.mark.parametrize(
    ("segmenter", "tokens", "min_count"),
    [
        ("chars", 0, 1),
        ("chars", 999_999, 1),
        ("chars", 1_000_000, 2),
        ("tokens", 10**8, 2),
        ("jieba", 99_999, 1),
        ("jieba", 100_000, 2),
        ("nltk", 1_999_999, 2),
        ("nltk", 2_000_000, 5),
        ("nltk", 10**9, 5),
    ],
)
def test_the_smallest_count_follows_tokens_and_segmenter(segmenter, tokens, min_count):
    assert auto_min_count(tokens, segmenter) == min_count
    follows = f"{tokens:,} tokens of train, segmenter {segmenter}"
    recorded = [RuleValue("encode.min_count", "auto", min_count, follows)]
    assert resolve_min_count(Encode("auto", None, None), tokens, segmenter) == (min_count, recorded)
    assert resolve_min_count(Encode(3, None, None), tokens, segmenter) == (3, [])  # a stated value wins


@pytest.mark.parametrize(("segmenter", "vocabulary"), [("nltk", ["b"]), ("chars", ["b", "a"])])
def test_the_vocabulary_is_cut_by_the_rule(tmp_path, segmenter, vocabulary):
    folder = write_segment_output(tmp_path / "in", "classify", {"train": [(["b"] * 99_999 + ["a"], 0)]}, ["x", "y"])
    state = json.loads((folder / "segmentation.json").read_text(encoding="utf-8"))
    (folder / "segmentation.json").write_text(json.dumps({**state, "segmenter": segmenter}), encoding="utf-8")
    (tmp_path / "ids").mkdir()
    segmented = SegmentedRows.read(folder)
    written = encode(segmented, Encode("auto", None, None), where="e", ids=tmp_path / "ids", preparation=tmp_path)
    assert written["vocabulary"] == 2 + len(vocabulary)
    assert written["min_count"] == (2 if segmenter == "nltk" else 1)
    follows = f"100,000 tokens of train, segmenter {segmenter}"
    used = {"name": "encode.min_count", "asked": "auto", "used": written["min_count"], "follows": follows}
    assert written["auto"] == [used]


def test_auto_is_a_value_of_params():
    def loaded(value):
        params = {"encode": {"min_count": 1, "max_tokens": None, "tags": None}}
        params |= {"encodings": {"e": {"encode": {"min_count": value}}}}
        return load_entry_section(Encode, params, "encodings", "e", "encode").min_count

    assert (loaded("auto"), loaded(2)) == ("auto", 2)
    with pytest.raises(
        UserError, match=r"^encodings\.e\.encode\.min_count: must be a whole number, or auto; got 'two'"
    ):
        loaded("two")
