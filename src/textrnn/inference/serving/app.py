"""The HTTP application: predictions as JSON, the list of models, health, metrics, and three web pages."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Iterable
from concurrent.futures import Executor
from time import perf_counter
from typing import Any
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

from textrnn import __version__
from textrnn.errors import plural
from textrnn.inference.http.allowed_hosts import AllowedHosts
from textrnn.inference.http.fault_log import log_refusal
from textrnn.inference.http.request_error import RequestError
from textrnn.inference.serving.loaded_model import LoadedModel
from textrnn.inference.serving.openapi import Models, Predictions, State, error_responses, request_body
from textrnn.inference.serving.pages import CARD, DOCS, TRY, Page, load_page
from textrnn.inference.serving.prometheus import UNKNOWN, Metrics
from textrnn.inference.serving.request_batcher import QueueFull, RequestBatcher
from textrnn.inference.serving.request_body import DISCONNECTED, RETRY_AFTER, read_request_texts
from textrnn.inference.serving.request_limits import Budget, RequestLimits

BODIES = 32  # of the largest size that may be read at once
CARD_ROUTE: dict[str, Any] = {"summary": "The card of a model", "response_description": "Markdown"}
DESCRIPTION = "Recurrent text models over HTTP. Texts are neither logged nor stored."


class Service:
    """The served models, which share one batcher; the executor has one thread, so the models take turns."""

    def __init__(self, models: Iterable[LoadedModel], limits: RequestLimits, executor: Executor) -> None:
        self.limits, self.metrics = limits, Metrics()
        self.models = {model.name: model for model in models}
        calls = {name: self.metrics.timed(name, model.predict) for name, model in self.models.items()}
        self.batcher: RequestBatcher[bytes | None] = RequestBatcher(calls, executor, limits)
        for name in self.models:
            self.metrics.add_model(name, functools.partial(self.batcher.waiting, name))
        self.metrics.add_characters(lambda: self.batcher.held)
        self.bodies = Budget(BODIES * limits.body_bytes)
        self.unanswered = 0  # requests that were cut off when the server stopped

    @contextlib.asynccontextmanager
    async def running(self, _: FastAPI) -> AsyncIterator[None]:
        """Run the batcher as long as the application runs."""
        task = asyncio.create_task(self.batcher.run())
        try:
            yield
        finally:
            task.cancel()

    async def predict(self, name: str, request: Request) -> Response:
        """Return the predictions for a request and count it, whatever its outcome; raises RequestError."""
        started, status, answered = perf_counter(), 500, 0
        try:
            if name not in self.models:
                do = f"use one of {', '.join(self.models)}"
                raise RequestError(404, "the model in the path", "is not served", got=name, do=do)
            texts = await read_request_texts(request, self.limits, self.bodies)
            body = _join(self.models[name], await self._predict(name, texts, request))
            status, answered = 200, len(texts)
            return Response(body, media_type="application/json")
        except RequestError as error:
            status = error.status
            raise
        except asyncio.CancelledError as cancelled:  # the server stops, and waits no longer
            self.unanswered += 1
            status, do = 503, "send it again, to a server that runs"
            raise RequestError(status, "the server", "is stopping", do=do, headers=RETRY_AFTER) from cancelled
        finally:
            model = name if name in self.models else UNKNOWN
            self.metrics.count_request(model, status, perf_counter() - started, answered)

    async def _predict(self, name: str, texts: list[str], request: Request) -> list[bytes]:
        """The model's predictions; stops waiting for them when the client disconnects.

        Raises RequestError if the queue is full, the client disconnects, or a text has no prediction.
        """
        predictions = asyncio.ensure_future(self.batcher.submit(name, texts))
        disconnect = asyncio.ensure_future(request.receive())  # after the body, the only event is a disconnect
        try:
            await asyncio.wait((predictions, disconnect), return_when=asyncio.FIRST_COMPLETED)
            if not predictions.done():
                raise RequestError(DISCONNECTED, "the client", "disconnected")
            return _all_finite(predictions.result())
        except QueueFull as full:
            raise _queue_full(full) from full
        finally:
            predictions.cancel()
            disconnect.cancel()


def _queue_full(full: QueueFull) -> RequestError:
    where, state = ("the model's queue", "waiting") if full.unit == "texts" else ("the server", "unanswered")
    more = plural(full.more, f"more {full.unit.removesuffix('s')}")
    what = f"cannot take {more}, as it holds at most {full.most}"
    do = f"send them again after {RETRY_AFTER['Retry-After']} s"
    return RequestError(503, where, what, got=f"{full.held} {state}", do=do, headers=RETRY_AFTER)


def _all_finite(predictions: list[bytes | None]) -> list[bytes]:
    """The predictions; raises RequestError if one is missing, as JSON has no numbers that are not finite."""
    finite = [prediction for prediction in predictions if prediction is not None]
    if len(finite) < len(predictions):
        do = "leave it out; if other texts fail too, the model is damaged"
        raise RequestError(500, f"texts[{predictions.index(None)}]", "has a prediction that is not finite", do=do)
    return finite


def _join(model: LoadedModel, predictions: list[bytes]) -> bytes:
    """The JSON of `Predictions`, from predictions that are JSON already."""
    return b'{"model": %b, "predictions": [%b]}' % (model.json_name, b", ".join(predictions))


def create_app(service: Service, *, hosts: Collection[str], origins: Collection[str]) -> ASGIApp:
    """Build the application of a service; its pages and schema load nothing from other hosts.

    hosts: the values of `Host` that it answers; origins: of other sites' pages that may use it.
    """
    app = FastAPI(
        title="textrnn",
        version=__version__,
        description=DESCRIPTION,
        lifespan=service.running,
        docs_url=None,
        redoc_url=None,
    )
    _add_model_routes(app, service)
    _add_state_routes(app, service)
    for path, name in (("/", TRY), ("/card", CARD), ("/docs", DOCS)):
        app.add_api_route(path, _page_endpoint(load_page(name)), include_in_schema=False)
    _add_error_handlers(app)
    if not origins:
        return AllowedHosts(app, hosts)
    shared = CORSMiddleware(app, tuple(origins), ("GET", "POST"), ("Content-Type",), expose_headers=tuple(RETRY_AFTER))
    shared.allow_private_network = True  # no argument of older versions of Starlette
    return AllowedHosts(shared, hosts)


def _page_endpoint(page: Page) -> Callable[[], Coroutine[None, None, HTMLResponse]]:
    async def show() -> HTMLResponse:
        return HTMLResponse(page.html, headers=page.headers)

    return show


def _add_model_routes(app: FastAPI, service: Service) -> None:
    extra: dict[str, Any] = {"requestBody": request_body(service.limits)}
    success = {"model": Predictions, "description": "a prediction for each text, in order"}
    responses = {200: success, **error_responses(400, 404, 408, 413, 415, 422, 503)}

    @app.post("/v1/models/{name}/predict", responses=responses, openapi_extra=extra, summary="Predict with a model")
    async def predict(name: str, request: Request) -> Response:
        return await service.predict(name, request)

    @app.get("/v1/models", response_model=Models, summary="List the served models", response_description="all models")
    async def models() -> JSONResponse:
        return JSONResponse({"models": [_describe(model, service.limits) for model in service.models.values()]})

    @app.get("/v1/models/{name}/card", response_class=Response, responses=error_responses(404), **CARD_ROUTE)
    async def card(name: str) -> Response:
        model = service.models.get(name)
        if model is None or model.card is None:
            what, do = ("is not served", "see /v1/models") if model is None else ("has no card", "")
            raise RequestError(404, "the model in the path", what, got=name, do=do)
        return Response(model.card.markdown, media_type="text/markdown")


def _describe(model: LoadedModel, limits: RequestLimits) -> dict[str, Any]:
    """The entry of a model in GET /v1/models; an example that is longer than a text may be is left out."""
    card = model.card
    example = card.example if card and card.example and len(card.example) <= limits.characters else None
    path = None if card is None else f"/v1/models/{quote(model.name)}/card"
    return model.about | {"example": example, "card": path}


def _add_state_routes(app: FastAPI, service: Service) -> None:
    @app.get("/health", response_model=State, summary="Whether the server is alive", response_description="it is alive")
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    responses: dict[int | str, dict[str, Any]] = {
        200: {"description": "the server accepts requests"},
        503: {"model": State, "description": "a queue is full"},
    }

    @app.get("/ready", response_model=State, responses=responses, summary="Whether the server accepts requests")
    async def ready() -> JSONResponse:
        full = service.batcher.full
        return JSONResponse({"status": "full" if full else "ready"}, 503 if full else 200)

    @app.get("/metrics", response_class=Response, summary="Metrics", response_description="Prometheus text")
    async def metrics() -> Response:
        return Response(service.metrics.render(), media_type=CONTENT_TYPE_LATEST)


def _add_error_handlers(app: FastAPI) -> None:
    """Answer every error with JSON; the details of an internal error are logged, never sent to the client."""

    def answer(request: Request, error: RequestError) -> JSONResponse:
        if error.status != DISCONNECTED:
            log_refusal(error, f"{request.method} {request.scope['path']}", request.client)
        return JSONResponse(error.body, error.status, error.headers)

    @app.exception_handler(RequestError)
    async def refuse(request: Request, error: RequestError) -> JSONResponse:
        return answer(request, error)

    @app.exception_handler(HTTPException)
    async def no_such_route(request: Request, error: HTTPException) -> JSONResponse:
        do = "see /docs for the paths and methods"
        problem = RequestError(
            error.status_code, request.scope["path"], error.detail, got=request.method, do=do, headers=error.headers
        )
        return answer(request, problem)

    @app.exception_handler(Exception)
    async def internal_error(_: Request, __: Exception) -> JSONResponse:
        problem = RequestError(500, "the server", "failed", do="see the server's log; send the request again later")
        return JSONResponse(problem.body, 500)
