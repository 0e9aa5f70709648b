"""The error response to a request that is refused: a status and a JSON body."""

from __future__ import annotations

from collections.abc import Mapping
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
