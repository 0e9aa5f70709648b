"""Labels found in train: what cannot be labels, and a header where there is none, are errors that name them."""

import pytest

from factories.settings import parse_settings
from textrnn.errors import UserError
from textrnn.preparation.parsing.formats import FORMATS, found_labels

CLASSES = [(f"text {at}", "ab"[at % 2]) for at in range(20)]
OWN = [("ab"[at % 2], f"text {at}") for at in range(20)]


@pytest.fixture
def labels_of(tmp_path):
    """A function of a format, rows and settings: the labels of a training file of these rows."""

    def find(format, rows, **changes):
        line = {"names": '"{0}","{1}"', "table": '"{0}","{1}"', "fasttext": "__label__{1} {0}"}[format]
        header = ["text,label"] if format == "table" else []
        (tmp_path / "train.csv").write_text("\n".join([*header, *(line.format(*row) for row in rows)]) + "\n")
        corpus = parse_settings(format, files={"train": "train.csv"}, **changes)
        return list(FORMATS[format].labels(tmp_path, corpus).values())

    return find


@pytest.mark.parametrize("format", ["names", "table", "fasttext"])
def test_labels_are_sorted(labels_of, format):
    assert labels_of(format, CLASSES[::-1]) == ["a", "b"]


@pytest.mark.parametrize(
    ("format", "do"),
    [("names", "put the label behind the text; with a header"), ("table", "exchange table.text and table.label")],
)
def test_columns_the_other_way_round(labels_of, format, do):
    message = (
        r"train\.csv: nearly every row has a label of its own: 20 labels in 20 rows; got 'text 0', …; "
        f"the columns are probably the other way round: {do}"
    )
    with pytest.raises(UserError, match=message):
        labels_of(format, OWN)
    assert len(labels_of(format, OWN[:7])) == 7  # too few rows to say so


def test_a_label_of_its_own_in_every_row(labels_of):
    rows = [(f"text {at}", f"id{at}") for at in range(20)]
    with pytest.raises(UserError, match=r"20 labels in 20 rows; got '__label__id0', …; is it the column of the labels"):
        labels_of("fasttext", rows)
    assert len(labels_of("names", [(text, f"id{at % 12}") for at, (text, _) in enumerate(rows)])) == 12


def test_labels_of_their_own_stop_the_file_early(labels_of, monkeypatch, tmp_path):
    monkeypatch.setattr(found_labels, "SAMPLED_TEXTS", 10)
    monkeypatch.setattr(found_labels, "ROWS_PER_CHECK", 40)
    with pytest.raises(UserError, match="40 labels in 40 rows"):
        labels_of("names", [("ab"[at % 2], f"text {at}") for at in range(500)])


HEADERS = [("text", "label"), ("review", "ab"), ("Text", "Label "), ("内容", "标签"), ("body", "team"), ("x", "y")]


@pytest.mark.parametrize("header", HEADERS)
def test_a_header_is_told_by_name(labels_of, header):
    with pytest.raises(UserError) as caught:
        labels_of("names", [header, *CLASSES])
    assert "train.csv, line 1: is probably a header: no other row has this label; got " in str(caught.value)
    assert "use format: table, which reads columns by name, or remove the line" in str(caught.value)


def test_a_row_is_no_header(labels_of):
    assert labels_of("names", [("text", "a"), *CLASSES]) == ["a", "b"]  # its label is that of others
    assert labels_of("names", [("new", "c"), *CLASSES, ("rare", "d")]) == ["a", "b", "c", "d"]  # there are rare labels
    assert labels_of("names", [("new", "c"), *CLASSES], classes={"c": "x", "a": "y", "b": "z"}) == ["x", "y", "z"]
    assert labels_of("names", [("t", "a"), ("u", "b")]) == ["a", "b"]


@pytest.mark.parametrize("twin", ["a\u200bz", "a\ufeffz", "a\u2060z", "a\u00adz", "a\x7fz"])
@pytest.mark.parametrize("format", ["names", "table", "fasttext"])
def test_labels_that_look_the_same(labels_of, format, twin):
    rows = [(f"text {at}", ("az", "b")[at % 2]) for at in range(20)] + [("text", twin)]
    with pytest.raises(UserError, match=r"train\.csv: has labels that look the same; got .* \(10 rows\)") as caught:
        labels_of(format, rows)
    assert f"{ascii(twin)[1:-1]}' (1 row)" in str(caught.value)


def test_labels_of_composed_and_decomposed_letters(labels_of):
    with pytest.raises(UserError, match=r"look the same; got 'Cafe\\u0301' \(1 row\) and 'Caf\\xe9' \(1 row\)"):
        labels_of("table", [*CLASSES, ("one", "Caf\u00e9"), ("two", "Cafe\u0301")])


def test_listed_classes_may_look_the_same(labels_of):
    listed = {"a": "first", "a\u200b": "second", "b": "third"}
    assert labels_of("table", [*CLASSES, ("text", "a\u200b")], classes=listed) == ["first", "second", "third"]


@pytest.mark.parametrize("format", ["names", "table", "fasttext"])
def test_labels_that_would_fill_the_memory(labels_of, format, monkeypatch):
    rows = [("a text", label * 25) for label in "abab"]
    found = sum(len(label) for label in labels_of(format, rows))
    assert found == 50
    raw = found + (format == "fasttext") * 2 * len("__label__")
    monkeypatch.setattr(found_labels, "MAX_LABEL_CHARACTERS", raw)
    assert len(labels_of(format, rows)) == 2
    message = (
        rf"train\.csv: its different labels have more than {raw} characters in all; is it the column of the labels\?$"
    )
    with pytest.raises(UserError, match=message):
        labels_of(format, [*rows, ("a text", "c")])
