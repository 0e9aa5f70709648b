"""A connection of uvicorn's that says since when it waits for its client, and answers what is no HTTP with JSON."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any, Literal, Protocol, cast

import h11
from uvicorn import Config
from uvicorn.protocols.http.flow_control import CLOSE_HEADER
from uvicorn.protocols.http.h11_impl import STATUS_PHRASES, H11Protocol
from uvicorn.server import ServerState

from textrnn.inference.http.fault_log import log_refusal
from textrnn.inference.http.request_error import RequestError
from textrnn.inference.http.strict_parser import StrictParser

ARRIVING = 0.05  # seconds; when the server stops, what has been sent before is read in this time
# Seconds; if a connection is closed before all that was sent is read, the system discards the response on its way.
LINGERING = 1.0

Phase = Literal["head", "body", "work", "response"]


class Registry(Protocol):
    """What a connection tells of itself; `crowded` is whether others wait until a connection is closed."""

    crowded: bool

    def opened(self, connection: Connection) -> None:
        """Take note of a connection."""

    def closed(self, connection: Connection) -> None:
        """Forget a connection."""


class Connection(H11Protocol):
    """A connection with a client.

    While others wait for a place, each response closes its connection, and says so.
    """

    cycle: Any  # of the latest request; None before the first

    def __init__(self, registry: Registry, config: Config, state: ServerState, app_state: dict[str, Any]) -> None:
        super().__init__(config, state, app_state)
        self._registry = registry
        self.conn = self._parser = StrictParser()
        self._stopping = self._refused = False
        self.since = self.loop.time()  # when it began to wait for what it waits for

    @property
    def phase(self) -> Phase:
        """What it waits for: a head, a body, its own work, or the client to take a response."""
        if self._refused or self.transport.is_closing() or self.flow.write_paused:
            return "response"
        if self._is_answered:
            return "head"
        return "body" if self.cycle.more_body else "work"

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol."""
        super().connection_made(cast(asyncio.Transport, transport))
        self.since = self.loop.time()
        self._registry.opened(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        super().connection_lost(exc)
        self._registry.closed(self)

    def pause_writing(self) -> None:
        """See asyncio.Protocol: the client does not take what is written."""
        super().pause_writing()
        self.since = self.loop.time()

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        if not self._refused:
            super().data_received(data)

    def handle_events(self) -> None:
        """Begin the requests whose heads have arrived, and hand on what has arrived of their bodies."""
        latest = self.cycle
        super().handle_events()
        if self.cycle is latest:
            return
        self.since = self.loop.time()
        if self._stopping or self._registry.crowded:
            self.cycle.default_headers = [*self.cycle.default_headers, CLOSE_HEADER]

    def on_response_complete(self) -> None:
        """Wait for the next head."""
        self.since = self.loop.time()
        super().on_response_complete()

    def send_400_response(self, msg: str) -> None:
        """Refuse what the parser has refused; uvicorn calls this for all that is not valid HTTP."""
        refusal = self._parser.refusal
        assert refusal is not None
        self.refuse(RequestError(refusal.status, refusal.where, refusal.what, got=refusal.got, do="send HTTP/1.1"))

    def refuse(self, error: RequestError) -> None:
        """Answer with an error, unless an answer has begun, and close once the client has, or soon."""
        log_refusal(error, "a request", self.client)
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            self._send(error)
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True  # the application must not answer as well
            self.cycle.message_event.set()
        self._refused, self.since = True, self.loop.time()
        self._unset_keepalive_if_required()
        self.transport.write_eof()
        self.loop.call_later(LINGERING, self.transport.close)

    def _send(self, error: RequestError) -> None:
        body = json.dumps(error.body).encode()
        headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body))), ("Connection", "close")]
        response = h11.Response(status_code=error.status, headers=headers, reason=STATUS_PHRASES[error.status])
        with contextlib.suppress(h11.LocalProtocolError):  # the response to HEAD has no body
            for event in (response, h11.Data(data=body), h11.EndOfMessage()):
                self.transport.write(self.conn.send(event) or b"")

    def end_wait(self, seconds: float) -> None:
        """Close, as the client has had its time; tell it so if a part of a head has arrived."""
        if self.phase == "head" and self._parser.has_part_of_a_head:
            what = f"did not arrive within {seconds:g} s"
            self.refuse(RequestError(408, "the head", what, do="send it faster"))
        else:
            self.transport.abort()

    def shutdown(self) -> None:
        """Close once the request in work is answered; a request that was sent before is read first."""
        self._stopping = True
        if self._refused:
            self.transport.close()
        elif self._is_answered:
            self.loop.call_later(ARRIVING, self._close_if_idle)
        else:
            self.cycle.keep_alive = False

    @property
    def _is_answered(self) -> bool:
        return self.cycle is None or bool(self.cycle.response_complete)

    def _close_if_idle(self) -> None:
        if self._is_answered and not self._refused and not self.transport.is_closing():
            super().shutdown()
