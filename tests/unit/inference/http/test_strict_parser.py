"""The parser: what two servers could read in two ways is refused, however the bytes arrive; the rest is as sent."""

from __future__ import annotations

import random

import h11
import pytest

from textrnn.inference.http.strict_parser import MAX_HEAD, MAX_HEADERS, MAX_PIECES, StrictParser

HEAD = b"POST / HTTP/1.1\r\nHost: a\r\n"


def parse(sent, size=None):
    """The events of some bytes, which arrive `size` at a time, until more are needed or the parser refuses them."""
    parser, events = StrictParser(), []
    size = size or len(sent)
    for start in range(0, len(sent), size):
        parser.receive_data(sent[start : start + size])
        while True:
            try:
                event = parser.next_event()
            except h11.RemoteProtocolError:
                return events, parser.refusal
            if event in (h11.NEED_DATA, h11.PAUSED):
                break
            events.append(event)
    return events, None


def body_of(events):
    return b"".join(bytes(event.data) for event in events if isinstance(event, h11.Data))


REFUSED = [
    (b"POST / HTTP/1.1\r\n\r\n", 400, "the request"),
    (HEAD + b"host: b\r\n\r\n", 400, "the request"),
    (HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 400, "Transfer-Encoding"),
    (HEAD + b"transfer-encoding: CHUNKED\r\ncontent-length: 5\r\n\r\n", 400, "Transfer-Encoding"),
    (b"POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", 400, "Transfer-Encoding"),
    (HEAD + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\n", 400, "Content-Length"),
    (HEAD + b"Content-Length: 5\r\nCONTENT-LENGTH: 6\r\n\r\n", 400, "the request"),
    (HEAD + b"Content-Length: 5, 5\r\n\r\n", 400, "Content-Length"),
    *((HEAD + b"Content-Length: " + value + b"\r\n\r\n", 400, "the request") for value in
      (b"", b"-1", b"+1", b"0x5", b"5 5", b"1e3", b"\xd9\xa5", b"9" * 21, b"5;")),
    *((HEAD + b"Transfer-Encoding: " + value + b"\r\n\r\n", 400, "the request") for value in
      (b"", b"gzip", b"chunked, chunked", b"gzip, chunked", b"chunked;q=1", b"\x0bchunked", b"identity")),
    (HEAD + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 400, "the request"),
    (HEAD + b"Transfer-Encoding : chunked\r\n\r\n", 400, "the request"),
    (HEAD + b"Content-Length : 5\r\n\r\n", 400, "the request"),
    *((HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunk, 400, "the request") for chunk in
      (b"-1\r\na\r\n", b"0x1\r\na\r\n", b"g\r\n", b"\r\n", b" 1\r\na", b"1 \x00\r\na", b"f" * 21 + b"\r\n",
       b"1\r\nabc")),
    (HEAD + b"A: b\r\n c\r\n\r\n", 400, "the head"),
    (HEAD + b"A: b\r\n\tContent-Length: 5\r\n\r\n", 400, "the head"),
    (HEAD.replace(b"\r\n", b"\n") + b"\n", 400, "the head"),
    (HEAD + b"A: b\nContent-Length: 3\r\n\r\n", 400, "the head"),
    (HEAD + b"A: b\rContent-Length: 3\r\n\r\n", 400, "the request"),
    (HEAD + b"A: \x00\r\n\r\n", 400, "the request"),
    (HEAD + b"\xc3\xa9: a\r\n\r\n", 400, "the request"),
    (HEAD + b"no colon\r\n\r\n", 400, "the request"),
    (b"POST  / HTTP/1.1\r\nHost: a\r\n\r\n", 400, "the request"),
    (b"POST / HTTP/2.0\r\nHost: a\r\n\r\n", 400, "the version"),
    (b"POST / HTTP/0.9\r\nHost: a\r\n\r\n", 400, "the version"),
    (b"POST /\r\n\r\n", 400, "the request"),
    (b"GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", 400, "the path"),
    (b"CONNECT b:80 HTTP/1.1\r\nHost: a\r\n\r\n", 400, "the path"),
    (b"GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400, "the path"),
    (b"GET /\x80 HTTP/1.1\r\nHost: a\r\n\r\n", 400, "the request"),
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400, "the request"),
    (b"a" * (MAX_HEAD + 1), 431, "the request"),
    (HEAD + b"A: " + b"a" * MAX_HEAD + b"\r\n\r\n", 431, None),
    (HEAD + b"A: a\r\n" * MAX_HEADERS + b"\r\n", 431, "the head"),
]  # fmt: skip


@pytest.mark.parametrize("size", [None, 1, 7])
@pytest.mark.parametrize(("sent", "status", "where"), REFUSED, ids=[str(n) for n in range(len(REFUSED))])
def test_what_is_refused(sent, status, where, size):
    _, refusal = parse(sent, size)
    assert refusal is not None
    assert refusal.status == status
    assert where in (None, refusal.where)
    assert len(refusal.what + refusal.got) < 200


@pytest.mark.parametrize("size", [None, 1, 7])
def test_what_is_valid_is_read_as_it_was_sent(size):
    most = b"".join(b"A%d: a\r\n" % number for number in range(MAX_HEADERS - 1))
    for head in (HEAD, HEAD + most, b"OPTIONS * HTTP/1.1\r\nHost: a\r\n", b"GET /a?b HTTP/1.0\r\n"):
        events, refusal = parse(head + b"\r\n", size)
        assert refusal is None
        assert [type(event) for event in events] == [h11.Request, h11.EndOfMessage]
    events, refusal = parse(HEAD + b"Content-Length: 5\r\n\r\nab\ncd", size)
    assert (body_of(events), refusal) == (b"ab\ncd", None)
    chunks = b"5;a=b\r\nhello\r\n1\r\n\n\r\n0\r\nContent-Length: 3\r\n\r\n"
    events, refusal = parse(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunks, size)
    assert (body_of(events), refusal) == (b"hello\n", None)


def test_tiny_chunks_are_refused_and_small_ones_are_not():
    head = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
    events, refusal = parse(head + b"1\r\na\r\n" * (2 * MAX_PIECES) + b"0\r\n\r\n")
    assert len(events) < MAX_PIECES + 100
    assert (refusal.status, refusal.where) == (400, "the body")
    chunk = b"64\r\n" + b"a" * 100 + b"\r\n"
    events, refusal = parse(head + chunk * (2 * MAX_PIECES) + b"0\r\n\r\n", 50_000)
    assert (len(body_of(events)), refusal) == (100 * 2 * MAX_PIECES, None)


def test_any_bytes_are_read_or_refused():
    """Whatever is done to a request, the parser raises nothing but what it refuses, and says why."""
    rng = random.Random(1)
    valid = HEAD + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
    pieces = [
        b"\r\n",
        b"\n",
        b"\r",
        b":",
        b" ",
        b"\x00",
        b"\xff",
        b"0",
        b"9" * 30,
        b"Content-Length: 3\r\n",
        b"chunked",
    ]
    for _ in range(3000):
        sent = bytearray(valid)
        for _ in range(rng.randint(1, 4)):
            at = rng.randrange(len(sent))
            sent[at : at + rng.choice([0, 0, 1, 5])] = rng.choice([*pieces, rng.randbytes(1)])
        _, refusal = parse(bytes(sent), rng.choice([None, 1, 10]))
        assert refusal is None or (refusal.status in (400, 431) and refusal.what)
