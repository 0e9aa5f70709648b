"""The errors that a user can cause and correct, and how their messages show a text."""

from __future__ import annotations

from pathlib import Path


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


class ResumableError(UserError):
    """An error of the machine or the settings, not of the data or the code: finished shards stay for the next run."""


def shorten(text: str) -> str:
    """The text as messages show it: its `repr`, cut to at most 60 characters."""
    return repr(text if len(text) <= 60 else text[:57] + "...")


def _rebuild(kind: type[UserError], message: str) -> UserError:
    error = kind.__new__(kind)
    error.args = (message,)
    return error
