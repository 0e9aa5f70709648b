"""Files of tagged tokens as they come: separators, columns, comments, ends of sentences, schemes, and errors."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from factories.published_files import BIO
from factories.settings import parse_settings
from textrnn.common.config.parse import HoldOut, Table, TagColumns
from textrnn.errors import UserError
from textrnn.preparation.parsing.formats import bio, format_of, tag_scan
from textrnn.preparation.parsing.parse import parse
from textrnn.preparation.parsing.rows import Reject, TagRow

SENTENCES = [("Anna Stone lives in New Oslo .", "B-PER I-PER O O B-LOC I-LOC O"), ("She left", "O O")]


@pytest.fixture
def read(tmp_path, write_raw):
    """A function of a file's content and params that differ: its rows."""

    def rows(content, **changes):
        path = write_raw(tmp_path / "some.txt", content)
        return list(bio.read(path, replace(BIO, **changes)))

    return rows


def lines(separator="\t", end="\n", gap="\n", sentences=SENTENCES, line="{token}{separator}{tag}"):
    blocks = [
        "".join(
            line.format(token=token, tag=tag, separator=separator) + end
            for token, tag in zip(tokens.split(), tags.split(), strict=True)
        )
        for tokens, tags in sentences
    ]
    return "".join(block + gap for block in blocks)


def tokens_and_tags(rows):
    assert all(isinstance(row, TagRow) for row in rows), rows
    return [(" ".join(row.tokens), " ".join(row.tags)) for row in rows]


@pytest.mark.parametrize("separator", ["\t", " ", "    ", "\t\t", " \t", "\t ", "\u3000", "\u00a0"])
@pytest.mark.parametrize("end", ["\n", "\r\n", " \n", "\t\n", " \r\n"])
def test_separators_and_ends_of_lines(read, separator, end):
    assert tokens_and_tags(read(lines(separator, end))) == SENTENCES


@pytest.mark.parametrize(
    "gap",
    ["\n", "\n\n", " \n", "\t\n", "\u3000\n", "\u00a0 \u2003\n", "\r\n", "\ufeff\n", "\u200b\n"],
)
def test_ends_of_sentences(read, gap):
    assert tokens_and_tags(read(lines(gap=gap))) == SENTENCES


@pytest.mark.parametrize(
    "head", ["-DOCSTART- -X- O\n", "\n-DOCSTART-\tO\n\n", "-DOCSTART-\n", "\n-DOCSTART- (1) O\n\n"]
)
def test_heads_of_documents(read, head):
    assert tokens_and_tags(read(lines(gap=head))) == SENTENCES
    assert tokens_and_tags(read(head + lines())) == SENTENCES


def test_lines_parted_by_tabs_and_lines_parted_by_blanks(read):
    content = lines("\t", sentences=SENTENCES[:1]) + lines(" ", sentences=SENTENCES[1:])
    assert tokens_and_tags(read(content)) == SENTENCES
    assert read("EU NNP\tB-NP B-ORG\nrejects VBZ B-VP O\nX\tNNP\tB-NP\tI-ORG\n")[0].tags == ["B-ORG", "O", "B-ORG"]


def test_columns_by_number(read):
    content = lines(line="7\t{token}\t{tag}\tNN")
    assert tokens_and_tags(read(content, columns=TagColumns(1, 2))) == SENTENCES
    assert tokens_and_tags(read(content, columns=TagColumns(-3, -2))) == SENTENCES
    assert tokens_and_tags(read(lines(line="{token} NN B-NP {tag}"))) == SENTENCES
    rows = read(lines(line="{token} {tag} NN"))
    assert {row.reason for row in rows} == {"a tag that is neither O nor B-TYPE nor I-TYPE"}
    assert rows[0].got == "'NN'"


def test_a_column_that_is_not_there(tmp_path, write_raw):
    write_raw(tmp_path / "train.txt", lines())
    settings = replace(BIO, files={"train": "train.txt"}, columns=TagColumns(0, 2))
    with pytest.raises(UserError, match=r"train\.txt: most lines have 2 columns; got columns: token 0, tag 2; count"):
        bio.labels(tmp_path, settings)
    with pytest.raises(UserError, match=r"corpora\.x\.parse\.columns: must name two columns"):
        TagColumns(1, 1).check("corpora.x.parse.columns")


def test_comments(read):
    content = "# newdoc id = 1\n# text = Anna lives in O\n#\n" + lines() + "# global.columns = ID FORM\n# a\nx\tO\n"
    assert tokens_and_tags(read(content)) == [*SENTENCES, ("x", "O")]
    assert tokens_and_tags(read("# sent 1\n# O\n#\tO\n#tag O\nx B-X\n")) == [("# # #tag x", "O O O B-X")]


def test_blanks_and_marks_are_no_part_of_a_token(read):
    content = "\ufeffa \tO\n  b\tO\n\ufeffc\tB-X\nNew York\tI-X\n \tO\n\u3000\tO\n\ufeff\tO\n"
    assert read(content)[0].tokens == ["a", "b", "c", "New York", " ", "\u3000", "\ufeff"]


