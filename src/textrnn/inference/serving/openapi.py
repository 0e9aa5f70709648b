"""The JSON bodies of requests and responses, as the OpenAPI schema describes them."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

from textrnn.inference.serving.request_body import EXAMPLE
from textrnn.inference.serving.request_limits import RequestLimits


class Labelled(BaseModel):
    """A classifier's prediction for a text."""

    label: str = Field(description="the most probable label")
    probability: float = Field(description="the probability of that label")
    probabilities: dict[str, float] = Field(description="the probability of every label; they sum to 1")


class Entity(BaseModel):
    """An entity in a text."""

    start: int = Field(description="its first character, counted in Unicode code points from 0")
    end: int = Field(description="the character after its last")
    type: str
    text: str = Field(description="the characters from start to end")
    score: float = Field(description="how sure the model is: the lowest of the probabilities of its tokens' tags")


class Tagged(BaseModel):
    """A tagger's prediction for a text."""

    entities: list[Entity] = Field(description="the entities, in the order of the text")


class Predictions(BaseModel):
    """The predictions of a model."""

    model: str
    predictions: list[Labelled] | list[Tagged] = Field(description="a prediction for each text, in order")


class About(BaseModel):
    """A served model."""

    name: str = Field(description="the name of its directory")
    task: Literal["classify", "tag"]
    labels: list[str] = Field(description="the classes, or the types of entities")
    sha256: str = Field(description="the SHA-256 of its weights, model.safetensors")
    params: dict[str, Any] = Field(description="its config.json")
    example: str | None = Field(
        description="a text of test that it predicts correctly, from its card; null without one"
    )
    card: str | None = Field(description="the path of its model card; null if there is none next to its directory")


class Models(BaseModel):
    """All served models."""

    models: list[About]


class State(BaseModel):
    """The state of the server."""

    status: str


class Fault(BaseModel):
    """The reason why a request was refused."""

    where: str = Field(description="the place in the request")
    what: str = Field(description="what is wrong there")
    got: str = Field(description="the value found there; may be empty")
    do: str = Field(description="what to do about it; may be empty")


class Problem(BaseModel):
    """The body of an error response."""

    error: Fault


ERROR_DESCRIPTIONS = {
    400: "the body is not JSON, or not UTF-8; or the request is not valid HTTP",
    404: "there is no such model, or it has no card",
    408: "the body did not arrive in time",
    413: "the body is too large, or its texts have too many characters in all",
    415: "the body is not declared as JSON in UTF-8, or is compressed",
    422: "the body is not a list of texts, or has too many texts or too long a text",
    503: "too many texts or characters are waiting, or the server stops; Retry-After gives the seconds to wait",
}


def error_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The error responses of an endpoint, by status."""
    return {status: {"model": Problem, "description": ERROR_DESCRIPTIONS[status]} for status in statuses}


def request_body(limits: RequestLimits) -> dict[str, Any]:
    """The OpenAPI description of a request's body.

    It is written by hand, as the body is parsed by hand: the limits differ from server to server.
    """
    text = {"type": "string", "maxLength": limits.characters}
    texts = {"type": "array", "items": text, "maxItems": limits.texts, "description": "the texts to predict"}
    schema = {"type": "object", "properties": {"texts": texts}, "required": ["texts"], "additionalProperties": False}
    content = {"application/json": {"schema": schema, "example": EXAMPLE}}
    return {"required": True, "content": content, "description": f"at most {limits.body_bytes} bytes"}
