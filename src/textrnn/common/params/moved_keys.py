"""The keys of the layout of version 0.1, in which an entry's params did not stand in sections named as the stages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from textrnn.errors import UserError

# section and name of each key of an entry, by table
MOVED: dict[str, dict[str, str]] = {
    "corpora": {key: f"parse.{key}" for key in ("format", "files", "classes", "rows", "dev", "max_rejects")},
    "encodings": {
        "segment": "segment.segmenter",
        **{key: f"segment.{key}" for key in ("clean", "punkt")},
        **{key: f"encode.{key}" for key in ("min_count", "max_tokens", "tags")},
    },
    "recipes": {
        "embedding_size": "embed.width",
        "embedding_std": "embed.std",
        **{key: f"embed.{key}" for key in ("vectors", "lexicon")},
        "pad_size": "pad.max_length",
        "pad_side": "pad.side",
        "buckets": "pad.buckets",
    },
}


def refuse_old_layout(params: Mapping[str, Any], path: Path) -> None:
    """Raise UserError, which says what is now where, if the file has keys of the old layout."""
    parts = list(_moved_seed(params))
    for table, names in MOVED.items():
        parts += _describe(table, {key: names[key] for key in names if key in _old_keys(params.get(table), names)})
    if parts:
        wrong = "is in the layout of version 0.1, or has some of its keys"
        raise UserError(path, wrong, do=f"{'; '.join(parts)}; CHANGELOG.md has the whole table")


def _moved_seed(params: Mapping[str, Any]) -> Iterator[str]:
    data = params.get("data")
    if isinstance(data, Mapping) and "seed" in data:
        yield "data.seed is now parse.seed"


def _old_keys(entries: Any, names: Mapping[str, str]) -> set[str]:
    """The old keys that any entry of a table has."""
    return {
        key
        for entry in (entries.values() if isinstance(entries, Mapping) else ())
        for key, value in (entry.items() if isinstance(entry, Mapping) else ())
        # the section `segment` has taken the name of the old key
        if key in names and not (key == "segment" and not isinstance(value, str))
    }


def _describe(table: str, moved: Mapping[str, str]) -> Iterator[str]:
    """What became of the keys of a table's entries: those with a new name, then by section those that keep theirs."""
    kept: dict[str, list[str]] = {}
    for key, new in moved.items():
        section, name = new.split(".")
        if name == key:
            kept.setdefault(section, []).append(key)
        else:
            yield f"{table}.*.{key} is now {table}.*.{new}"
    for section, keys in kept.items():
        yield f"{table}.*.{section} has {', '.join(keys)}"
