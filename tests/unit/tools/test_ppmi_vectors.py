"""PPMI vectors: counts, information and the SVD compared with plain loops; texts; errors."""

import dataclasses
import gzip
import math
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from factories.shards import write_segmented
from textrnn.errors import UserError
from textrnn.preparation.embedding.vector_files import read_selected
from textrnn.tools import ppmi_vectors
from textrnn.tools.ppmi_vectors import (
    TokenStream,
    VectorSettings,
    check_output,
    learn_vectors,
    read_token_stream,
    write_vectors,
)

SETTINGS = VectorSettings(width=2, longest=3, word_count=1, pair_count=2, norm=1.0, seed=0)
DICTIONARY = ["cab", "ab", "bab", "abca", "zz", "a"]


def texts_of(*rows):
    tokens = ["", *sorted({token for row in rows for token in row})]
    ids = [0, 0]
    for row in rows:
        ids += [*map(tokens.index, row), 0, 0]
    return TokenStream(np.array(ids), tokens)


def random_rows(count, letters="abc", seed=0):
    generator = np.random.default_rng(seed)
    return ["".join(generator.choice(list(letters), generator.integers(0, 9))) for _ in range(count)]


def counted(rows, settings=SETTINGS):
    """The pairs and words that occur often enough, each with the context tokens of its occurrences, by position."""
    contexts_by_name = {}
    for row in rows:
        for length in range(2, settings.longest + 1):
            for at in range(len(row) - length + 1):
                positions = (at - 2, at - 1, at + length, at + length + 1)
                near = [(position, row[index]) for position, index in enumerate(positions) if 0 <= index < len(row)]
                contexts_by_name.setdefault(row[at : at + length], []).append(near)
    words = {word for word in DICTIONARY if 2 <= len(word) <= settings.longest}
    minimum = {name: settings.word_count if name in words else settings.pair_count for name in contexts_by_name}
    return {
        name: near
        for name, near in contexts_by_name.items()
        if len(near) >= minimum[name] and (name in words or len(name) == 2)
    }


def information_of(expected, contexts):
    """The positive pointwise mutual information, a loop over names and contexts."""
    together = {
        name: Counter(one for near in nears for one in near if one[1] in contexts) for name, nears in expected.items()
    }
    of_context = Counter()
    for counts in together.values():
        of_context.update(counts)
    smoothed = sum(count**0.75 for count in of_context.values())
    found = {}
    for name, counts in together.items():
        for context, count in counts.items():
            chance = sum(counts.values()) * of_context[context] ** 0.75 / smoothed
            if count > chance:
                found[name, context] = math.log(count / chance)
    return found


def test_vectors_are_the_singular_vectors_of_the_ppmi(monkeypatch):
    monkeypatch.setattr(ppmi_vectors, "MIN_CONTEXT_COUNT", 5)
    rows = [*random_rows(60), "zabz", "zzcab"]  # z is too rare to be a context
    names, vectors = learn_vectors(texts_of(*rows), DICTIONARY, SETTINGS)
    expected = counted(rows)
    assert set(names) == set(expected)
    assert [len(expected[name]) for name in names] == sorted((len(expected[name]) for name in names), reverse=True)
    assert "bca" not in names
    contexts = [(position, letter) for position in range(4) for letter in "abc"]
    information = information_of(expected, "abc")
    matrix = np.array([[information.get((name, context), 0) for context in contexts] for name in names])
    left, values, _ = np.linalg.svd(matrix, full_matrices=False)
    expected_vectors = left[:, :2] * np.sqrt(values[:2])
    expected_vectors /= np.linalg.norm(expected_vectors, axis=1, keepdims=True)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(vectors @ vectors.T, expected_vectors @ expected_vectors.T, atol=2e-3)  # signs are free
    again = learn_vectors(texts_of(*rows), DICTIONARY, SETTINGS)
    assert again[0] == names
    assert np.array_equal(again[1], vectors)


