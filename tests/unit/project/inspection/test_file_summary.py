"""What a file of labelled texts holds: counts worked by hand, and the report's lines."""

import json
import pathlib

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from textrnn.preparation.parsing.rows import Reject, TagRow, TextRow
from textrnn.project.inspection.summary import summarize
from textrnn.project.inspection.summary_lines import notes


def texts(*pairs):
    return [TextRow(line, text, label) for line, (text, label) in enumerate(pairs, start=2)]


def test_counts_of_texts():
    rows = texts(
        ("the cat and the dog", "a"), ("the cat and the dog", "a"), ("the cat and the dog", "b"), ("it is", "b")
    )
    rows += [Reject(9, "empty text", "''"), *texts(("is it", "a"), ("is it", "a"), ("that one is it", "c"))]
    summary = summarize(rows, "classify")
    assert (summary.rows, summary.language, summary.has_blanks) == (7, "English", True)
    assert list(summary.labels.items()) == [("a", 4), ("b", 2), ("c", 1)]
    assert summary.characters == (14, 19, 19)  # of 5, 5, 5, 14, 19, 19, 19
    assert summary.words == (4, 5, 5)
    assert (summary.repeated, summary.conflicting) == (3, 1)
    assert summary.rejected == {"empty text": 1}
    assert summary.first_rejects == (Reject(9, "empty text", "''"),)


def test_a_text_with_three_labels_is_one_conflict():
    summary = summarize(texts(("x", "a"), ("x", "b"), ("x", "c"), ("y", "a"), ("y", "a")), "classify")
    assert (summary.repeated, summary.conflicting) == (3, 1)


def test_counts_of_tagged_tokens():
    rows = [
        TagRow(1, ["Anna", "Stone", "came", "."], ["B-PER", "I-PER", "O", "O"]),
        TagRow(6, ["a", "b"], ["B-LOC", "B-LOC"]),
        TagRow(9, ["Oslo"], ["B-LOC"]),
    ]
    summary = summarize(rows, "tag")
    assert summary.labels == {"LOC": 3, "PER": 1}
    assert summary.words == (2, 4, 4)
    assert summary.single_characters == pytest.approx(3 / 7)
    assert (summary.repeated, summary.conflicting) == (0, 0)


def test_no_rows():
    summary = summarize([Reject(1, "empty text", "''")], "classify")
    assert (summary.rows, summary.labels, summary.words, summary.language) == (0, {}, (0, 0, 0), "unknown")
    assert notes(summary) == ["line 1: empty text; got ''"]


def test_notes_name_the_first_rejects_and_count_the_others():
    rejects = [Reject(line, "empty label" if line % 2 else "empty text", f"'{line}'") for line in range(1, 8)]
    summary = summarize([*rejects, *texts(*[("a b", "x"), ("c d", "y")] * 5)], "classify")
    assert notes(summary) == [
        "line 1: empty label; got '1'",
        "line 2: empty text; got '2'",
        "line 3: empty label; got '3'",
        "4 more rows cannot be used; all by reason: empty label (4), empty text (3)",
    ]


def test_notes_on_labels():
    own = summarize(texts(*[(f"text {number}", f"label {number}") for number in range(6)]), "classify")
    assert notes(own)[0] == "6 labels in 6 rows: is the column of labels the right one?"
    single = summarize(texts(*[("a", "x"), ("b", "x")] * 5), "classify")
    assert notes(single) == ["all rows have the same label, x: there is nothing to learn"]
    skewed = summarize(texts(*[(f"{number}", "x") for number in range(95)], *[("b", "y")] * 4, ("c", "z")), "classify")
    assert notes(skewed) == [
        "2 labels have fewer than 5 rows: y, z",
        "95% of the rows are x: look at macro-F1, not at accuracy",
    ]


@pytest.fixture
def tickets(tmp_path):
    path = tmp_path / "tickets.csv"
    rows = [("The parcel is late", "delivery"), ("The invoice is wrong", "billing")] * 6
    lines = ["id;body;kind", *(f"{number};{text};{label}" for number, (text, label) in enumerate(rows))]
    path.write_text("".join(f"{line}\n" for line in [*lines, "12;;billing"]), encoding="utf-8")
    return path


def test_the_report_on_a_file(tickets, run_command, monkeypatch):
    monkeypatch.chdir(tickets.parent)
    code, said, _ = run_command("check", "tickets.csv", "--text", "body", "--label", "kind")
    assert code == 0
    first, *lines = said.splitlines()
    assert first.startswith(f"file:       tickets.csv, {tickets.stat().st_size} bytes, utf-8")
    assert "semicolon" in first
    *facts, note, repeated = lines
    assert facts == [
        "task:       classification, a label for each text",
        "language:   English",
        "rows:       12 used, 1 that cannot be used",
        "lengths:    half of the texts have up to 4 words, 95% up to 4, the longest 4",
        "labels:     2: delivery 6, billing 6",
        "duplicates: 10 rows repeat the text of another",
        "conflicts:  0 texts have several labels",
    ]
    assert note.startswith("note: line 14: empty text; got ")
    assert repeated == (
        "note: 83% of the rows repeat the text of another: rows with the same text may be in both train and test, "
        "which makes scores too high; --group body keeps them together"
    )


