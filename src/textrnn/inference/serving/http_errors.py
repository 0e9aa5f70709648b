"""What a request may ask for, and what is said of one that asks for more: a status and a body that says why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypedDict

KINDS: dict[type, str] = {
    dict: "an object",
    list: "a list",
    str: "a string",
    int: "a number",
    float: "a number",
    bool: "a boolean",
    type(None): "null",
}


@dataclass(frozen=True)
class RequestLimits:
    """What is taken at once; none of it changes an answer.

    body_bytes, texts: of a request; characters: Unicode code points of a text; body_seconds: a request's time to
    arrive; batch_texts: texts of one call of a model; batch_wait: seconds that a batch with room in it waits for more;
    queue_texts: texts of a model that wait.
    """

    body_bytes: int
    texts: int
    characters: int
    body_seconds: float
    batch_texts: int
    batch_wait: float
    queue_texts: int


class Fault(TypedDict):
    """Where a request is at fault, what is wrong, what was got there, what to do."""

    where: str
    what: str
    got: str
    do: str


class RequestError(Exception):
    """A request that is not answered: an HTTP status, its headers and what the client is told."""

    def __init__(
        self,
        status: int,
        where: str,
        what: str,
        *,
        got: object = "",
        do: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(f"{where}: {what}")
        self.status, self.headers = status, dict(headers or {})
        self.body: dict[str, Fault] = {"error": {"where": where, "what": what, "got": str(got), "do": do}}


def json_type(value: object) -> str:
    """What a parsed value of JSON is, in words."""
    return KINDS[type(value)]
