"""What a recipe confuses, with examples from the test split; for taggers sentences with gold and found entities."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from textrnn.evaluation.outputs.recipe_files import RecipeResults
from textrnn.evaluation.rendering.markup import Child, Markup, markup, percent, table, tag, text

PER_PAIR = 8  # examples of a pair of classes, the surest first
SENTENCES = 30  # of a tagger, those of the most wrong entities first
AT_ONCE = 5  # sentences that open together: more are many screens of a phone
LONGEST = 250  # tokens of an example; the rest is cut off

Entity = Mapping[str, Any]


def examples(recipe: RecipeResults) -> Markup | None:
    """The pairs confused most often, each with examples; None where the recipe was not analysed."""
    if recipe.analysis is None:
        return None
    pairs = recipe.analysis["confused"]
    if recipe.tags:
        return markup(_pairs(pairs, "Tags of tokens confused most often"), _sentences(recipe))
    return markup(_pairs(pairs, "Classes confused most often"), [_of_pair(recipe, pair) for pair in pairs])


def _pairs(pairs: Sequence[Mapping[str, Any]], title: str) -> Markup:
    head = (("gold", ""), ("predicted", ""), ("count", "n"), ("of the gold class", "n"))
    rows: Iterable[Sequence[Child]] = (
        (text(pair["gold"]), text(pair["predicted"]), int(pair["count"]), percent(pair["share"])) for pair in pairs
    )
    return table(title, head, rows) if pairs else tag("p", "Nothing is confused.")


def _of_pair(recipe: RecipeResults, pair: Mapping[str, Any]) -> Markup | None:
    mine = [e for e in recipe.errors if (e["gold"], e["predicted"]) == (pair["gold"], pair["predicted"])][:PER_PAIR]
    if not mine:
        return None
    summary = tag("summary", text(pair["gold"]), " taken for ", text(pair["predicted"]), f": the {len(mine)} surest")
    lines = [tag("li", _shortened(recipe, each["tokens"]), " ", _aside(each)) for each in mine]
    return tag("details", summary, tag("ul", lines, class_="texts"))


def _shortened(recipe: RecipeResults, tokens: Sequence[str]) -> Markup:
    more = " …" if len(tokens) > LONGEST else None
    return markup(text(recipe.spacing(tokens).join(tokens[:LONGEST])), more)


def _aside(error: Mapping[str, Any]) -> Markup:
    words = [f"row {error['row']}"]
    words += [f"confidence {percent(error['confidence'])}"] if "confidence" in error else []
    words += ["train or dev has this text"] if error["text_known"] else []
    return tag("small", ", ".join(words), class_="soft")


def _sentences(recipe: RecipeResults) -> Markup | None:
    chosen = recipe.errors[:SENTENCES]
    if not chosen:
        return None
    key = tag(
        "p",
        _entity("found", "right", "TYPE"),
        " as in gold, ",
        _entity("missed", "missed", "TYPE"),
        " in gold alone, ",
        _entity("made up", "made-up", "TYPE"),
        " found alone",
        class_="key",
    )
    told = tag("p", f"The {len(chosen)} sentences of the most wrong entities, the most of them first:")
    return markup(told, key, [_few(recipe, chosen, first) for first in range(0, len(chosen), AT_ONCE)])


def _few(recipe: RecipeResults, chosen: Sequence[Mapping[str, Any]], first: int) -> Markup:
    few = chosen[first : first + AT_ONCE]
    wrong = sum(len(each["missed"]) + len(each["made_up"]) for each in few)
    number = f"Sentence {first + 1}" if len(few) == 1 else f"Sentences {first + 1}–{first + len(few)}"
    summary = tag("summary", f"{number}: {wrong} wrong entities")
    return tag("details", summary, tag("ul", [_sentence(recipe, each) for each in few], class_="texts"))


def _sentence(recipe: RecipeResults, error: Mapping[str, Any]) -> Markup:
    gold = [*((each, "right") for each in error["right"]), *((each, "missed") for each in error["missed"])]
    found = [*((each, "right") for each in error["right"]), *((each, "made-up") for each in error["made_up"])]
    lines = [
        tag("div", tag("b", name), _marked(recipe, error["tokens"], entities), class_="line")
        for name, entities in (("gold", gold), ("found", found))
    ]
    return tag("li", lines, _aside(error))


def _marked(recipe: RecipeResults, tokens: Sequence[str], entities: Iterable[tuple[Entity, str]]) -> Markup:
    """A sentence with its entities marked; those of one side never overlap."""
    parts: list[Child] = []
    blank, at = recipe.spacing(tokens), 0
    for entity, style in sorted(entities, key=lambda pair: int(pair[0]["start"])):
        if entity["start"] >= LONGEST:
            break
        between = tokens[at : entity["start"]]
        parts += [text(blank.join(between)), blank] if between else []
        parts += [_entity(blank.join(entity["tokens"]), style, entity["type"]), blank]
        at = entity["end"]
    rest = tokens[at:LONGEST]
    parts += [text(blank.join(rest))] if rest else []
    return tag("span", parts, " …" if len(tokens) > max(at, LONGEST) else None)


def _entity(words: str, style: str, kind: str) -> Markup:
    return tag("mark", text(words), tag("small", text(kind)), class_=style)
