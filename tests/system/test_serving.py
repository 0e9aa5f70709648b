"""The server with real clients: predictions, order under load, every error response, metrics."""

from __future__ import annotations

import http.client
import json
import logging
import random
import socket
import threading
import time
from dataclasses import replace
from urllib.parse import urlsplit

import pytest
import requests

import textrnn
from factories.servers import LIMITS, SETTINGS, Stub, running
from factories.tiny_models import HAN, classifier, han, tagger
from textrnn.errors import UserError
from textrnn.inference.http.server import listen, url_of
from textrnn.inference.prediction.predictor import ClassPrediction, EntityMention, TagPrediction
from textrnn.inference.serving import openapi as schemas
from textrnn.inference.serving.loaded_model import load_models

KEYS = {"where", "what", "got", "do"}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A classifier and a tagger; a model has the name of its directory, not of its recipe."""
    one = classifier(tmp_path_factory.mktemp("one"), "chars right last_step").folder
    other = tagger(tmp_path_factory.mktemp("other"), "chars words left buckets").folder
    return [folder.rename(folder.parent / name) for folder, name in ((one, "新闻 &news"), (other, "finder"))]


@pytest.fixture(scope="module")
def served(folders):
    with running(*load_models(folders)) as server:
        yield server


@pytest.fixture(scope="module")
def stub():
    return Stub()


@pytest.fixture(scope="module")
def server(stub):
    with running(stub.loaded()) as server:
        yield server


def assert_same(found, expected):
    """Compare predictions; the last digits of a probability depend on the batch."""
    assert [list(row) for row in found] == [list(row) for row in expected]
    for one, other in zip(found, expected, strict=True):
        if "entities" in other:
            for mention, expected_mention in zip(one["entities"], other["entities"], strict=True):
                assert list(mention) == list(expected_mention)
                score = pytest.approx(expected_mention["score"], abs=1e-6)
                assert mention == expected_mention | {"score": score}
        else:
            assert one["label"] == other["label"]
            assert one["probability"] == pytest.approx(other["probability"], abs=1e-6)
            assert one["probabilities"] == pytest.approx(other["probabilities"], abs=1e-6)


def test_predictions_are_those_of_predict(served, folders):
    texts = ["中国股市", "", "😀 大涨\u2028\x00", HAN * 30, 'a\\"b</script>']
    for folder in folders:
        expected = textrnn.load(folder).predict(texts)
        response = served.predict({"texts": texts}, folder.name)
        assert response.status_code == 200
        assert response.headers["content-type"] == "application/json"
        assert list(response.json()) == ["model", "predictions"]
        assert response.json()["model"] == folder.name
        assert_same(response.json()["predictions"], expected)
    assert served.predict({"texts": []}, "finder").json() == {"model": "finder", "predictions": []}
    assert served.predict({"texts": ["中"]}, "finder").json()["predictions"][0].keys() == {"entities"}


def test_the_list_of_models(served, folders):
    import hashlib

    news, finder = served.get("/v1/models").json()["models"]
    assert (news["name"], news["task"], news["labels"]) == ("新闻 &news", "classify", ["down", "up"])
    assert (finder["name"], finder["task"], finder["labels"]) == ("finder", "tag", ["LOC", "PER"])
    for folder, about in zip(folders, (news, finder), strict=True):
        assert about["sha256"] == hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
        assert about["params"] == json.loads((folder / "config.json").read_text(encoding="utf-8"))


def test_cards_and_examples_are_those_next_to_the_directories(tmp_path):
    folder = classifier(tmp_path / "made", "chars right last_step").folder
    folder.with_name("model.md").write_text('---\n- text: "中国股市"\n---\n\n# Card of 中\n', encoding="utf-8")
    (model,) = load_models([folder])
    with running(model, Stub().loaded(), characters=4) as server:
        own, stub = server.get("/v1/models").json()["models"]
        assert (own["example"], own["card"]) == ("中国股市", "/v1/models/model/card")
        assert (stub["example"], stub["card"]) == (None, None)
        card = server.get(own["card"])
        assert (card.text, card.headers["content-type"]) == ("# Card of 中\n", "text/markdown; charset=utf-8")
        for name, what in (("stub", "has no card"), ("other", "is not served")):
            refused = server.get(f"/v1/models/{name}/card")
            assert (refused.status_code, refused.json()["error"]["what"]) == (404, what)
    with running(model, characters=3) as server:  # a longer text would be refused
        assert server.get("/v1/models").json()["models"][0]["example"] is None


def test_models_of_one_name_and_damaged_models_are_refused(folders, tmp_path):
    other = tmp_path / "finder"
    other.mkdir()
    with pytest.raises(UserError, match=rf'^{other}: has the same name as another model, "finder"; got {folders[1]}; '):
        load_models([*folders, other])
    with pytest.raises(UserError, match=r"config\.json: is missing from the model directory"):
        load_models([other])


def test_models_named_by_relative_paths_have_their_folders_names(folders, monkeypatch):
    monkeypatch.chdir(folders[1])
    assert [model.name for model in load_models([folders[1].relative_to(folders[1])])] == ["finder"]


def test_hundreds_at_once_get_their_own_answers_in_order(served, folders):
    rng = random.Random(1)
    names = [folder.name for folder in folders]
    requested = [(rng.choice(names), [han(rng, 14) for _ in range(rng.choice([0, 1, 1, 2, 20]))]) for _ in range(200)]
    found = served.predict_concurrently(requested)
    assert {status for status, _ in found} == {200}
    assert [body["model"] for _, body in found] == [name for name, _ in requested]
    assert all(len(body["predictions"]) == len(texts) for (_, texts), (_, body) in zip(requested, found, strict=True))
    for folder in folders:
        texts = [text for name, some in requested for text in some if name == folder.name]
        predictions = [row for _, body in found for row in body["predictions"] if body["model"] == folder.name]
        assert_same(predictions, textrnn.load(folder).predict(texts))


def test_requests_are_joined_in_batches_while_the_server_stays_responsive(server, stub):
    stub.open.clear()
    stub.called.clear()
    stub.batches.clear()
    requested = [("stub", ["x" * n]) for n in range(1, 31)]
    first, found = [], []
    threads = [threading.Thread(target=lambda: first.extend(server.predict_concurrently(requested[:1])))]
    threads[0].start()
    assert stub.called.wait(60)  # or others might still join the first batch
    threads.append(threading.Thread(target=lambda: found.extend(server.predict_concurrently(requested[1:]))))
    threads[1].start()
    wait_for(server, 'textrnn_queue_texts{model="stub"}', 29)  # metrics work while the model is busy
    assert server.get("/health").json() == {"status": "ok"}
    stub.open.set()
    for thread in threads:
        thread.join()
    assert [body["predictions"] for _, body in first + found] == [[{"length": n}] for n in range(1, 31)]
    assert [len(batch) for batch in stub.batches] == [1, 8, 8, 8, 5]


BAD_REQUESTS = [
    (b"", 400, "the body", "is not JSON: Expecting value: line 1 column 1 (char 0)", "''"),
    (b"{'texts': []}", 400, "the body", "is not JSON: Expecting property name", "\"{'texts': []}\""),
    (b"[" * 50_000, 400, "the body", "is not JSON: maximum recursion depth exceeded", "'[[["),
    (b'{"texts": [' + b"9" * 5000 + b"]}", 400, "the body", "is not JSON: Exceeds the limit", '\'{"texts"'),
    (b'{"texts": ["\xe4\xb8"]}', 400, "byte 12 of the body", "is not UTF-8", "b'\\xe4\\xb8'"),
    ('{"texts": ["中"]}'.encode("utf-16"), 400, "byte 0 of the body", "is not UTF-8", "b'\\xff'"),
    (b'\xef\xbb\xbf{"texts": []}', 400, "the body", "is not JSON: Unexpected UTF-8 BOM", "'\\ufeff{"),
    (b"[]", 422, "the body", "must be a JSON object", "a list"),
    (b"null", 422, "the body", "must be a JSON object", "null"),
    (b'"text"', 422, "the body", "must be a JSON object", "a string"),
    (b'{"text": "a"}', 422, "the body", 'has no field "texts"', "'text'"),
    (b'{"texts": [], "\\ud800": 1}', 422, "the body", 'must have no field but "texts"', "'\\ud800'"),
    (b'{"texts": "a"}', 422, "texts", "must be a list of strings", "a string"),
    (b'{"texts": {"0": "a"}}', 422, "texts", "must be a list of strings", "an object"),
    (b'{"texts": ["a", 5]}', 422, "texts[1]", "must be a string", "a number"),
    (b'{"texts": [true]}', 422, "texts[0]", "must be a string", "a boolean"),
    (b'{"texts": ["a", ["b"]]}', 422, "texts[1]", "must be a string", "a list"),
    (b'{"texts": ["a\\ud83d"]}', 422, "texts[0]", "has half of a surrogate pair, which is not valid text", "'\\ud83d'"),
    ({"texts": ["", "中" * 1001]}, 422, "texts[1]", "is longer than 1000 characters", "1001 characters"),
    ({"texts": ["a"] * 10_000}, 422, "texts", "has more than 50 texts", "10000"),
    ({"texts": ["a" * 999] * 101}, 413, "the body", "is larger than 100000 bytes", "10"),
]


@pytest.mark.parametrize(
    ("body", "status", "where", "what", "got"), BAD_REQUESTS, ids=[f"{row[1]} {row[3]}" for row in BAD_REQUESTS]
)
def test_a_bad_request_is_explained(server, stub, body, status, where, what, got):
    stub.batches.clear()
    response = server.predict(body)
    assert (response.status_code, response.headers["content-type"]) == (status, "application/json")
    error = response.json()["error"]
    assert error.keys() == KEYS
    assert error["where"] == where
    assert error["what"].startswith(what)
    assert error["got"].startswith(got)
    assert len(response.content) < 500
    assert stub.batches == []
    assert server.predict({"texts": ["a"]}).json()["predictions"] == [{"length": 1}]


def test_a_request_at_the_limits_is_answered(server):
    texts = ["😀" * 1000, *["a"] * 49]
    assert server.predict({"texts": texts}).json()["predictions"] == [{"length": len(text)} for text in texts]
    body = json.dumps({"texts": ["a"]}).encode().ljust(LIMITS.body_bytes)
    assert server.predict(body).status_code == 200
    assert server.predict(body + b" ").status_code == 413


def test_unknown_models_paths_and_methods(server):
    for name in ("%FF", "%00", "%ED%A0%80", "a%2Fb", "%3Cscript%3E", "%E4%B8%AD", "%"):
        response = server.predict({"texts": ["a"]}, name)
        assert (response.status_code, response.json()["error"].keys()) == (404, KEYS)
    response = server.predict({"texts": ["a"]}, "none")
    assert (response.status_code, response.json()["error"]) == (
        404,
        {"where": "the model in the path", "what": "is not served", "got": "none", "do": "use one of stub"},
    )
    assert server.metric('textrnn_requests_total{model="",status="404"}') >= 1
    assert 'model="none"' not in server.get("/metrics").text
    response = server.get("/v1/modles")
    assert (response.status_code, response.json()["error"]["what"]) == (404, "Not Found")
    response = server.get("/v1/models/stub/predict")
    assert (response.status_code, response.json()["error"]["got"], response.headers["allow"]) == (405, "GET", "POST")


def test_a_large_body_is_refused_before_it_has_arrived(server):
    url = urlsplit(server.url)
    for headers, sent in (
        ({"Content-Length": "1000000000000"}, b""),
        ({"Transfer-Encoding": "chunked"}, b"C350\r\n" + b"a" * 50_000 + b"\r\nC351\r\n" + b"a" * 50_001 + b"\r\n"),
    ):
        client = http.client.HTTPConnection(url.hostname, url.port, timeout=60)
        client.putrequest("POST", "/v1/models/stub/predict")
        client.putheader("Content-Type", "application/json")
        for name, value in headers.items():
            client.putheader(name, value)
        client.endheaders()
        client.send(sent)
        response = client.getresponse()
        assert (response.status, json.loads(response.read())["error"]["where"]) == (413, "the body")
        client.close()


def test_a_compressed_body_is_refused(server):
    response = server.predict(b"\x1f\x8b", headers={"Content-Encoding": "gzip"})
    assert (response.status_code, response.json()["error"]["got"]) == (415, "'gzip'")


@pytest.mark.parametrize(
    ("values", "status"),
    [
        (["identity"], 200),
        (["Identity", "IDENTITY, identity"], 200),
        (["identity", "gzip"], 415),
        (["gzip", "identity"], 415),
        (["identity, gzip"], 415),
    ],
)
def test_every_content_encoding_counts_in_any_case(server, values, status):
    url = urlsplit(server.url)
    client = http.client.HTTPConnection(url.hostname, url.port, timeout=60)
    body = b'{"texts": ["a"]}'
    client.putrequest("POST", "/v1/models/stub/predict")
    for name, value in [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]:
        client.putheader(name, value)
    for value in values:
        client.putheader("Content-Encoding", value)
    client.endheaders(body)
    response = client.getresponse()
    assert (response.status, b"error" in response.read()) == (status, status == 415)
    client.close()


def test_a_body_that_does_not_arrive_in_time_is_refused(stub):
    with running(stub.loaded(), body_seconds=0.05) as server:
        url = urlsplit(server.url)
        client = http.client.HTTPConnection(url.hostname, url.port, timeout=60)
        client.putrequest("POST", "/v1/models/stub/predict")
        client.putheader("Content-Type", "application/json")
        client.putheader("Content-Length", "20")
        client.endheaders(b'{"texts')
        response = client.getresponse()
        assert (response.status, json.loads(response.read())["error"]["what"]) == (408, "did not arrive within 0.05 s")
        client.close()


def wait_for(server, metric, value):
    for _ in range(3000):
        if server.metric(metric) == value:
            return
        time.sleep(0.01)
    raise AssertionError(f"{metric} is {server.metric(metric)}, not {value}")


def test_a_full_queue_responds_with_503():
    stub = Stub()
    queue = 'textrnn_queue_texts{model="stub"}'
    with running(stub.loaded(), queue_texts=4) as server:
        stub.open.clear()
        found = []
        threads = [threading.Thread(target=lambda: found.append(server.predict({"texts": ["a"] * 4})))]
        threads[0].start()
        assert stub.called.wait(60)
        assert server.get("/ready").json() == {"status": "ready"}
        threads.append(threading.Thread(target=lambda: found.append(server.predict({"texts": ["b"] * 4}))))
        threads[1].start()
        wait_for(server, queue, 4)
        response = server.predict({"texts": ["c"]})
        assert (response.status_code, response.headers["retry-after"]) == (503, "1")
        assert response.json()["error"] == {
            "where": "the model's queue",
            "what": "cannot take 1 more text, as it holds at most 4",
            "got": "4 waiting",
            "do": "send them again after 1 s",
        }
        ready = server.get("/ready")
        assert (ready.status_code, ready.json()) == (503, {"status": "full"})
        stub.open.set()
        for thread in threads:
            thread.join()
        assert [response.status_code for response in found] == [200, 200]
        assert server.predict({"texts": ["c"]}).status_code == 200
        assert server.metric('textrnn_requests_total{model="stub",status="503"}') == 1
    assert "c" not in stub.batches[1]


def test_a_disconnected_client_frees_its_place_in_the_queue():
    stub = Stub()
    with running(stub.loaded()) as server:
        stub.open.clear()
        thread = threading.Thread(target=lambda: server.predict({"texts": ["first"]}))
        thread.start()
        assert stub.called.wait(60)
        url, body = urlsplit(server.url), b'{"texts": ["gone"]}'
        head = f"POST /v1/models/stub/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n"
        head += "Content-Type: application/json\r\n\r\n"
        with socket.create_connection((url.hostname, url.port)) as client:
            client.sendall(head.encode() + body)
            wait_for(server, 'textrnn_queue_texts{model="stub"}', 1)
        wait_for(server, 'textrnn_queue_texts{model="stub"}', 0)
        wait_for(server, 'textrnn_requests_total{model="stub",status="499"}', 1)
        stub.open.set()
        thread.join()
        assert stub.batches == [["first"]]


def test_an_internal_error_is_logged_and_its_details_are_not_sent(server, stub, caplog):
    with caplog.at_level(logging.ERROR):
        response = server.predict({"texts": ["a", "fail"]})
        assert (response.status_code, response.json()["error"]["what"]) == (500, "failed")
        assert "secret" not in response.text
        assert "Traceback" not in response.text
        for _ in range(1000):  # the client gets its response before the log is written
            if caplog.text:
                break
            time.sleep(0.01)
    assert "a secret of the server" in caplog.text
    assert server.metric('textrnn_requests_total{model="stub",status="500"}') == 1
    assert server.predict({"texts": ["a"]}).status_code == 200


def test_metrics():
    stub, other = Stub(), Stub("other")
    with running(stub.loaded(), other.loaded()) as server:
        for texts in (["a"], ["a"] * 20, [], ["a"] * 51):
            server.predict({"texts": texts})
        expected = {
            'textrnn_requests_total{model="stub",status="200"}': 3,
            'textrnn_requests_total{model="stub",status="422"}': 1,
            'textrnn_texts_total{model="stub"}': 21,
            'textrnn_texts_total{model="other"}': 0,
            'textrnn_request_seconds_count{model="stub"}': 4,
            'textrnn_request_seconds_bucket{le="+Inf",model="stub"}': 4,
            'textrnn_batch_texts_count{model="stub"}': 4,  # 1, and 8 + 8 + 4
            'textrnn_batch_texts_sum{model="stub"}': 21,
            'textrnn_batch_texts_bucket{le="4.0",model="stub"}': 2,
            'textrnn_batch_seconds_count{model="stub"}': 4,
            'textrnn_queue_texts{model="stub"}': 0,
        }
        assert {name: server.metric(name) for name in expected} == expected
        assert server.metric('textrnn_request_seconds_sum{model="stub"}') > 0
        assert server.get("/metrics").headers["content-type"].startswith("text/plain; version=")


def test_the_schema_matches_the_responses(served):
    schema = served.get("/openapi.json").json()
    paths = schema["paths"]
    of_models = {"/v1/models", "/v1/models/{name}/card", "/v1/models/{name}/predict"}
    assert set(paths) == of_models | {"/health", "/ready", "/metrics"}
    post = paths["/v1/models/{name}/predict"]["post"]
    body = post["requestBody"]["content"]["application/json"]["schema"]
    assert body["properties"]["texts"]["maxItems"] == LIMITS.texts
    assert body["properties"]["texts"]["items"] == {"type": "string", "maxLength": LIMITS.characters}
    assert set(post["responses"]) == {"200", "400", "404", "408", "413", "415", "422", "503"}
    problems = {status: each["content"]["application/json"]["schema"] for status, each in post["responses"].items()}
    assert {each["$ref"].split("/")[-1] for status, each in problems.items() if status != "200"} == {"Problem"}
    pairs = [
        (ClassPrediction, schemas.Labelled),
        (TagPrediction, schemas.Tagged),
        (EntityMention, schemas.Entity),
    ]
    for typed_dict, schema_class in pairs:
        assert list(typed_dict.__annotations__) == list(schema_class.model_fields)
    found = served.predict({"texts": ["中国大涨"]}, "finder").json()
    assert schemas.Predictions.model_validate(found).model_dump() == found
    assert (
        schemas.Models.model_validate(served.get("/v1/models").json()).model_dump() == served.get("/v1/models").json()
    )
    problem = served.predict(b"").json()
    assert schemas.Problem.model_validate(problem).model_dump() == problem


def test_a_stopping_server_answers_requests_in_flight_and_accepts_no_new_ones():
    stub, found = Stub(), []
    with running(stub.loaded()) as server:
        stub.open.clear()
        thread = threading.Thread(target=lambda: found.extend(server.predict_concurrently([("stub", ["a"] * 9)] * 5)))
        thread.start()
        wait_for(server, 'textrnn_queue_texts{model="stub"}', 37)  # of 45; the model has 8
        server.server.handle_exit(15, None)
        port = urlsplit(server.url).port
        for _ in range(1000):
            try:
                socket.create_connection(("127.0.0.1", port), timeout=60).close()
            except ConnectionRefusedError:
                break
            time.sleep(0.01)
        else:
            raise AssertionError("it still listens")
        stub.open.set()
        thread.join()
        assert [status for status, _ in found] == [200] * 5
        assert server.service.unanswered == 0


def test_requests_cut_off_at_a_stop_are_counted():
    stub, found = Stub(), []

    def send(server):
        try:
            found.append(server.predict({"texts": ["a"]}).status_code)
        except requests.ConnectionError:
            found.append("cut off")

    with running(stub.loaded(), settings=replace(SETTINGS, grace=0.05)) as server:
        stub.open.clear()
        thread = threading.Thread(target=send, args=(server,))
        thread.start()
        assert stub.called.wait(60)
        server.server.handle_exit(2, None)
        thread.join()
        assert server.service.unanswered == 1
    assert found == [503]


def test_the_url_of_a_listening_socket():
    with listen("127.0.0.1", 0) as one:
        port = one.getsockname()[1]
        assert url_of(one) == f"http://127.0.0.1:{port}"
        assert one.proto == socket.IPPROTO_TCP  # or a response of two pieces is delayed by 40 ms
        with pytest.raises(
            UserError, match=rf"127\.0\.0\.1, port {port}: cannot listen on this address; got .*--port$"
        ):
            listen("127.0.0.1", port)
    with pytest.raises(UserError, match=r"no\.such\.host\.invalid, port 0: cannot listen on this address"):
        listen("no.such.host.invalid", 0)
    with pytest.raises(UserError, match=r"a{64}, port 0: cannot listen on this address; got .*label too long"):
        listen("a" * 64, 0)
    with listen("0.0.0.0", 0) as everywhere:
        assert url_of(everywhere) == f"http://127.0.0.1:{everywhere.getsockname()[1]}"
    if socket.has_ipv6:
        try:
            listening = listen("::1", 0)
        except UserError:
            return
        with listening:
            assert url_of(listening) == f"http://[::1]:{listening.getsockname()[1]}"
