"""The server against clients that mean no good: malformed HTTP, foreign hosts and sites, and connections held open."""

from __future__ import annotations

import json
import random
import select
import socket
import threading
import time
from dataclasses import replace

import pytest
import requests

from factories.servers import CLOSE, JSON, SETTINGS, Stub, post, read_response, read_responses, running
from textrnn.inference.http import listener
from textrnn.inference.serving.loaded_model import LoadedModel

HALF = b"POST /v1/models/stub/predict HTTP/1.1\r\nHost: localh"


@pytest.fixture(scope="module")
def stub():
    return Stub()


@pytest.fixture(scope="module")
def server(stub):
    with running(stub.loaded()) as server:
        yield server


def wait_until(condition):
    for _ in range(3000):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("it does not come to this")


def error_of(responses):
    """The status and the error of the one response, which is JSON and closes the connection."""
    ((status, headers, body),) = responses
    assert (headers["content-type"], headers["connection"]) == ("application/json", "close")
    error = json.loads(body)["error"]
    assert error.keys() == {"where", "what", "got", "do"}
    assert len(body) < 1500
    return status, error["where"]


@pytest.mark.parametrize(
    ("sent", "status", "where"),
    [
        (b"nonsense\r\n\r\n", 400, "the request"),
        (post(b"{}", "Transfer-Encoding: chunked"), 400, "Transfer-Encoding"),
        (post(b"{}", "Content-Length: 2"), 400, "Content-Length"),
        (post(b"{}", "Content-Length: 3"), 400, "the request"),
        (post(b"{}", "Content-Length: -1", length=False), 400, "the request"),
        (post(b"{}", "Host: localhost"), 400, "the request"),
        (post(b"xyz\r\n", "Transfer-Encoding: chunked", length=False), 400, "the request"),
        (post(b"1\r\na\r\n" * 30_000, "Transfer-Encoding: chunked", length=False), 400, "the body"),
        (post(b"{}", "A: " + "a" * 20_000), 431, "the request"),
        (post(b"{}", "A: " + "a" * 1_000_000), 431, "the request"),
        (post(b"{}", *["A: a"] * 1000), 431, "the head"),
        (post(b"{}").replace(b" HTTP", b"?" + b"a" * 20_000 + b" HTTP"), 431, "the request"),
        (b"HEAD * HTTP/1.1\r\nHost: localhost\r\n\r\n", 400, None),
    ],
    ids=range(13),
)
def test_what_is_not_http_is_explained_and_the_connection_is_closed(server, stub, sent, status, where):
    stub.batches.clear()
    responses = server.exchange(sent)
    if where is None:  # the response to HEAD has no body
        return
    assert error_of([responses[0]]) in ((status, where), (status, "the head"))
    assert len(responses) == 1
    assert stub.batches == []


def test_bytes_of_any_kind_get_no_5xx_and_do_not_hurt_others(server):
    rng = random.Random(1)
    pieces = [b"\r\n", b"\n", b"\x00", b"\xff", b'"', b"[", b"{", b"}", b"9" * 30, b"e9", b"\\ud800", b"NaN", b","]
    for _ in range(400):
        sent = bytearray(post(b'{"texts": ["a", "b"]}', CLOSE))
        for _ in range(rng.randint(1, 4)):
            at = rng.randrange(len(sent))
            sent[at : at + rng.choice([0, 1, 5])] = rng.choice([*pieces, rng.randbytes(1)])
        with server.connect() as client:
            client.sendall(bytes(sent))
            client.shutdown(socket.SHUT_WR)
            assert all(status < 500 for status, _, _ in read_responses(client))
    assert server.predict({"texts": ["abc"]}).json()["predictions"] == [{"length": 3}]


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("Host: localhost", 200),
        ("Host: LOCALHOST.:1", 200),
        ("Host: 127.0.0.1:80", 200),
        ("Host: [::1]:80", 200),
        ("Host: one.example:8000", 200),
        ("Host: evil.example", 421),
        ("Host: evil.example:8000", 421),
        ("Host: localhost.evil.example", 421),
        ("Host: notone.example", 421),
        ("Host: 127.1", 421),
        ("Host: 0.0.0.0", 421),
        ("Host: 2130706433", 421),
        ("Host: localhost@evil.example", 400),
        ("Host: localhost, evil.example", 400),
        ("Host: localhost evil.example", 400),
        ("Host: localhost:80:80", 400),
        ("Host: localhost:99999", 400),
        ("Host: http://localhost", 400),
        ("Host: ::1", 400),
        ("Host: ", 400),
        ("Host: \u00e9", 400),
        ("X-Forwarded-Host: localhost", 400),
    ],
)
def test_only_allowed_hosts_are_answered(stub, line, status):
    with running(stub.loaded(), settings=replace(SETTINGS, allowed_hosts=("one.example",))) as server:
        for path in ("/", "/health", "/metrics", "/v1/models", "/none"):
            ((found, _, body),) = server.exchange(f"GET {path} HTTP/1.1\r\n{line}\r\n{CLOSE}\r\n\r\n".encode())
            assert found == (404 if path == "/none" and status == 200 else status)
            if status != 200:
                assert json.loads(body)["error"]["where"] in ("Host", "the request")
        stub.batches.clear()
        sent = post(b'{"texts": ["a"]}', CLOSE).replace(b"Host: localhost", line.encode())
        ((found, _, _),) = server.exchange(sent)
        assert found == status
        assert stub.batches == ([["a"]] if status == 200 else [])


