"""Argument types that the commands share."""

from __future__ import annotations

import argparse
from collections.abc import Callable

MAX_INTEGER = 10**9  # a larger number would overflow a timeout or a buffer size, and fail later


def bounded_integer(minimum: int, maximum: int = MAX_INTEGER) -> Callable[[str], int]:
    """Return an argparse type: a whole number within bounds."""

    def parse(argument: str) -> int:
        is_number = argument.isascii() and argument.isdecimal() and len(argument) <= len(str(MAX_INTEGER))
        number = int(argument) if is_number else -1
        if not minimum <= number <= maximum:
            raise argparse.ArgumentTypeError(f"must be a whole number from {minimum} to {maximum}")
        return number

    return parse
