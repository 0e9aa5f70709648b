"""The errors that a user can cause and correct, and how their messages show a text or a missing package."""

from __future__ import annotations

import contextlib
import re
import shlex
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

# characters of each part of a message: a value may be as large as the file that it is from
MAX_PLACE, MAX_WRONG, MAX_VALUE, MAX_REMEDY = 400, 800, 400, 1600
MAX_ERRORS = 100  # lines of one error
MAX_BITS = 512  # of a whole number that is shown in digits
# what would end the line, control the terminal or be no UTF-8
UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


class UserError(Exception):
    """An error in what the user supplied: where it is, what is wrong, what was found and what to do.

    The message is one line, `where: what is wrong; got X; what to do`, each part cut to a few hundred characters,
    whatever is quoted in it. Stages print it and exit with 1, without a traceback.
    """

    def __init__(self, where: str | Path, wrong: str, *, got: object = None, do: str = "") -> None:
        parts = [f"{_cut(str(where), MAX_PLACE)}: {_cut(wrong, MAX_WRONG)}"]
        if got is not None:
            parts.append(f"got {_cut(show(got, str), MAX_VALUE)}")
        if do:
            parts.append(_cut(do, MAX_REMEDY))
        super().__init__(as_line("; ".join(parts)))

    def __reduce__(self) -> tuple[object, ...]:
        # pickle would call the class with `args`, the one finished message, in place of the several arguments above;
        # worker processes send exceptions back as pickles
        return (_rebuild, (type(self), str(self)))


class CombinedError(UserError):
    """Several errors, each with a line of its own; of very many, the first ones have."""

    def __init__(self, errors: Sequence[UserError]) -> None:
        more = [f"and {len(errors) - MAX_ERRORS:,} more"] if len(errors) > MAX_ERRORS else []
        lines = [f"{len(errors)} errors", *map(str, errors[:MAX_ERRORS]), *more]
        Exception.__init__(self, "\n  ".join(lines))
        self.errors = list(errors)


class DamagedFileError(UserError):
    """A file that a stage wrote cannot be read as what it should be; `__cause__` says why."""


class ResumableError(UserError):
    """An error of the machine or the settings, not of the data or the code: finished shards stay for the next run."""


class ErrorCollector:
    """Collects errors, so that a user sees all of them at once; a context manager that raises them at its end.

    A single error is raised as it is, several as CombinedError. Any other exception in the block takes precedence.
    """

    def __init__(self) -> None:
        self.errors: list[UserError] = []

    def require(self, valid: bool, where: str, wrong: str, got: object) -> None:
        """Add an error for a value that is not valid, such as one out of range."""
        with self.collect():
            require(valid, where, wrong, got)

    @contextlib.contextmanager
    def collect(self) -> Iterator[None]:
        """Add the errors of the block, which ends at its first exception."""
        try:
            yield
        except CombinedError as several:
            self.errors += several.errors
        except UserError as error:
            self.errors.append(error)

    def __enter__(self) -> ErrorCollector:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if kind is None and self.errors:
            raise self.errors[0] if len(self.errors) == 1 else CombinedError(self.errors)


def require(valid: bool, where: str, wrong: str, got: object) -> None:
    """Raise UserError for a value that is not valid, such as one out of range."""
    if not valid:
        raise UserError(where, wrong, got=show_value(got))


def show_value(value: object) -> str:
    """A value of params.yaml as messages show it, with its type."""
    return "null" if value is None else f"{show(value)} ({type(value).__name__})"


def show(value: object, scalar: Callable[[Any], str] = repr) -> str:
    """The value as Python prints it, cut to MAX_VALUE characters; what is behind the cut is not even computed.

    A list that contains itself, or a million others, would fill the memory; a number of 5,000 digits cannot be printed.
    scalar: prints what is no container; what containers hold is always shown as its `repr`.
    """
    shown = ""
    for piece in _pieces(value, scalar):
        shown += piece
        if len(shown) > MAX_VALUE:
            return _cut(shown, MAX_VALUE)
    return shown


def _pieces(value: object, scalar: Callable[[Any], str] = repr) -> Iterator[str]:
    """The printed value, bit by bit, so that who reads it can stop."""
    if isinstance(value, str):
        yield scalar(value[: MAX_VALUE + 1])
    elif isinstance(value, int) and value.bit_length() > MAX_BITS:
        yield f"a whole number of {value.bit_length():,} bits"
    elif type(value) is dict:
        yield "{"
        for index, (key, item) in enumerate(value.items()):
            yield ", " if index else ""
            yield from _pieces(key)
            yield ": "
            yield from _pieces(item)
        yield "}"
    elif type(value) is list or type(value) is tuple:
        start, end = "[]" if type(value) is list else ("(", ",)" if len(value) == 1 else ")")
        yield start
        for index, item in enumerate(value):
            yield ", " if index else ""
            yield from _pieces(item)
        yield end
    else:
        yield scalar(value)


def install_extra(extra: str) -> str:
    """The command that installs an optional part of the package, in the versions of the checkout if it is one."""
    checkout = Path(__file__).resolve().parents[2]
    constraints = checkout / "constraints.txt"
    if not constraints.is_file():
        return f"pip install 'textrnn[{extra}]'"
    if checkout == Path.cwd():
        return f"pip install -c constraints.txt -e '.[{extra}]'"
    return f"pip install -c {shlex.quote(str(constraints))} -e {shlex.quote(f'{checkout}[{extra}]')}"


def plural(count: float, noun: str, form: str = "") -> str:
    """A number and its noun, as `1 row` and `1,200 rows`; form: of several, where it is not the noun and an s.

    A fraction has up to five places: `1.5 epochs`.
    """
    number = f"{count:,.5f}".rstrip("0").rstrip(".") if isinstance(count, float) else f"{count:,}"
    return f"{number} {noun if number == '1' else form or noun + 's'}"


def shorten(text: str) -> str:
    """The text as messages show it: its `repr`, cut to at most 60 characters."""
    return repr(text if len(text) <= 60 else text[:57] + "...")


def _cut(text: str, most: int) -> str:
    """The text without its middle if it is longer: the start says what it is, the end is the name of a file."""
    if len(text) <= most:
        return text
    start = most * 2 // 3
    return f"{text[:start]} … {text[len(text) - most + start + 3 :]}"


def as_line(text: str) -> str:
    """The text on one line: line ends as blanks, and what else a terminal or a page would obey as escapes."""
    return UNPRINTABLE.sub(lambda match: repr(match[0])[1:-1], text.replace("\n", " "))


def _rebuild(kind: type[UserError], message: str) -> UserError:
    error = kind.__new__(kind)
    error.args = (message,)
    return error
