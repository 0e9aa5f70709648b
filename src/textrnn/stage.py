"""What every stage script shares: arguments, one-line failures, progress, outputs that appear whole or not at all."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from textrnn.errors import UserError

Item = TypeVar("Item")


def run_stage(main: Callable[[str], None], key: str) -> None:
    """Run `main` with the one argument a stage takes (a corpus, encoding or recipe) and exit.

    A UserError becomes one line on stderr and exit code 1; an interrupt exits 130; all else keeps its traceback.
    """
    parser = argparse.ArgumentParser(description=sys.modules["__main__"].__doc__)
    parser.add_argument("key", metavar=key, help=f"an entry of params.yaml: a {key}")
    run(lambda: main(parser.parse_args().key))


def run(main: Callable[[], None]) -> None:
    """Run a command that takes its own arguments, with a stage's way of failing."""
    try:
        main()
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("interrupted: no output was written; the same command starts it again", file=sys.stderr)
        sys.exit(130)


@contextlib.contextmanager
def output_folder(path: Path) -> Iterator[Path]:
    """A new folder to fill, which takes the place of `path` when the block ends well and is removed when it does not.

    Replaced, never appended to: a DVC output may be a read-only link into the cache.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    try:
        yield made
        made.chmod(0o755)
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
        os.replace(made, path)
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        raise


@contextlib.contextmanager
def output_file(path: Path) -> Iterator[Path]:
    """A new file to write, which takes the place of `path` when the block ends well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    made = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        yield made
        os.replace(made, path)
    except BaseException:
        made.unlink(missing_ok=True)
        raise


def write_json(path: Path, values: Any) -> None:
    """Values as indented JSON, floats rounded to 6 digits so that metrics files compare cleanly."""
    with output_file(path) as made:
        text = json.dumps(_rounded(values), indent=2, ensure_ascii=False, allow_nan=False)
        made.write_text(text + "\n", encoding="utf-8")


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 6)
    if isinstance(value, dict):
        return {str(key): _rounded(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_rounded(item) for item in value]
    return value


def workers() -> int:
    """How many worker processes data stages use: TEXTRNN_WORKERS, or all cores. Never changes a result."""
    given = os.environ.get("TEXTRNN_WORKERS", "")
    if not given:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if not given.isdecimal() or int(given) < 1:
        raise UserError("TEXTRNN_WORKERS", "must be a whole number from 1 up", got=repr(given))
    return int(given)


def progress(items: Iterable[Item], *, total: int | None = None, unit: str = "it", label: str = "") -> Iterable[Item]:
    """The items, with a progress bar on a terminal; silent elsewhere and where tqdm is not installed."""
    if not sys.stderr.isatty():
        return items
    try:
        from tqdm import tqdm
    except ImportError:
        return items
    return tqdm(items, total=total, unit=unit, desc=label, dynamic_ncols=True, leave=False)
