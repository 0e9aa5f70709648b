"""The errors that a user can cause and correct, and how their messages show a text."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType

SHOWN_OF_PATH = 200  # characters
AGAIN = "then the same command again"


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


def is_of_machine(error: BaseException) -> bool:
    """Whether an error is one that the disk, a permission or a limit causes, and no file's content and no code."""
    return isinstance(error, OSError) and (error.errno in _CURES or _has_no_temporary_folder(error))


def of_machine(error: OSError) -> UserError | None:
    """An error of the disk, a permission or a limit as the line that a user sees; None for any other error.

    The line names the file or folder, if the error does, and says what to do.
    """
    if not is_of_machine(error):
        return None
    if _has_no_temporary_folder(error):
        do = f"free some space there, or set TMPDIR to another folder, {AGAIN}"
        return UserError("temporary folder", "none can be written", do=do)
    assert error.errno is not None
    named = error.filename if error.filename2 is None else error.filename2
    where = "this machine" if named is None or isinstance(named, int) else _cut_path(os.fsdecode(named))
    do = "; ".join([f"{_CURES[error.errno]}, {AGAIN}", *getattr(error, "__notes__", [])])
    return UserError(where, os.strerror(error.errno).lower(), do=do)


_SPACE = "free some space or raise the quota"
_PERMISSION = "let this user read and write it"
_NOT_A_FOLDER = "move away the file that has the name of a folder"
_SYSTEM = "see what the system's log says"
_CURES = {
    errno.ENOSPC: _SPACE,
    errno.EDQUOT: _SPACE,
    errno.EFBIG: "raise the limit of the size of files, `ulimit -f`",
    errno.EACCES: _PERMISSION,
    errno.EPERM: _PERMISSION,
    errno.EROFS: "mount the file system for writing, or use another folder",
    errno.ENAMETOOLONG: "use a shorter name",
    errno.ENOTDIR: _NOT_A_FOLDER,
    errno.EEXIST: _NOT_A_FOLDER,
    errno.EISDIR: "move away the folder that has the name of a file",
    errno.ELOOP: "mend the link, which leads to itself",
    errno.EMFILE: "raise the limit of open files, `ulimit -n`, or lower TEXTRNN_WORKERS",
    errno.ENFILE: "close other programs, which have too many files open",
    errno.ENOMEM: "free some memory",
    errno.EBUSY: "end the program that uses it",
    errno.EIO: _SYSTEM,
    errno.ESTALE: _SYSTEM,
}


def _has_no_temporary_folder(error: OSError) -> bool:
    """Whether this is what the module tempfile raises if no folder of temporary files can be written."""
    return error.errno == errno.ENOENT and str(error.strerror).startswith("No usable temporary directory")


def _cut_path(path: str) -> str:
    half = SHOWN_OF_PATH // 2
    return path if len(path) <= SHOWN_OF_PATH else f"{path[:half]}...{path[-half:]}"


def shorten(text: str) -> str:
    """The text as messages show it: its `repr`, cut to at most 60 characters."""
    return repr(text if len(text) <= 60 else text[:57] + "...")


def _rebuild(kind: type[UserError], message: str) -> UserError:
    error = kind.__new__(kind)
    error.args = (message,)
    return error