def test_a_file_of_all_lower_case_tags(read):
    assert read("a\to\nb\tb-per\nc\ti-per\n")[0] == TagRow(1, ["a", "b", "c"], ["O", "B-per", "I-per"])
    rows = read("a\tO\n\nb\tb-per\n")
    assert rows[1] == Reject(3, "a tag that is neither O nor B-TYPE nor I-TYPE", "'b-per'", bio.HINT)


WRITTEN = {
    "bio": "O B-X I-X I-X B-X O B-Y",
    "iob1": "O I-X I-X I-X B-X O I-Y",
    "bioes": "O B-X I-X E-X S-X O S-Y",
    "bilou": "O B-X I-X L-X U-X O U-Y",
    "bmes": "O B-X M-X E-X S-X O S-Y",
}


@pytest.mark.parametrize("scheme", WRITTEN)
def test_a_scheme_is_found_or_given(scheme, read, tmp_path):
    content = lines(sentences=[("a b c d e f g", WRITTEN[scheme])] * 3)
    expected = [("a b c d e f g", WRITTEN["bio"])] * 3
    assert tokens_and_tags(read(content)) == tokens_and_tags(read(content, scheme=scheme)) == expected
    assert bio.describe(tmp_path / "some.txt", BIO) == {"scheme": scheme}


def test_a_scheme_that_is_given_rejects_the_tags_of_others(read):
    rows = read(lines(sentences=[("a b c", "O B-X E-X")]), scheme="bilou")
    assert rows == [Reject(3, "a tag that is neither O nor B-, I-, L- or U-TYPE", "'E-X'", bio.HINT)]


def test_types_with_hyphens(read):
    assert tokens_and_tags(read("a\tB-geo-nam\nb\tI-geo-nam\nc\tI-geo\n")) == [("a b c", "B-geo-nam I-geo-nam B-geo")]


def test_a_long_sentence(read):
    (row,) = read("x\tO\n" * 2999 + "y\tB-X\n\n")
    assert len(row.tokens) == 3000
    assert row.tags[-2:] == ["O", "B-X"]


def test_an_empty_tag(read):
    rows = read("a\tO\n\nb\t\n\nc\tO\n")
    assert rows[1] == Reject(3, "not 2 columns, separated by a tab or spaces", r"'b\t'")
    assert read("a\tO\tx\nb\t\ty\n", columns=TagColumns(0, 1)) == [
        Reject(2, "a tag that is neither O nor B-TYPE nor I-TYPE", "''", bio.HINT)
    ]


def test_a_file_without_blank_lines(tmp_path, write_raw):
    write_raw(tmp_path / "train.txt", "x\tO\ny\tB-X\n" * 40)
    settings = replace(BIO, files={"train": "train.txt"})
    message = r"train\.txt: has 80 lines and no blank line: blank lines separate sentences; put one after each"
    with pytest.raises(UserError, match=message):
        bio.labels(tmp_path, settings)
    write_raw(tmp_path / "train.txt", "x\tO\ny\tB-X\n" * 40 + "\n")
    assert list(bio.labels(tmp_path, settings)) == ["O", "B-X", "I-X"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a\t0\nb\tB-X\n\nc\t0\n", r"line 1: a tag that is the digit 0 in place of the letter O; got '0', line 4: "),
        ("a\tO\n\nb\tPER\n", r"line 3: a tag that is neither O nor .*; got 'PER'; the corpus's `columns` say where"),
        (
            "a\tO\nb\tO\n",
            r"raw: needs at least two labels; got \['O'\]; all tags of the 1 usable row of train.txt are O; check .*$",
        ),
        ("a,O\nb,B-X\n", r"line 1: not 2 columns, separated by a tab or spaces; got 'a,O'"),
        (
            "昨\tO\n中国人民\tO\n\n天\tO\n".encode("gb18030"),
            r"line 1: bytes that are not UTF-8; .* set text_encoding: gb18030",
        ),
    ],
)
def test_a_file_without_entities_says_why(content, message, tmp_path, write_raw):
    write_raw(tmp_path / "raw" / "train.txt", content)
    with pytest.raises(UserError, match=message):
        parse(tmp_path / "raw", replace(BIO, files={"train": "train.txt"}), limit=None, out=tmp_path)


def test_a_split_without_rows_says_what_parts_sentences(tmp_path, write_raw):
    write_raw(tmp_path / "raw" / "train.txt", "a\tO\nb\tB-X\n")
    files = {"train": "train.txt", "test": "train.txt"}
    message = r"the dev split is empty; got 1 usable row .*: dev 0\.25; check that blank lines separate the sentences$"
    with pytest.raises(UserError, match=message):
        parse(tmp_path / "raw", replace(BIO, files=files), limit=None, out=tmp_path)