def test_similar_contexts_give_similar_vectors(monkeypatch):
    monkeypatch.setattr(ppmi_vectors, "MIN_CONTEXT_COUNT", 2)
    generator = np.random.default_rng(1)
    frames = {"xy": ("pq", "rs"), "yx": ("pq", "rs"), "xx": ("tu", "vw"), "yy": ("tu", "vw")}
    rows = [f"{frames[name][0]}{name}{frames[name][1]}" for name in generator.choice(list(frames), 200)]
    names, vectors = learn_vectors(texts_of(*rows), [], VectorSettings(4, 2, 1, 1, 1.0, 0))
    near = dict(zip(names, vectors, strict=True))
    assert near["xy"] @ near["yx"] > 0.99
    assert near["xx"] @ near["yy"] > 0.99
    assert abs(near["xy"] @ near["xx"]) < 0.5


def test_a_token_of_several_characters_or_a_blank_is_in_no_pair(monkeypatch):
    monkeypatch.setattr(ppmi_vectors, "MIN_CONTEXT_COUNT", 1)
    cut = [["a", "bc", "a", "b"], ["c", " ", "a", "b"], *random_rows(30, "ab"), "cabcab"]
    found = set(learn_vectors(texts_of(*cut), ["bca", "abc"], VectorSettings(1, 3, 1, 1, 1.0, 0))[0])
    assert {"ab", "ba", "ca", "bca"} <= found
    assert not {name for name in found if " " in name or len(name) > 3}
    only_cut = [["a", "bc", "a", "b"], *random_rows(30, "ab")]
    assert not {"bc", "abc", "bca", "ca"} & set(
        learn_vectors(texts_of(*only_cut), ["bca"], VectorSettings(1, 3, 1, 1, 1.0, 0))[0]
    )


def segmented(folder, **splits):
    rows = {split: [(list(row), 0) for row in texts] for split, texts in splits.items()}
    return write_segmented(folder, "classify", rows).folder


def test_the_train_split_of_all_folders_is_read(tmp_path):
    one = segmented(tmp_path / "one", train=["ab", "", "c"], test=["d"])
    two = segmented(tmp_path / "two", train=[["b", "ab"]], dev=["e"])
    found = read_token_stream([one, two])
    assert [found.tokens[at] for at in found.ids] == ["", "", "a", "b", *[""] * 4, "c", "", "", "b", "ab", "", ""]
    empty = segmented(tmp_path / "empty", train=[""], test=["d"])
    with pytest.raises(UserError, match=r"empty: there is no token in train; choose other corpora"):
        read_token_stream([empty])
    with pytest.raises(UserError, match=r"index"):
        read_token_stream([tmp_path])
    words = segmented(tmp_path / "words", train=[["ab", "cd", "e"]])
    with pytest.raises(
        UserError, match=r"words: most tokens have several characters; got 33% of one character; choose"
    ):
        read_token_stream([words])


