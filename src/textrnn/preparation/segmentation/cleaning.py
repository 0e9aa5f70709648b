"""Clean texts before segmentation: lower case, digits, URLs."""

from __future__ import annotations

import re
from collections.abc import Iterable

from textrnn.common.config.segment import Cleaning

URL_MARKERS = ("www.", "http:", "https:", ".com")


# The tutorial's `([^ ]+(?<=\.[a-z]{3}))` without its look-behind. Both match a run without blanks up to its last dot
# followed by three letters. They could differ only where the tutorial's match starts inside the text that its
# look-behind reads, and the greedy match before it has already consumed that text.
URL = re.compile(r"[^ ]*\.[a-z]{3}")


DIGIT = re.compile(r"\d")


ASCII_DIGITS = dict.fromkeys(b"123456789", "0")


def clean(text: str, steps: Iterable[Cleaning]) -> str:
    """Apply the named steps in order: lower case, every digit as 0, every URL as `<url>` (tutorial 5)."""
    for step in steps:
        if step == "lower":
            text = text.lower()
        elif step == "digits":
            # the same result for ASCII, and faster
            text = text.translate(ASCII_DIGITS) if text.isascii() else DIGIT.sub("0", text)
        elif any(marker in text for marker in URL_MARKERS):
            text = URL.sub("<url>", text)
    return text
