"""Read the texts of a request from its body as it arrives; a body that breaks a limit or has no texts is refused."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from starlette.requests import ClientDisconnect, Request

from textrnn.errors import shorten
from textrnn.inference.serving.http_errors import RequestError, json_type
from textrnn.inference.serving.request_limits import RequestLimits

BODY = "the body"
EXAMPLE = {"texts": ["a headline", "another"]}
SEND = f"send JSON such as {json.dumps(EXAMPLE)}"
DISCONNECTED = 499  # nginx's status for a client that disconnected; it appears only in the metrics


async def read_request_texts(request: Request, limits: RequestLimits) -> list[str]:
    """Return the texts of a request.

    Raises RequestError: 408 for a body that does not arrive in time, 413 for a body that is too large, 415 for a
    compressed body, 400 for a body that is not JSON in UTF-8, 422 for JSON that is not a list of texts, or has too
    many texts or too long a text.
    """
    encoding = request.headers.get("content-encoding", "identity")
    if encoding != "identity":
        wrong, do = "is compressed, which is not supported", "send it uncompressed"
        raise RequestError(415, BODY, wrong, got=shorten(encoding), do=do)
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limits.body_bytes:
        raise _too_large(declared, limits)
    try:
        async with asyncio.timeout(limits.body_seconds):
            body = await _read(request, limits)
    except TimeoutError as error:
        wrong = f"did not arrive within {limits.body_seconds:g} s"
        raise RequestError(408, BODY, wrong, do="send it faster") from error
    except ClientDisconnect as error:
        raise RequestError(DISCONNECTED, BODY, "did not arrive completely: the client disconnected") from error
    return check_texts(_parse(body), limits)


async def _read(request: Request, limits: RequestLimits) -> bytes:
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > limits.body_bytes:
            raise _too_large(f"{len(body)} or more", limits)
    return bytes(body)


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
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RequestError(400, BODY, f"is not JSON: {error}", got=shorten(text), do=SEND) from error


def check_texts(body: Any, limits: RequestLimits) -> list[str]:
    """Return the texts of a parsed body; raises RequestError 422 at the first thing that is wrong."""
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
