"""What every stage script shares: arguments, one-line failures, progress, outputs that appear whole or not at all."""

from __future__ import annotations

import argparse
import contextlib
import errno
import glob
import json
import os
import shutil
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from textrnn.errors import ResumableError, UserError

Item = TypeVar("Item")


class Terminated(KeyboardInterrupt):
    """SIGTERM as an exception: what tidies up after a Ctrl-C tidies up after it too."""


def run_stage(main: Callable[[str], None], key: str) -> None:
    """Run `main` with the one argument a stage takes (a corpus, encoding or recipe) and exit.

    A UserError becomes one line on stderr and exit code 1; Ctrl-C exits 130 and SIGTERM 143; all else keeps its
    traceback.
    """
    parser = argparse.ArgumentParser(description=sys.modules["__main__"].__doc__)
    parser.add_argument("key", metavar=key, help=f"an entry of params.yaml: a {key}")
    run_command(lambda: main(parser.parse_args().key))


def run_command(main: Callable[[], None]) -> None:
    """Run a command that takes its own arguments, with a stage's way of failing.

    The notes of an interrupt, where it has some, say what it left behind.
    """
    before = signal.signal(signal.SIGTERM, _terminate)
    try:
        main()
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt as stop:
        word, code = ("terminated", 143) if isinstance(stop, Terminated) else ("interrupted", 130)
        notes = getattr(stop, "__notes__", ["no output was written; the same command starts it again"])
        print(f"{word}: {'; '.join(notes)}", file=sys.stderr)
        sys.exit(code)
    finally:
        signal.signal(signal.SIGTERM, before)


def _terminate(*_: object) -> NoReturn:
    raise Terminated


@contextlib.contextmanager
def defer_interrupts() -> Iterator[Callable[[], type[KeyboardInterrupt] | None]]:
    """A function that tells which of Ctrl-C and SIGTERM has come since, as an exception to raise when it suits.

    A second one is raised at once. Outside the main thread, which alone gets signals, nothing is put off.
    """
    came: list[type[KeyboardInterrupt]] = []

    def note(number: int, _: object) -> None:
        came.append(Terminated if number == signal.SIGTERM else KeyboardInterrupt)
        if len(came) > 1:
            raise came[-1]

    if threading.current_thread() is not threading.main_thread():
        yield lambda: None
        return
    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: came[0] if came else None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def output_folder(path: Path) -> Iterator[Path]:
    """A new folder to fill, which takes the place of `path` when the block ends well and is removed when it does not.

    Replaced, never appended to: a DVC output may be a read-only link into the cache.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    try:
        yield made
        replace_folder(made, path)
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        raise


def replace_folder(made: Path, path: Path) -> None:
    """Rename the folder `made` to `path`, in place of a folder, file or link that is there."""
    made.chmod(0o755)
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    os.replace(made, path)


@contextlib.contextmanager
def output_file(path: Path) -> Iterator[Path]:
    """A new file to write, which takes the place of `path` when the block ends well.

    Raises IsADirectoryError, before anything is written, where that is a folder.
    """
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    made = path.with_name(f".{path.name}.{os.getpid()}")
    _remove_left_behind(path)
    try:
        yield made
        os.replace(made, path)
    except BaseException:
        made.unlink(missing_ok=True)
        raise


def _remove_left_behind(path: Path) -> None:
    """Remove what processes that were killed had begun to write for `path`."""
    for other in path.parent.glob(f".{glob.escape(path.name)}.*"):
        process = other.name.rpartition(".")[2]
        if process.isdecimal():
            try:
                os.kill(int(process), 0)
            except ProcessLookupError:
                other.unlink(missing_ok=True)
            except PermissionError:
                continue  # somebody else's, and alive


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


def worker_count() -> int:
    """How many worker processes data stages use: TEXTRNN_WORKERS, or all cores. Never changes a result."""
    given = os.environ.get("TEXTRNN_WORKERS", "")
    if not given:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if not (given.isascii() and given.isdecimal()) or int(given) < 1:
        raise ResumableError("TEXTRNN_WORKERS", "must be a whole number from 1 up", got=repr(given))
    return int(given)


def progress(
    items: Iterable[Item],
    *,
    total: int | None = None,
    unit: str = "it",
    label: str = "",
    initial: int = 0,
    count: Callable[[Item], int] | None = None,
) -> Iterable[Item]:
    """The items, with a progress bar on a terminal; silent elsewhere and where tqdm is not installed.

    count: how many units (rows, say) an item is, one if not given; `initial` of the `total` were done earlier, and
    neither the rate nor the time left counts them.
    """
    if not sys.stderr.isatty():
        return items
    try:
        from tqdm import tqdm
    except ImportError:
        return items
    bar = tqdm(total=total, unit=unit, desc=label, initial=initial, dynamic_ncols=True, leave=False)
    return _drawn(items, bar, count)


def _drawn(items: Iterable[Item], bar: Any, count: Callable[[Item], int] | None) -> Iterator[Item]:
    with bar:
        for item in items:
            bar.update(1 if count is None else count(item))
            yield item
