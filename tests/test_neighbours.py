"""Vectors learnt from neighbours: counts, information and the reduction against plain loops; texts; what is refused."""

import dataclasses
import gzip
import math
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from test_slices import write_segmented
from textrnn.errors import UserError
from textrnn.preparation.embedding.vector_files import read_selected
from textrnn.tools import ppmi_vectors as neighbours
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
    """Pairs and words that occur often enough, and of each the tokens beside it, by place."""
    beside = {}
    for row in rows:
        for length in range(2, settings.longest + 1):
            for at in range(len(row) - length + 1):
                places = (at - 2, at - 1, at + length, at + length + 1)
                near = [(place, row[it]) for place, it in enumerate(places) if 0 <= it < len(row)]
                beside.setdefault(row[at : at + length], []).append(near)
    words = {word for word in DICTIONARY if 2 <= len(word) <= settings.longest}
    least = {name: settings.word_count if name in words else settings.pair_count for name in beside}
    return {
        name: near for name, near in beside.items() if len(near) >= least[name] and (name in words or len(name) == 2)
    }


def information_of(kept, contexts):
    """The positive pointwise mutual information, a loop over names and contexts."""
    together = {
        name: Counter(one for near in nears for one in near if one[1] in contexts) for name, nears in kept.items()
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


def test_vectors_are_the_singular_vectors_of_what_is_told_by_neighbours(monkeypatch):
    monkeypatch.setattr(neighbours, "MIN_CONTEXT_COUNT", 5)
    rows = [*random_rows(60), "zabz", "zzcab"]  # z is too rare to be a neighbour
    names, vectors = learn_vectors(texts_of(*rows), DICTIONARY, SETTINGS)
    kept = counted(rows)
    assert set(names) == set(kept)
    assert [len(kept[name]) for name in names] == sorted((len(kept[name]) for name in names), reverse=True)
    assert "bca" not in names
    contexts = [(place, letter) for place in range(4) for letter in "abc"]
    told = information_of(kept, "abc")
    matrix = np.array([[told.get((name, context), 0) for context in contexts] for name in names])
    left, values, _ = np.linalg.svd(matrix, full_matrices=False)
    wanted = left[:, :2] * np.sqrt(values[:2])
    wanted /= np.linalg.norm(wanted, axis=1, keepdims=True)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(vectors @ vectors.T, wanted @ wanted.T, atol=2e-3)  # signs are free
    again = learn_vectors(texts_of(*rows), DICTIONARY, SETTINGS)
    assert again[0] == names
    assert np.array_equal(again[1], vectors)


def test_what_is_beside_alike_is_alike(monkeypatch):
    monkeypatch.setattr(neighbours, "MIN_CONTEXT_COUNT", 2)
    generator = np.random.default_rng(1)
    frames = {"xy": ("pq", "rs"), "yx": ("pq", "rs"), "xx": ("tu", "vw"), "yy": ("tu", "vw")}
    rows = [f"{frames[name][0]}{name}{frames[name][1]}" for name in generator.choice(list(frames), 200)]
    names, vectors = learn_vectors(texts_of(*rows), [], VectorSettings(4, 2, 1, 1, 1.0, 0))
    near = dict(zip(names, vectors, strict=True))
    assert near["xy"] @ near["yx"] > 0.99
    assert near["xx"] @ near["yy"] > 0.99
    assert abs(near["xy"] @ near["xx"]) < 0.5


def test_a_token_of_several_characters_or_a_blank_is_in_no_pair(monkeypatch):
    monkeypatch.setattr(neighbours, "MIN_CONTEXT_COUNT", 1)
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
    with pytest.raises(UserError, match=r"empty: there is no token in train; take other corpora"):
        read_token_stream([empty])
    with pytest.raises(UserError, match=r"index"):
        read_token_stream([tmp_path])
    words = segmented(tmp_path / "words", train=[["ab", "cd", "e"]])
    with pytest.raises(UserError, match=r"words: most tokens have several characters; got 33% of one character; take"):
        read_token_stream([words])


def test_the_command_writes_the_file_and_leaves_none_when_it_is_refused(tmp_path, monkeypatch, import_stage, capsys):
    script = import_stage("vectors")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(script, "read_dictionary", lambda: iter([("cab", "n")]))
    monkeypatch.setattr(neighbours, "MIN_CONTEXT_COUNT", 1)
    folder = segmented(tmp_path / "s", train=random_rows(40))
    ran = ["vectors.py", "out/v.vec.gz", str(folder), "--width", "3"]
    monkeypatch.setattr(sys, "argv", ran)
    script.main()
    names, vectors = read_selected(tmp_path / "out" / "v.vec.gz", lambda name: True, "name")
    assert "cab" in names
    assert {name for name in names if len(name) == 2} == {first + second for first in "abc" for second in "abc"}
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 3, atol=1e-3)
    said = capsys.readouterr().out
    assert said == f"out/v.vec.gz: vectors of {len(names)} pairs and words, 3 wide\n"
    monkeypatch.setattr(sys, "argv", [*ran[:-1], "99"])
    before = (tmp_path / "out" / "v.vec.gz").read_bytes()
    with pytest.raises(UserError, match=r"^--width: 99 needs"):
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
        ({"norm": 0.09}, r"^--norm: must lie in \[0\.1, 1000\]; got 0\.09"),
        ({"norm": math.inf}, r"^--norm: must lie in \[0\.1, 1000\]; got inf"),
        ({"norm": math.nan}, r"^--norm: must lie in \[0\.1, 1000\]; got nan"),
        ({"seed": 2**32}, r"^--seed: must be at most 4294967295; got 4294967296"),
        ({"seed": -1}, r"^--seed: must be at least 0; got -1"),
        ({"longest": 40}, r"^--longest: 4 tokens to the power of it must be below 2\^63; got 40; lower it"),
        ({"width": 3}, r"^--width: 3 needs more than as many of both; got 3 pairs and words, 0 neighbours; take more"),
    ],
)
def test_options_out_of_range_are_refused_by_name(changes, match):
    with pytest.raises(UserError, match=match):
        learn_vectors(texts_of("abcabc"), [], VectorSettings(**{**vars(SETTINGS), "pair_count": 1, **changes}))


