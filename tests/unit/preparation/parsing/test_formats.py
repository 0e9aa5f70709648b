import bz2
import gzip
import itertools
import random
import re
import typing
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factories.settings import parse_settings
from textrnn.common.config.types import Format
from textrnn.common.files.lines import read_lines
from textrnn.errors import UserError, shorten
from textrnn.preparation.parsing.formats import FORMATS, bio, fasttext, find_format, headlines, names
from textrnn.preparation.parsing.rows import Blank, Reject, TagRow, TextRow

SUFFIX = {"headlines": ".txt", "names": ".csv.gz", "bio": ".txt", "fasttext": ".ft.txt.bz2", "table": ".csv"}
ODD = "\u2028\u2029\x85\x0b\x0c\x1c\x1d\x1e\u3000\xa0\x00\ufeff😀"  # separators of str.splitlines and str.split, etc.

letters = st.characters(exclude_categories=["Cs"], exclude_characters="\n\r\t") | st.sampled_from(ODD)
texts = st.text(letters, min_size=1, max_size=12).filter(str.strip)
labels = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=5)
entity_tags = st.sampled_from(["O", "B-PER", "I-PER", "B-LOC", "I-组织"])
# only a line without a tag ends a sentence, so a token may be blank
sentences = st.lists(st.tuples(st.text(letters, min_size=1, max_size=2), entity_tags), min_size=1, max_size=6)


@pytest.fixture(scope="module")
def path_of(tmp_path_factory):
    folder, numbers = tmp_path_factory.mktemp("formats"), itertools.count()
    # a name of its own for each file: what a first pass found is kept by name, size and times
    return lambda format: folder / f"file{next(numbers)}{SUFFIX[format]}"


def no_mark(text):
    """A file may start with a byte order mark, which is not part of its first row."""
    return not text.startswith("\ufeff")


def read(format, path, **changes):
    """The rows of a file, with the settings of a corpus of this format."""
    return FORMATS[format].read(path, parse_settings(format, **changes))


def as_bio(tags):
    """The tags with B for each I that continues no entity, and how many these are."""
    legal = [
        f"B{tag[1:]}" if tag[0] == "I" and before[1:] != tag[1:] else tag
        for before, tag in itertools.pairwise(["O", *tags])
    ]
    return legal, sum(one != other for one, other in zip(tags, legal, strict=True))


def rejects(rows):
    return [(row.line, row.reason) for row in rows if isinstance(row, Reject)]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(texts.filter(no_mark), labels), min_size=1, max_size=5))
@pytest.mark.parametrize("format", ["headlines", "names", "fasttext"])
def test_texts_come_back(path_of, write_published, format, rows):
    if format == "fasttext":
        # a text that starts like a label would be a second label, and a lone separator is no text
        special = re.compile(rf"__label__|{fasttext.LONE_SEPARATOR.pattern}")
        rows = [(f"a{text}" if special.match(text) else text, f"__label__{label}") for text, label in rows]
    path = write_published(path_of(format), format, rows)
    assert list(read(format, path)) == [TextRow(at, *row) for at, row in enumerate(rows, start=1)]


@settings(max_examples=60, deadline=None)
@given(st.lists(sentences, min_size=1, max_size=4), st.booleans(), st.integers(1, 3), st.sampled_from(["\n", "\r\n"]))
def test_sentences_come_back(path_of, write_raw, rows, final_blank, gap, newline):
    rows[0][0] = (rows[0][0][0].removeprefix("\ufeff") or "字", rows[0][0][1])
    blocks = ["".join(f"{token}\t{tag}{newline}" for token, tag in row) for row in rows]
    path = write_raw(path_of("bio"), (newline * gap).join(blocks) + newline * final_blank)
    expected, start = [], 1
    for row in rows:
        # a mark at the start of a line, and blanks around a token, are no part of it
        tokens = [token if token.strip("\ufeff ") == "" else token.lstrip("\ufeff") for token, _ in row]
        tags, illegal = as_bio([tag for _, tag in row])
        expected.append(TagRow(start, [token.strip(" ") or token for token in tokens], tags, illegal=illegal))
        start += len(row) + gap
    assert list(read("bio", path, scheme="bio")) == expected
    # as IOB1 the same entities, and other transitions are illegal
    again = list(read("bio", path, scheme="iob1"))
    assert [(row.tokens, row.tags) for row in again] == [(row.tokens, row.tags) for row in expected]


