"""The errors that a user can cause and correct, and how their messages show a text or a missing package."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType


class UserError(Exception):
    """An error in what the user supplied: where it is, what is wrong, what was found and what to do.

    The message is one line, `where: what is wrong; got X; what to do`. Stages print it and exit with 1, without a
    traceback.
    """

    def __init__(self, where: str | Path, wrong: str, *, got: object = None, do: str = "") -> None:
        parts = [f"{where}: {wrong}"]
        if got is not None:
            parts.append(f"got {got}")
        if do:
            parts.append(do)
        super().__init__("; ".join(parts).replace("\n", " "))

    def __reduce__(self) -> tuple[object, ...]:
        # pickle would call the class with `args`, the one finished message, in place of the several arguments above;
        # worker processes send exceptions back as pickles
        return (_rebuild, (type(self), str(self)))


class CombinedError(UserError):
    """Several errors, each with a line of its own."""

    def __init__(self, errors: Sequence[UserError]) -> None:
        Exception.__init__(self, "\n  ".join([f"{len(errors)} errors", *map(str, errors)]))
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
    return "null" if value is None else f"{value!r} ({type(value).__name__})"


def install_extra(extra: str) -> str:
    """The command that installs an optional part of the package, in the versions of the checkout if it is one."""
    checkout = Path(__file__).resolve().parents[2]
    constraints = checkout / "constraints.txt"
    if not constraints.is_file():
        return f"pip install 'textrnn[{extra}]'"
    if checkout == Path.cwd():
        return f"pip install -c constraints.txt -e '.[{extra}]'"
    return f"pip install -c {shlex.quote(str(constraints))} -e {shlex.quote(f'{checkout}[{extra}]')}"


def plural(count: int, noun: str, form: str = "") -> str:
    """A number and its noun, as `1 row` and `1,200 rows`; form: of several, where it is not the noun and an s."""
    return f"{count:,} {noun if count == 1 else form or noun + 's'}"


def shorten(text: str) -> str:
    """The text as messages show it: its `repr`, cut to at most 60 characters."""
    return repr(text if len(text) <= 60 else text[:57] + "...")


def _rebuild(kind: type[UserError], message: str) -> UserError:
    error = kind.__new__(kind)
    error.args = (message,)
    return error
