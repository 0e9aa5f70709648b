"""h11's parser of requests, stricter: what two servers could read in two ways is refused, and so is what costs much."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, NoReturn

import h11

from textrnn.errors import shorten

MAX_HEAD = 16 * 1024  # bytes of a request's line and headers
MAX_HEADERS = 100
# A body may come in many pieces, but parsing a piece takes far longer than a byte: so many, and one more per so many
# bytes. A packet of the network has some 1,400 bytes.
MAX_PIECES, BYTES_PER_PIECE = 4096, 64

VERSIONS = (b"1.0", b"1.1")
LENGTH_LINES = re.compile(rb"^content-length:(.*)$", re.I | re.M)
FOLDED_LINE = re.compile(rb"^[ \t]", re.M)


@dataclass(frozen=True)
class Refusal:
    """Why a request cannot be read: the status of the response, its place and what is wrong there."""

    status: int
    where: str
    what: str
    got: str = ""


class StrictParser(h11.Connection):
    """The server's side of a connection; `refusal` is set before `next_event` raises RemoteProtocolError."""

    def __init__(self) -> None:
        super().__init__(h11.SERVER, MAX_HEAD)
        self.refusal: Refusal | None = None
        self._pieces = self._bytes = 0

    @property
    def has_part_of_a_head(self) -> bool:
        """Whether some bytes of a head have arrived, and not all."""
        return self.their_state is h11.IDLE and bool(self.trailing_data[0])

    def next_event(self) -> Any:
        """The next event of the client; see h11."""
        before = self.trailing_data[0] if self.their_state is h11.IDLE else b""
        try:
            event = super().next_event()
        except h11.RemoteProtocolError as error:
            if self.refusal is None:
                status = 431 if error.error_status_hint == 431 else 400
                self.refusal = Refusal(status, "the request", "is not valid HTTP/1.1", shorten(str(error)))
            raise
        if isinstance(event, h11.Request):
            self._pieces = self._bytes = 0
            self._check_head(event, before[: len(before) - len(self.trailing_data[0])])
        elif isinstance(event, h11.Data):
            self._pieces, self._bytes = self._pieces + 1, self._bytes + len(event.data)
            if self._pieces > MAX_PIECES + self._bytes // BYTES_PER_PIECE:
                self._refuse(400, "the body", "comes in too many small pieces")
        return event

    def _check_head(self, request: h11.Request, head: bytes) -> None:
        if len(head) > MAX_HEAD or len(request.headers) > MAX_HEADERS:
            self._refuse(431, "the head", f"is larger than {MAX_HEAD} bytes or has more than {MAX_HEADERS} headers")
        if request.http_version not in VERSIONS:
            self._refuse(400, "the version", "must be HTTP/1.0 or HTTP/1.1")
        if not request.target.startswith(b"/") and (request.method, request.target) != (b"OPTIONS", b"*"):
            self._refuse(400, "the path", "must begin with /")
        if head.count(b"\n") != head.count(b"\r\n") or FOLDED_LINE.search(head):
            self._refuse(400, "the head", "must have whole lines that end in CR LF")
        lengths = LENGTH_LINES.findall(head)
        encoded = any(name == b"transfer-encoding" for name, _ in request.headers)
        if len(lengths) > 1 or any(b"," in value for value in lengths):
            self._refuse(400, "Content-Length", "must be given once")
        if encoded and (lengths or request.http_version == b"1.0"):
            self._refuse(400, "Transfer-Encoding", "must not be given with Content-Length or in HTTP/1.0")

    def _refuse(self, status: int, where: str, what: str) -> NoReturn:
        self.refusal = Refusal(status, where, what)
        raise h11.RemoteProtocolError(what)
