"""Tables with named columns: every kind of file gives the same rows, and every oddity its value or one line."""

import bz2
import csv
import gzip
import io
import json
import re

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from factories.settings import parse_settings
from textrnn.common.config.parse import Table
from textrnn.errors import UserError
from textrnn.preparation.parsing.formats import FORMATS, format_of, table
from textrnn.preparation.parsing.rows import Blank, Reject, TagRow, TextRow
from textrnn.preparation.parsing.tables import csv_records
from textrnn.preparation.parsing.tables.csv_records import Malformed, Record, read_records

ROWS = [("Where is my parcel?", "delivery"), ('He said "no", twice', "billing"), ("two\nlines; a | b\tc", "delivery")]
TAGS = Table(tokens="words", tags="ner")


def as_csv(rows, header=("text", "label"), delimiter=",", end="\n"):
    file = io.StringIO(newline="")
    csv.writer(file, delimiter=delimiter, lineterminator=end).writerows([header, *rows])
    return file.getvalue()


def as_json(rows):
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def as_parquet(columns):
    file = io.BytesIO()
    pq.write_table(pa.table(columns), file, row_group_size=2)
    return file.getvalue()


@pytest.fixture
def read(tmp_path):
    """A function of a file's name, its content and settings: the rows of the file."""

    def rows(name, content, **changes):
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        corpus = parse_settings("table", **changes)
        return list(format_of(corpus).read(path, corpus))

    return rows


def pairs(rows):
    assert [row for row in rows if not isinstance(row, TextRow)] == []
    return [(row.text, row.label) for row in rows]


def rejected(rows):
    return [(row.line, row.reason, row.got) for row in rows if isinstance(row, Reject)]


OBJECTS = [{"id": 7, "label": label, "text": text} for text, label in ROWS]
COLUMNS = {"label": [label for _, label in ROWS], "text": [text for text, _ in ROWS]}
KINDS = {
    "a.csv": as_csv(ROWS),
    "comma.CSV": as_csv([(*row, "x") for row in ROWS], ("text", "label", "received")),
    "semicolon.csv": as_csv(ROWS, delimiter=";"),
    "tab.csv": as_csv(ROWS, delimiter="\t"),
    "pipe.txt": as_csv(ROWS, delimiter="|"),
    "a.tsv": as_csv(ROWS, delimiter="\t"),
    "a.Tab": as_csv(ROWS, delimiter="\t"),
    "crlf.csv": as_csv(ROWS, end="\r\n"),
    "excel.csv": "sep=;\n" + as_csv(ROWS, delimiter=";"),
    "first_lines_blank.csv": "\n \n" + as_csv(ROWS),
    "quoted_header.csv": '"text","label"\n' + as_csv(ROWS).partition("\n")[2],
    "header_with_blanks.csv": as_csv(ROWS, (" text", "label ")),
    "other_order.csv": as_csv([(label, 1, text) for text, label in ROWS], ("label", "id", "text")),
    "mark.csv": "\ufeff" + as_csv(ROWS),
    "utf16.tsv": as_csv(ROWS, delimiter="\t").encode("utf-16"),
    "utf16_be.csv": b"\xfe\xff" + as_csv(ROWS).encode("utf-16-be"),
    "utf32.csv": as_csv(ROWS).encode("utf-32"),
    "a.csv.gz": gzip.compress(as_csv(ROWS).encode()),
    "A.CSV.GZ": gzip.compress(as_csv(ROWS).encode()),
    "a.tsv.Bz2": bz2.compress(as_csv(ROWS, delimiter="\t").encode()),
    "a.jsonl": as_json(OBJECTS),
    "a.NDJSON.gz": gzip.compress(as_json(OBJECTS).encode()),
    "a.parquet": as_parquet(COLUMNS),
    "categories.PARQUET": as_parquet({name: pa.array(values).dictionary_encode() for name, values in COLUMNS.items()}),
}


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_of_file_gives_the_same_rows(read, name):
    assert pairs(read(name, KINDS[name])) == ROWS


def test_a_given_delimiter_and_encoding(read):
    rows = [("今天,股市", "财经"), ("球队", "体育")]
    table = Table(text="text", label="label", delimiter="~")
    content = as_csv(rows, delimiter="~").encode("gb18030")
    assert pairs(read("a.csv", content, table=table, text_encoding="gb18030")) == rows
    assert pairs(read("b.csv", as_csv(rows).encode("utf-16-le"), text_encoding="utf-16-le")) == rows


