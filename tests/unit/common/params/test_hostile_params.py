"""Files of params that no one means well: one line each, of bounded length, and nothing is run or built."""

import copy
import re

import pytest

from factories.imports import ROOT
from factories.params import PARAMS
from textrnn.common.params.check import check_params
from textrnn.common.params.params_file import MAX_FILE_BYTES, read_params, read_values
from textrnn.common.params.project_check import check_project, check_project_file
from textrnn.errors import UserError

SHIPPED = (ROOT / "params.yaml").read_text(encoding="utf-8")
NINES = "9" * 5000


def refusal(tmp_path, text):
    """The message of `textrnn check` on a file."""
    path = tmp_path / "params.yaml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(UserError) as caught:
        check_project_file(path)
    message = str(caught.value)
    assert all(len(line) < 3500 for line in message.split("\n"))
    assert re.search("[\x00-\x09\x0b-\x1f]", message) is None
    return message


def changed(old, new):
    """The shipped file with another text in place of the first such one."""
    assert old in SHIPPED
    return SHIPPED.replace(old, new, 1)


@pytest.mark.parametrize(
    ("value", "wrong"),
    [
        (
            NINES,
            "line 3: '999999999999999999999999999999999999999999999999999999999...' is no whole number of 64 bits",
        ),
        (
            "0x" + "f" * 200_000,
            "line 3: '0xfffffffffffffffffffffffffffffffffffffffffffffffffffffff...' is no whole number",
        ),
        ("9223372036854775808", "line 3: '9223372036854775808' is no whole number of 64 bits"),
        ("1" + "0" * 400, "' is no whole number of 64 bits"),
        ("!!int abc", "line 3: 'abc' is no whole number of 64 bits"),
        ("!!int ''", "line 3: '' is no whole number of 64 bits"),
        ("!!bool abc", "line 3: 'abc' is no bool: "),
        ("!!float abc", "line 3: 'abc' is no float: could not convert string to float"),
        ("!!timestamp abc", "line 3: "),
        ("2001-99-99", "line 3: '2001-99-99' is no timestamp: month must be in 1..12"),
        ("!!python/object/apply:os.system ['touch X']", "could not determine a constructor for the tag"),
        ("!!python/name:os.system", "could not determine a constructor for the tag"),
        ("!x y", "could not determine a constructor for the tag"),
    ],
    ids=lambda value: value[:20],
)
@pytest.mark.parametrize("as_key", [False, True], ids=["value", "key"])
def test_a_value_that_is_not_what_its_tag_says(tmp_path, value, wrong, as_key):
    message = refusal(tmp_path, f"a:\n  b: 1\n  ? {value}\n  : 1\n" if as_key else f"a:\n  b: 1\n  c: {value}\n")
    assert message.startswith(f"{tmp_path / 'params.yaml'}: is not readable as YAML; got ")
    assert wrong in message
    assert message.count("\n") == 0
    assert not (tmp_path / "X").exists()


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("x: " + "[" * 4000 + "]" * 4000, "is nested too deeply"),
        ("x: " + "{a: " * 4000 + "1" + "}" * 4000, "is nested too deeply"),
        ("".join(f"{' ' * depth}a:\n" for depth in range(2000)), "is nested too deeply"),
        ("data: &d\n  self: *d\n", "line 1: has a YAML anchor"),
        ("recipes: &r\n  x: *r\n", "line 1: has a YAML anchor"),
        ("a: &a [x, x]\nb: [*a, *a]\n", "line 1: has a YAML anchor"),
        ("a: {b: 1, b: 2}\n", "found duplicate key"),
        ("\0", "special characters are not allowed"),
        ("", "must be a mapping of sections; got NoneType"),
        ("- a\n", "must be a mapping of sections; got list"),
        ("a: " + "b" * MAX_FILE_BYTES, f"must have at most {MAX_FILE_BYTES:,} bytes; got {MAX_FILE_BYTES + 3:,}"),
    ],
    ids=lambda text: text[:16],
)
def test_a_file_that_is_no_file_of_params(tmp_path, text, wrong):
    message = refusal(tmp_path, text)
    assert wrong in message
    assert message.count("\n") == 0


@pytest.mark.parametrize(
    "name", ["../../x", "/absolute/folder", "a; touch X; #", "my names", "a.b", "-x", "", "n" * 300]
)
@pytest.mark.parametrize("table", ["corpora", "encodings", "recipes"])
def test_every_reader_of_params_refuses_the_name_of_an_entry(tmp_path, name, table):
    path = tmp_path / "params.yaml"
    path.write_text(f'{table}:\n  ? "{name}"\n  : {{}}\n', encoding="utf-8")
    with pytest.raises(UserError) as caught:
        read_params(path)
    assert str(caught.value) == (
        f"{table}: the name of an entry must have only letters, digits, _ and -, at most 64 of them, and "
        f"not begin with -; got {name!r}"
    )