@pytest.mark.parametrize("scheme", WRITTEN)
@pytest.mark.parametrize("kind", ["jsonl", "csv"])
def test_tables_of_tokens_and_tags_have_a_scheme_too(scheme, kind, tmp_path, write_raw):
    tokens, tags = ["a", "b", "c", "d", "e", "f", "g"], WRITTEN[scheme].split(" ")
    lines_of = {
        "jsonl": json.dumps({"tokens": tokens, "tags": tags}) + "\n",
        "csv": f"{' '.join(tokens)},{' '.join(tags)}\n",
    }
    content = {"jsonl": "", "csv": "tokens,tags\n"}[kind] + lines_of[kind] * 8
    write_raw(tmp_path / "raw" / f"t.{kind}", content)
    (tmp_path / "out").mkdir()
    table = Table(tokens="tokens", tags="tags")
    settings = parse_settings(
        "table", files={"train": f"t.{kind}"}, table=table, dev=HoldOut("train", 0.3, 1), test=HoldOut("train", 0.3, 1)
    )
    assert list(format_of(settings).labels(tmp_path / "raw", settings)) == ["O", "B-X", "I-X", "B-Y", "I-Y"]
    report = parse(tmp_path / "raw", settings, limit=None, out=tmp_path / "out")
    assert report["files"]["train"]["scheme"] == scheme
    assert report["files"]["train"]["illegal_transitions"] == 0
    rows = list(format_of(settings).read(tmp_path / "raw" / f"t.{kind}", settings))
    assert [row.tags for row in rows] == [WRITTEN["bio"].split(" ")] * 8


def test_a_tag_of_a_table_that_is_of_no_scheme(tmp_path, write_raw):
    path = write_raw(tmp_path / "t.csv", "tokens,tags\na b,O B-X\nc,0\nd,PER\n")
    settings = parse_settings("table", table=Table(tokens="tokens", tags="tags"))
    assert list(format_of(settings).read(path, settings))[1:] == [
        Reject(3, "a tag that is the digit 0 in place of the letter O", "'0'"),
        Reject(4, "a tag that is neither O nor B-TYPE nor I-TYPE", "'PER'"),
    ]


def test_too_many_tags(tmp_path, write_raw):
    write_raw(tmp_path / "train.txt", "".join(f"x\tB-{number}\n\n" for number in range(10_001)))
    with pytest.raises(
        UserError, match=r"train\.txt: has more than 10000 different tags; check which column has the tags"
    ):
        bio.labels(tmp_path, replace(BIO, files={"train": "train.txt"}))


def test_a_changed_file_is_scanned_again(read):
    assert tokens_and_tags(read("a\tB-X\nb\tI-X\n")) == [("a b", "B-X I-X")]
    assert tokens_and_tags(read("a\tB-X\nb\tE-X\nc\tS-Y\n")) == [("a b c", "B-X I-X B-Y")]


def test_statistics_have_the_scheme_and_the_illegal_transitions(tmp_path, write_raw):
    raw, out = tmp_path / "raw", tmp_path / "out"
    out.mkdir()
    train = lines(sentences=[("a b c", "I-X I-X O")] * 8 + [("d e", "O B-X")])
    write_raw(raw / "train.txt", train)
    write_raw(raw / "test.txt", lines(sentences=[("a b", "B-X O"), ("c d", "B-X E-X")]))
    settings = replace(BIO, files={"train": "train.txt", "test": "test.txt"}, dev=HoldOut("train", 0.3, 1))
    files = parse(raw, settings, limit=None, out=out)["files"]
    assert files["train"] == {"read": 9, "kept": 9, "rejected": {}, "scheme": "iob1", "illegal_transitions": 1}
    assert files["test"] == {"read": 2, "kept": 2, "rejected": {}, "scheme": "bioes", "illegal_transitions": 1}


def test_a_sentence_has_a_limit(read, monkeypatch):
    monkeypatch.setattr(tag_scan, "MAX_SENTENCE_BYTES", 30)
    assert len(read("abcdefgh O\n" * 2 + "\n" + "abcdefgh O\n" * 2 + "\nb B-X\n")) == 3
    message = r"some\.txt, line 6: is in a sentence of more than .*: blank lines separate sentences; put one after"
    with pytest.raises(UserError, match=message):
        read("abcdefgh O\n" * 2 + "\n" + "abcdefgh O\n" * 4)


def test_long_lines_are_read_and_not_kept(read, monkeypatch):
    monkeypatch.setattr(tag_scan, "CACHED_BYTES", 4)
    monkeypatch.setattr(bio, "CACHED_BYTES", 4)
    content = "a O\n" * 3 + "abc B-PER\nabc B-PER\n# I\n\n-DOCSTART- O\n\nabc B-PER\n"
    assert tokens_and_tags(read(content)) == [("a a a abc abc", "O O O B-PER B-PER"), ("abc", "B-PER")]


def test_a_tag_has_a_limit_and_a_token_of_many_digits_is_no_number(read):
    longest = "B-" + "x" * 998
    rows = read(f"a {longest}\nb {longest}x\n\n" + "1" * 5000 + " O\n\nc O\n")
    assert [(type(row).__name__, row.line) for row in rows] == [("Reject", 2), ("TagRow", 4), ("TagRow", 6)]