def test_a_delimiter_is_the_one_that_gives_all_columns(read):
    header = ("a;b|c", "text", "label")
    assert pairs(read("a.csv", as_csv([("x", "t", "l")], header))) == [("t", "l")]
    assert pairs(read("a.tsv", "text,label\ttext\tlabel\nx\tt,u\tl\n")) == [("t,u", "l")]


def test_blanks_after_delimiters(read):
    content = 'id, text, label\n1, "one, two", a\n2, three, b\n'
    assert pairs(read("a.csv", content)) == [("one, two", "a"), ("three", "b")]


def test_lines_are_those_where_records_begin(read):
    rows = read("a.csv", 'text,label\n"a\n\nb",x\n\n   \nc,y\n')
    assert rows == [TextRow(2, "a\n\nb", "x"), Blank(5), Blank(6), TextRow(7, "c", "y")]


@pytest.mark.parametrize("length", [200_000, 3_000_000])
def test_a_field_of_any_length(read, length):
    text = "long text\n" * (length // 10)
    assert pairs(read("a.csv", as_csv([(text, "a"), ("short", "b")]))) == [(text, "a"), ("short", "b")]


def test_labels_are_texts_without_white_space_around_them(read):
    values = [" a ", 1, 1.0, 0.5, True, None, float("nan"), "", ["a"]]
    rows = read("a.jsonl", as_json({"text": f"t{at}", "label": value} for at, value in enumerate(values)))
    assert [row.label for row in rows[:5]] == ["a", "1", "1", "0.5", "true"]
    assert [row.reason for row in rows[5:8]] == ["empty label"] * 3
    assert rejected(rows[8:]) == [(9, '"label" must be a text or a number', "'[\"a\"]'")]
    numbers = {"text": ["t", "u"], "label": pa.array([3, None], pa.int8())}
    assert [
        row.label if isinstance(row, TextRow) else row.reason for row in read("a.parquet", as_parquet(numbers))
    ] == [
        "3",
        "empty label",
    ]
    assert pairs(read("a.csv", "text,label\nt, 007 \n")) == [("t", "007")]


def test_rows_that_cannot_be_used(read):
    content = 'text,label\n,a\n  ,a\nt,\na,b,c\na\n"x"y,a\nlast,a\n"t","a\nb"\n'
    assert rejected(read("a.csv", content)) == [
        (2, "empty text", "''"),
        (3, "empty text", "'  '"),
        (4, "empty label", "'t'"),
        (5, "must have 2 columns, as the header has", "3"),
        (6, "must have 2 columns, as the header has", "1"),
        (7, "is not CSV", "between a closing quote and the next ',' is another character"),
        (9, "a label with a line end", r"'a\nb'"),
    ]
    lines = [
        '{"text": null, "label": 1}',
        '{"text": 5, "label": 1}',
        '{"label": 1}',
        "[1]",
        "{",
        '{"text": "\\ud800", "label": 1}',
    ]
    assert rejected(read("a.jsonl", "\n".join(lines))) == [
        (1, "empty text", "null in text"),
        (2, '"text" must be a text', "'5'"),
        (3, 'has no field "text"', "label"),
        (4, "is not a JSON object", "'[1]'"),
        (5, "is not JSON", "'{': Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
        (6, "half of a surrogate pair, which is not valid text", r"'\ud8001'"),
    ]
    nested = {"text": [["t"], ["u"]], "label": ["a", "b"]}
    assert rejected(read("a.parquet", as_parquet(nested))) == [
        (1, '"text" must be a text', "'[\"t\"]'"),
        (2, '"text" must be a text', "'[\"u\"]'"),
    ]
    bad = b"text,label\nx\xff,a\ny,b\n"
    assert rejected(read("a.csv", bad)) == [(2, "bytes that are not UTF-8", r"b'x\xff,a'")]


def test_a_header_between_files_that_were_put_together_is_no_row(read):
    content = as_csv(ROWS)
    rows = read("a.csv", content + "\ufeff" + content)
    assert rejected(rows) == [(6, "the header again", "'text,label'")]
    assert [(row.text, row.label) for row in rows if isinstance(row, TextRow)] == ROWS * 2


ERRORS = {
    "a.csv": [
        ("body,label\n", r'a\.csv, line 1: has no column "text"; got body, label; name another column in the corpus'),
        ("Text,label\n", r'has no column "text"; got Text, label; did you mean "Text"\?$'),
        ("text;body\n", r'has no column "label"; got text, body; name'),
        ("text,text,label\n", r'line 1: has 2 columns "text"; got text, text, label; rename one$'),
        ('"text,label\n', r"a\.csv, line 1: is not the header of a CSV file; got '\"text,label'; correct its quotes$"),
        (" \n\n", r"a\.csv: has no header; put the names of the columns into its first line$"),
        ("", r"a\.csv: the file is empty"),
        (
            "text,label\ra,b\r",
            r"line 1: lines end with a carriage return alone; .*; convert it with `tr '\\r' '\\n' < a",
        ),
        (
            b"\xce\xc4\xb1\xbe\xc4\xda\xc8\xdd,label\n",
            r"line 1: bytes that are not UTF-8; got .*; it is probably gb18030",
        ),
        (
            gzip.compress(b"text,label\n"),
            r"a\.csv: is compressed with gzip, but its name does not end in .gz; add \.gz to its name$",
        ),
        (
            b"PK\x03\x04 and more",
            r"a\.csv: is a zip archive or an Excel workbook; unpack it, or save the sheet as CSV$",
        ),
    ],
    "a.parquet": [
        (as_parquet({"text": ["t"]}), r'a\.parquet: has no column "label"; got text; name another'),
        (b"PAR1 and no more", r"a\.parquet: cannot be read as Parquet; got "),
    ],
    "a.parquet.gz": [(b"", r"a\.parquet\.gz: is packed, which Parquet is by itself; unpack it$")],
    "a.doc": [(b"x", r"a\.doc: is no table: its name says no known kind; got \.doc; name it \.csv, \.tsv, ")],
    "a.json": [
        (
            b"[]",
            r"a\.json: is no table: .*; got \.json; write it as JSON Lines, one object a line, and name it \.jsonl$",
        )
    ],
    "a.xlsx": [(b"PK", r"got \.xlsx; save the sheet as CSV$")],
}


@pytest.mark.parametrize(("name", "at"), [(name, at) for name, cases in ERRORS.items() for at in range(len(cases))])
def test_a_file_that_is_no_such_table_is_one_line(read, name, at):
    content, message = ERRORS[name][at]
    with pytest.raises(UserError, match=message) as caught:
        read(name, content)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.parquet"])
def test_a_missing_table(tmp_path, name):
    with pytest.raises(UserError, match=rf"{re.escape(name)}: no such file; put it there, or correct the params"):
        list(FORMATS["table"].read(tmp_path / name, parse_settings("table")))


def test_tokens_and_tags(read):
    rows = [(["我", "在", "京"], ["O", "O", "B-LOC"]), (["a b"], ["O"])]
    objects = as_json({"words": words, "ner": tags} for words, tags in rows)
    columns = {"words": [words for words, _ in rows], "ner": [tags for _, tags in rows]}
    expected = [TagRow(1, *rows[0]), TagRow(2, *rows[1])]
    assert read("a.jsonl", objects, table=TAGS) == expected
    assert read("a.parquet", as_parquet(columns), table=TAGS) == expected
    assert read("a.tsv", "ner\twords\nO O B-LOC\t我 在 京\n", table=TAGS) == [TagRow(2, *rows[0])]
    assert FORMATS["table"].task == "classify"
    assert format_of(parse_settings("table", table=TAGS)).task == "tag"


def test_sequences_that_cannot_be_used(read):
    objects = [
        {"words": ["a"], "ner": ["O", "O"]},
        {"words": [], "ner": []},
        {"words": ["a"], "ner": [0]},
        {"words": None, "ner": ["O"]},
        {"words": ["a"], "ner": ["PER"]},
        {"words": ["a", ""], "ner": ["O", "O"]},
        {"words": "a b", "ner": "O B-X"},
    ]
    rows = read("a.jsonl", as_json(objects), table=TAGS)
    assert rejected(rows) == [
        (1, "not as many tags as tokens", "1 token and 2 tags"),
        (2, "no tokens", "an empty list"),
        (3, '"ner" must be a list of texts', "'[0]'"),
        (4, '"words" must be a list of texts', "'null'"),
        (5, "a tag that is neither O nor B-TYPE nor I-TYPE", "'PER'"),
        (6, "an empty token", "'a '"),
    ]
    assert rows[6] == TagRow(7, ["a", "b"], ["O", "B-X"])


def test_groups(read):
    table = Table(text="text", label="label", group="author")
    content = as_json({"text": "t", "label": "a", "author": author} for author in ("Ann", " Ann ", 5, None, ""))
    assert [row.group for row in read("a.jsonl", content, table=table)] == ["Ann", "Ann", "5", None, None]


def test_files_with_tabs_may_have_quotes_that_mean_nothing(read):
    rows = [('"Ann" said no', "a"), ('"open', "b"), ("plain", "a"), ('an "inner" one', "b"), ('"closed"', "a")]
    content = "text\tlabel\n" + "".join("\t".join(row) + "\n" for row in rows)
    # quotes around a whole field are those of CSV
    assert pairs(read("a.tsv", content)) == [*rows[:4], ("closed", "a")]


def records(text, **options):
    lines = [(number, line) for number, line in enumerate(text.split("\n"), start=1)]
    return [(row.line, getattr(row, "cells", None)) for row in read_records(iter(lines), **options)]


cells = st.text(st.sampled_from('ab ",\n;é'), max_size=6)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.lists(cells, min_size=2, max_size=3), min_size=1, max_size=6))
def test_records_are_those_of_the_csv_module(rows):
    text = as_csv(rows[1:], rows[0])
    expected, line = [], 1
    for row in rows:
        expected.append((line, row))
        line += 1 + sum(cell.count("\n") for cell in row)
    assert records(text.removesuffix("\n")) == expected


