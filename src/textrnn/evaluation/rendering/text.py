"""Numbers and corpus text in the form in which a page shows them."""

from __future__ import annotations

import re
from collections.abc import Sequence

HAN = re.compile("[\u2e80-\u2fdf\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
# HTML has no place for control characters, so each becomes the Unicode picture of it
PICTURES = {code: 0x2400 + code for code in range(32)} | {0x7F: 0x2421}


def percent(value: float | None) -> str:
    """A fraction as a percentage with two decimals; a dash for None."""
    return "–" if value is None else f"{100 * value:.2f}%"


def bounds(interval: Sequence[float] | None) -> str:
    """The bounds of an interval of fractions, in percent; nothing for None."""
    return "" if interval is None else f"[{100 * interval[0]:.2f}, {100 * interval[1]:.2f}]"


def thousands(value: int | None) -> str:
    """A whole number with separators between the thousands; nothing for None."""
    return "" if value is None else f"{value:,}"


def number(value: float) -> str:
    """A number with at most two decimals and no trailing zeros."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def points(value: float) -> str:
    """A difference of two fractions, in percentage points with its sign; zero has none."""
    signed = f"{100 * value:+.2f}".replace("-", "−")
    return "0.00" if signed[1:] == "0.00" else signed


def duration(seconds: float) -> str:
    """A time in the two largest of its units, such as `2 min 5 s`; tenths of a second below 10 s."""
    if seconds < 0.05:
        return "< 0.1 s"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if minutes else f"{rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def known_time(seconds: float | None) -> str:
    """The same, or `unknown` for None."""
    return "unknown" if seconds is None else duration(seconds)


def file_size(size: int) -> str:
    """Bytes in the largest unit that leaves at least 1, with one decimal: 1 kB is 1,000 bytes."""
    for unit, factor in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= factor:
            return f"{size / factor:,.1f} {unit}"
    return f"{size} bytes"


def visible(text: str) -> str:
    """The text with control characters replaced by their pictures."""
    return text.translate(PICTURES)


def has_han(text: str) -> bool:
    """Whether the text has Chinese ideographs, which need the glyphs of a Chinese font."""
    return HAN.search(text) is not None
