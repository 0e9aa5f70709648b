from collections import Counter, defaultdict

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import textrnn.preparation.parsing.duplicates
from textrnn.preparation.parsing.duplicates import DuplicateCounter

batches = st.lists(st.tuples(st.sampled_from("abcdefgh"), st.integers(0, 2)), min_size=1, max_size=12)
splits = st.lists(st.tuples(st.sampled_from(["train", "dev"]), batches), max_size=8)


def add(duplicates, split, rows):
    duplicates.add(split, pa.array([text for text, _ in rows], pa.string()), np.array([label for _, label in rows]))


@settings(max_examples=60, deadline=None)
@given(splits, st.integers(0, 40), st.integers(1, 20), st.integers(1, 3))
def test_against_brute_force(tmp_path_factory, given_batches, rows, buffered, bits):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(textrnn.preparation.parsing.duplicates, "MAX_BUFFERED_ROWS", buffered)
        patch.setattr(textrnn.preparation.parsing.duplicates, "ROWS_PER_PART", 4)
        patch.setattr(textrnn.preparation.parsing.duplicates, "MAX_BITS", bits)
        duplicates = DuplicateCounter(tmp_path_factory.mktemp("duplicates") / "parts", rows)
        assert duplicates.bits == min((rows // 4).bit_length(), bits)
        texts, labels = defaultdict(Counter), defaultdict(set)
        for split, batch in given_batches:
            add(duplicates, split, batch)
            for text, label in batch:
                texts[split][text] += 1
                labels[split, text].add(label)
        for split, other in (("dev", "train"), ("train", "dev"), ("train", "train")):
            expected = sum(number for text, number in texts[split].items() if text in texts[other])
            assert duplicates.count_also_in(split, other) == expected
        for split in ("train", "dev"):
            assert duplicates.count_conflicting_labels(split) == sum(
                len(labels[split, text]) > 1 for text in texts[split]
            )


def test_tokens_are_joined(tmp_path):
    duplicates = DuplicateCounter(tmp_path / "parts", 3)
    duplicates.add("train", pa.array([["a", "bc"], ["d"]]), np.array([0, 0]))
    duplicates.add("test", pa.array([["ab", "c"], ["a", "b"], ["d"]]), np.array([0, 0, 0]))
    assert duplicates.count_also_in("test", "train") == 2


def test_the_number_of_files_depends_on_the_number_of_rows(tmp_path, monkeypatch):
    monkeypatch.setattr(textrnn.preparation.parsing.duplicates, "ROWS_PER_PART", 100)
    monkeypatch.setattr(textrnn.preparation.parsing.duplicates, "MAX_BUFFERED_ROWS", 64)
    duplicates = DuplicateCounter(tmp_path / "parts", 1000)
    for first in range(0, 1000, 50):
        add(duplicates, "train", [(str(at % 500), at // 500) for at in range(first, first + 50)])
        assert sum(len(entries) for entries in duplicates._buffers["train"]) < 64
    assert duplicates.count_conflicting_labels("train") == 500
    files = sorted((tmp_path / "parts").iterdir())
    assert [path.name for path in files] == [f"train-{part:04d}" for part in range(16)]
    assert sum(path.stat().st_size for path in files) == 16_000
    assert max(path.stat().st_size for path in files) < 2 * 16_000 / 16


def test_files_of_an_earlier_run_are_not_counted(tmp_path):
    for _ in range(2):
        duplicates = DuplicateCounter(tmp_path / "parts", 2)
        add(duplicates, "train", [("a", 0), ("b", 1)])
        assert duplicates.count_also_in("train", "train") == 2
