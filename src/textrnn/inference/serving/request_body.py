"""Read the texts of a request from its body as it arrives; a body that breaks a limit or has no texts is refused."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from starlette.requests import ClientDisconnect, Request

from textrnn.errors import shorten
from textrnn.inference.http.request_error import RequestError, json_type
from textrnn.inference.http.strict_json import parse_json
from textrnn.inference.serving.request_limits import Budget, RequestLimits

BODY = "the body"
EXAMPLE = {"texts": ["a headline", "another"]}
SEND = f"send JSON such as {json.dumps(EXAMPLE)}"
CHARSETS = ("utf-8", "utf8", "us-ascii")
DISCONNECTED = 499  # nginx's status for a client that disconnected; it appears only in the metrics


RETRY_AFTER = {"Retry-After": "1"}  # seconds
RETRY = f"send it again after {RETRY_AFTER['Retry-After']} s"


async def read_request_texts(request: Request, limits: RequestLimits, bodies: Budget) -> list[str]:
    """Return the texts of a request.

    bodies: the bytes of the bodies of all requests, as long as they are read.
    Raises RequestError: 408 for a body that does not arrive in time, 413 for a body that is too large or has too many
    characters, 415 for one that is not declared as JSON in UTF-8 or is compressed, 400 for one that is not JSON in
    UTF-8, 422 for JSON that is not a list of texts, or has too many texts or too long a text, 503 if too many bodies
    are being read.
    """
    _check_headers(request, limits)
    body = bytearray()
    try:
        async with asyncio.timeout(limits.body_seconds):
            async for piece in request.stream():
                _check_room(len(piece), len(body), limits, bodies)
                body += piece
        return check_texts(_parse(bytes(body)), limits)
    except TimeoutError as error:
        wrong = f"did not arrive within {limits.body_seconds:g} s"
        raise RequestError(408, BODY, wrong, do="send it faster") from error
    except ClientDisconnect as error:
        raise RequestError(DISCONNECTED, BODY, "did not arrive completely: the client disconnected") from error
    finally:
        bodies.give_back(len(body))


def _check_headers(request: Request, limits: RequestLimits) -> None:
    encodings = ", ".join(request.headers.getlist("content-encoding"))
    if any(encoding.strip().lower() not in ("identity", "") for encoding in encodings.split(",")):
        wrong, do = "is compressed, which is not supported", "send it uncompressed"
        raise RequestError(415, BODY, wrong, got=shorten(encodings), do=do)
    types = request.headers.getlist("content-type")
    if not (len(types) == 1 and _is_json(types[0])):
        # what a form of another site can send without asking is refused here
        do = "send the header Content-Type: application/json"
        raise RequestError(415, BODY, "is not declared as JSON in UTF-8", got=shorten(", ".join(types)), do=do)
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limits.body_bytes:
        raise _too_large(declared, limits)


def _is_json(content_type: str) -> bool:
    """Whether a Content-Type is that of JSON in UTF-8; parameters other than the charset mean nothing."""
    media_type, *parameters = (part.strip().lower() for part in content_type.split(";"))
    pairs = [parameter.partition("=") for parameter in parameters]
    charsets = [value.strip('"') for name, _, value in pairs if name == "charset"]
    return media_type == "application/json" and all(charset in CHARSETS for charset in charsets)


def _check_room(more: int, size: int, limits: RequestLimits, bodies: Budget) -> None:
    """Raise RequestError if more bytes of a body of some size are too many."""
    if size + more > limits.body_bytes:
        raise _too_large(f"{size + more} or more", limits)
    if not bodies.take(more):
        what = f"are more than {bodies.most} bytes"
        raise RequestError(503, "the bodies that are being read", what, do=RETRY, headers=RETRY_AFTER)


def _too_large(size: str, limits: RequestLimits) -> RequestError:
    what = f"is larger than {limits.body_bytes} bytes"
    return RequestError(413, BODY, what, got=f"{size} bytes", do="send fewer texts per request")


def _parse(body: bytes) -> Any:
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        where = f"byte {error.start} of the body"
        raise RequestError(400, where, "is not UTF-8", got=body[error.start : error.end], do="send UTF-8") from error
    try:
        return parse_json(text)
    except ValueError as error:
        raise RequestError(400, BODY, f"is not JSON: {error}", got=shorten(text), do=SEND) from error


def check_texts(body: Any, limits: RequestLimits) -> list[str]:
    """Return the texts of a parsed body; raises RequestError at the first thing that is wrong."""
    if not isinstance(body, dict):
        raise RequestError(422, BODY, "must be a JSON object", got=json_type(body), do=SEND)
    if "texts" not in body:
        raise RequestError(422, BODY, 'has no field "texts"', got=shorten(", ".join(body)), do=SEND)
    if others := [name for name in body if name != "texts"]:
        raise RequestError(422, BODY, 'must have no field but "texts"', got=shorten(", ".join(others)), do=SEND)
    texts = body["texts"]
    if not isinstance(texts, list):
        raise RequestError(422, "texts", "must be a list of strings", got=json_type(texts), do=SEND)
    if len(texts) > limits.texts:
        what = f"has more than {limits.texts} texts"
        raise RequestError(422, "texts", what, got=len(texts), do="send them in several requests")
    for index, text in enumerate(texts):
        _check_text(text, f"texts[{index}]", limits)
    characters = sum(map(len, texts))
    if characters > limits.request_characters:
        what = f"have more than {limits.request_characters} characters in all"
        raise RequestError(413, "texts", what, got=characters, do="send them in several requests")
    return texts


def _check_text(text: Any, where: str, limits: RequestLimits) -> None:
    if not isinstance(text, str):
        raise RequestError(422, where, "must be a string", got=json_type(text), do=SEND)
    if len(text) > limits.characters:
        what = f"is longer than {limits.characters} characters"
        raise RequestError(422, where, what, got=f"{len(text)} characters", do="split it into several texts")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        half = ascii(text[error.start : error.end])
        raise RequestError(422, where, "has half of a surrogate pair, which is not valid text", got=half) from error
