"""Keep the memory that a training step frees in the process, so that the next step does not fault it in again."""

from __future__ import annotations

import ctypes

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # from glibc's malloc.h
MAX_THRESHOLD = 2**31 - 1


def keep_freed_memory() -> bool:
    """Tell the C library to keep freed memory for the whole process; return whether it does.

    Every step allocates and frees the same megabytes. By default glibc returns blocks this large to the system, which
    hands them out again page by page, each zeroed at its first touch. C libraries other than glibc are left as they
    are. Source: mallopt(3).
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # not glibc; on Windows there is no library of the process at all
        return False
    return bool(mallopt(M_MMAP_THRESHOLD, MAX_THRESHOLD) and mallopt(M_TRIM_THRESHOLD, MAX_THRESHOLD))
