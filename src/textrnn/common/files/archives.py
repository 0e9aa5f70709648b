"""Recognises tar archives, packed or not, by their names and their first bytes."""

from __future__ import annotations

import tarfile
from pathlib import Path

PACKED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd")  # by gzip, bzip2, xz and zstd
PACKED_NAMES = (".tgz", ".taz", ".tbz", ".tbz2", ".tz2", ".txz", ".tzst", ".tar.gz", ".tar.bz2", ".tar.xz", ".tar.zst")


def is_tar(path: Path, start: bytes) -> bool:
    """Whether a file is a tar archive, or by its name a packed one.

    start: its first bytes, at least a block of tar, unpacked where the name ends in .gz or .bz2.
    """
    if path.name.lower().endswith(PACKED_NAMES) and start.startswith(PACKED):
        return True
    if len(start) < tarfile.BLOCKSIZE:
        return False
    try:
        tarfile.TarInfo.frombuf(start[: tarfile.BLOCKSIZE], "utf-8", "surrogateescape")  # its checksum must be right
    except tarfile.HeaderError:
        return False
    return True