@pytest.mark.parametrize("format", ["headlines", "names", "fasttext"])
@pytest.mark.parametrize("odd", list(ODD.replace("\ufeff", "")))
def test_odd_characters_split_no_line(path_of, write_published, format, odd):
    label = "__label__a" if format == "fasttext" else "a"
    rows = [(f"x{odd}y", label), (f"z{odd}", label)]
    path = write_published(path_of(format), format, rows)
    assert list(read(format, path)) == [TextRow(1, *rows[0]), TextRow(2, *rows[1])]


@pytest.mark.parametrize("odd", list(ODD))
def test_odd_characters_are_tokens(path_of, write_raw, odd):
    path = write_raw(path_of("bio"), f"a\tO\n{odd}\tB-PER\n\nb\tO\n")
    assert list(read("bio", path)) == [TagRow(1, ["a", odd], ["O", "B-PER"]), TagRow(4, ["b"], ["O"])]


def test_names_with_quotes_and_commas(path_of, write_raw):
    content = '"O""Neill, J.","Irish"\nplain,Czech\n"a", "Greek"\n"é ","Old Norse "\n'
    path = write_raw(path_of("names"), content)
    assert list(read("names", path)) == [
        TextRow(1, 'O"Neill, J.', "Irish"),
        TextRow(2, "plain", "Czech"),
        TextRow(3, "a", "Greek"),
        TextRow(4, "é ", "Old Norse"),
    ]


@pytest.mark.parametrize("format", list(FORMATS))
def test_byte_order_mark_and_crlf(path_of, write_raw, format):
    content, expected = {
        "headlines": ("t\t0\r\nu\t1\r\n", [TextRow(1, "t", "0"), TextRow(2, "u", "1")]),
        "names": ('"t","A"\r\n"u","B"\r\n', [TextRow(1, "t", "A"), TextRow(2, "u", "B")]),
        "bio": ("t\tO\r\n\r\nu\tB-X\r\n", [TagRow(1, ["t"], ["O"]), TagRow(3, ["u"], ["B-X"])]),
        "fasttext": ("__label__1 t\r\n__label__2 u", [TextRow(1, "t", "__label__1"), TextRow(2, "u", "__label__2")]),
        "table": ("text,label\r\nt,0\r\nu,1\r\n", [TextRow(2, "t", "0"), TextRow(3, "u", "1")]),
    }[format]
    path = write_raw(path_of(format), b"\xef\xbb\xbf" + content.encode())
    assert list(read(format, path)) == expected


def test_byte_order_marks_are_removed_where_a_line_begins(path_of, write_raw):
    path = write_raw(path_of("headlines"), "\ufeff\ufeffa\t0\n\ufeffb\ufeff\t0\n\ufeff\t0\n")
    # one that stands alone is kept: it may be a token
    assert [row.text for row in read("headlines", path)] == ["a", "b\ufeff", "\ufeff"]


def test_headlines_rejects(path_of, write_raw):
    content = b"good\t0\nno tab\na\tb\t1\n\t1\n  \t1\n\nb\xffd\t1\nlast\t 9 "
    rows = list(read("headlines", write_raw(path_of("headlines"), content)))
    columns = "not two columns, title<TAB>class index"
    assert rejects(rows) == [
        (2, columns),
        (3, columns),
        (4, "empty text"),
        (5, "empty text"),
        (7, "bytes that are not UTF-8"),
    ]
    assert [row for row in rows if isinstance(row, TextRow)] == [TextRow(1, "good", "0"), TextRow(8, "last", "9")]
    assert [row for row in rows if isinstance(row, Blank)] == [Blank(6)]
    assert rows[2].got == r"'a\tb\t1'"
    assert rows[6].got == r"b'b\xffd\t1'"


def test_names_rejects(path_of, write_raw):
    content = b'"a","X"\nalone\n"a","X","Y"\n"a","X\n"a"b,"X"\n"","X"\n" ","X"\n"a",""\n\n"\xe9","X"\n"b","X"\n'
    rows = list(read("names", write_raw(path_of("names"), content)))
    columns = 'not two CSV columns, "name","country"'
    assert rejects(rows) == [
        (2, columns),
        (3, columns),
        (4, columns),
        (5, columns),
        (6, "empty text"),
        (7, "empty text"),
        (8, "empty label"),
        (10, "bytes that are not UTF-8"),
    ]
    assert [row for row in rows if isinstance(row, TextRow)] == [TextRow(1, "a", "X"), TextRow(11, "b", "X")]
    assert [row for row in rows if isinstance(row, Blank)] == [Blank(9)]