def test_lines_before_a_misplaced_quote_are_malformed_one_by_one():
    found = records('a,b\n"c,d\ne,f\n"g"h,i\nj,k')
    assert found == [(1, ["a", "b"]), (2, None), (3, None), (4, None), (5, ["j", "k"])]


def test_a_quote_that_is_never_closed_costs_its_own_line():
    assert records('a,b\n"c,d\ne,f\ng,h') == [(1, ["a", "b"]), (2, None), (3, ["e", "f"]), (4, ["g", "h"])]


def test_a_stray_quote_does_not_fill_the_memory(monkeypatch):
    monkeypatch.setattr(csv_records, "LONGEST_RECORD", 50)
    text = '"a,b\n' + "c,d\n" * 100
    found = list(read_records(iter(enumerate(text.removesuffix("\n").split("\n"), start=1))))
    assert found[0] == Malformed(1, '"a,b', "a quote is not closed")
    assert found[1:] == [Record(number, ["c", "d"], "c,d") for number in range(2, 102)]


def test_lines_without_text_fill_no_memory_behind_a_stray_quote(monkeypatch):
    monkeypatch.setattr(csv_records, "MOST_LINES", 50)
    taken = []
    real = csv_records._Lines.__next__
    monkeypatch.setattr(csv_records._Lines, "__next__", lambda self: taken.append(len(self.taken)) or real(self))
    found = list(read_records(enumerate(['"a', *[""] * 1000], start=1)))
    assert found == [Malformed(1, '"a', "a quote is not closed"), *map(Blank, range(2, 1002))]
    assert max(taken) == 50


