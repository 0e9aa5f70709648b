"""The bodies of answers and requests as the OpenAPI schema has them."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

from textrnn.inference.serving.http_errors import RequestLimits
from textrnn.inference.serving.request_body import EXAMPLE


class Labelled(BaseModel):
    """What a classifier says of a text."""

    label: str = Field(description="the most probable label")
    probability: float = Field(description="that label's")
    probabilities: dict[str, float] = Field(description="every label's; they add up to 1")


class Entity(BaseModel):
    """An entity of a text."""

    start: int = Field(description="its first character, counted in Unicode code points from 0")
    end: int = Field(description="the character after its last")
    type: str
    text: str = Field(description="the characters from start to end")


class Tagged(BaseModel):
    """What a tagger finds in a text."""

    entities: list[Entity] = Field(description="in the order of the text")


class Predictions(BaseModel):
    """Answers of a model."""

    model: str
    predictions: list[Labelled] | list[Tagged] = Field(description="an answer for each text, in their order")


class About(BaseModel):
    """A model that is served."""

    name: str = Field(description="of its directory")
    task: Literal["classify", "tag"]
    labels: list[str] = Field(description="the classes, or the types of entities")
    sha256: str = Field(description="of the file of weights, model.safetensors")
    params: dict[str, Any] = Field(description="its config.json")


class Models(BaseModel):
    """All that are served."""

    models: list[About]


class State(BaseModel):
    """How a server is."""

    status: str


class Fault(BaseModel):
    """Why a request was not answered."""

    where: str = Field(description="the place in the request")
    what: str = Field(description="what is wrong there")
    got: str = Field(description="what was found; may be empty")
    do: str = Field(description="what to do about it; may be empty")


class Problem(BaseModel):
    """A request that was not answered."""

    error: Fault


REFUSED = {
    400: "not JSON, or not UTF-8",
    404: "no such model",
    408: "the body did not come in time",
    413: "the body is too large",
    415: "the body is packed",
    422: "no list of texts, too many of them, or one that is too long",
    503: "too many texts wait already; Retry-After says when to come back",
}


def refused(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The refusals of an endpoint, by status."""
    return {status: {"model": Problem, "description": REFUSED[status]} for status in statuses}


def request_body(limits: RequestLimits) -> dict[str, Any]:
    """The OpenAPI of a request's body: read by hand, as the limits are a server's own, and so told by hand."""
    text = {"type": "string", "maxLength": limits.characters}
    texts = {"type": "array", "items": text, "maxItems": limits.texts, "description": "what to ask the model about"}
    schema = {"type": "object", "properties": {"texts": texts}, "required": ["texts"], "additionalProperties": False}
    content = {"application/json": {"schema": schema, "example": EXAMPLE}}
    return {"required": True, "content": content, "description": f"at most {limits.body_bytes} bytes"}