def test_a_name_is_named_in_the_layout_of_version_0_1_too(tmp_path):
    message = refusal(tmp_path, "corpora:\n  '../x': {format: names, files: {train: a}}\n")
    assert "is in the layout of version 0.1" in message
    assert "corpora: the name of an entry must have only letters, digits, _ and -" in message
    assert "got '../x'" in message


def test_a_name_is_listed_with_all_other_errors(tmp_path):
    text = changed("  names:\n", "  'my names':\n").replace("hidden_size: 128 ", "hidden_size: 0 ", 1)
    lines = refusal(tmp_path, text).split("\n")
    assert lines[0] == "3 errors"
    assert "  model.hidden_size: must be at least 1; got 0 (int)" in lines
    assert any(line.startswith("  corpora: the name of an entry must have") for line in lines)
    assert any(line.startswith("  encodings.names_chars.corpus: must name an entry of corpora") for line in lines)


@pytest.mark.parametrize("name", ["12", "true", "null", "1.5", "[a, b]"])
def test_a_name_that_is_no_text(tmp_path, name):
    message = refusal(tmp_path, changed("  names:\n", f"  ? {name}\n  :\n"))
    assert "corpora: the name of an entry must be text; got " in message


@pytest.mark.parametrize(
    ("where", "value"),
    [
        ("corpora.names.parse.files.train", "{}"),
        ("segment.dictionary", "{}"),
        ("recipes.news_rnn.embed.vectors", "{}"),
        ("segment.punkt.model", {"model": "{}", "rows": None}),
        ("embed.lexicon.vectors", {"longest": 4, "vectors": "{}"}),
    ],
    ids=["file", "dictionary", "vectors", "punkt", "lexicon"],
)
@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("a\0b", "must have no control characters; got 'a\\x00b' (str)"),
        ("n" * 256, "must have at most 255 bytes in UTF-8"),
        ("n" * 10**7, "must have at most 255 bytes in UTF-8"),
        ("../x", "must be the name of something inside "),
        ("/etc/passwd", "must be the name of something inside "),
        ("\ud800", "must have no control characters"),
    ],
    ids=["nul", "long", "longer", "up", "absolute", "surrogate"],
)
def test_a_name_of_a_file_that_leads_elsewhere_or_nowhere(where, value, name, wrong):
    params = copy.deepcopy(PARAMS)
    *parents, leaf = where.split(".")
    if isinstance(value, dict):
        *parents, leaf = parents
    section = params
    for key in parents:
        section = section[key]
    section[leaf] = {k: name if v == "{}" else v for k, v in value.items()} if isinstance(value, dict) else name
    with pytest.raises(UserError) as caught:
        check_project(params)
    message = str(caught.value)
    assert f"{where}: {wrong}" in message
    assert all(len(line) < 3500 for line in message.split("\n"))


@pytest.mark.parametrize("name", ["source", "vectors", "punkt"])
def test_a_folder_that_cannot_be_one(tmp_path, name):
    text = re.sub(rf"(?m)^  {name}: data/\w+", f'  {name}: "a\\\\0b"', SHIPPED, count=1)
    assert f"data.{name}: must have no control characters; got 'a\\x00b' (str)" in refusal(tmp_path, text)


def test_a_file_role_that_is_none(tmp_path):
    message = refusal(tmp_path, changed("{train: names_train.csv.gz,", "{train: names_train.csv.gz, ../x: y,"))
    assert "a role must be train, dev, test, classes or unlabelled; got '../x' (str)" in message


def test_values_of_a_dictionary_from_python_are_bounded_too():
    values = read_values(ROOT / "params.yaml")
    values["limits"]["rows"] = 10**5000
    values["train"]["class_weights"] = {"a": 1e300}
    bomb = {"a": 1}
    for _ in range(8):
        bomb = {"a": bomb, "b": bomb}
    values["model"]["cell"] = bomb
    with pytest.raises(UserError) as caught:
        check_params(values)
    message = str(caught.value)
    assert "limits.rows: must be a whole number of 64 bits; got a whole number of 16,610 bits" in message
    assert "train.class_weights.a: must lie in [-1e+15, 1e+15]; got 1e+300" in message
    assert "model.cell: must be one of rnn, lstm, gru, scratch_gru; got {'a': {'a': " in message
    assert len(message) < 3000
