"""The errors that a user can cause and mend."""

from __future__ import annotations

from pathlib import Path


class UserError(Exception):
    """A fault in what the user gave: where it is, what is wrong, what was got, what to do.

    Its text is one line, `where: wrong; got X; do this`; stages print it and exit with 1, without a traceback.
    """

    def __init__(self, where: str | Path, wrong: str, *, got: object = None, do: str = "") -> None:
        parts = [f"{where}: {wrong}"]
        if got is not None:
            parts.append(f"got {got}")
        if do:
            parts.append(do)
        super().__init__("; ".join(parts).replace("\n", " "))

    def __reduce__(self) -> tuple[object, ...]:
        # an exception is rebuilt from args when it comes back from a worker process, and ours has one made of many
        return (_rebuild, (type(self), str(self)))


class ResumableError(UserError):
    """A fault of machines or settings, neither of the data nor of the code: finished shards stay for the next run."""


def _rebuild(kind: type[UserError], text: str) -> UserError:
    error = kind.__new__(kind)
    error.args = (text,)
    return error
