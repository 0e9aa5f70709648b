"""The name of a file as the name of an entry of params.yaml."""

from __future__ import annotations

import re
from pathlib import Path

from textrnn.common.params.entry_names import is_text_name


def entry_name(file: Path) -> str:
    """The name of a file, without endings, as the name of an entry."""
    name = re.sub(r"[^A-Za-z0-9_]+", "_", file.name.partition(".")[0]).strip("_")[:40] or "corpus"
    return name if is_text_name(name) else f"corpus_{name}"
