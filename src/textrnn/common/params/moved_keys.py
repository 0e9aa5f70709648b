"""The keys of the layout of version 0.1, in which an entry's params did not stand in sections named as the stages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from textrnn.errors import UserError

# what each key of an entry is now called, by table
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
    """Raise UserError, with the new name of each key that was found, if the file has keys of the old layout."""
    found = dict.fromkeys(_moved(params))
    if found:
        wrong = "is in the layout of version 0.1, or has some of its keys"
        do = f"{', '.join(f'{old} is now {new}' for old, new in found)}; CHANGELOG.md has the whole table"
        raise UserError(path, wrong, do=do)


def _moved(params: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Old and new name of each key that was moved; `*` stands for every entry of a table."""
    data = params.get("data")
    if isinstance(data, Mapping) and "seed" in data:
        yield "data.seed", "parse.seed"
    for table, names in MOVED.items():
        entries = params.get(table)
        for entry in entries.values() if isinstance(entries, Mapping) else ():
            for key, value in entry.items() if isinstance(entry, Mapping) else ():
                # the section `segment` has taken the name of the old key
                if key in names and not (key == "segment" and not isinstance(value, str)):
                    yield f"{table}.*.{key}", f"{table}.*.{names[key]}"
