"""Merges a recipe's own values over the defaults of all recipes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from textrnn.common.config.params import Section, build_dataclass, get_param, require


def load_recipe_section(cls: type[Section], params: Mapping[str, Any], name: str, recipe: str) -> Section:
    """The section `name` of a recipe: the recipe's own values take precedence over the defaults of all recipes.

    Raises UserError for an invalid key or value, in the defaults too.
    """
    defaults, overrides = get_param(params, name), get_param(params, "recipes", recipe, name)
    where = f"recipes.{recipe}.{name}"
    build_dataclass(cls, defaults, name)
    require(isinstance(overrides, Mapping), where, "must be a mapping", overrides)
    return build_dataclass(cls, {**defaults, **overrides}, where)
