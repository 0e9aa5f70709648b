"""Labels that could be read as something else: class names that are numbers, headers, characters that nobody sees."""

import pytest

from factories.settings import parse_settings
from textrnn.errors import UserError
from textrnn.preparation.parsing.formats import FORMATS, headlines


def ids(tmp_path, write_raw, names, found, **changes):
    """The ids of headlines' labels, for class names and the labels that rows have."""
    write_raw(tmp_path / "class.txt", "".join(f"{name}\n" for name in names))
    write_raw(tmp_path / "train.txt", "".join(f"text\t{label}\n" for label in found))
    files = {"train": "train.txt", "classes": "class.txt"}
    settings = parse_settings("headlines", files=files, **changes)
    return headlines.label_ids(tmp_path, settings, headlines.labels(tmp_path, settings))


def test_class_names_that_are_indices_of_other_classes(tmp_path, write_raw):
    assert ids(tmp_path, write_raw, "12345", "12345") == {"1": 0, "2": 1, "3": 2, "4": 3, "5": 4}
    assert ids(tmp_path, write_raw, "12345", "01234") == {"0": 0, "1": 1, "2": 2, "3": 3, "4": 4}
    with pytest.raises(UserError, match="labels may be class names or class indices: some names are the indices"):
        ids(tmp_path, write_raw, "12345", "1234")
    with pytest.raises(UserError, match="got label 1; write other class names"):
        ids(tmp_path, write_raw, "12345", "012345")


def test_class_names_that_cannot_be_mistaken_and_indices_are_both_read(tmp_path, write_raw):
    assert ids(tmp_path, write_raw, ["a", "b"], ["0", "b"]) == {"a": 0, "b": 1, "0": 0, "1": 1}
    assert ids(tmp_path, write_raw, "01", "01") == {"0": 0, "1": 1}
    given = {"1": "2", "2": "1"}
    assert ids(tmp_path, write_raw, "ab", "12", classes=given) == {"1": 0, "2": 1}


def test_a_file_of_class_names_with_their_indices(tmp_path, write_raw):
    with pytest.raises(UserError, match=r"class\.txt, line 1: a tab in a class name; got '0\\tsport'; write the names"):
        ids(tmp_path, write_raw, ["0\tsport", "1\tmoney"], "01")


@pytest.mark.parametrize("format", ["headlines", "names", "table"])
def test_characters_of_no_width_are_no_part_of_a_label(format, tmp_path, write_raw):
    content = {"headlines": "t\t\u200b1\ufeff\n", "names": "t,1\u200b\n", "table": "text,label\nt,\u200b1 \n"}[format]
    path = write_raw(tmp_path / "train.csv", content)
    [row] = FORMATS[format].read(path, parse_settings(format))
    assert (row.text, row.label) == ("t", "1")


ROWS = "".join(f"name {at},{'ab'[at % 2]}\n" for at in range(12))


@pytest.mark.parametrize(
    ("train", "test"),
    [
        ("surname,nationality\n" + ROWS + "rare,c\n", ROWS),
        ("id,y\n" + ROWS + "rare,c\n", ROWS),
        ("tweet,score\n" + ROWS + "rare,c\n", ROWS),
        ("name,country\n" + ROWS + "name,country\n" + ROWS, ROWS),
        ("wer,woher\n" + ROWS + "wer,woher\n" + ROWS + "rare,c\n", ROWS),
        ("wer,woher\n" + ROWS + "rare,c\n", "wer,woher\n" + ROWS),
        ("wer,woher\nx,a\ny,b\n", "wer,woher\nz,a\n"),
    ],
)
def test_a_header_that_would_be_learnt_as_a_class(train, test, tmp_path, write_raw):
    write_raw(tmp_path / "train.csv", train)
    write_raw(tmp_path / "test.csv", test)
    settings = parse_settings("names", files={"train": "train.csv", "test": "test.csv"})
    with pytest.raises(UserError, match=r"train\.csv, line 1: is probably a header: no other row has this label"):
        FORMATS["names"].labels(tmp_path, settings)


def test_a_rare_class_in_the_first_row_is_no_header(tmp_path, write_raw):
    write_raw(tmp_path / "train.csv", "wer,woher\nsonst,woher\nwer,woher\n" + ROWS)
    write_raw(tmp_path / "test.csv", "wer,woher\n")
    settings = parse_settings("names", files={"train": "train.csv", "test": "test.csv"})
    assert list(FORMATS["names"].labels(tmp_path, settings)) == ["a", "b", "woher"]
