"""Names of entries of params.yaml: of a file's name, or as the user gives them."""

from __future__ import annotations

import re
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from textrnn.common.params.check import IGNORED_BY_DVC, NAME, NAME_RULE
from textrnn.errors import UserError, shorten

YAML_VERSIONS = ((1, 2), (1, 1))  # 1.2 has `1e5`, 1.1 has words such as `yes`


def entry_name(file: Path) -> str:
    """The name of a file, without endings, as the name of an entry."""
    name = re.sub(r"[^A-Za-z0-9_]+", "_", file.name.partition(".")[0]).strip("_")[:40] or "corpus"
    return name if _is_text(name) else f"corpus_{name}"


def check_entry_name(name: str, where: str) -> None:
    """Raise UserError for a name that no entry can have, or that YAML or DVC would take for something else."""
    if NAME.fullmatch(name) is None:
        raise UserError(where, NAME_RULE, got=shorten(name))
    if not _is_text(name):
        wrong = "the name of an entry must not be a number, a date or a word that YAML or DVC reads otherwise"
        raise UserError(where, wrong, got=shorten(name), do=f"name it corpus_{name}, for example")


def _is_text(name: str) -> bool:
    """Whether the bare name is a text in YAML, and no key that DVC does not track."""
    for version in YAML_VERSIONS:
        yaml = YAML(typ="safe", pure=True)
        yaml.version = version
        try:
            if yaml.load(f"{name}\n") != name:
                return False
        except (YAMLError, ValueError):  # ValueError: an invalid date
            return False
    return name not in IGNORED_BY_DVC
