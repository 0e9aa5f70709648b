"""What `dvc plots` draws on a page."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

PLOTS = ("curves", "confusion")  # of each recipe
SHARED_PLOTS = ("headlines_loss", "accuracy")  # of several recipes


def drawn_plots(page: Path) -> dict[str, Any]:
    """The plots of a page by id, as Vega specifications; those without data left out."""
    plots = re.findall(r"var spec = (.*);\s*vegaEmbed\('#(\w+)', spec\);", page.read_text(encoding="utf-8"))
    return {name: json.loads(spec) for spec, name in plots if spec != "{}"}
