"""The Jinja environment of the report's templates: whatever is put into one is escaped, unless it is Markup."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from textrnn.evaluation.rendering.text import bounds, has_han, known_time, number, percent, thousands, visible

FOLDER = Path(__file__).parent
FILTERS = (bounds, known_time, number, percent, thousands, visible)
ENVIRONMENT = Environment(
    loader=FileSystemLoader(FOLDER / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)
ENVIRONMENT.filters.update({each.__name__: each for each in FILTERS})
ENVIRONMENT.tests.update(han=has_han)