def test_old_http_needs_a_host_too(server):
    ((status, _, body),) = server.exchange(b"GET /health HTTP/1.0\r\n\r\n")
    assert (status, json.loads(body)["error"]["what"]) == (400, "must be given once")
    ((status, _, body),) = server.exchange(b"GET /health HTTP/1.0\r\nHost: localhost\r\n\r\n")
    assert (status, json.loads(body)) == (200, {"status": "ok"})


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("application/json", 200),
        ("Application/JSON; charset=UTF-8", 200),
        ('application/json;charset="utf-8"', 200),
        ("application/json; version=1", 200),
        ("application/json; charset=latin-1", 415),
        ("application/json; charset=utf-16", 415),
        ("application/json; charset=utf-8; charset=utf-16", 415),
        ("application/json; charset", 415),
        ("application/jsonp", 415),
        ("application/json, text/plain", 415),
        ("text/json", 415),
        ("text/plain", 415),
        ("text/plain; application/json", 415),
        ("application/x-www-form-urlencoded", 415),
        ("multipart/form-data; boundary=a", 415),
        ("", 415),
    ],
)
def test_only_json_is_read_so_that_no_form_of_another_site_is(server, stub, content_type, status):
    stub.batches.clear()
    response = server.predict({"texts": ["a"]}, headers={"Content-Type": content_type})
    assert response.status_code == status
    assert stub.batches == ([["a"]] if status == 200 else [])
    if status != 200:
        assert response.json()["error"]["what"] == "is not declared as JSON in UTF-8"


def test_a_body_without_a_type_or_with_two_is_refused(server, stub):
    stub.batches.clear()
    sent = post(b'{"texts": ["a"]}', CLOSE)
    for line in (b"", b"Content-Type: application/json\r\nContent-Type: text/plain\r\n"):
        ((status, _, _),) = server.exchange(sent.replace(b"Content-Type: application/json\r\n", line))
        assert status == 415
    assert stub.batches == []


PREFLIGHT = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}


