"""Refuse requests for a `Host` that is not the server's.

A page of another site can give its own name the server's address. To the browser the server's answers are then the
page's own, and its script may read them. The requests still have the other name as their `Host`.
"""

from __future__ import annotations

from collections.abc import Iterable

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from textrnn.errors import shorten
from textrnn.inference.http.fault_log import log_refusal
from textrnn.inference.http.host_names import split_port
from textrnn.inference.http.request_error import RequestError


class AllowedHosts:
    """An application that answers requests for allowed hosts, at any port, with another application."""

    def __init__(self, app: ASGIApp, hosts: Iterable[str]) -> None:
        self._app, self._hosts = app, frozenset(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request, as ASGI has it."""
        if scope["type"] == "http":
            try:
                self._check([value.decode("latin-1") for name, value in scope["headers"] if name == b"host"])
            except RequestError as error:
                log_refusal(error, f"{scope['method']} {scope['path']}", scope["client"])
                await JSONResponse(error.body, error.status)(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _check(self, values: list[str]) -> None:
        if len(values) != 1:
            do = "send one header Host"
            raise RequestError(400, "Host", "must be given once", got=f"{len(values)} headers", do=do)
        host, _ = split_port(values[0])
        if host is None:
            raise RequestError(400, "Host", "is not a host and a port", got=shorten(values[0]), do="send a valid one")
        if host not in self._hosts:
            do = "ask at an allowed host, or start the server with --allow-host"
            raise RequestError(421, "Host", "is not a host of this server", got=shorten(values[0]), do=do)