def test_fasttext_rejects(path_of, write_raw):
    content = b"__label__1 good\nno label\n__label__ text\n__label__2\n__label__2  \n"
    content += b"__label__1 __label__2 two\n\n__label__1 \x80\n"
    rows = list(read("fasttext", write_raw(path_of("fasttext"), content)))
    start = "does not start with __label__ and a label"
    assert rejects(rows) == [
        (2, start),
        (3, start),
        (4, "empty text"),
        (5, "empty text"),
        (6, "more than one label"),
        (8, "bytes that are not UTF-8"),
    ]
    assert rows[0] == TextRow(1, "good", "__label__1")
    assert [row for row in rows if isinstance(row, Blank)] == [Blank(7)]


WHITE = ["\t", "  ", " \t", "\u3000", "\xa0", "\x0b", "\x0c", "\x00", "\u2003"]


@pytest.mark.parametrize("white", WHITE)
def test_any_white_space_ends_a_fasttext_label(path_of, write_raw, white):
    path = write_raw(path_of("fasttext"), f"__label__a{white}one two\n{white}__label__b{white}x\n")
    rows = list(read("fasttext", path))
    assert [(row.text.strip("\0 \t"), row.label) for row in rows] == [("one two", "__label__a"), ("x", "__label__b")]


SEVERAL = {  # a line: its labels and its text
    "__label__a __label__b good": ("ab", "good"),
    "__label__a\t__label__b  good": ("ab", "good"),
    "__label__a , __label__b good": ("ab", "good"),
    "__label__a, __label__b, good": ("ab", "good"),
    "__label__a,__label__b good": ("ab", "good"),
    "__label__a__label__b good": ("ab", "good"),
    "__label__a，__label__b good": ("ab", "good"),
    "__label__a\u3000__label__b\u3000good": ("ab", "good"),
    "__label__a a __label__b good one": ("ab", "a good one"),
    "__label__a good __label__b": ("ab", "good"),
    "__label__a __label__b __label__c good": ("abc", "good"),
    "__label__a __label__b __label__a good": ("ab", "good"),
    "__label__a __label__a good": ("a", "good"),
    "__label__a, good": ("a", "good"),
    "__label__a a__label__b good": ("a", "a__label__b good"),
    "__label__a good , better": ("a", "good , better"),
    "__label__a , good": ("a", "good"),
}


@pytest.mark.parametrize("line", SEVERAL)
def test_fasttext_lines_with_several_labels(path_of, write_raw, line):
    labels, text = SEVERAL[line]
    path = write_raw(path_of("fasttext"), f"{line}\n__label__a other\n")
    rows = {taken: list(read("fasttext", path, several_labels=taken)) for taken in ("refuse", "first", "each")}
    each = [TextRow(1, text, f"__label__{label}") for label in labels]
    other = TextRow(2, "other", "__label__a")
    assert [replace(row, group=None) for row in rows["each"]] == [*each, other]
    assert {row.group for row in rows["each"][:-1]} <= {None, "1"}  # those of one line stay together
    assert rows["first"] == [each[0], other]
    if len(labels) == 1:
        assert rows["refuse"] == [*each, other]
    else:
        assert rejects(rows["refuse"]) == [(1, "more than one label")]


@pytest.mark.parametrize("line", ["__label__", "__label__ text", "__label__a,__label__ text", "text __label__a", "a"])
def test_fasttext_lines_without_a_label(path_of, write_raw, line):
    rows = list(read("fasttext", write_raw(path_of("fasttext"), line), several_labels="first"))
    assert rejects(rows) == [(1, "does not start with __label__ and a label")]


def test_headlines_with_the_label_in_front(path_of, write_raw):
    path = write_raw(path_of("headlines"), "1 \ta title\n\t0\n\n0\tb\tc\n")
    rows = list(read("headlines", path, order="label_text"))
    assert rows[0] == TextRow(1, "a title", "1")
    assert rows[2] == Blank(3)
    assert rejects(rows) == [(2, "empty label"), (4, "not two columns, class index<TAB>title")]


