"""A recipe's own values merged over the defaults of all recipes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from textrnn.common.config.params import Section, build_dataclass, get_param, require


def load_recipe_section(cls: type[Section], params: Mapping[str, Any], name: str, recipe: str) -> Section:
    """The section `name`, the defaults of all recipes, with the recipe's own values of that name over it."""
    defaults, own = get_param(params, name), get_param(params, "recipes", recipe, name)
    where = f"recipes.{recipe}.{name}"
    build_dataclass(cls, defaults, name)
    require(isinstance(own, Mapping), where, "must be a mapping", own)
    return build_dataclass(cls, {**defaults, **own}, where)
