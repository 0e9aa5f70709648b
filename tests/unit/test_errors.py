"""The one-line message of a UserError."""

import pickle

from textrnn.errors import UserError


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