def test_the_command_writes_the_file_and_nothing_on_an_error(tmp_path, monkeypatch, import_stage, capsys):
    script = import_stage("vectors")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(script, "read_dictionary", lambda: iter([("cab", "n")]))
    monkeypatch.setattr(ppmi_vectors, "MIN_CONTEXT_COUNT", 1)
    folder = segmented(tmp_path / "s", train=random_rows(40))
    arguments = ["vectors.py", "out/v.vec.gz", str(folder), "--width", "3"]
    monkeypatch.setattr(sys, "argv", arguments)
    script.main()
    names, vectors = read_selected(tmp_path / "out" / "v.vec.gz", lambda name: True, "name")
    assert "cab" in names
    assert {name for name in names if len(name) == 2} == {first + second for first in "abc" for second in "abc"}
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 3, atol=1e-3)
    printed = capsys.readouterr().out
    assert printed == f"out/v.vec.gz: vectors of {len(names)} pairs and words, 3 wide\n"
    monkeypatch.setattr(sys, "argv", [*arguments[:-1], "99"])
    before = (tmp_path / "out" / "v.vec.gz").read_bytes()
    with pytest.raises(UserError, match=r"^--width: 99 must be below both counts"):
        script.main()
    assert (tmp_path / "out" / "v.vec.gz").read_bytes() == before
    assert len(list((tmp_path / "out").iterdir())) == 1


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"width": 0}, r"^--width: must be at least 1; got 0"),
        ({"longest": 1}, r"^--longest: must be at least 2; got 1"),
        ({"word_count": 0}, r"^--word-count: must be at least 1"),
        ({"pair_count": 0}, r"^--pair-count: must be at least 1"),
        ({"norm": 0.09}, r"^--norm: must be in \[0\.1, 1000\]; got 0\.09"),
        ({"norm": math.inf}, r"^--norm: must be in \[0\.1, 1000\]; got inf"),
        ({"norm": math.nan}, r"^--norm: must be in \[0\.1, 1000\]; got nan"),
        ({"seed": 2**32}, r"^--seed: must be at most 4294967295; got 4294967296"),
        ({"seed": -1}, r"^--seed: must be at least 0; got -1"),
        (
            {"longest": 40},
            r"^--longest: 4 \(the number of tokens\) to the power of it must be below 2\^63; got 40; lower it",
        ),
        ({"width": 3}, r"^--width: 3 must be below both counts; got 3 pairs and words, 0 contexts; use more"),
    ],
)
def test_options_out_of_range_are_refused_by_name(changes, match):
    with pytest.raises(UserError, match=match):
        learn_vectors(texts_of("abcabc"), [], VectorSettings(**{**vars(SETTINGS), "pair_count": 1, **changes}))


def test_texts_shorter_than_the_longest_word():
    with pytest.raises(UserError, match=r"^--width: 2 must be below both counts"):
        learn_vectors(texts_of("ab"), [], dataclasses.replace(SETTINGS, longest=9, pair_count=1))


def test_a_pair_without_information_is_omitted(monkeypatch):
    monkeypatch.setattr(ppmi_vectors, "MIN_CONTEXT_COUNT", 1)
    rows = ["xy", *random_rows(40)]
    names, vectors = learn_vectors(texts_of(*rows), [], dataclasses.replace(SETTINGS, pair_count=1))
    assert "xy" not in names
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_the_norm_only_scales_the_vectors(monkeypatch):
    monkeypatch.setattr(ppmi_vectors, "MIN_CONTEXT_COUNT", 1)
    names, vectors = learn_vectors(texts_of(*random_rows(40)), DICTIONARY, SETTINGS)
    longer = learn_vectors(texts_of(*random_rows(40)), DICTIONARY, dataclasses.replace(SETTINGS, norm=2.5))
    assert longer[0] == names
    np.testing.assert_allclose(longer[1], 2.5 * vectors, rtol=1e-5)


@pytest.mark.parametrize(
    ("to", "match"),
    [
        ("folder", r"^folder: is a folder; name a file"),
        ("v.npz", r"^v\.npz: has an unsupported format; got \.npz; name it \.vec"),
        ("v.vec.bz2", r"has an unsupported format"),
        ("file/v.vec", r"^file/v\.vec: cannot be written; got "),
        ("/proc/v.vec", r"^/proc/v\.vec: cannot be written; got "),
    ],
)
def test_an_invalid_output_path_is_refused_before_learning(tmp_path, monkeypatch, to, match):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=match):
        check_output(Path(to))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


@pytest.mark.parametrize("compressed", [False, True])
def test_the_file_is_read_as_any_vector_file(tmp_path, compressed):
    path = tmp_path / ("v.vec.gz" if compressed else "v.vec")
    vectors = np.array([[0.5, -1.0], [0.12345, 2.0]], np.float32)
    write_vectors(path, ["ab", "ba"], vectors, compressed)
    text = gzip.decompress(path.read_bytes()) if compressed else path.read_bytes()
    assert text == b"2 2\nab 0.5000 -1.0000\nba 0.1235 2.0000\n"
    names, found = read_selected(path, lambda name: True, "name")
    assert names == ["ab", "ba"]
    np.testing.assert_allclose(found, vectors, atol=1e-4)
    first = path.read_bytes()
    write_vectors(path, ["ab", "ba"], vectors, compressed)
    assert path.read_bytes() == first
