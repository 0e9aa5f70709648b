"""A log of faults that no client can flood: a line each, at a bounded rate, with what it leaves out counted."""

from __future__ import annotations

import contextlib
import logging
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TextIO

from textrnn.inference.http.request_error import RequestError

LINES = 10  # of one kind in a window
WINDOW = 60.0  # seconds
MAX_KINDS = 50  # any further kind counts as the kind OTHERS
MAX_CHARACTERS = 400  # of a line
MAX_TRACEBACK = 40  # lines
OTHERS = "other messages"

logger = logging.getLogger("textrnn.serving")


@dataclass
class Window:
    """How many lines of a kind were written since `began`, and how many were left out."""

    began: float
    written: int = 0
    left_out: int = 0


class FaultLog(logging.Handler):
    """Writes each record as a line with its time; at most LINES of one kind in WINDOW seconds.

    The kind of a record is its message before its arguments are filled in, and the type of its exception. The first
    record of a kind in a window also has its traceback, indented. `tell` writes how many lines were left out.
    """

    def __init__(self, stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(logging.WARNING)
        self._stream, self._clock = stream or sys.stderr, clock
        self._windows: dict[str, Window] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record, or count it."""
        now = self._clock()
        self._end_windows(now - WINDOW)
        window = self._window(_kind(record), now)
        if window.written == LINES:
            window.left_out += 1
            return
        self._write(f"{record.levelname.lower()}: {record.getMessage()}")
        if record.exc_info and record.exc_info[0] is not None and not window.written:
            lines = "".join(traceback.format_exception(*record.exc_info)).splitlines()
            for line in lines[-MAX_TRACEBACK:]:
                self._write_line("    " + line)
        window.written += 1

    def tell(self) -> None:
        """Write how many lines were left out in windows that have ended; to be called now and then."""
        with self.lock or contextlib.nullcontext():
            self._end_windows(self._clock() - WINDOW)

    def close(self) -> None:
        """Write how many lines were left out in all windows."""
        with self.lock or contextlib.nullcontext():
            self._end_windows(self._clock())
        super().close()

    def _window(self, kind: str, now: float) -> Window:
        if kind not in self._windows and len(self._windows) >= MAX_KINDS:
            kind = OTHERS
        return self._windows.setdefault(kind, Window(now))

    def _end_windows(self, began: float) -> None:
        """End the windows that began at a time or before, and write what they left out."""
        for kind in [kind for kind, window in self._windows.items() if window.began <= began]:
            left_out = self._windows.pop(kind).left_out
            if left_out:
                self._write(f"warning: left out {left_out} more lines of this kind: {kind}")

    def _write(self, message: str) -> None:
        self._write_line(time.strftime("%Y-%m-%dT%H:%M:%SZ ", time.gmtime()) + message.rstrip())

    def _write_line(self, line: str) -> None:
        with contextlib.suppress(OSError, ValueError):  # a full disk or a closed stream must not end a request
            self._stream.write(escape(line) + "\n")
            self._stream.flush()


@contextlib.contextmanager
def logging_faults() -> Iterator[FaultLog]:
    """Write what is logged on standard error, as long as the block runs."""
    log = FaultLog()
    logging.getLogger().addHandler(log)
    try:
        yield log
    finally:
        logging.getLogger().removeHandler(log)
        log.close()


def _kind(record: logging.LogRecord) -> str:
    error = record.exc_info[0] if record.exc_info else None
    return str(record.msg).strip() + (f" ({error.__name__})" if error else "")


def escape(line: str) -> str:
    """A line as the log shows it: of bounded length, with everything that is not printable escaped."""
    line = line if len(line) <= MAX_CHARACTERS else line[: MAX_CHARACTERS - 3] + "..."
    return "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in line)


def log_refusal(error: RequestError, request: str, client: Sequence[object] | None) -> None:
    """Log a request that is refused, without anything of its body: texts are not logged.

    client: its address, and the port that it sends from.
    """
    detail = error.body["error"]
    # the status is part of the message, so that many refusals of one kind do not hide those of another
    message = f"refused with {error.status}: %s from %s: %s %s"
    logger.warning(message, request, client[0] if client else "somewhere", detail["where"], detail["what"])
