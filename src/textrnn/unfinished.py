"""Where an output is until it is whole, and the order in which it reaches the disk.

Next to an output, the private folder `.textrnn` holds what is being written, and what a stage keeps for its next run.
Nothing else is ever removed, whatever its name is. The folder is removed when it is empty.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import functools
import hashlib
import os
import shutil
import socket
import stat
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from textrnn.errors import UserError
from textrnn.interrupts import uninterrupted

PRIVATE = ".textrnn"
REPLACED = ".replaced"  # what the name of an entry ends with that holds an output while another takes its place
WITHOUT_NAME = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # errors of a write, which name no file
TRIES = 1000

Created = TypeVar("Created")


@contextlib.contextmanager
def private_folder(path: Path) -> Iterator[Path]:
    """Yield the private folder next to an output; it is there in the block, and after it if it is not empty.

    An OSError of the block that names no file, or one in the private folder, is made to name `path`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    folder = _private_name(path.parent)
    try:
        _make(folder)
        _clear_stale(folder)
        yield folder
    except OSError as error:
        unnamed = error.filename is None and error.errno in WITHOUT_NAME
        if unnamed or _is_private(error.filename) or _is_private(error.filename2):
            error.filename = str(path)
            del error.filename2
        raise
    finally:
        with contextlib.suppress(OSError):
            folder.rmdir()


@contextlib.contextmanager
def unfinished(path: Path, create: Callable[[Path], None]) -> Iterator[Path]:
    """Yield a new entry of the private folder of `path`, and remove what is left of it at the end.

    create: makes the file or folder. Entries are locked while their process lives; those of processes that were killed
    are removed. An OSError of the block that names no file, or one in the private folder, is made to name `path`.
    """
    with _unfinished(path, create) as entry:
        yield entry


@contextlib.contextmanager
def _unfinished(path: Path, create: Callable[[Path], None], end: str = "") -> Iterator[Path]:
    """What `unfinished` does; end: of the entry's name, REPLACED if the entry holds what is replaced."""
    with private_folder(path) as folder:
        entry, handle = _new_entry(folder, create, end)
        try:
            yield entry
        finally:
            _clear(entry)
            os.close(handle)


def replace(source: Path, path: Path) -> None:
    """Rename `source`, a file or folder that is on the disk with all that it holds, to `path`; then sync the folder.

    A folder is not replaced by a rename: what is at `path` is moved away first, and back if that fails. Ctrl-C and
    SIGTERM wait for the end. If the process is killed between the two renames, the next one puts back what was there.
    """
    sync_tree(source)
    if source.is_dir() and os.path.lexists(path):
        with uninterrupted(f"{path} was written"):
            with _unfinished(path, Path.mkdir, REPLACED) as aside:
                _move_away(path, aside / path.name)
                os.replace(source, path)
            sync(path.parent)
    else:
        os.replace(source, path)
        sync(path.parent)


def _move_away(path: Path, aside: Path) -> None:
    """Move what is at `path` to `aside`; remove it if it cannot be moved.

    A folder that a container's image brings along has its place in another file system than what is written beside it.
    """
    try:
        os.rename(path, aside)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def sync_tree(path: Path) -> None:
    """Wait until a file, or a folder with all that it holds, is on the disk."""
    if path.is_dir() and not path.is_symlink():
        for inner in path.iterdir():
            sync_tree(inner)
    if not path.is_symlink():
        sync(path)


def sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # file systems that cannot sync, or sync no folders
            raise
    finally:
        os.close(handle)


def create_in(folder: Path, create: Callable[[], Created]) -> Created:
    """What `create` makes in a private folder, which another process may remove until something is in it."""
    for _ in range(TRIES):
        _make(folder)
        # FileExistsError: pathlib's mkdir found the folder, but no longer when it looked what it is
        with contextlib.suppress(FileNotFoundError, FileExistsError):
            return create()
    return create()


def _make(folder: Path) -> None:
    """Make a private folder if it is not there; raises UserError if it is one that another user could tamper with."""
    try:
        folder.mkdir()
    except FileExistsError:
        _check_writable(folder.parent)
    if not _is_usable(folder):
        raise UserError(folder, "is another user's folder", do="remove it, or write the output to a folder of your own")


def _check_writable(folder: Path) -> None:
    """Raise now what the rename of an output into this folder would raise after all the work.

    On a read-only file system the first file that is written says so.
    """
    read_only = os.statvfs(folder).f_flag & os.ST_RDONLY
    if not read_only and not os.access(folder, os.W_OK | os.X_OK, effective_ids=True):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(_private_name(folder)))


def _new_entry(folder: Path, create: Callable[[Path], None], end: str) -> tuple[Path, int]:
    """A new entry and the file handle that has its lock."""

    def create_locked() -> tuple[Path, int]:
        entry = folder / f"{_host()}{uuid.uuid4().hex}{end}"
        create(entry)
        handle = os.open(entry, os.O_RDONLY)
        if _lock(handle) and entry.exists():
            return entry, handle
        os.close(handle)
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(entry))  # taken for stale, and removed

    return create_in(folder, create_locked)


def _clear_stale(folder: Path) -> None:
    """Clear the entries of this machine that no process has locked; others may not see each other's locks."""
    names: list[str] = []
    with contextlib.suppress(FileNotFoundError):  # another process has removed it, as it was empty
        names = os.listdir(folder)
    for entry in (folder / name for name in names if name.startswith(_host())):
        with contextlib.suppress(OSError):
            handle = os.open(entry, os.O_RDONLY | os.O_NOFOLLOW)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _clear(entry)
            finally:
                os.close(handle)


def _lock(handle: int) -> bool:
    """Lock an entry; False if another process takes it for stale, as it was not locked yet."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks: there none is ever taken for stale
        pass
    return True


@functools.cache
def _host() -> str:
    """What the names of this machine's entries begin with; no output has a name like it."""
    return f"tmp-{hashlib.sha256(socket.gethostname().encode()).hexdigest()[:8]}-"


def _clear(entry: Path) -> None:
    """Remove an entry; what it holds of a replaced output is put back first if nothing is in its place.

    If that fails, the entry stays.
    """
    if entry.name.endswith(REPLACED):
        for old in entry.iterdir():
            place = entry.parent.parent / old.name
            if not os.path.lexists(place):
                os.rename(old, place)
                sync(place.parent)
    _remove(entry)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _private_name(parent: Path) -> Path:
    """The private folder in a folder; one of this user's own beside another user's, as in a shared folder like /tmp."""
    folder = parent / PRIVATE
    return folder if _is_usable(folder) else parent / f"{PRIVATE}-{os.geteuid()}"


def _is_usable(folder: Path) -> bool:
    """Whether a private folder is this user's, or that of a user who shares it with this one but not with everybody.

    Another user's in a folder where everybody may make one, like /tmp, is not: its owner could swap what is written.
    Raises NotADirectoryError for what is no folder.
    """
    try:
        found = folder.lstat()
    except FileNotFoundError:
        return True
    if not stat.S_ISDIR(found.st_mode):
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder))
    if found.st_uid == os.geteuid():
        return True
    open_to_all = stat.S_IWOTH & (found.st_mode | folder.parent.stat().st_mode)
    return not open_to_all and os.access(folder, os.W_OK | os.X_OK)


def _is_private(name: str | bytes | int | None) -> bool:
    """Whether an OSError's name of a file is one in a private folder."""
    parts = Path(os.fsdecode(name)).parts if isinstance(name, str | bytes) else ()
    return any(part == PRIVATE or part.startswith(f"{PRIVATE}-") for part in parts)