def test_columns_that_are_not_there(tickets, run_command):
    code, _, said = run_command("check", tickets)
    assert code == 1
    assert said.startswith(f"error: {tickets}, line 1: ")
    assert '"text"' in said
    assert "Traceback" not in said
    for arguments in (["--tokens", "a"], ["--tokens", "a", "--tags", "b", "--text", "c"]):
        assert run_command("check", tickets, *arguments)[0] == 2
    code, _, said = run_command("check", pathlib.Path("none.csv"))
    assert (code, said.startswith("error: none.csv: no such file")) == (1, True)


@pytest.mark.parametrize(
    ("content", "note"),
    [
        ("text,label\n", "there are no rows"),
        ("tokens,tags\na b,O O\n", "all tags are O: there is nothing to learn"),
        ("text,label\na,x\nb,x\nc,y\nd,y\n", "2 labels in 4 rows: is the column of labels the right one?"),
    ],
)
def test_files_of_nothing_to_learn(tmp_path, run_command, content, note):
    (tmp_path / "t.csv").write_text(content, encoding="utf-8")
    options = ["--tokens", "tokens", "--tags", "tags"] if "tags" in content else []
    code, said, _ = run_command("check", tmp_path / "t.csv", *options)
    assert code == 0
    assert f"note: {note}\n" in said


def test_a_folder_is_no_file(tmp_path, run_command):
    assert run_command("check", tmp_path)[::2] == (1, f"error: {tmp_path}: is a folder; name a file\n")


def test_signs_that_are_no_words(tmp_path, run_command):
    (tmp_path / "t.csv").write_text("text,label\n3 × 1,a\n2 ÷ 4,b\n", encoding="utf-8")
    code, said, _ = run_command("check", tmp_path / "t.csv")
    assert code == 0
    assert "language:   unknown\n" in said


def test_rows_of_a_group_are_one_part():
    rows = [TextRow(2, "x", "a", "u1"), TextRow(3, "y", "a", "u1"), TextRow(4, "z", "b"), TextRow(5, "w", "b", "u2")]
    assert summarize(rows, "classify").groups == 3


def test_groups_are_counted(tmp_path, run_command):
    (tmp_path / "t.csv").write_text("text,label,author\nx,a,u1\ny,a,u1\nz,b,\nw,b,u2\n")
    _, said, _ = run_command("check", tmp_path / "t.csv", "--group", "author")
    assert "rows:       4 used, 0 that cannot be used, 3 groups that stay together\n" in said
    _, said, _ = run_command("check", tmp_path / "t.csv")
    assert "rows:       4 used, 0 that cannot be used\n" in said


def test_a_guessed_encoding_is_shown_with_words_that_it_reads(tmp_path, run_command):
    path = tmp_path / "t.csv"
    text = "text,label\n" + "n° 5 était là,a\nforêt,b\n" * 8
    path.write_bytes(text.encode("cp1252"))
    code, said, _ = run_command("check", path)
    assert code == 0
    first, second, *_ = said.splitlines()
    assert "probably cp1252" in first
    assert second == "encoding:   a guess, which reads n°, était, là, forêt; if letters are wrong, --text-encoding NAME"
    for content, options in ((text.encode(), ()), (text.encode("cp1252"), ("--text-encoding", "cp1252"))):
        path.write_bytes(content)
        assert "encoding:" not in run_command("check", path, *options)[1]


@pytest.mark.parametrize("spelling", ["utf-8", "utf8", "U8", "cp65001"])
def test_a_file_with_an_invalid_byte_is_no_traceback(tmp_path, run_command, spelling):
    path = tmp_path / "t.csv"
    path.write_bytes(b"text,label\n" + "été,a\nforêt,b\n".encode() * 8 + b"caf\xe9,a\n")
    for options in ((), ("--text-encoding", spelling)):
        code, said, _ = run_command("check", path, *options)
        assert code == 0
        assert "rows:       16 used, 1 that cannot be used" in said
        assert "note: line 18: bytes that are not UTF-8" in said


@pytest.mark.parametrize("name", ["t.csv", "t.jsonl", "t.parquet"])
def test_a_group_of_the_texts_keeps_equal_ones_together(tmp_path, run_command, name):
    rows = [{"text": f"text {number % 15}", "label": "ab"[number % 2]} for number in range(60)]
    if name.endswith("parquet"):
        pq.write_table(pa.Table.from_pylist(rows), tmp_path / name)
    elif name.endswith("jsonl"):
        (tmp_path / name).write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    else:
        lines = ["text,label", *(f"{row['text']},{row['label']}" for row in rows)]
        (tmp_path / name).write_text("\n".join(lines), encoding="utf-8")
    code, said, _ = run_command("check", tmp_path / name)
    assert code == 0
    assert "note: 75% of the rows repeat the text of another" in said
    code, said, _ = run_command("check", tmp_path / name, "--group", "text")
    assert code == 0
    assert "rows:       60 used, 0 that cannot be used, 15 groups that stay together" in said
    assert "repeat the text of another:" not in said


