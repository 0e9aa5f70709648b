"""The texts of a request, read from its body as it comes: what is too much or no text is refused, and said why."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from starlette.requests import ClientDisconnect, Request

from textrnn.inference.serving.http_errors import RequestError, RequestLimits, json_type
from textrnn.preparation.parsing.formats.base import shorten

BODY = "the body"
EXAMPLE = {"texts": ["a headline", "another"]}
SEND = f"send JSON such as {json.dumps(EXAMPLE)}"
GONE = 499  # nginx's status for a client that has gone; nobody reads it but the metrics


async def read_request_texts(request: Request, limits: RequestLimits) -> list[str]:
    """The texts that a request asks about.

    Raises Refusal: 408 for a body that does not come, 413 for one too large, 415 for a packed one, 400 for one that is
    no JSON in UTF-8, 422 for JSON that is no list of texts, or of too many or too long ones.
    """
    encoding = request.headers.get("content-encoding", "identity")
    if encoding != "identity":
        raise RequestError(415, BODY, "is packed, which is not read", got=shorten(encoding), do="send it as it is")
    told = request.headers.get("content-length", "")
    if told.isdecimal() and int(told) > limits.body_bytes:
        raise _too_large(told, limits)
    try:
        async with asyncio.timeout(limits.body_seconds):
            body = await _read(request, limits)
    except TimeoutError as error:
        raise RequestError(
            408, BODY, f"did not come whole in {limits.body_seconds:g} s", do="send it faster"
        ) from error
    except ClientDisconnect as error:
        raise RequestError(GONE, BODY, "did not come whole: the client has gone") from error
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
    return RequestError(413, BODY, what, got=f"{size} bytes", do="send fewer texts in a request")


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


def check_texts(asked: Any, limits: RequestLimits) -> list[str]:
    """The texts of a parsed body, each of them whole Unicode; raises Refusal 422 at the first that is not."""
    if not isinstance(asked, dict):
        raise RequestError(422, BODY, "must be a JSON object", got=json_type(asked), do=SEND)
    if "texts" not in asked:
        raise RequestError(422, BODY, 'has no "texts"', got=shorten(", ".join(asked)), do=SEND)
    if others := [name for name in asked if name != "texts"]:
        raise RequestError(422, BODY, 'must have nothing but "texts"', got=shorten(", ".join(others)), do=SEND)
    texts = asked["texts"]
    if not isinstance(texts, list):
        raise RequestError(422, "texts", "must be a list of strings", got=json_type(texts), do=SEND)
    if len(texts) > limits.texts:
        what = f"has more than {limits.texts} texts"
        raise RequestError(422, "texts", what, got=len(texts), do="send them in several requests")
    for at, text in enumerate(texts):
        _check(text, f"texts[{at}]", limits)
    return texts


def _check(text: Any, where: str, limits: RequestLimits) -> None:
    if not isinstance(text, str):
        raise RequestError(422, where, "must be a string", got=json_type(text), do=SEND)
    if len(text) > limits.characters:
        what = f"is longer than {limits.characters} characters"
        raise RequestError(422, where, what, got=f"{len(text)} characters", do="cut it into several texts")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        half = ascii(text[error.start : error.end])
        raise RequestError(422, where, "has half of a surrogate pair, which is no text", got=half) from error
