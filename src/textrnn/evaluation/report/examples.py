"""What a recipe confuses, with examples from test; for taggers, sentences with their gold and predicted entities."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from textrnn.evaluation.outputs.recipe_results import RecipeResults
from textrnn.evaluation.rendering.text import percent

MAX_PER_PAIR = 8  # examples of a pair of classes, the most confident first
MAX_SENTENCES = 30  # of a tagger, those with the most wrong entities first
AT_ONCE = 5  # sentences that open together: more are many screens of a phone
LONGEST = 250  # tokens of an example; the rest is cut off
CUT = " …"

Entity = Mapping[str, Any]


@dataclass(frozen=True)
class Example:
    """A text, with " …" where it was cut, and where it is from."""

    text: str
    cut: str
    details: str


@dataclass(frozen=True)
class Pair:
    """A gold class and the class it was taken for: how often, the fraction of the gold class, and examples."""

    gold: str
    predicted: str
    count: int
    share: float
    texts: Sequence[Example]


@dataclass(frozen=True)
class Part:
    """Words of a sentence, and the blank after them; an entity has a class of the style sheet and a type."""

    words: str
    after: str
    style: str = ""
    type: str = ""


@dataclass(frozen=True)
class Line:
    """A sentence with the entities of one side, `gold` or `predicted`, and " …" where it was cut."""

    name: str
    parts: Sequence[Part]
    cut: str


@dataclass(frozen=True)
class SentenceView:
    """The two lines of a sentence, its number of wrong entities, and where it is from."""

    lines: Sequence[Line]
    wrong: int
    details: str


def examples(recipe: RecipeResults) -> dict[str, Any] | None:
    """The values of `examples.html`; None where the recipe was not analysed."""
    if recipe.analysis is None:
        return None
    kind = "Tags of tokens" if recipe.is_tagger else "Classes"
    return {
        "title": f"{kind} confused most often",
        "pairs": [_pair(recipe, pair) for pair in recipe.analysis["confused"]],
        "sentences": [_sentence(recipe, error) for error in recipe.errors[:MAX_SENTENCES]] if recipe.is_tagger else [],
        "at_once": AT_ONCE,
    }


def _pair(recipe: RecipeResults, pair: Mapping[str, Any]) -> Pair:
    classes = pair["gold"], pair["predicted"]
    # the errors of a tagger are whole sentences
    errors = [] if recipe.is_tagger else [row for row in recipe.errors if (row["gold"], row["predicted"]) == classes]
    texts = [_example(recipe, error) for error in errors[:MAX_PER_PAIR]]
    return Pair(*classes, count=int(pair["count"]), share=pair["share"], texts=texts)


def _example(recipe: RecipeResults, error: Mapping[str, Any]) -> Example:
    tokens = error["tokens"]
    text = recipe.spacing(tokens).join(tokens[:LONGEST])
    return Example(text, CUT if len(tokens) > LONGEST else "", _details(error))


def _details(error: Mapping[str, Any]) -> str:
    details = [f"row {error['row']}"]
    details += [f"confidence {percent(error['confidence'])}"] if "confidence" in error else []
    details += ["the text occurs in train or dev"] if error["text_known"] else []
    return ", ".join(details)


def _sentence(recipe: RecipeResults, error: Mapping[str, Any]) -> SentenceView:
    sides = [("gold", "missed", error["missed"]), ("predicted", "made-up", error["made_up"])]
    lines = []
    for name, style, wrong in sides:
        entities = [*((entity, "right") for entity in error["right"]), *((entity, style) for entity in wrong)]
        lines.append(_line(name, error["tokens"], entities, recipe.spacing(error["tokens"])))
    return SentenceView(lines, len(error["missed"]) + len(error["made_up"]), _details(error))


def _line(name: str, tokens: Sequence[str], entities: Iterable[tuple[Entity, str]], blank: str) -> Line:
    """A sentence with its entities marked; those of one side never overlap."""
    parts: list[Part] = []
    end = 0  # of the last entity
    for entity, style in sorted(entities, key=lambda pair: int(pair[0]["start"])):
        if entity["start"] >= LONGEST:
            break
        between = tokens[end : entity["start"]]
        parts += [Part(blank.join(between), blank)] if between else []
        parts.append(Part(blank.join(entity["tokens"]), blank, style, entity["type"]))
        end = entity["end"]
    remaining = tokens[end:LONGEST]
    parts += [Part(blank.join(remaining), "")] if remaining else []
    return Line(name, parts, CUT if len(tokens) > max(end, LONGEST) else "")