def test_no_other_site_may_use_it_unless_it_is_allowed(stub):
    url = "/v1/models/stub/predict"
    with running(stub.loaded()) as server:
        response = requests.options(server.url + url, headers={"Origin": "https://a", **PREFLIGHT}, timeout=60)
        assert (response.status_code, response.json()["error"]["what"]) == (405, "Method Not Allowed")
        response = server.predict({"texts": ["a"]}, headers={"Origin": "https://a"})
        assert not any(name.lower().startswith("access-control") for name in response.headers)
    with running(stub.loaded(), settings=replace(SETTINGS, origins=("https://a", "http://b:1"))) as server:
        for origin, is_allowed in (("https://a", True), ("http://b:1", True), ("http://a", False), ("null", False)):
            headers = {"Origin": origin}
            response = requests.options(server.url + url, headers={**headers, **PREFLIGHT}, timeout=60)
            assert response.status_code == (200 if is_allowed else 400)
            assert response.headers.get("access-control-allow-origin") == (origin if is_allowed else None)
            if is_allowed:
                assert response.headers["access-control-allow-methods"] == "GET, POST"
                assert "content-type" in response.headers["access-control-allow-headers"].lower()
            for body, status in (({"texts": ["a"]}, 200), (b"", 400), ({"texts": ["fail"]}, 500)):
                response = server.predict(body, headers=headers)
                assert response.status_code == status
                assert response.headers.get("access-control-allow-origin") == (origin if is_allowed else None)
                assert "access-control-allow-credentials" not in response.headers
        head = {"Host": "evil.example", "Origin": "https://a", **JSON}
        response = requests.post(server.url + url, data=b'{"texts": []}', headers=head, timeout=60)
        assert (response.status_code, response.headers.get("access-control-allow-origin")) == (421, None)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'{"texts": ["a"], "texts": ["b"]}', 400),
        (b'{"texts": [NaN]}', 400),
        (b'{"texts": [-Infinity]}', 400),
        (b'{"texts": [1e999]}', 422),
        (b'{"texts": ["\\udc00\\ud800"]}', 422),
        (b'{"texts": ["a"]}\x00', 400),
        (b'{"texts": ["\xed\xa0\x80"]}', 400),
        (b'{"texts": ["a\x1fb"]}', 400),
        (b'{"a":' * 20_000, 400),
        (b"[" * 99_999, 400),
        (b'{"texts": [' + b"9" * 4301 + b"]}", 400),
        (b'{"texts": ["a"], "' + b"k" * 50_000 + b'": 1}', 422),
        (b"-" + b"9" * 90_000, 400),
    ],
    ids=range(13),
)
def test_json_of_every_kind_is_one_short_error(server, stub, body, status):
    stub.batches.clear()
    response = server.predict(body)
    assert response.status_code == status
    assert len(response.content) < 1000
    assert "\n" not in response.text
    assert stub.batches == []


def test_what_a_client_sends_comes_back_in_short(server):
    long = "a" * 10_000
    for response in (
        server.predict({"texts": []}, long),
        server.get(f"/{long}"),
        requests.request(long[:5000], f"{server.url}/health", timeout=60),
        server.predict({"texts": []}, headers={"Content-Type": long}),
        server.predict({"texts": []}, headers={"Content-Encoding": long}),
        server.predict({"texts": []}, headers={"Host": long}),
    ):
        assert 400 <= response.status_code < 500
        assert len(response.content) < 1500


def test_a_request_with_too_many_characters_in_all_is_refused(server, stub):
    stub.batches.clear()
    texts = ["a" * 1000] * 50
    assert server.predict({"texts": texts}).status_code == 200
    limit = {"request_characters": 1234}
    with running(stub.loaded(), **limit) as smaller:
        response = smaller.predict({"texts": ["a" * 1000, "b" * 235]})
        assert response.status_code == 413
        assert response.json()["error"] == {
            "where": "texts",
            "what": "have more than 1234 characters in all",
            "got": "1235",
            "do": "send them in several requests",
        }
        assert smaller.predict({"texts": ["a" * 1000, "中" * 234]}).status_code == 200


def test_too_many_characters_in_all_are_refused_until_there_is_room():
    stub, other = Stub(), Stub("other")
    with running(stub.loaded(), other.loaded(), queue_characters=1000) as server:
        stub.open.clear()
        found = []
        thread = threading.Thread(target=lambda: found.append(server.predict({"texts": ["a" * 900]})))
        thread.start()
        assert stub.called.wait(60)
        assert server.metric("textrnn_queue_characters") == 900
        response = server.predict({"texts": ["b" * 101]}, "other")
        assert (response.status_code, response.headers["retry-after"]) == (503, "1")
        assert response.json()["error"] == {
            "where": "the server",
            "what": "cannot take 101 more characters, as it holds at most 1000",
            "got": "900 unanswered",
            "do": "send them again after 1 s",
        }
        assert server.get("/ready").json() == {"status": "ready"}
        stub.open.set()
        thread.join()
        assert [response.status_code for response in found] == [200]
        assert server.predict({"texts": ["b" * 101]}, "other").status_code == 200
        assert server.metric("textrnn_queue_characters") == 0


