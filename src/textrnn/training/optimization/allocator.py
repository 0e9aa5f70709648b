"""What the C library does with memory that a training step has freed."""

from __future__ import annotations

import ctypes

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h
MOST = 2**31 - 1


def keep_freed_memory() -> bool:
    """Let freed memory stay with the process, so that the next step need not be given it anew; whether that is so now.

    Every step takes and frees the same megabytes. glibc hands blocks that large back to the system, which gives them
    again page by page, each zeroed at its first touch. For the whole process; other C libraries are left as they are.
    Source: mallopt(3).
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # no glibc; no library of the process at all, on Windows
        return False
    return bool(mallopt(M_MMAP_THRESHOLD, MOST) and mallopt(M_TRIM_THRESHOLD, MOST))