def test_names_with_line_ends_in_quotes(path_of, write_raw):
    content = '"please read:\r\nnothing here,billing\r\nend",delivery\na,billing\n"two\nlines",b,c\nb,"bill\ning"\n'
    rows = list(read("names", write_raw(path_of("names"), content)))
    assert [row for row in rows if isinstance(row, TextRow)] == [
        TextRow(1, "please read:\nnothing here,billing\nend", "delivery"),
        TextRow(4, "a", "billing"),
    ]
    # a whole record is one reject
    assert rejects(rows) == [(5, 'not two CSV columns, "name","country"'), (7, "a label with a line end")]


@pytest.mark.parametrize("format", ["headlines", "names", "fasttext"])
def test_blank_lines_are_no_rows(path_of, write_raw, format):
    line = {"headlines": "a\t0", "names": "a,0", "fasttext": "__label__0 a"}[format]
    rows = list(read(format, write_raw(path_of(format), f"\n{line}\n \t\n\u3000\n\r\n{line}\n\n")))
    assert [row.line for row in rows if isinstance(row, TextRow)] == [2, 6]
    assert [row.line for row in rows if isinstance(row, Blank)] == [1, 3, 4, 5, 7]
    assert len(rows) == 7


@pytest.mark.parametrize("format", ["headlines", "names", "bio", "fasttext"])
def test_an_encoding_that_is_given(path_of, write_raw, format):
    content, expected = {
        "headlines": ("体育新闻\t0\n", TextRow(1, "体育新闻", "0")),
        "names": ("体育新闻,甲\n", TextRow(1, "体育新闻", "甲")),
        "bio": ("体育\tO\n新闻\tB-甲\n", TagRow(1, ["体育", "新闻"], ["O", "B-甲"])),
        "fasttext": ("__label__甲 体育新闻\n", TextRow(1, "体育新闻", "__label__甲")),
    }[format]
    path = write_raw(path_of(format), content.encode("gb18030"))
    assert list(read(format, path, text_encoding="gb18030")) == [expected]
    path = write_raw(path_of(format), content.encode("utf-16"))
    assert list(read(format, path)) == [expected]
    path = write_raw(path_of(format), content.encode("gb18030") + b"\xff\n")
    assert rejects(read(format, path, text_encoding="gb18030"))[-1][1] == "bytes that are not gb18030"


def test_classes_may_be_in_another_encoding(tmp_path, write_raw):
    write_raw(tmp_path / "class.txt", "体育\n财经\n".encode("gb18030"))
    corpus = parse_settings("headlines", files={"classes": "class.txt"}, text_encoding="gb18030")
    assert headlines.labels(tmp_path, corpus) == {"0": "体育", "1": "财经"}
    message = (
        r"class\.txt, line 1: bytes that are not UTF-8; got .*; it is probably gb18030: set text_encoding: gb18030"
    )
    with pytest.raises(UserError, match=message):
        headlines.labels(tmp_path, replace(corpus, text_encoding=None))


def test_bio_rejects_whole_sentences_at_the_first_invalid_line(path_of, write_raw):
    content = (
        b"a\tO\nb\tB-PER\n\n"  # 1-2 good
        b"c\tO\nd\te O\ne\n\n"  # 4-6: a tag with a blank, in line 5
        b"f\tO\tx\n\n"  # 8: three columns
        b"\tO\n\n"  # 10: no token
        b"g\tE-PER\n\n"  # 12: another scheme
        b"h\tB-\n\n"  # 14: no type
        b"i\tb-PER\nj\tO\n\n"  # 16
        b"k\tB-PER \n\n"  # 19 good: a blank at the end of the line
        b"l\tO\n\xff\tO\n \t \n\n"  # 21-23: not UTF-8 in line 22, blank line with a tab
        b"m\tI-PER\n\n"  # 25 good: I without B begins an entity
        b"n O\no  O\n\n"  # 27-28 good: blanks in place of tabs
        b"p\n"  # 30: no tag
    )
    rows = list(read("bio", write_raw(path_of("bio"), content)))
    columns, tag = "not 2 columns, separated by a tab or spaces", "a tag that is neither O nor B-TYPE nor I-TYPE"
    assert rejects(rows) == [
        (5, tag),
        (8, columns),
        (10, "no token in front of the tag"),
        (12, tag),
        (14, tag),
        (16, tag),
        (22, "bytes that are not UTF-8"),
        (30, columns),
    ]
    assert [row for row in rows if isinstance(row, TagRow)] == [
        TagRow(1, ["a", "b"], ["O", "B-PER"]),
        TagRow(19, ["k"], ["B-PER"]),
        TagRow(25, ["m"], ["B-PER"], illegal=1),
        TagRow(27, ["n", "o"], ["O", "O"]),
    ]


