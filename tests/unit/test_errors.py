"""The one-line message of a UserError."""

import pickle

import pytest

from factories.imports import ROOT
from textrnn import errors
from textrnn.errors import UserError, install_extra, plural


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
