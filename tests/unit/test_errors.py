"""The one-line message of a UserError."""

import pickle

import pytest

from factories.imports import ROOT
from textrnn import errors
from textrnn.errors import CombinedError, UserError, install_extra, plural, show, show_value


def test_a_message_has_the_place_the_error_the_value_and_the_remedy():
    error = UserError("a.txt, line 3", "is wrong", got="x\ny", do="mend it")
    assert str(error) == "a.txt, line 3: is wrong; got x y; mend it"


def test_missing_parts_are_left_out():
    assert str(UserError("a.txt", "is wrong")) == "a.txt: is wrong"


def test_a_pickled_error_is_unchanged():
    error = UserError("a.txt", "is wrong", got=0, do="mend it")
    back = pickle.loads(pickle.dumps(error))
    assert isinstance(back, UserError)
    assert str(back) == str(error) == "a.txt: is wrong; got 0; mend it"


LOOP: list[object] = [1]
LOOP.append(LOOP)
BOMB: list[object] = [[]]
for _ in range(60):  # 2^60 lists, if all were printed
    BOMB = [BOMB, BOMB]


@pytest.mark.parametrize(
    "got",
    [LOOP, BOMB, "x" * 10**7, ["x" * 10**7], {"a": BOMB}, list(range(10**6)), ValueError("y" * 10**6), ({"a": LOOP},)],
    ids=["loop", "bomb", "text", "list of text", "dict", "list", "exception", "tuple"],
)
def test_a_message_is_short_whatever_is_quoted(got):
    message = str(UserError("a.txt", "is wrong", got=got, do="mend it"))
    assert message.startswith("a.txt: is wrong; got ")
    assert message.endswith("; mend it")
    assert len(message) < 450
    assert len(show_value(got)) < 450


def test_each_part_is_cut_in_its_middle():
    error = UserError("/long" * 1000 + "/train.csv", "w" * 10**6, got="v" * 10**6, do="known: " + "name, " * 10**6)
    assert len(str(error)) < 3400
    place = str(error).partition(": ")[0]
    assert place.startswith("/long/long")
    assert place.endswith("/long/train.csv")
    assert len(place) == 400


def test_values_are_shown_as_python_prints_them():
    for value in ([], [1, "a"], (), (1,), (1, 2), {}, {"a": [1, None], 2: {"b": 0.5}}, "a'b", True, None, 1e-05, -3):
        assert show(value) == repr(value)
        assert str(UserError("a", "b", got=value)) == ("a: b" if value is None else f"a: b; got {value}")


def test_a_number_of_many_digits_is_counted():
    assert show_value(16**1250 - 1) == "a whole number of 5,000 bits (int)"
    assert str(UserError("a", "b", got=[-(10**5000)])) == "a: b; got [a whole number of 16,610 bits]"
    assert show(2**512 - 1) == str(2**512 - 1)


def test_nothing_ends_the_line_or_commands_the_terminal():
    error = UserError("a\r\nb", "c\x1b[2Jd", got="e\u2028f\x85g\0h\ud800", do="i\tj")
    assert str(error) == "a\\r b: c\\x1b[2Jd; got e\\u2028f\\x85g\\x00h\\ud800; i\tj"
    str(error).encode("utf-8")


def test_of_very_many_errors_the_first_are_listed():
    errors = CombinedError([UserError("a", str(number)) for number in range(12345)])
    lines = str(errors).split("\n")
    assert lines[:2] == ["12345 errors", "  a: 0"]
    assert lines[-2:] == ["  a: 99", "  and 12,245 more"]
    assert len(errors.errors) == 12345


def test_the_command_of_an_extra_is_one_that_works_where_it_is_read(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    assert install_extra("serve") == "pip install -c constraints.txt -e '.[serve]'"
    monkeypatch.chdir(tmp_path)
    assert install_extra("serve") == f"pip install -c {ROOT}/constraints.txt -e '{ROOT}[serve]'"
    monkeypatch.setattr(errors, "__file__", str(tmp_path / "site-packages" / "textrnn" / "errors.py"))
    assert install_extra("serve") == "pip install 'textrnn[serve]'"


@pytest.mark.parametrize("file", [*(ROOT / "src").rglob("*.py"), *(ROOT / "pipeline").glob("*.py")], ids=str)
def test_no_other_message_says_how_extras_are_installed(file):
    assert file.name == "errors.py" or "pip install" not in file.read_text(encoding="utf-8")


def test_a_number_and_its_noun():
    assert [plural(count, "row") for count in (0, 1, 2, 1200)] == ["0 rows", "1 row", "2 rows", "1,200 rows"]
    assert [plural(count, "batch", "batches") for count in (1, 3)] == ["1 batch", "3 batches"]
    fractions = [plural(count, "epoch") for count in (0.9999999, 1.5, 22 / 7, 1e6)]
    assert fractions == ["1 epoch", "1.5 epochs", "3.14286 epochs", "1,000,000 epochs"]