@pytest.mark.parametrize("format", list(FORMATS))
def test_invalid_utf8_is_one_rejected_row(path_of, write_raw, format):
    content = {
        "headlines": b"a\t0\n\xe4\xb8\t0\nb\t1\n",
        "names": b'"a","X"\n"\xe4\xb8","X"\n"b","Y"\n',
        "bio": b"a\tO\n\n\xe4\xb8\tO\n\nb\tO\n",
        "fasttext": b"__label__1 a\n__label__1 \xe4\xb8\n__label__2 b\n",
        "table": b"text,label\na,0\n\xe4\xb8,0\nb,1\n",
    }[format]
    rows = list(read(format, write_raw(path_of(format), content)))
    assert rejects(rows) == [(3 if format in ("bio", "table") else 2, "bytes that are not UTF-8")]
    assert len(rows) == 3


@pytest.mark.parametrize("format", list(FORMATS))
def test_missing_file(tmp_path, format):
    path = tmp_path / f"none{SUFFIX[format]}"
    with pytest.raises(UserError, match=f"^{re.escape(str(path))}: no such file; put it there, or correct the params"):
        list(read(format, path))
    path.mkdir()
    with pytest.raises(UserError, match="no such file"):
        list(read(format, path))


def test_unreadable_file(tmp_path, monkeypatch):
    path = tmp_path / "a.txt"
    path.write_text("a\t0\n")

    def denied(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", denied)
    with pytest.raises(UserError, match=r"a\.txt: cannot be read; got \[Errno 13\] Permission denied$"):
        list(read_lines(path))


NOISE = random.Random(1).randbytes(5000).replace(b"\n", b" ") + b"\n"
DAMAGED = {
    "truncated.gz": gzip.compress(NOISE * 3)[:-200],
    "no_trailer.gz": gzip.compress(NOISE)[:-4],
    "head_alone.gz": b"\x1f\x8b",
    "flipped.gz": gzip.compress(NOISE)[:2000] + b"\0\0\0" + gzip.compress(NOISE)[2003:],
    "bad_block.gz": gzip.compress(NOISE)[:10] + b"\xff" * 100,
    "plain.gz": b'"a","X"\n',
    "bz2_named.gz": bz2.compress(NOISE),
    "junk_after.gz": gzip.compress(b"a\n") + b"junk",
    "truncated.bz2": bz2.compress(NOISE * 3)[:-200],
    "no_trailer.bz2": bz2.compress(NOISE)[:-4],
    "no_bytes.bz2": b"",
    "flipped.bz2": bz2.compress(NOISE)[:2000] + b"\0\0\0" + bz2.compress(NOISE)[2003:],
    "plain.bz2": b"__label__1 a text\n",
    "gz_named.bz2": gzip.compress(NOISE),
}


@pytest.mark.parametrize("name", list(DAMAGED))
def test_a_damaged_file_is_an_error(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(DAMAGED[name])
    kind = "(the compressed file is truncated or damaged|is not a bz2 file or is damaged)"
    with pytest.raises(UserError, match=f"^{re.escape(str(path))}: {kind}; got .+; fetch it again$"):
        list(read_lines(path))


@pytest.mark.parametrize("name", ["plain.bz2", "gz_named.bz2"])
def test_a_file_that_is_not_bz2_is_named_so(tmp_path, name):
    (tmp_path / name).write_bytes(DAMAGED[name])
    with pytest.raises(UserError, match="is not a bz2 file or is damaged; got Invalid data stream"):
        list(read_lines(tmp_path / name))


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.txt", b""), ("a.gz", b""), ("a.gz", gzip.compress(b"", mtime=0)), ("a.bz2", bz2.compress(b""))],
)
def test_empty_file(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=f"{name}: the file is empty; fetch it again$"):
        list(read_lines(tmp_path / name))


def test_concatenated_members_are_one_file(tmp_path):
    for name, pack in (("a.gz", gzip.compress), ("a.bz2", bz2.compress)):
        (tmp_path / name).write_bytes(pack(b"a\nb") + pack(b"c\nd\n"))
        assert list(read_lines(tmp_path / name)) == [(1, b"a"), (2, b"bc"), (3, b"d")]


def test_carriage_returns_inside_a_line_are_kept(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"a\rb\r\r\n\r\nc")
    assert list(read_lines(tmp_path / "a.txt")) == [(1, b"a\rb\r"), (2, b""), (3, b"c")]


def test_names_classes_are_the_countries_of_train_sorted(tmp_path, write_corpus):
    files = write_corpus(
        tmp_path, "names", train=[("a", "Polish"), ("b", "Arabic"), ("c", "Polish"), ("d", "")], test=[("e", "Zulu")]
    )
    assert list(names.labels(tmp_path, parse_settings("names", files=files)).items()) == [
        ("Arabic", "Arabic"),
        ("Polish", "Polish"),
    ]


def test_fasttext_label_names_have_no_prefix(tmp_path, write_corpus):
    files = write_corpus(tmp_path, "fasttext", train=[("x", "__label__2"), ("y", "__label__1")], test=[])
    assert list(fasttext.labels(tmp_path, parse_settings("fasttext", files=files)).items()) == [
        ("__label__1", "1"),
        ("__label__2", "2"),
    ]


def test_bio_labels_are_the_types_of_train_sorted(tmp_path, write_corpus):
    train = [("ab", ["O", "I-PER"]), ("c", ["B-LOC"]), ("d", ["E-ORG"])]
    files = write_corpus(tmp_path, "bio", train=train, test=[("e", ["B-NEW"])])
    names_by_label = bio.labels(tmp_path, parse_settings("bio", files=files))
    assert list(names_by_label) == ["O", "B-LOC", "I-LOC", "B-PER", "I-PER"]
    assert list(names_by_label.values()) == list(names_by_label)


def test_headlines_classes_are_the_lines_of_a_file(tmp_path, write_raw):
    write_raw(tmp_path / "class.txt", "\ufeff金融 \r\nstocks\n第 三\n\n")
    names_by_label = headlines.labels(
        tmp_path, parse_settings("headlines", files={"classes": "class.txt"}, classes=None)
    )
    assert list(names_by_label.items()) == [("0", "金融"), ("1", "stocks"), ("2", "第 三")]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a\nb\n a\nc\n", r"class\.txt, line 3: a class name occurs twice; got a$"),
        ("a\n\n\nb\n", r"class\.txt, line 2: a blank line between class names; remove it$"),
        (b"a\n\xff\n", r"class\.txt, line 2: bytes that are not UTF-8; got b'\\xff'$"),
        ("", r"class\.txt: the file is empty"),
    ],
)
def test_invalid_class_file(tmp_path, write_raw, content, message):
    write_raw(tmp_path / "class.txt", content)
    with pytest.raises(UserError, match=message):
        headlines.labels(tmp_path, parse_settings("headlines", files={"classes": "class.txt"}))


