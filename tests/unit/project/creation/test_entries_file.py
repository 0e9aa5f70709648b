"""`textrnn add`: an entry twice, all other bytes of params.yaml as they were."""

import difflib
import shutil

import pytest

from factories.imports import ROOT
from textrnn.common.params.params_file import read_params


@pytest.fixture
def project(tmp_path, monkeypatch):
    shutil.copyfile(ROOT / "params.yaml", tmp_path / "params.yaml")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "params.yaml"


def added(before, after):
    """The lines that were added; fails if any was removed or changed."""
    lines = list(difflib.ndiff(before.splitlines(), after.splitlines()))
    assert [line for line in lines if line.startswith("- ")] == []
    return [line[2:] for line in lines if line.startswith("+ ")]


def test_a_recipe_on_another_encoding(project, run_command):
    before = project.read_text(encoding="utf-8")
    code, said, _ = run_command("add", "recipe", "mine", "--from", "news_rnn", "--encoding", "thucnews_words")
    assert code == 0
    assert said == "recipes.mine is a copy of news_rnn: change it in params.yaml, then `dvc repro evaluate@mine`\n"
    after = project.read_text(encoding="utf-8")
    assert after.count("  mine:                   # tutorial 1\n") == 1
    assert len(added(before, after)) == 11
    params = read_params(project)
    assert params["recipes"]["mine"] == params["recipes"]["news_rnn"] | {"encoding": "thucnews_words"}
    assert list(params["recipes"])[:3] == ["news_rnn", "mine", "news_rnn_words"]
    del params["recipes"]["mine"]
    assert params == read_params(ROOT / "params.yaml")


@pytest.mark.parametrize("table", ["corpora", "encodings", "recipes"])
def test_every_entry_can_be_copied(project, run_command, table):
    kind = {"corpora": "corpus", "encodings": "encoding", "recipes": "recipe"}[table]
    before = project.read_text(encoding="utf-8")
    for source in read_params(ROOT / "params.yaml")[table]:
        code, _, said = run_command("add", kind, f"{source}-2", "--from", source)
        assert (code, said) == (0, "")
        params = read_params(project)
        assert params[table][f"{source}-2"] == params[table][source]
    assert added(before, project.read_text(encoding="utf-8"))


def test_an_encoding_of_another_corpus(project, run_command):
    code, said, _ = run_command("add", "encoding", "films", "--from", "amazon_words", "--corpus", "imdb")
    assert (code, said.endswith("`dvc repro baseline@films`\n")) == (0, True)
    params = read_params(project)
    assert params["encodings"]["films"] == params["encodings"]["amazon_words"] | {"corpus": "imdb"}


def test_the_last_line_may_have_no_end(project, run_command):
    project.write_text(project.read_text(encoding="utf-8").rstrip("\n"), encoding="utf-8")
    assert run_command("add", "recipe", "mine", "--from", "films_bilstm")[0] == 0
    params = read_params(project)
    assert params["recipes"]["mine"] == params["recipes"]["films_bilstm"]


def test_an_entry_on_one_line(project, run_command):
    text = project.read_text(encoding="utf-8")
    entry = "  short: {encoding: thucnews_chars, embed: {}, pad: {}, model: {}, train: {}}  # one line\n"
    project.write_text(f"{text}{entry}", encoding="utf-8")
    command = ("add", "recipe", "other", "--from", "short", "--encoding", "names_chars")
    assert run_command(*command)[0] == 0
    last = entry.replace("short", "other").replace("thucnews_chars", "names_chars")
    assert project.read_text(encoding="utf-8") == f"{text}{entry}{last}"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["recipe", "news_rnn", "--from", "news_lstm"], "error: recipes.news_rnn: is there already; give another name"),
        (["recipe", "a", "--from", "news_lstn"], "error: recipes.news_lstn: no such entry; did you mean news_lstm?"),
        (
            ["recipe", "a", "--from", "news_lstm", "--encoding", "thucnews_char"],
            "error: encodings.thucnews_char: no such entry; did you mean thucnews_chars?",
        ),
        (
            ["recipe", "my recipe", "--from", "news_lstm"],
            "error: recipes: the name of an entry must have only letters, digits, _ and -, at most 64",
        ),
        (["recipe", "-a", "--from", "news_lstm"], ""),
    ],
)
def test_what_is_refused_changes_nothing(project, run_command, arguments, message):
    before = project.read_bytes()
    code, _, said = run_command("add", *arguments)
    assert code in (1, 2)
    assert said.startswith(message)
    assert "Traceback" not in said
    assert project.read_bytes() == before
    assert [path.name for path in project.parent.iterdir()] == ["params.yaml"]


