"""Checksums of the files in an output folder: a reader compares them, so that a changed byte is an error.

The structure of a file shows only some kinds of damage: a weight with a changed digit still looks valid. A folder
without checksums, as earlier versions wrote them, is checked by its structure alone.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import mmap
import os
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import pyarrow as pa

from textrnn.errors import DamagedFileError, UserError
from textrnn.stage import output_file, output_folder

CHECKSUMS = "checksums.json"
RUN_AGAIN = "run the stage that writes it"
MAX_DETAIL = 300  # characters of another library's message


@contextlib.contextmanager
def checked_folder(path: Path) -> Iterator[Path]:
    """The temporary folder of `output_folder`, which gets the checksums of its files when the block succeeds."""
    with output_folder(path) as folder:
        yield folder
        write_checksums(folder)


def write_checksums(folder: Path, leave_out: Collection[str] = ()) -> None:
    """Write the SHA-256 of each file that lies directly in a folder; hidden files, and those to leave out, have none.

    leave_out: files whose checksums are elsewhere, such as shards, which have them in their index.
    """
    paths = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    if files := [path for path in paths if path.name not in {CHECKSUMS, *leave_out}]:
        _write(folder / CHECKSUMS, files)


def write_sibling_checksums(files: Sequence[Path]) -> None:
    """Write the checksums of files that have no folder of their own, `<name>.json` and `<name>.arrow`, next to them.

    They are written once the files are complete, to `<name>.checksums.json`.
    """
    with output_file(_sibling(files[0])) as temporary:
        _write(temporary, files)


def _write(path: Path, files: Sequence[Path]) -> None:
    sums = {file.name: file_sha256(file) for file in files}
    path.write_text(json.dumps(sums, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _sibling(path: Path) -> Path:
    return path.with_suffix(f".{CHECKSUMS}")


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_content(path: Path) -> bytes:
    """The bytes of a file, after their checksum. Raises UserError for a file that is missing, DamagedFileError."""
    require_file(path)
    with named(path):
        content = path.read_bytes()
    _compare(path, content)
    return content


def copy_checked(source: Path, target: Path) -> None:
    """Copy a file whose checksum fits: a copy of a damaged one would get a checksum that fits it.

    Raises as `read_content`.
    """
    target.write_bytes(read_content(source))


def map_content(path: Path) -> pa.Buffer:
    """The bytes of a file as `read_content` reads them, memory-mapped."""
    require_file(path)
    with named(path), path.open("rb") as file:
        size = path.stat().st_size
        content = pa.py_buffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if size else b"")
    _compare(path, content)
    return content


def check_file(path: Path) -> None:
    """Compare the checksum of a file that another library reads; raise as `read_content`."""
    require_file(path)
    expected = _expected(path)
    with named(path):
        if expected is not None and file_sha256(path) != expected:
            raise ValueError(_OTHER_BYTES)


def check_sha256(path: Path, expected: str, of: str) -> None:
    """Raise DamagedFileError unless a file has the checksum; of: where that is from."""
    require_file(path)
    with named(path):
        if file_sha256(path) != expected:
            raise ValueError(f"content that does not fit its checksum in {of}")


def require_file(path: Path) -> None:
    """Raise UserError for a file that is missing or cannot be accessed."""
    with named(path):
        exists = path.is_file()
    if not exists:
        raise UserError(path, "no such file", do=RUN_AGAIN)


@contextlib.contextmanager
def named(path: Path, *damage: type[BaseException]) -> Iterator[None]:
    """Name the file in the errors of reading it: those of the system, ValueError, and those in `damage`."""
    kinds: tuple[type[BaseException], ...] = (ValueError, *damage)
    try:
        yield
    except UserError:
        raise
    except OSError as error:
        if error.errno is None:  # Arrow's errors about the content
            raise DamagedFileError(path, "is damaged", got=one_line(error), do=RUN_AGAIN) from error
        raise UserError(path, "cannot be read", got=one_line(error)) from error
    except kinds as error:
        raise DamagedFileError(path, "is damaged", got=one_line(error), do=RUN_AGAIN) from error


_OTHER_BYTES = (
    f"content that does not fit its checksum in {CHECKSUMS}; remove that file if this one was edited on purpose"
)


def one_line(error: BaseException) -> str:
    """The message of another library on one line, and shortened."""
    text = " ".join(str(error).split()) or type(error).__name__
    text = "".join(character if character.isprintable() else "?" for character in text)
    return text if len(text) <= MAX_DETAIL else text[:MAX_DETAIL] + "…"


def _compare(path: Path, content: bytes | pa.Buffer) -> None:
    expected = _expected(path)
    with named(path):
        if expected is not None and hashlib.sha256(content).hexdigest() != expected:
            raise ValueError(_OTHER_BYTES)


def _expected(path: Path) -> str | None:
    """The checksum that a file should have; None if its folder has none."""
    # that of the file itself comes first: an encoding may be called `checksums`
    sums_file = next((each for each in (_sibling(path), path.with_name(CHECKSUMS)) if os.path.lexists(each)), None)
    if sums_file is None:
        return None
    with named(sums_file, RecursionError):
        if not sums_file.is_file():
            raise ValueError("no file, or a link to none")
        sums = json.loads(sums_file.read_text(encoding="utf-8"))
        if not isinstance(sums, dict) or not all(isinstance(value, str) for value in sums.values()):
            raise ValueError("no mapping of names to checksums")
    with named(path):
        if path.name not in sums:
            raise ValueError(f"{sums_file.name} does not list it")
    return str(sums[path.name])
