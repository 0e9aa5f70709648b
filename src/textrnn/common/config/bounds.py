"""The largest sizes that params may ask for: far above any of use, and below those that no machine has memory for."""

from __future__ import annotations

from textrnn.errors import require

MAX_WIDTH = 65_536  # of a vector, or of a layer's state
MAX_LAYERS = 256
MAX_WORD = 62  # characters of a word, whose ids are the digits of one number of 63 bits
MAX_WINDOW = 1000  # tokens on either side, each a pass over all texts
MAX_NGRAM = 1000  # tokens, each a pass over all texts
MAX_FEATURES = 2_000_000_000
MAX_GENERATED_ROWS = 100_000_000
MAX_PADDED = 1_000_000  # tokens of a row that is padded to this length, however short it is


def check_size(value: int | None, where: str, most: int, least: int = 1) -> None:
    """Refuse a size outside `least` to `most`; null is none. `where` is the dotted name of the param."""
    if value is not None:
        require(value >= least, where, f"must be at least {least}", value)
        require(value <= most, where, f"must be at most {most:,}", value)