def test_missing_class_file(tmp_path):
    with pytest.raises(UserError, match=r"class\.txt: no such file"):
        headlines.labels(tmp_path, parse_settings("headlines", files={"classes": "class.txt"}))


@pytest.mark.parametrize("format", ["headlines", "names", "fasttext"])
def test_classes_keep_their_order(tmp_path, format):
    prefix = "__label__" if format == "fasttext" else ""
    classes = {f"{prefix}z": "last", f"{prefix}a": "first"}
    found = FORMATS[format].labels(tmp_path, parse_settings(format, classes=classes))
    assert list(found.items()) == list(classes.items())


def test_classes_of_bio_name_the_types(tmp_path):
    names_by_label = bio.labels(tmp_path, parse_settings("bio", files={}, classes={"PER": "person", "LOC": "place"}))
    assert list(names_by_label.items()) == [
        ("O", "O"),
        ("B-PER", "B-person"),
        ("I-PER", "I-person"),
        ("B-LOC", "B-place"),
        ("I-LOC", "I-place"),
    ]


def test_the_registry_agrees_with_the_param():
    assert tuple(FORMATS) == typing.get_args(Format)


def test_find_format():
    assert find_format("bio", "corpora.x.format").task == "tag"
    assert [FORMATS[format].task for format in ("headlines", "names", "fasttext")] == ["classify"] * 3
    with pytest.raises(
        UserError, match=r"^corpora\.x\.format: must be one of headlines, names, bio, fasttext, table; got 'csv'$"
    ):
        find_format("csv", "corpora.x.format")


def test_shorten():
    assert shorten("a" * 60) == repr("a" * 60)
    assert shorten("a" * 61) == repr("a" * 57 + "...")
    assert shorten("a\nb") == r"'a\nb'"
