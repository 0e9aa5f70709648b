"""What a name may be that becomes part of paths, of commands and of addresses: of an entry, a model or a file."""

from __future__ import annotations

import re
from pathlib import Path, PurePath

from textrnn.errors import UserError, require

NAME = re.compile(r"\w[\w-]*")
MAX_CHARACTERS = 64
MAX_BYTES = 200  # file systems allow 255, and a name gets endings
MAX_FILE_BYTES, MAX_PATH_BYTES = 255, 3000  # of a file's name, and with the folders in front of it
CONTROL = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")  # of a path: the end of a text in C, line ends, what is no UTF-8


def check_name(name: str, where: str | Path, of: str = "an entry") -> None:
    """Raise UserError for a name with other characters than letters, digits, `_` and `-`, and for one that is too long.

    of: what has the name, for the message. No such name leads to another folder, ends a word of a shell or of a URL, is
    taken for an option, or has to be quoted anywhere.
    """
    if not is_name(name):
        form = f"only letters, digits, _ and -, at most {MAX_CHARACTERS} of them, and not begin with -"
        raise UserError(where, f"the name of {of} must have {form}", got=repr(name))
    if len(name.encode()) > MAX_BYTES:
        wrong = f"the name of {of} must have at most {MAX_BYTES} bytes in UTF-8"
        raise UserError(where, wrong, got=f"{name!r}, {len(name.encode())} bytes")


def is_name(name: str) -> bool:
    """Whether a name has the form of an entry's."""
    return len(name) <= MAX_CHARACTERS and NAME.fullmatch(name) is not None


def path_of(folder: Path, name: str, ending: str = "") -> Path:
    """The path in the folder of what belongs to an entry. Raises UserError for a name that no entry may have.

    Every path that is made of a name of params.yaml, or of the command line, is made here.
    """
    check_name(name, folder)
    return folder / f"{name}{ending}"


def check_file_name(name: str, where: str, folder: str) -> None:
    """Raise UserError for a file name that leads out of its folder, or that no file can have.

    DVC tracks changes in that folder alone.
    """
    path = PurePath(name)
    inside = bool(path.parts) and not path.is_absolute() and ".." not in path.parts
    require(inside, where, f"must be the name of something inside {folder}", name)
    check_path(name, where)


def check_path(name: str, where: str) -> None:
    """Raise UserError for a path that no file can have."""
    require(CONTROL.search(name) is None, where, "must have no control characters", name)
    longest = max((len(part.encode()) for part in PurePath(name).parts), default=0)
    short = longest <= MAX_FILE_BYTES and len(name.encode()) <= MAX_PATH_BYTES
    wrong = f"must have at most {MAX_FILE_BYTES} bytes in UTF-8, {MAX_PATH_BYTES:,} with its folders"
    require(short, where, wrong, name)