def test_bodies_that_are_being_read_are_bounded_in_all(stub):
    with running(stub.loaded(), body_bytes=100) as server:
        room = server.service.bodies
        clients = []
        for _ in range(room.most // 100):
            clients.append(server.connect())
            clients[-1].sendall(post(b"a" * 100)[:-1])
        wait_until(lambda: room.held == room.most - len(clients))
        assert server.predict({"texts": ["a" * 80]}).status_code == 503
        assert server.predict({"texts": []}).status_code == 200  # 13 bytes
        for client in clients:
            client.close()
        wait_until(lambda: room.held == 0)
        assert server.predict({"texts": ["a" * 80]}).status_code == 200


def test_a_prediction_that_is_not_finite_is_no_answer():
    def predict(texts):
        return [None if text == "nan" else b'{"label": "a"}' for text in texts]

    about = {"name": "stub", "task": "classify", "labels": ["a"], "sha256": "", "params": {}}
    with running(LoadedModel(about, predict)) as server:
        response = server.predict({"texts": ["a", "nan"]})
        assert response.status_code == 500
        assert response.json()["error"]["where"] == "texts[1]"
        assert response.json()["error"]["what"] == "has a prediction that is not finite"
        assert server.predict({"texts": ["a"]}).status_code == 200


def test_one_text_is_answered_before_the_long_requests_that_came_first():
    stub, other = Stub(), Stub("other")
    answered = []

    def send(name, model, texts):
        assert server.predict({"texts": texts}, model).status_code == 200
        answered.append(name)

    with running(stub.loaded(), other.loaded(), batch_characters=1000) as server:
        for model in (stub, other):
            model.open.clear()
        requested = [("first", "stub", ["x"])]
        requested += [(f"long {n}", model, ["y" * 1000] * 20) for n in range(3) for model in ("stub", "other")]
        requested += [("short", "other", ["z"])]
        threads = [threading.Thread(target=send, args=each) for each in requested]
        threads[0].start()
        assert stub.called.wait(60)
        for thread in threads[1:-1]:
            thread.start()
        wait_until(lambda: server.service.batcher.held == 1 + 6 * 20_000)
        threads[-1].start()
        wait_until(lambda: server.service.batcher.held == 2 + 6 * 20_000)
        for model in (stub, other):
            model.open.set()
        for thread in threads:
            thread.join()
    assert sorted(answered[:2]) == ["first", "short"]
    assert other.batches[0] == ["z"]


def test_a_head_that_does_not_arrive_in_time_is_refused(stub):
    with running(stub.loaded(), settings=replace(SETTINGS, head_seconds=0.2)) as server:
        with server.connect() as client:
            client.sendall(HALF)
            assert error_of(read_responses(client)) == (408, "the head")
        with server.connect() as client:  # nothing at all
            assert client.recv(1) == b""
        with server.connect() as client:  # the head of a second request
            client.sendall(post() + HALF)
            responses = read_responses(client)
            assert [status for status, _, _ in responses] == [200, 408]
        with server.connect() as client:  # a body that was refused unread keeps no connection open
            client.sendall(post(b"a", "Content-Length: 1000000000000", length=False))
            assert [status for status, _, _ in read_responses(client)] == [413]
        with server.connect() as client:  # bytes that keep coming do not help
            client.sendall(HALF)
            while not select.select([client], [], [], 0.005)[0]:
                client.sendall(b"a")
            assert error_of(read_responses(client)) == (408, "the head")
        wait_until(lambda: server.server.listener.connections == 0)


def test_a_response_that_is_not_taken_is_given_up(monkeypatch):
    monkeypatch.setattr(listener, "RESPONSE_SECONDS", 0.2)
    about = {"name": "stub", "task": "classify", "labels": ["a"], "sha256": "", "params": {}}
    with running(LoadedModel(about, lambda texts: [b'"%b"' % (b"a" * 1_000_000)] * len(texts))) as server:
        with server.connect() as client:
            client.sendall(post(b'{"texts": ["a", "a", "a", "a", "a", "a", "a", "a", "a", "a"]}'))
            wait_until(lambda: server.metric('textrnn_texts_total{model="stub"}') == 10)
            wait_until(lambda: server.server.listener.connections <= 1)  # that of the metrics may still close
            wait_until(lambda: server.server.listener.connections == 0)
        assert server.predict({"texts": ["a"]}).status_code == 200


def test_the_oldest_idle_connection_gives_its_place_to_a_new_one(stub):
    with running(stub.loaded(), settings=replace(SETTINGS, connections=4)) as server:
        held = []
        for number in range(4):
            held.append(server.connect())
            held[-1].sendall(HALF)
            wait_until(lambda: server.server.listener.connections == len(held))
            time.sleep(0.01 * (number == 0))  # so that the first is the oldest
        assert server.predict({"texts": ["a"]}, headers={"Connection": "close"}).status_code == 200
        assert held[0].recv(1) == b""
        for client in held[1:]:
            client.sendall(b"ost\r\nConnection: close\r\n\r\n")
            assert [status for status, _, _ in read_responses(client)] == [415]


def test_where_all_are_in_work_others_wait_and_no_one_is_cut_off():
    stub = Stub()
    with running(stub.loaded(), settings=replace(SETTINGS, connections=2)) as server:
        stub.open.clear()
        clients = [server.connect() for _ in range(2)]
        for client in clients:
            client.sendall(post(b'{"texts": ["a"]}') * 2)
        wait_until(lambda: server.service.batcher.held == 2)
        third = server.connect()
        third.sendall(post(b'{"texts": ["abc"]}', CLOSE))
        wait_until(lambda: server.server.listener.crowded)
        assert server.server.listener.connections == 2
        stub.open.set()
        for client in clients:  # a place is wanted, so the second response closes the connection, and says so
            responses = read_responses(client)
            assert [status for status, _, _ in responses] == [200, 200]
            assert [headers.get("connection") for _, headers, _ in responses] == [None, "close"]
        ((status, _, body),) = read_responses(third)
        assert (status, json.loads(body)["predictions"]) == (200, [{"length": 3}])


def test_more_clients_than_places_are_all_answered(stub):
    with running(stub.loaded(), settings=replace(SETTINGS, connections=5)) as server:
        requested = [("stub", ["x" * number]) for number in range(1, 101)]
        found = server.predict_concurrently(requested)
    assert [(status, body["predictions"]) for status, body in found] == [
        (200, [{"length": number}]) for number in range(1, 101)
    ]


def test_no_more_connections_than_the_process_can_open(monkeypatch):
    monkeypatch.setattr(listener.resource, "getrlimit", lambda _: (256, 4096))
    monkeypatch.setattr(listener.os, "listdir", lambda _: ["0"] * 24)
    assert [listener.affordable_connections(wanted) for wanted in (1024, 200, 5)] == [200, 200, 5]
    monkeypatch.setattr(listener.os, "listdir", lambda _: ["0"] * 250)
    assert listener.affordable_connections(1024) == listener.FEWEST
    monkeypatch.setattr(listener.resource, "getrlimit", lambda _: (listener.resource.RLIM_INFINITY,) * 2)
    assert listener.affordable_connections(1024) == 1024


def test_requests_that_were_sent_before_a_stop_are_answered():
    stub = Stub()
    with running(stub.loaded()) as server:
        clients = [server.connect() for _ in range(3)]
        for client in clients:
            client.sendall(post())
            assert read_response(client).startswith(b"HTTP/1.1 200 ")
        idle = server.connect()
        stub.open.clear()
        for client in clients:
            client.sendall(post(b'{"texts": ["second"]}'))
        server.server.handle_exit(15, None)
        wait_until(lambda: server.service.batcher.held == 3 * len("second"))
        assert idle.recv(1) == b""
        stub.open.set()
        for client in clients:
            ((status, _, _),) = read_responses(client)
            assert status == 200
        assert server.service.unanswered == 0


@pytest.mark.parametrize(("origin", "status"), [("https://app.example.org", 200), ("https://evil.example", 400)])
def test_a_page_of_an_allowed_site_may_ask_a_server_in_a_private_network(stub, origin, status):
    settings = replace(SETTINGS, origins=("https://app.example.org",))
    headers = {**PREFLIGHT, "Origin": origin, "Access-Control-Request-Private-Network": "true"}
    with running(stub.loaded(), settings=settings) as server:
        response = requests.options(f"{server.url}/v1/models/stub/predict", headers=headers, timeout=60)
    allowed = response.headers.get("access-control-allow-origin")
    assert (response.status_code, allowed) == (status, origin if status == 200 else None)