def test_a_corpus_with_a_folder_of_its_own(project, run_command, tmp_path):
    for folder, target in ((tmp_path / "files", "../../files"), (tmp_path.parent / "elsewhere", None)):
        folder.mkdir(exist_ok=True)
        name = folder.name
        code, said, _ = run_command("add", "corpus", name, "--from", "imdb", "--source", folder)
        assert (code, said.splitlines()[0]) == (0, f"data/sample/{name} is a link to {folder}, which DVC follows")
        link = tmp_path / "data" / "sample" / name
        assert str(link.readlink()) == (target or str(folder))
        assert link.resolve() == folder
        assert name in read_params(project)["corpora"]
    before = project.read_bytes()
    code, _, said = run_command("add", "corpus", "files", "--from", "imdb", "--source", folder)
    message = "error: data/sample/files: is there already; remove it, or give the corpus another name\n"
    assert (code, said) == (1, message)
    code, _, said = run_command("add", "corpus", "other", "--from", "imdb", "--source", "none")
    assert (code, said) == (1, "error: none: no such folder\n")
    assert project.read_bytes() == before


@pytest.mark.parametrize(
    "arguments",
    [
        ["recipe", "a"],
        ["model", "a", "--from", "b"],
        ["corpus", "a", "--from", "imdb", "--encoding", "b"],
        ["recipe", "a", "--from", "news_rnn", "--corpus", "b"],
        ["recipe", "a", "--from", "news_rnn", "--source", "."],
    ],
)
def test_wrong_arguments(project, run_command, arguments):
    assert run_command("add", *arguments)[0] == 2


def test_a_table_in_braces_is_refused(project, run_command):
    text = project.read_text(encoding="utf-8")
    head = text.partition("\nrecipes:")[0]
    entry = "{encoding: thucnews_chars, embed: {}, pad: {}, model: {}, train: {}}"
    project.write_text(f"{head}\nrecipes: {{one: {entry}}}\n", encoding="utf-8")
    code, _, said = run_command("add", "recipe", "two", "--from", "one")
    assert code == 1
    assert said == "error: recipes: is written in braces; write each entry of it on lines of its own\n"


@pytest.mark.parametrize("name", ["123", "true", "a: {"])
def test_a_name_that_is_no_text_is_refused(project, run_command, name):
    before = project.read_bytes()
    code, _, said = run_command("add", "recipe", name, "--from", "news_rnn")
    assert (code, said.count("\n")) == (1, 1)
    assert said.startswith("error: recipes: the name of an entry must ")
    assert project.read_bytes() == before


COMMENTED = """\
  one:                    # first
    encoding: thucnews_chars
# a comment at the margin
    embed: {}
  # one indented as the name
    pad: {}
    model: {}

    train: {}             # the last value
    # what belongs to it

  # of the next entry
"""


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_comments_and_line_ends_within_an_entry(project, run_command, end):
    text = project.read_text(encoding="utf-8")
    head, _, rest = text.partition("\nrecipes:")
    first, _, others = rest.partition("\n")
    text = f"{head}\nrecipes:{first}\n{COMMENTED}{others}".replace("\n", end)
    project.write_bytes(text.encode())
    code, _, said = run_command("add", "recipe", "two", "--from", "one", "--encoding", "names_chars")
    assert (code, said) == (0, "")
    block = COMMENTED.partition("\n\n  # of")[0] + "\n"
    copy = block.replace("  one:  ", "  two:  ").replace("thucnews_chars", "names_chars").replace("\n", end)
    block = block.replace("\n", end)
    assert project.read_bytes().decode() == text.replace(block, block + copy)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (
            "  short: {embed: {}, pad: {}, model: {}, train: {}}\n",
            "recipes.short: has no encoding; see `textrnn check`",
        ),
        ("  short:\n", "recipes.short: must be a mapping; got null"),
        ("  short: 3\n", "recipes.short: must be a mapping; got 3 (int)"),
    ],
)
def test_an_entry_that_is_none(project, run_command, entry, message):
    project.write_text(project.read_text(encoding="utf-8") + entry, encoding="utf-8")
    before = project.read_bytes()
    code, _, said = run_command("add", "recipe", "other", "--from", "short", "--encoding", "names_chars")
    assert (code, said) == (1, f"error: {message}\n")
    assert project.read_bytes() == before


def test_a_corpus_without_a_source_needs_files(project, run_command):
    code, said, _ = run_command("add", "corpus", "mails", "--from", "imdb")
    assert code == 0
    assert "put its files into data/sample/mails, then `dvc repro parse@mails`" in said
