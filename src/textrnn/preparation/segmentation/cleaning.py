"""Clean texts before segmentation: lower case, digits, URLs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import pairwise

from textrnn.common.config.segment import Cleaning

URL_MARKERS = ("www.", "http:", "https:", ".com")


# The tutorial replaces `([^ ]+(?<=\.[a-z]{3}))`: of a run without blanks, what there is up to its last dot that three
# letters follow. Its pattern begins anew at each character of a run, which takes time quadratic in the run's length.
# This one has a bounded length, and its matches never overlap.
URL_END = re.compile(r"\.[a-z]{3}")


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
            text = replace_urls(text)
    return text


def replace_urls(text: str) -> str:
    """The text with each URL, which ends where the last URL_END of a run without blanks does, as `<url>`."""
    ends = [match.end() for match in URL_END.finditer(text)]
    pieces, done = [], 0
    for end, following in pairwise([*ends, -1]):
        if following < 0 or text.find(" ", end, following) >= 0:
            start = max(done, text.rfind(" ", done, end) + 1)
            pieces += [text[done:start], "<url>"]
            done = end
    return "".join([*pieces, text[done:]])