def test_texts_shorter_than_the_longest_word_and_names_that_chance_explains():
    with pytest.raises(UserError, match=r"^--width: 2 needs"):
        learn_vectors(texts_of("ab"), [], dataclasses.replace(SETTINGS, longest=9, pair_count=1))


def test_a_pair_without_information_is_left_out(monkeypatch):
    monkeypatch.setattr(neighbours, "MIN_CONTEXT_COUNT", 1)
    rows = ["xy", *random_rows(40)]
    names, vectors = learn_vectors(texts_of(*rows), [], dataclasses.replace(SETTINGS, pair_count=1))
    assert "xy" not in names
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_the_norm_changes_nothing_but_how_long_vectors_are(monkeypatch):
    monkeypatch.setattr(neighbours, "MIN_CONTEXT_COUNT", 1)
    names, vectors = learn_vectors(texts_of(*random_rows(40)), DICTIONARY, SETTINGS)
    longer = learn_vectors(texts_of(*random_rows(40)), DICTIONARY, dataclasses.replace(SETTINGS, norm=2.5))
    assert longer[0] == names
    np.testing.assert_allclose(longer[1], 2.5 * vectors, rtol=1e-5)


@pytest.mark.parametrize(
    ("to", "match"),
    [
        ("folder", r"^folder: is a folder; name a file"),
        ("v.npz", r"^v\.npz: is not written in that format; got \.npz; end it in \.vec"),
        ("v.vec.bz2", r"is not written in that format"),
        ("file/v.vec", r"^file/v\.vec: cannot be written; got "),
        ("/proc/v.vec", r"^/proc/v\.vec: cannot be written; got "),
    ],
)
def test_a_place_where_no_file_can_be_is_refused_before_anything_is_learnt(tmp_path, monkeypatch, to, match):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=match):
        check_output(Path(to))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


@pytest.mark.parametrize("packed", [False, True])
def test_the_file_is_read_as_any_vectors_are(tmp_path, packed):
    path = tmp_path / ("v.vec.gz" if packed else "v.vec")
    vectors = np.array([[0.5, -1.0], [0.12345, 2.0]], np.float32)
    write_vectors(path, ["ab", "ba"], vectors, packed)
    text = gzip.decompress(path.read_bytes()) if packed else path.read_bytes()
    assert text == b"2 2\nab 0.5000 -1.0000\nba 0.1235 2.0000\n"
    names, found = read_selected(path, lambda name: True, "name")
    assert names == ["ab", "ba"]
    np.testing.assert_allclose(found, vectors, atol=1e-4)
    first = path.read_bytes()
    write_vectors(path, ["ab", "ba"], vectors, packed)
    assert path.read_bytes() == first
