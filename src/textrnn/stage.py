"""What every stage script uses: arguments, one-line errors, progress bars, outputs that appear whole or not at all."""

from __future__ import annotations

import argparse
import contextlib
import errno
import json
import os
import signal
import stat
import sys
from collections.abc import Callable, Iterable, Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from textrnn.errors import ResumableError, UserError
from textrnn.interrupts import Terminated
from textrnn.machine_errors import of_machine
from textrnn.names import check_name
from textrnn.unfinished import replace, unfinished

Item = TypeVar("Item")

# the table of params.yaml that has the entries of a kind
TABLES = {"corpus": "corpora", "encoding": "encodings", "recipe": "recipes"}

_SHOWS_PROGRESS = ContextVar("shows progress", default=True)


def run_stage(main: Callable[[str], None], entry_kind: str) -> None:
    """Run `main` with the one argument of a stage: the name of a corpus, an encoding or a recipe.

    entry_kind: `corpus`, `encoding` or `recipe`, which the usage line shows.
    A UserError prints one line to stderr and exits with 1, as does an OSError of the disk, a permission or a limit.
    Ctrl-C exits with 130, SIGTERM with 143. Any other exception keeps its traceback.
    """
    parser = argparse.ArgumentParser(description=sys.modules["__main__"].__doc__)
    help_text = f"the name of an entry of {TABLES[entry_kind]} in params.yaml"
    parser.add_argument("name", metavar=entry_kind, help=help_text)

    def checked() -> None:
        name = parser.parse_args().name
        check_name(name, entry_kind)  # it becomes part of paths
        main(name)

    run_command(checked)


def run_command(main: Callable[[], None]) -> None:
    """Run a command that parses its own arguments; errors and interrupts end it as they end a stage.

    If an interrupt has notes, they are printed in place of the usual hint; they say what was kept.
    """
    previous_handler = signal.signal(signal.SIGTERM, _terminate)
    try:
        main()
        _flush_output()
    except UserError as error:
        _exit_with(error)
    except OSError as error:
        told = of_machine(error)
        if told is None:
            raise
        _exit_with(told)
    except KeyboardInterrupt as stop:
        verb, code = ("terminated", 143) if isinstance(stop, Terminated) else ("interrupted", 130)
        notes = getattr(stop, "__notes__", ["no output was written; the same command starts it again"])
        print(f"{verb}: {'; '.join(notes)}", file=sys.stderr)
        sys.exit(code)
    finally:
        signal.signal(signal.SIGTERM, previous_handler)


def _exit_with(error: UserError) -> NoReturn:
    with contextlib.suppress(OSError):  # of standard output: it is the error, or of no interest beside it
        _flush_output()
    print(f"error: {error}", file=sys.stderr)
    sys.exit(1)


def _flush_output() -> None:
    """Write out what was printed; Python does so at its end, where it cannot tell in one line what fails."""
    if sys.stdout is None or sys.stdout.closed:
        return
    try:
        sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for the flush of Python's own
        if not isinstance(error, BrokenPipeError):
            error.filename = error.filename or "standard output"
            raise


def _terminate(*_: object) -> NoReturn:
    raise Terminated


@contextlib.contextmanager
def output_folder(path: Path) -> Iterator[Path]:
    """Yield a temporary folder that replaces `path` if the block succeeds, and is removed if it fails.

    The output is replaced, never appended to: a DVC output may be a read-only link into the cache.
    """
    _check_name(path)
    with unfinished(path, Path.mkdir) as temporary:
        yield temporary
        replace_folder(temporary, path)


def replace_folder(source: Path, path: Path) -> None:
    """Sync the folder `source` and rename it to `path`, in place of a folder, file or link that is there."""
    source.chmod(0o755)
    replace(source, path)


@contextlib.contextmanager
def output_file(path: Path) -> Iterator[Path]:
    """Yield the path of a temporary file that replaces `path` if the block succeeds, and is removed if it fails.

    The file is on the disk before it has its name, and nobody may read it who may not read the one that it replaces.
    Raises IsADirectoryError, before anything is written, if `path` is a folder.
    """
    _check_name(path)
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    with unfinished(path, Path.touch) as temporary:
        _keep_mode(path, temporary)
        yield temporary
        replace(temporary, path)


def _check_name(path: Path) -> None:
    """Raise OSError if nothing can have this name, before the work whose result it is for."""
    with contextlib.suppress(FileNotFoundError):
        path.lstat()


def _keep_mode(path: Path, temporary: Path) -> None:
    """Give a file the permissions of the one that it replaces, unless that is a link into DVC's cache."""
    with contextlib.suppress(FileNotFoundError):
        mode = path.lstat().st_mode
        if stat.S_ISREG(mode) and mode & stat.S_IWUSR:
            temporary.chmod(stat.S_IMODE(mode) & 0o777)


def write_json(path: Path, values: Any) -> None:
    """Write values as indented JSON; floats are rounded to 6 digits so that metrics files compare cleanly."""
    with output_file(path) as temporary:
        text = json.dumps(_rounded(values), indent=2, ensure_ascii=False, allow_nan=False)
        temporary.write_text(text + "\n", encoding="utf-8")


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 6)
    if isinstance(value, dict):
        return {str(key): _rounded(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_rounded(item) for item in value]
    return value


def worker_count() -> int:
    """The number of worker processes of data stages: TEXTRNN_WORKERS, or all cores. It never changes a result.

    Raises ResumableError if the variable is not a whole number of at least 1.
    """
    setting = os.environ.get("TEXTRNN_WORKERS", "")
    if not setting:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if not (setting.isascii() and setting.isdecimal()) or int(setting) < 1:
        raise ResumableError("TEXTRNN_WORKERS", "must be a whole number of at least 1", got=repr(setting))
    return int(setting)


def progress(
    items: Iterable[Item],
    *,
    total: int | None = None,
    unit: str = "it",
    description: str = "",
    initial: int = 0,
    count: Callable[[Item], int] | None = None,
) -> Iterable[Item]:
    """Yield the items and show a progress bar if stderr is a terminal and tqdm is installed.

    count: the number of units (e.g. rows) in an item; None counts one per item. initial: units of `total` that an
    earlier run did; the speed and the remaining time leave them out.
    """
    if not (_SHOWS_PROGRESS.get() and sys.stderr.isatty()):
        return items
    try:
        from tqdm import tqdm
    except ImportError:
        return items
    bar = tqdm(total=total, unit=unit, desc=description, initial=initial, dynamic_ncols=True, leave=False)
    return _with_bar(items, bar, count)


@contextlib.contextmanager
def without_progress() -> Iterator[None]:
    """Show no progress bars of `progress` in the block, on a terminal neither."""
    token = _SHOWS_PROGRESS.set(False)
    try:
        yield
    finally:
        _SHOWS_PROGRESS.reset(token)


def _with_bar(items: Iterable[Item], bar: Any, count: Callable[[Item], int] | None) -> Iterator[Item]:
    with bar:
        for item in items:
            bar.update(1 if count is None else count(item))
            yield item
