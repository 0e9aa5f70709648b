"""Cleaning of texts before segmentation: lower case, digits, URLs."""

from __future__ import annotations

import re
from collections.abc import Iterable

from textrnn.common.config.segment import Cleaning

URL_SIGNS = ("www.", "http:", "https:", ".com")


# The tutorial's `([^ ]+(?<=\.[a-z]{3}))` without its look-behind. Both take a blank-free run up to its last dot and
# three letters; a match cannot start inside the look-behind, because the greedy match before it would have taken it.
URL = re.compile(r"[^ ]*\.[a-z]{3}")


DIGIT = re.compile(r"\d")


ASCII_DIGITS = dict.fromkeys(b"123456789", "0")


def clean(text: str, steps: Iterable[Cleaning]) -> str:
    """The text in lower case, digits as 0, URLs as `<url>`, by the steps named (tutorial 5)."""
    for step in steps:
        if step == "lower":
            text = text.lower()
        elif step == "digits":
            # the same for ASCII, where translate has a table
            text = text.translate(ASCII_DIGITS) if text.isascii() else DIGIT.sub("0", text)
        elif any(sign in text for sign in URL_SIGNS):
            text = URL.sub("<url>", text)
    return text