class LinesReadAgain(csv_records._Lines):
    """Without what is known of lines behind a stray quote."""

    stray_until = property(lambda _: 0, lambda *_: None)


@settings(max_examples=1000, deadline=None)
@given(st.lists(st.text(st.sampled_from('"",\t a'), max_size=7), max_size=12), st.sampled_from(",\t"), st.booleans())
@example(['a",b,"'] * 5, ",", False)
@example(['a"\tb\t"'] * 5 + ['"a'], "\t", False)
@example(["a\tb", *['a"\t"'] * 5, '"'], "\t", False)
def test_stray_quotes_are_the_same_as_if_lines_were_read_again(lines, delimiter, skip_blanks):
    found = list(read_records(enumerate(lines, start=1), delimiter, skip_blanks=skip_blanks))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_records, "_Lines", LinesReadAgain)
        assert found == list(read_records(enumerate(lines, start=1), delimiter, skip_blanks=skip_blanks))


@pytest.mark.parametrize(
    ("line", "delimiter", "last"),
    [('a",b,"', ",", "a"), ('a"\tb\t"', "\t", "a"), ('a"\tb\t"', "\t", 'a"\tb\t""a'), ('a"\tb\t"', "\t", '"\tb\ta')],
)
def test_each_line_is_read_three_times_at_most(monkeypatch, line, delimiter, last):
    read = []
    real = csv_records._Lines.__next__
    monkeypatch.setattr(csv_records._Lines, "__next__", lambda self: read.append(1) or real(self))
    lines = [delimiter.join("xyz"), *[line] * 500, last]
    assert len(list(read_records(enumerate(lines, start=1), delimiter))) >= 501
    assert len(read) <= 3 * len(lines)


