"""An HTTP server for an application: listen, print the URL, bound what clients can hold, stop gracefully."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from types import FrameType
from typing import cast

import uvicorn
from starlette.types import ASGIApp

from textrnn.errors import UserError
from textrnn.inference.http.connection import Connection, Registry
from textrnn.inference.http.fault_log import FaultLog
from textrnn.inference.http.listener import Listener
from textrnn.inference.http.server_settings import ServerSettings

BACKLOG = 2048


class Server(uvicorn.Server):
    """uvicorn's server; it prints its URL once it answers there, and a signal stops it gracefully.

    log: is asked regularly to tell how much it has left out.
    """

    def __init__(self, app: ASGIApp, url: str, settings: ServerSettings, log: FaultLog | None = None) -> None:
        uvicorn_config = uvicorn.Config(
            app,
            http="h11",
            ws="none",
            lifespan="on",
            log_config=None,
            log_level="error",  # what is refused is logged by us
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=settings.grace,  # type: ignore[arg-type]  # asyncio takes fractions of a second
        )
        super().__init__(uvicorn_config)
        self._url, self._settings, self._log = url, settings, log
        self.listener: Listener | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the server on one socket and print its URL."""
        assert sockets is not None
        (listening,) = sockets
        await super().startup([])  # the application; the socket has a listener of its own
        self.listener = Listener(listening, self._connect, self._settings)
        self.servers = [cast(asyncio.Server, self.listener)]
        self.listener.start()
        print(self._url, flush=True)

    def _connect(self, registry: Registry) -> Connection:
        return Connection(registry, self.config, self.server_state, self.lifespan.state)

    async def on_tick(self, counter: int) -> bool:
        """What uvicorn does ten times a second."""
        if self.listener is not None:
            self.listener.sweep()
        if self._log is not None:
            self._log.tell()
        return await super().on_tick(counter)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop gracefully at the first signal; at the second, do not wait for the requests in flight."""
        self.force_exit = self.should_exit
        self.should_exit = True


def listen(host: str, port: int) -> socket.socket:
    """Open a listening socket; raises UserError if the address cannot be used."""
    try:
        # asyncio sets TCP_NODELAY, so that responses go out at once, only if a socket's protocol is TCP; the sockets of
        # socket.create_server have protocol 0
        flags = {"type": socket.SOCK_STREAM, "proto": socket.IPPROTO_TCP, "flags": socket.AI_PASSIVE}
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, **flags)[0]
        with contextlib.ExitStack() as stack:
            listening = stack.enter_context(socket.socket(family, kind, protocol))
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(address)
            listening.listen(BACKLOG)
            stack.pop_all()
        return listening
    except (OSError, UnicodeError) as error:  # UnicodeError: the name is not a valid host name
        do = "give another --host or --port"
        raise UserError(f"{host}, port {port}", "cannot listen on this address", got=error, do=do) from error


def url_of(listening: socket.socket) -> str:
    """The URL of a listening socket, for a browser on this machine."""
    host, port = listening.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # all addresses: none of them is a host
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
