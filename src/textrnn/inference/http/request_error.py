"""The error response to a request that is refused: a status and a JSON body of bounded length."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypedDict

MAX_FIELD = 300  # characters of what a body says of a request, which may be as long as its sender likes

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
        self.body: dict[str, ErrorDetail] = {
            "error": {"where": _bounded(where), "what": _bounded(what), "got": _bounded(str(got)), "do": do}
        }


def _bounded(text: str) -> str:
    """The text, cut to at most MAX_FIELD characters, without halves of surrogate pairs, which are not valid UTF-8."""
    text = text if len(text) <= MAX_FIELD else text[: MAX_FIELD - 3] + "..."
    return text.encode("utf-8", "backslashreplace").decode()


def json_type(value: object) -> str:
    """The JSON type of a parsed value, in words."""
    return JSON_TYPES[type(value)]
