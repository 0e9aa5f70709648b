"""Turns errors of the disk, of permissions and of limits into the line that a user sees."""

from __future__ import annotations

import errno
import os

from textrnn.errors import UserError

SHOWN_OF_PATH = 200  # characters
AGAIN = "then the same command again"


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
_PERMISSION = "give this user permission to read and write it"
_NOT_A_FOLDER = "move away the file that has the name of a folder"
_SYSTEM = "see the system log"
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
    errno.ELOOP: "repair the link, which points to itself",
    errno.EMFILE: "raise the limit of open files, `ulimit -n`, or lower TEXTRNN_WORKERS",
    errno.ENFILE: "close other programs, which have too many files open",
    errno.ENOMEM: "free some memory",
    errno.EBUSY: "end the program that uses it, or unmount it if it is a mount point",
    errno.EXDEV: "move it away, or write to a folder on a single file system",
    errno.EIO: _SYSTEM,
    errno.ESTALE: _SYSTEM,
}


def _has_no_temporary_folder(error: OSError) -> bool:
    """Whether this is what the module tempfile raises if no folder of temporary files can be written."""
    return error.errno == errno.ENOENT and str(error.strerror).startswith("No usable temporary directory")


def _cut_path(path: str) -> str:
    half = SHOWN_OF_PATH // 2
    return path if len(path) <= SHOWN_OF_PATH else f"{path[:half]}...{path[-half:]}"
