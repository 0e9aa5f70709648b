"""Accept connections, up to a bound: beyond it new ones wait in the system's queue, and the oldest idle one is closed.

asyncio's own server accepts whatever comes, and tries again each second when there are no descriptors left.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import socket
from collections.abc import Callable

from textrnn.inference.http.connection import Connection, Phase, Registry
from textrnn.inference.http.fault_log import logger
from textrnn.inference.http.server_settings import ServerSettings

RESERVED = 32  # descriptors for everything but connections
FEWEST = 8  # connections
RETRY = 0.1  # seconds until the next attempt to accept where there was no place
YOUNG = 0.25  # seconds; a connection that is no older is not closed for another, as its head may be on its way
RESPONSE_SECONDS = 60.0  # in which a response must be taken


def affordable_connections(wanted: int) -> int:
    """The connections that the process has descriptors for, at most those that are wanted."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return wanted
    return min(wanted, max(FEWEST, soft - len(os.listdir("/dev/fd")) - RESERVED))


class Listener:
    """Accepts the connections of a listening socket; uvicorn closes it and waits for it as for a server of asyncio's.

    connect: makes the connection that an accepted socket is handed to. `crowded` is true while others wait for a place.
    """

    def __init__(
        self, listening: socket.socket, connect: Callable[[Registry], Connection], settings: ServerSettings
    ) -> None:
        self._listening, self._connect, self._settings = listening, connect, settings
        self._loop = asyncio.get_running_loop()
        self._open: set[Connection] = set()
        self._accepting: set[asyncio.Task[None]] = set()
        self._arriving = 0  # accepted, and not open yet
        self._closed = False
        self.crowded = False
        listening.setblocking(False)

    @property
    def connections(self) -> int:
        """The number of connections that are open."""
        return len(self._open) + self._arriving

    def start(self) -> None:
        """Begin to accept, or go on."""
        if not self._closed:
            self._loop.add_reader(self._listening, self._accept)

    def close(self) -> None:
        """Accept what waits already, and nothing after it."""
        self._closed = True
        self._accept()
        self._loop.remove_reader(self._listening)

    async def wait_closed(self) -> None:
        """See asyncio.Server: uvicorn has waited for the connections."""

    def opened(self, connection: Connection) -> None:
        """Count a connection; one that waited when the server was stopped is closed soon."""
        self._arriving -= 1
        self._open.add(connection)
        if self._closed:
            connection.shutdown()

    def closed(self, connection: Connection) -> None:
        """Its place is free."""
        self._open.discard(connection)
        if self.crowded:
            self.start()

    def sweep(self) -> None:
        """Close the connections whose clients have had their time; to be called often."""
        seconds: dict[Phase, float] = {"head": self._settings.head_seconds, "response": RESPONSE_SECONDS}
        now = self._loop.time()
        for connection in list(self._open):
            limit = seconds.get(connection.phase)  # the application has a limit for bodies, which it answers
            if limit is not None and now - connection.since >= limit:
                connection.end_wait(limit)

    def _accept(self) -> None:
        """Accept what waits; asyncio calls this again as long as others wait."""
        if self.connections >= self._settings.connections:
            self._wait_for_place()
        while self.connections < self._settings.connections:
            try:
                accepted, _ = self._listening.accept()
            except (BlockingIOError, InterruptedError):
                self.crowded = False
                return
            except ConnectionAbortedError:
                continue
            except OSError as error:  # no descriptors or no memory are left
                logger.warning("cannot accept a connection: %s", error)
                self._wait_for_place()
                return
            self.crowded = False  # if still others wait, this is called again at once
            self._arriving += 1
            task = self._loop.create_task(self._hand_over(accepted))
            self._accepting.add(task)
            task.add_done_callback(self._accepting.discard)

    async def _hand_over(self, accepted: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(lambda: self._connect(self), accepted)
        except OSError:
            self._arriving -= 1
            accepted.close()

    def _wait_for_place(self) -> None:
        if self._closed:
            return
        self.crowded = True
        self._loop.remove_reader(self._listening)
        self._loop.call_soon(self._make_place)  # after what has arrived by now is read
        self._loop.call_later(RETRY, self.start)

    def _make_place(self) -> None:
        """Close the connection that has waited longest for its client."""
        before = self._loop.time() - YOUNG
        idle = (each for each in self._open if each.phase != "work" and each.since < before)
        with contextlib.suppress(ValueError):  # none is idle
            min(idle, key=lambda each: each.since).transport.abort()
