"""The inputs of all processes compared with those of process 0."""

from __future__ import annotations

import pytest

from factories.process_groups import together
from textrnn.errors import UserError
from textrnn.training.distributed.agreement import check_agreement
from textrnn.training.distributed.process_group import SINGLE_PROCESS

FACTS = {"data/a": "1", "data/b": "2", "params.yaml": "x"}


def told(*facts):
    """What each process raises; None if it raises nothing."""

    def check(group):
        try:
            check_agreement(group, facts[group.rank])
        except UserError as error:
            return error
        return None

    return together(len(facts), check)


def test_processes_with_the_same_facts_agree():
    assert told(FACTS, dict(reversed(FACTS.items())), FACTS) == [None] * 3
    assert told({}, {}) == [None] * 2
    check_agreement(SINGLE_PROCESS, FACTS)


@pytest.mark.parametrize(
    ("facts", "what"),
    [
        (FACTS | {"data/b": "3"}, "another data/b than"),
        (FACTS | {"params.yaml": "y"}, "another params.yaml than"),
        ({"data/b": "2", "params.yaml": "x"}, "another data/a than"),
        (FACTS | {"data/c": "4"}, "a file that is not among those of"),
    ],
)
def test_all_say_which_process_differs_and_in_what(facts, what):
    errors = told(FACTS, FACTS, facts)
    assert {type(error) for error in errors} == {UserError}  # which only the first process of a machine reports
    lines = [str(error) for error in errors]
    do = "copy params.yaml and data from the machine of process 0 to that of process 2, and install the same packages"
    assert lines == [f"process 2: has {what} process 0; {do}"] * 3
