"""The log: a line a fault, a bounded number of each kind, what is left out counted, control characters escaped."""

from __future__ import annotations

import io
import logging
import re

import pytest

from textrnn.inference.http.fault_log import LINES, MAX_CHARACTERS, MAX_KINDS, WINDOW, FaultLog, escape, log_refusal
from textrnn.inference.http.request_error import RequestError

TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def log():
    """A logger, its lines so far without their times, and the clock that it goes by."""
    logger, stream, clock = logging.getLogger("textrnn.test_fault_log"), io.StringIO(), Clock()
    handler = FaultLog(stream, clock)
    logger.addHandler(handler)
    logger.propagate = False

    def lines():
        found = stream.getvalue().splitlines()
        assert all(line.startswith("    ") or re.match(TIME, line) for line in found)
        return [re.sub(f"^{TIME} ", "", line) for line in found]

    yield logger, handler, lines, clock
    logger.removeHandler(handler)


def test_a_flood_of_one_kind_leaves_a_bounded_number_of_lines_and_their_count(log):
    logger, handler, lines, clock = log
    for number in range(5000):
        logger.warning("one %d", number)
    logger.error("other")
    assert lines() == [*(f"warning: one {number}" for number in range(LINES)), "error: other"]
    clock.now += WINDOW - 1
    handler.tell()
    assert len(lines()) == LINES + 1
    clock.now += 1
    handler.tell()
    handler.tell()
    assert lines()[LINES + 1 :] == [f"warning: left out {5000 - LINES} more lines of this kind: one %d"]
    logger.warning("one %d", 7)
    assert lines()[-1] == "warning: one 7"


def test_the_count_is_told_by_the_next_line_or_at_the_end(log):
    logger, handler, lines, clock = log
    for _ in range(LINES + 2):
        logger.warning("one")
    clock.now += WINDOW
    logger.warning("two")
    assert lines()[-2:] == ["warning: left out 2 more lines of this kind: one", "warning: two"]
    for _ in range(LINES + 4):
        logger.warning("two")
    handler.close()
    assert lines()[-1] == "warning: left out 5 more lines of this kind: two"


def test_the_number_of_kinds_is_bounded(log):
    logger, handler, lines, _ = log
    for number in range(1000):
        logger.warning(f"kind {number}")
    assert len(lines()) == MAX_KINDS + LINES
    handler.close()
    left_out = 1000 - MAX_KINDS - LINES
    assert lines()[-1] == f"warning: left out {left_out} more lines of this kind: other messages"


def test_only_the_first_of_a_kind_has_its_traceback_and_its_lines_are_indented(log):
    logger, _, lines, _ = log
    for error in (ValueError("one\nerror: forged\x1b[31m"), ValueError("two"), KeyError("three")):
        try:
            raise error
        except Exception:
            logger.exception("Exception in ASGI application\n")
    found = lines()
    heads = [line for line in found if not line.startswith("    ")]
    assert heads == ["error: Exception in ASGI application"] * 3
    assert found[1] == "    Traceback (most recent call last):"
    assert "    error: forged\\x1b[31m" in found
    assert not any("two" in line for line in found[2:] if line.startswith("    ValueError"))
    assert found[-1] == "    KeyError: 'three'"


def test_lines_are_short_and_printable():
    assert escape("a\nb\rc\x1b[2J\x00\u2028\u202e\udc80 é中😀") == "a\\nb\\rc\\x1b[2J\\x00\\u2028\\u202e\\udc80 é中😀"
    assert len(escape("a" * 10**6)) == MAX_CHARACTERS
    assert len(escape("\x00" * 10**6)) <= 4 * MAX_CHARACTERS


def test_a_log_that_cannot_be_written_ends_no_request():
    stream = io.StringIO()
    stream.close()
    FaultLog(stream).emit(logging.LogRecord("a", logging.ERROR, "", 0, "message", (), None))


def test_a_refusal_is_a_line_without_what_was_got(caplog):
    error = RequestError(422, "texts[3]", "must be a string", got="a secret text")
    log_refusal(error, "POST /a", ("10.0.0.1", 5))
    log_refusal(error, "a request", None)
    assert [record.getMessage() for record in caplog.records] == [
        "refused with 422: POST /a from 10.0.0.1: texts[3] must be a string",
        "refused with 422: a request from somewhere: texts[3] must be a string",
    ]


def test_the_body_of_an_error_is_of_bounded_length():
    error = RequestError(404, "a" * 10**6, "b" * 10**6, got="\ud800" * 10**6, do="c")
    assert [len(error.body["error"][name]) for name in ("where", "what")] == [300, 300]
    assert error.body["error"]["got"] == "\\ud800" * 297 + "..."
