"""The limits of a request, and the error response to a request that is refused: a status and a JSON body."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypedDict

JSON_TYPES: dict[type, str] = {
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
    """What a server accepts and how it batches; no limit changes a prediction.

    body_bytes, texts: of a request; characters: Unicode code points of a text; body_seconds: for a body to arrive;
    batch_texts: of one model call; batch_wait: seconds that a batch which is not full waits for more texts;
    queue_texts: texts that may wait for a model.
    """

    body_bytes: int
    texts: int
    characters: int
    body_seconds: float
    batch_texts: int
    batch_wait: float
    queue_texts: int


class ErrorDetail(TypedDict):
    """The place of an error in a request, what is wrong, the value found there, and what to do."""

    where: str
    what: str
    got: str
    do: str


class RequestError(Exception):
    """A request that is refused: the HTTP status, headers and JSON body of the response."""

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
        self.body: dict[str, ErrorDetail] = {"error": {"where": where, "what": what, "got": str(got), "do": do}}


def json_type(value: object) -> str:
    """The JSON type of a parsed value, in words."""
    return JSON_TYPES[type(value)]