def test_lines_that_are_no_text_are_rejected_once():
    bad = {number: Reject(number, "bytes that are not UTF-8", "b'x'") for number in (2, 4, 6)}
    text = {1: 'a,"b', 3: 'c",d', 5: '"e" f,g', 7: "h,i"}
    found = list(read_records(iter([(number, bad.get(number, text.get(number))) for number in range(1, 8)])))
    # the first is within a quoted field, so its record is lost with it
    assert found[:2] == [bad[2], bad[4]]
    assert found[2:] == [
        Malformed(5, '"e" f,g', "between a closing quote and the next ',' is another character"),
        bad[6],
        Record(7, ["h", "i"], "h,i"),
    ]


@settings(max_examples=200, deadline=None)
@given(st.text(st.sampled_from('",\na\t; '), max_size=40), st.sampled_from(",;\t"), st.booleans())
def test_no_text_breaks_the_order_of_records(text, delimiter, skip_blanks):
    lines = list(enumerate(text.split("\n"), start=1))
    numbers = [row.line for row in read_records(iter(lines), delimiter, skip_blanks=skip_blanks)]
    assert numbers == sorted(set(numbers))


def test_the_names_of_columns_in_a_message_are_bounded(read):
    content = as_json([{f"column {at} " + "x" * 50: at for at in range(5000)}])
    (reject,) = read("a.jsonl", content)
    assert reject.reason == 'has no field "text"'
    assert reject.got.startswith("column 0 xx")
    assert len(reject.got) == 300


def test_a_long_list_is_read_as_json_alone(monkeypatch):
    monkeypatch.setattr(table, "LONGEST_PYTHON_LIST", 10)
    assert table._written_list("['a', 'b']") == ["a", "b"]
    assert table._written_list("['a', 'bc']") is None
    assert table._written_list('["a", "bc"]') == ["a", "bc"]


@pytest.mark.parametrize("spelling", [None, "utf-8", "UTF-8", "utf8", "utf_8", "U8", "cp65001"])
def test_one_invalid_byte_is_a_reject_however_utf8_is_spelled(read, spelling):
    content = "text,label\nété,a\n".encode() + b"caf\xe9 noir,b\nlast,c\n"
    rows = read("a.csv", content, text_encoding=spelling)
    assert rejected(rows) == [(3, "bytes that are not UTF-8", r"b'caf\xe9 noir,b'")]
    assert [row.text for row in rows if isinstance(row, TextRow)] == ["été", "last"]


def test_a_mark_says_which_bytes_are_invalid(read):
    content = b"\xef\xbb\xbftext,label\ncaf\xe9,b\n"
    assert rejected(read("a.csv", content, text_encoding="gb18030")) == [
        (2, "bytes that are not UTF-8", r"b'caf\xe9,b'")
    ]


@pytest.mark.parametrize("spelling", ["gb18030", "GBK"])
def test_a_reject_shows_the_line_in_its_encoding(read, spelling):
    content = "text,label\n今天,a\n".encode("gb18030") + "中".encode("gb18030") + b"\xff,b\n"
    ((line, reason, got),) = rejected(read("a.csv", content, text_encoding=spelling))
    assert (line, reason) == (3, f"bytes that are not {spelling}")
    assert got.startswith("'中")
