"""Whether what decides the exhaustive tests has changed since all of them passed: the hashes of `passed.json`.

`python tests/exhaustive/state.py` says so in one line, and exits with 0 if nothing has changed, else with 1.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RECORD = "tests/exhaustive/passed.json"
# what the tests compare, what they compare it by, and the versions of the libraries that are the reference
DECIDING = (
    "constraints.txt",
    "src/textrnn/preparation/artifacts/jieba_dictionary.py",
    "src/textrnn/preparation/segmentation/*.py",
    "tests/exhaustive/test_*.py",
    "tests/factories/jieba_reference.py",
    "tests/factories/nltk_reference.py",
)


def file_hashes(root: Path) -> dict[str, str]:
    """SHA-256 by path of all files that decide the exhaustive tests."""
    paths = sorted(path for pattern in DECIDING for path in root.glob(pattern))
    return {path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def write_record(root: Path, hashes: Mapping[str, str]) -> None:
    """Record the hashes of the files on which every exhaustive test has passed."""
    (root / RECORD).write_text(json.dumps(hashes, indent=2) + "\n", encoding="utf-8", newline="\n")


def changed_files(root: Path) -> list[str]:
    """The files that differ from the record, that it lacks, or that are gone; without a record, all files."""
    record = root / RECORD
    passed = json.loads(record.read_text(encoding="utf-8")) if record.is_file() else {}
    now = file_hashes(root)
    return sorted(path for path in passed.keys() | now.keys() if passed.get(path) != now.get(path))


def main() -> int:
    changed = changed_files(ROOT)
    if changed:
        print(f"exhaustive tests: needed, since they last passed these have changed: {', '.join(changed)}", flush=True)
    else:
        print("exhaustive tests: not needed, they have passed on this code and these libraries", flush=True)
    return int(bool(changed))


if __name__ == "__main__":
    sys.exit(main())
