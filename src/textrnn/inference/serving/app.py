"""Models as an HTTP application: predictions as JSON, what is served, how it is, and two pages for people."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from concurrent.futures import Executor
from time import perf_counter
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.exceptions import HTTPException

from textrnn import __version__
from textrnn.inference.serving.http_errors import RequestError, RequestLimits
from textrnn.inference.serving.loaded_model import LoadedModel
from textrnn.inference.serving.openapi import Models, Predictions, State, refused, request_body
from textrnn.inference.serving.pages import DOCS, TRY, Page, load_page
from textrnn.inference.serving.prometheus import UNKNOWN, Metrics
from textrnn.inference.serving.request_batcher import QueueFull, RequestBatcher
from textrnn.inference.serving.request_body import GONE, read_request_texts

RETRY_AFTER = {"Retry-After": "1"}  # seconds
TOLD = "Recurrent text models over HTTP. Texts are neither logged nor kept."


class Service:
    """The models of a server, each behind a queue of its own; they take turns, as the executor has one thread."""

    def __init__(self, models: Iterable[LoadedModel], limits: RequestLimits, executor: Executor) -> None:
        self.limits, self.metrics = limits, Metrics()
        self.models = {model.name: model for model in models}
        self.batchers: dict[str, RequestBatcher[bytes]] = {}
        for name, model in self.models.items():
            answer = self.metrics.timed(name, model.answer)
            most, wait, room = limits.batch_texts, limits.batch_wait, limits.queue_texts
            self.batchers[name] = RequestBatcher(answer, executor, most=most, wait=wait, room=room)
            self.metrics.watch(name, self.batchers[name].waiting)
        self.unanswered = 0  # requests that were cut off, as the server was to stop and its time was up

    @contextlib.asynccontextmanager
    async def running(self, _: FastAPI) -> AsyncIterator[None]:
        """Answer as long as the application runs."""
        tasks = [asyncio.create_task(batcher.run()) for batcher in self.batchers.values()]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()

    async def predict(self, name: str, request: Request) -> Response:
        """The predictions for a request, counted whatever becomes of it; raises Refusal."""
        started, status, texts = perf_counter(), 500, 0
        try:
            if name not in self.models:
                do = f"ask one of {', '.join(self.models)}"
                raise RequestError(404, "the model in the path", "is not served", got=name, do=do)
            asked = await read_request_texts(request, self.limits)
            body = _body(self.models[name], await self._answers(name, asked, request))
            status, texts = 200, len(asked)
            return Response(body, media_type="application/json")
        except RequestError as refusal:
            status = refusal.status
            raise
        except asyncio.CancelledError:
            self.unanswered += 1
            raise
        finally:
            self.metrics.request(name if name in self.models else UNKNOWN, status, perf_counter() - started, texts)

    async def _answers(self, name: str, texts: list[str], request: Request) -> list[bytes]:
        """The model's answers, or a Refusal where too many texts wait; what nobody waits for any more is given up."""
        asked = asyncio.ensure_future(self.batchers[name].ask(texts))
        gone = asyncio.ensure_future(request.receive())  # after the body there comes nothing but the client's going
        try:
            await asyncio.wait((asked, gone), return_when=asyncio.FIRST_COMPLETED)
            if not asked.done():
                raise RequestError(GONE, "the client", "has gone")
            return asked.result()
        except QueueFull as full:
            what = f"has no room for {len(texts)} more texts, as {self.limits.queue_texts} may wait"
            do = f"send them again after {RETRY_AFTER['Retry-After']} s"
            got = f"{self.batchers[name].waiting()} that wait"
            raise RequestError(503, "the model's queue", what, got=got, do=do, headers=RETRY_AFTER) from full
        finally:
            asked.cancel()
            gone.cancel()


def _body(model: LoadedModel, answers: list[bytes]) -> bytes:
    """The JSON of Predictions, of answers that are JSON already."""
    return b'{"model": %b, "predictions": [%b]}' % (model.quoted, b", ".join(answers))


def create_app(service: Service) -> FastAPI:
    """The application of a service; it loads nothing, and its pages and schema ask no other host for anything."""
    app = FastAPI(
        title="textrnn", version=__version__, description=TOLD, lifespan=service.running, docs_url=None, redoc_url=None
    )
    _add_predictions(app, service)
    _add_states(app, service)
    for path, name in (("/", TRY), ("/docs", DOCS)):
        app.add_api_route(path, _shows(load_page(name)), include_in_schema=False)
    _add_refusals(app)
    return app


def _shows(page: Page) -> Callable[[], Coroutine[None, None, HTMLResponse]]:
    async def show() -> HTMLResponse:
        return HTMLResponse(page.html, headers=page.headers)

    return show


def _add_predictions(app: FastAPI, service: Service) -> None:
    told: dict[str, Any] = {"requestBody": request_body(service.limits)}
    done = {"model": Predictions, "description": "an answer for each text, in their order"}
    answers = {200: done, **refused(400, 404, 408, 413, 415, 422, 503)}

    @app.post("/v1/models/{name}/predict", responses=answers, openapi_extra=told, summary="Ask a model about texts")
    async def predict(name: str, request: Request) -> Response:
        return await service.predict(name, request)

    @app.get("/v1/models", response_model=Models, summary="The models that are served", response_description="all")
    async def models() -> JSONResponse:
        return JSONResponse({"models": [model.about for model in service.models.values()]})


def _add_states(app: FastAPI, service: Service) -> None:
    @app.get("/health", response_model=State, summary="Whether the server lives", response_description="it does")
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    states: dict[int | str, dict[str, Any]] = {
        200: {"description": "it does"},
        503: {"model": State, "description": "a model's queue is full"},
    }

    @app.get("/ready", response_model=State, responses=states, summary="Whether the server takes requests")
    async def ready() -> JSONResponse:
        full = any(batcher.full() for batcher in service.batchers.values())
        return JSONResponse({"status": "full" if full else "ready"}, 503 if full else 200)

    @app.get("/metrics", response_class=Response, summary="What it counts", response_description="Prometheus text")
    async def metrics() -> Response:
        return Response(service.metrics.page(), media_type=CONTENT_TYPE_LATEST)


def _add_refusals(app: FastAPI) -> None:
    """Whatever is not answered says why in JSON; what is our own fault says no more than that, and is logged."""

    @app.exception_handler(RequestError)
    async def refuse(_: Request, refusal: RequestError) -> JSONResponse:
        return JSONResponse(refusal.body, refusal.status, refusal.headers)

    @app.exception_handler(HTTPException)
    async def no_such(request: Request, error: HTTPException) -> JSONResponse:
        do = "see /docs for what there is"
        refusal = RequestError(error.status_code, request.url.path, error.detail, got=request.method, do=do)
        return JSONResponse(refusal.body, error.status_code, error.headers)

    @app.exception_handler(Exception)
    async def failed(_: Request, __: Exception) -> JSONResponse:
        fault = RequestError(500, "the server", "failed", do="its log says why; send the request again later")
        return JSONResponse(fault.body, 500)
