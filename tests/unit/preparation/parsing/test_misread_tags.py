"""Tagged files that could be read as something else: numbers of tokens, comments like tags, tables of tokens."""

from dataclasses import replace

import pytest

from factories.published_files import BIO
from factories.settings import parse_settings
from textrnn.common.config.parse import Table, TagColumns
from textrnn.errors import UserError
from textrnn.preparation.parsing.formats import FORMATS, bio, format_of
from textrnn.preparation.parsing.parse import parse
from textrnn.preparation.parsing.rows import Reject, TagRow


def read(tmp_path, write_raw, content, **changes):
    return list(bio.read(write_raw(tmp_path / "some.txt", content), replace(BIO, **changes)))


@pytest.mark.parametrize("start", [0, 1])
def test_a_column_that_numbers_the_tokens(tmp_path, write_raw, start):
    sentences = [["Anna", "met", "Bo"], ["Yes"], ["No", "one"]]
    content = "".join(
        "".join(f"{at}\t{token}\tO\n" for at, token in enumerate(tokens, start)) + "\n" for tokens in sentences
    )
    with pytest.raises(UserError, match="column 0 numbers the tokens: 1, 2, 3; set the corpus's `columns` to token: 1"):
        read(tmp_path, write_raw, content)
    rows = read(tmp_path, write_raw, content, columns=TagColumns(1, -1))
    assert [row.tokens for row in rows] == sentences


def test_tokens_that_are_numbers(tmp_path, write_raw):
    assert read(tmp_path, write_raw, "1\tO\n2\tO\n\n1\tO\n2\tO\n")[0] == TagRow(1, ["1", "2"], ["O", "O"])
    rows = read(tmp_path, write_raw, "1\tNN\tO\n2\tNN\tO\n\na\tNN\tO\n1\tNN\tO\n\nb\tNN\tO\nc\tNN\tO\n")
    assert [row.tokens for row in rows] == [["1", "2"], ["a", "1"], ["b", "c"]]


def test_a_comment_whose_last_word_looks_like_a_tag(tmp_path, write_raw):
    content = "# I-94\n# B-2 O\nAnna B-PER\n# O\n# I-PER\n\n# I-94\nx O\n"
    rows = read(tmp_path, write_raw, content)
    assert [row.tokens for row in rows] == [["Anna", "#", "#"], ["x"]]
    assert read(tmp_path, write_raw, "#\tB-94\nx\tO\n")[0].tokens == ["#", "x"]  # parted by a tab
    write_raw(tmp_path / "train.txt", content)
    assert list(bio.labels(tmp_path, replace(BIO, files={"train": "train.txt"}))) == ["O", "B-PER", "I-PER"]


def test_a_blank_is_a_token_before_a_blank_too(tmp_path, write_raw):
    assert read(tmp_path, write_raw, "a O\n  O\nb B-X\n") == [TagRow(1, ["a", " ", "b"], ["O", "O", "B-X"])]


def test_the_small_letter_o(tmp_path, write_raw):
    [row] = read(tmp_path, write_raw, "a O\nAnna B-PER\nb o\n")
    assert row == Reject(3, "a tag that is the small letter o in place of the capital O", "'o'")


TABLE = parse_settings("table", table=Table(tokens="Word", tags="Tag"))


def test_a_table_of_a_token_a_row(tmp_path, write_raw):
    content = "Sentence,Word,Tag\n" + "1,Anna,B-PER\n,met,O\n,Bo,B-PER\n" * 10
    path = write_raw(tmp_path / "a.csv", content)
    message = (
        r"a\.csv: nearly all rows have one token; got 30 of 30 rows; a row must be a sentence with lists of tokens"
    )
    with pytest.raises(UserError, match=message):
        list(format_of(TABLE).read(path, TABLE))
    path = write_raw(tmp_path / "b.csv", "Word,Tag\n" + "Anna,B-PER\n" * 9 + "Anna met,B-PER O\n" * 2)
    assert len(list(format_of(TABLE).read(path, TABLE))) == 11


@pytest.mark.parametrize("format", ["bio", "table"])
def test_classes_that_are_tags(format, tmp_path):
    settings = replace(TABLE, format=format, classes={"O": "O", "B-PER": "person", "I-PER": "person"})
    with pytest.raises(UserError, match=r"must have the entity types, not their tags; got O, B-PER, I-PER; write PER"):
        format_of(settings).labels(tmp_path, settings)
    settings = replace(settings, classes={"PER": "person", "B-2": "form"})
    assert list(format_of(settings).labels(tmp_path, settings))[1] == "B-PER"


@pytest.mark.parametrize(
    ("format", "content", "message"),
    [
        ("table", "text,label\n", r"got \[\]; train\.csv has no rows; check that"),
        ("bio", "\n \n\n", r"got \['O'\]; train\.csv has no rows; check that"),
        ("bio", "a\tO\n\nb\tO\n", r"got \['O'\]; all tags of the 2 usable rows of train\.csv are O; check that"),
        ("names", "a,x\nb,x\n", r"got \['x'\]; all 2 usable rows of train\.csv have this label; check that"),
    ],
)
def test_too_few_labels_never_stand_alone(format, content, message, tmp_path, write_raw):
    write_raw(tmp_path / "train.csv", content)
    settings = parse_settings(format, files={"train": "train.csv", "test": "train.csv"})
    with pytest.raises(UserError, match=f"needs at least two labels; {message}"):
        parse(tmp_path, settings, limit=None, out=tmp_path)


@pytest.mark.parametrize("format", list(FORMATS))
def test_lone_carriage_returns_are_told_whatever_the_format(format, tmp_path, write_raw):
    content = {"table": "text,label\ra,x\rb,y\r", "bio": "a\tO\rb\tB-X\r\r", "fasttext": "__label__a t\r__label__b u\r"}
    write_raw(tmp_path / "train.csv", content.get(format, {"headlines": "a\tx\rb\ty\r"}.get(format, "a,x\rb,y\r")))
    write_raw(tmp_path / "class.txt", "x\ny\n")
    files = {"train": "train.csv", "dev": "train.csv", "test": "train.csv", "classes": "class.txt"}
    settings = parse_settings(format, files=files)
    with pytest.raises(UserError, match="lines end with a carriage return alone"):
        parse(tmp_path, settings, limit=None, out=tmp_path)


@pytest.mark.parametrize("write", ["['{}' '{}']", "[{}, {}]"])
def test_lists_as_numpy_writes_them(tmp_path, write, write_raw):
    tokens, tags = write.format("Anna", "met"), write.format("B-PER", "O")
    path = write_raw(tmp_path / "a.csv", f'Word,Tag\n"{tokens}","{tags}"\n')
    (row,) = format_of(TABLE).read(path, TABLE)
    assert (row.line, row.reason) == (2, '"Tag" is a list in a form that is not known')
    assert row.hint == "write the lists as JSON, or their items with blanks between them"


def test_tokens_in_brackets_are_no_list(tmp_path, write_raw):
    path = write_raw(tmp_path / "a.csv", "Word,Tag\n[ Anna ],O B-PER O\n")
    (row,) = format_of(TABLE).read(path, TABLE)
    assert (row.tokens, row.tags) == (["[", "Anna", "]"], ["O", "B-PER", "O"])
