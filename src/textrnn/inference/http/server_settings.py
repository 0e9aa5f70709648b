"""How a server listens, whom it answers and how long it waits."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ServerSettings:
    """How a server runs.

    host, port: where it listens, 0 for any free port; allowed_hosts: what `Host` may be besides the names of loopback
    and the host that it listens at; origins: of other sites' pages that may use it; connections: open at once;
    head_seconds: in which the head of a request must arrive; grace: seconds to answer the requests in flight after a
    signal.
    """

    host: str
    port: int
    allowed_hosts: tuple[str, ...]
    origins: tuple[str, ...]
    connections: int
    head_seconds: float
    grace: float
