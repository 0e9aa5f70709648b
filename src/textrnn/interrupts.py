"""Ctrl-C and SIGTERM: the exception of the latter, and blocks that neither of them ends halfway."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator


class Terminated(KeyboardInterrupt):
    """SIGTERM as an exception: code that cleans up after Ctrl-C cleans up after SIGTERM too."""


@contextlib.contextmanager
def defer_interrupts() -> Iterator[Callable[[], type[KeyboardInterrupt] | None]]:
    """Defer Ctrl-C and SIGTERM: yield a function that returns the first one received as an exception to raise, or None.

    A second one is raised at once. Only the main thread receives signals, so in any other thread nothing is deferred.
    """
    received: list[type[KeyboardInterrupt]] = []

    def record(number: int, _: object) -> None:
        received.append(Terminated if number == signal.SIGTERM else KeyboardInterrupt)
        if len(received) > 1:
            raise received[-1]

    if threading.current_thread() is not threading.main_thread():
        yield lambda: None
        return
    previous_handlers = {number: signal.signal(number, record) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: received[0] if received else None
    finally:
        for number, handler in previous_handlers.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def uninterrupted(done: str) -> Iterator[None]:
    """Let Ctrl-C and SIGTERM wait for the end of a short block, where they do what they would have done in it.

    done: what the block has then done, the note of the exception.
    """
    with defer_interrupts() as received:
        yield
    if (interrupt := received()) is not None:
        try:
            signal.raise_signal(signal.SIGTERM if issubclass(interrupt, Terminated) else signal.SIGINT)
        except KeyboardInterrupt as error:
            error.add_note(done)
            raise
