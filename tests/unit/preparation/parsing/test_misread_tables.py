"""Tables that could be read as something else: quotes that mean nothing, groups of any type, lists in cells."""

import datetime
import decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from factories.settings import parse_settings
from textrnn.common.config.parse import Table
from textrnn.preparation.parsing.formats import format_of
from textrnn.preparation.parsing.rows import Blank, Reject, TagRow

GROUPED = Table(text="text", label="label", group="group")
TAGS = Table(tokens="tokens", tags="tags")


@pytest.fixture
def read(tmp_path, write_raw):
    """A function of a file's name, its content, or columns, and the table: its rows."""

    def rows(name, content, table):
        path = tmp_path / name
        if isinstance(content, dict):
            pq.write_table(pa.table(content), path)
        else:
            write_raw(path, content)
        settings = parse_settings("table", table=table)
        return list(format_of(settings).read(path, settings))

    return rows


def texts(rows):
    return [(row.text, row.label) for row in rows]


TEXTS = Table(text="text", label="label")


def test_a_quote_that_swallows_lines_of_a_file_with_tabs(read):
    lines = [('"so good', "pos"), ("plain", "neg"), ('so bad"', "neg"), ("last", "pos")]
    content = "text\tlabel\n" + "".join("\t".join(line) + "\n" for line in lines)
    assert texts(read("a.tsv", content, TEXTS)) == lines
    content = content.replace("plain", "\nplain")  # a blank line among them
    assert texts(row for row in read("a.tsv", content, TEXTS) if not isinstance(row, Blank)) == lines


def test_a_quoted_field_of_a_file_with_tabs_may_have_lines(read):
    content = 'text\tlabel\n"one\ntwo"\tpos\n"three\tand\nfour\tmore"\tneg\nlast\tpos\n'
    rows = [("one\ntwo", "pos"), ("three\tand\nfour\tmore", "neg"), ("last", "pos")]
    assert texts(read("a.tsv", content, TEXTS)) == rows


@pytest.mark.parametrize(
    "values",
    [
        [datetime.date(2020, 1, 1), datetime.date(2020, 1, 2)],
        [datetime.datetime(2020, 1, 1, 8), datetime.datetime(2020, 1, 1, 9)],
        [decimal.Decimal("1.50"), decimal.Decimal("2.50")],
        [b"a", b"b"],
        [["a"], ["b"]],
        [{"a": 1}, {"a": 2}],
        [True, False],
    ],
)
def test_a_group_of_any_type(read, values):
    one, two = values
    rows = read("a.parquet", {"text": ["t"] * 4, "label": ["x"] * 4, "group": [one, two, one, None]}, GROUPED)
    groups = [row.group for row in rows]
    assert groups[0] == groups[2] != groups[1]
    assert None not in groups[:2]


def test_decimal_labels(read):
    labels = [decimal.Decimal("1.50"), decimal.Decimal("2.00"), decimal.Decimal("100.00")]
    rows = read("a.parquet", {"text": ["t"] * 3, "label": labels}, TEXTS)
    assert [row.label for row in rows] == ["1.5", "2", "100"]


@pytest.mark.parametrize(
    ("tokens", "tags"),
    [
        ("['a', \"b's\"]", "['O', 'B-X']"),
        ('["a", "b\'s"]', '["O", "B-X"]'),
        ("a b's", "O B-X"),
    ],
)
def test_lists_in_cells(read, tokens, tags):
    content = "tokens;tags\n" + ";".join('"' + cell.replace('"', '""') + '"' for cell in (tokens, tags))
    assert read("a.csv", content, TAGS) == [TagRow(2, ["a", "b's"], ["O", "B-X"])]


def test_brackets_that_are_tokens(read):
    rows = read("a.csv", "tokens,tags\n[ a ],O B-X O\n\"['a' 'b']\",\"['O' 'B-X']\"\n", TAGS)
    assert rows[0] == TagRow(2, ["[", "a", "]"], ["O", "B-X", "O"])
    assert isinstance(rows[1], Reject)  # as NumPy writes it, which knows no commas


def test_tags_that_are_numbers(read):
    [row] = read("a.jsonl", '{"tokens": ["a"], "tags": [3]}\n', TAGS)
    assert row == Reject(1, '"tags" must be a list of texts', "'[3]'", row.hint)
    assert row.hint == "write the names of the tags, such as B-PER, in place of their numbers"


def test_rows_of_empty_cells_are_blank(read):
    rows = read("a.csv", "text,label,more\na,x,\n,,\n , \n", TEXTS)
    assert [type(row) for row in rows[1:]] == [Blank, Blank]


def test_what_is_wrong_with_quotes_is_said_plainly(read):
    rows = read("a.csv", 'text,label\n"a" ,x\nb\rc,x\n', TEXTS)
    assert [(row.reason, row.got) for row in rows] == [
        ("is not CSV", "between a closing quote and the next ',' is another character"),
        ("is not CSV", "a carriage return within a field without quotes"),
    ]
