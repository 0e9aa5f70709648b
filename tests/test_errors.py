"""The one line that a user sees."""

import pickle

from textrnn.errors import UserError


def test_a_message_says_where_what_got_and_what_to_do():
    error = UserError("a.txt, line 3", "is wrong", got="x\ny", do="mend it")
    assert str(error) == "a.txt, line 3: is wrong; got x y; mend it"


def test_parts_that_are_not_given_are_left_out():
    assert str(UserError("a.txt", "is wrong")) == "a.txt: is wrong"


def test_it_comes_back_whole_from_a_worker_process():
    error = UserError("a.txt", "is wrong", got=0, do="mend it")
    back = pickle.loads(pickle.dumps(error))
    assert isinstance(back, UserError)
    assert str(back) == str(error) == "a.txt: is wrong; got 0; mend it"