def test_one_of_a_thing_is_singular(tmp_path, run_command):
    text = "text,label\n" + "".join(f"word{number},{'ab'[number % 2]}\n" for number in range(20)) + "word1,c\n"
    (tmp_path / "t.csv").write_text(text, encoding="utf-8")
    said = run_command("check", tmp_path / "t.csv")[1]
    for line in (
        "lengths:    half of the texts have up to 1 word, 95% up to 1, the longest 1",
        "duplicates: 1 row repeats the text of another",
        "conflicts:  1 text has several labels",
        "note: 1 label has fewer than 5 rows: c",
    ):
        assert f"{line}\n" in said


TAGGED = [{"id": "7", "words": ["Anna", "came"], "tags": ["B-PER", "O"]}] * 12


def write_rows(path, rows):
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


@pytest.mark.parametrize("name", ["ner.jsonl", "ner.parquet"])
@pytest.mark.parametrize("command", ["check", "init"])
def test_a_column_that_no_row_has_is_an_error_in_every_kind_of_table(tmp_path, run_command, name, command):
    path = tmp_path / name
    write_rows(path, TAGGED)
    before = [path] if command == "check" else [tmp_path / "p", "--file", path]
    place = f"{path}, line 1" if name.endswith("jsonl") else str(path)
    what = "field" if name.endswith("jsonl") else "column"
    code, said, wrong = run_command(command, *before, "--tokens", "words", "--tags", "entities")
    assert (code, said) == (1, "")
    do = f"name another {what} with --tokens or --tags"
    assert wrong == f'error: {place}: has no {what} "entities"; got id, words, tags; {do}\n'
    code, _, wrong = run_command(command, *before, "--tokens", "word", "--tags", "tags")
    assert (code, wrong) == (1, f'error: {place}: has no {what} "word"; got id, words, tags; did you mean "words"?\n')
    code, _, wrong = run_command(command, *before)
    do = f"name another {what} with --text or --label, or for tagging --tokens words --tags tags"
    assert (code, wrong) == (1, f'error: {place}: has no {what} "text"; got id, words, tags; {do}\n')


def test_a_field_that_some_objects_lack_is_a_reject(tmp_path, run_command):
    rows = [{"label": "a"}, *({"text": f"a text {number}", "label": "ab"[number % 2]} for number in range(12))]
    write_rows(tmp_path / "t.jsonl", rows)
    code, said, _ = run_command("check", tmp_path / "t.jsonl")
    assert code == 0
    assert "rows:       12 used, 1 that cannot be used" in said
    assert 'note: line 1: has no field "text"; got label' in said


def test_lists_that_are_no_tags_suggest_nothing(tmp_path, run_command):
    write_rows(tmp_path / "t.jsonl", [{"body": ["x", "y"], "parts": ["one", "two"]}])
    assert "--tokens" not in run_command("check", tmp_path / "t.jsonl")[2]
    (tmp_path / "t.jsonl").write_text("not JSON\n", encoding="utf-8")
    assert run_command("check", tmp_path / "t.jsonl")[0] == 0


@pytest.mark.parametrize(
    ("asked", "meant"), [("Kategory", "Kategorie"), ("Auto", "Autor"), ("Nachrict", "Nachricht"), ("AUTOR", "Autor")]
)
def test_a_column_that_is_nearly_named_is_suggested(tmp_path, run_command, asked, meant):
    (tmp_path / "t.csv").write_text("Nachricht,Kategorie,Autor\na,b,c\n", encoding="utf-8")
    others = {"--text": "Nachricht", "--label": "Kategorie", "--group": "Autor"}
    option = next(option for option, name in others.items() if name == meant)
    arguments = [word for pair in (others | {option: asked}).items() for word in pair]
    code, _, wrong = run_command("check", tmp_path / "t.csv", *arguments)
    assert code == 1
    assert wrong.endswith(f'; did you mean "{meant}"?\n')


@pytest.mark.parametrize(
    ("name", "do"),
    [
        ("t.xlsx", "save the sheet as CSV"),
        ("t.json", "write it as JSON Lines, one object a line, and name it .jsonl"),
        ("t.dat", "say what it is with --format, such as --format fasttext"),
    ],
)
def test_a_file_of_another_kind(tmp_path, run_command, name, do):
    (tmp_path / name).write_bytes(b"[]")
    code, _, wrong = run_command("check", tmp_path / name)
    assert code == 1
    assert wrong.endswith(f"; {do}\n")


def test_an_encoding_that_there_is_not(tmp_path, run_command):
    (tmp_path / "t.csv").write_text("text,label\na,b\n", encoding="utf-8")
    wrong = run_command("check", tmp_path / "t.csv", "--text-encoding", "gb1803")[2]
    rule = "must be the name of an encoding that Python has, such as gb18030"
    assert wrong == f"error: --text-encoding: {rule}; got 'gb1803'; did you mean gb18030?\n"
