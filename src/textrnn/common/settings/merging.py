"""Merges a recipe's own values over the defaults of all recipes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from textrnn.common.config.params import Section
from textrnn.common.params.conversion import build_dataclass
from textrnn.common.params.sections import get_param
from textrnn.errors import require


def merge_recipe_section(params: Mapping[str, Any], name: str, recipe: str) -> dict[str, Any]:
    """The values of the section `name` of a recipe: the recipe's own take precedence over the defaults of all recipes.

    Raises UserError for a missing entry, and for values that are not a mapping.
    """
    defaults, overrides = get_param(params, name), get_param(params, "recipes", recipe, name)
    require(isinstance(defaults, Mapping), name, "must be a mapping", defaults)
    require(isinstance(overrides, Mapping), f"recipes.{recipe}.{name}", "must be a mapping", overrides)
    return {**defaults, **overrides}


def load_recipe_section(cls: type[Section], params: Mapping[str, Any], name: str, recipe: str) -> Section:
    """The merged section `name` of a recipe as an instance of its dataclass.

    Raises UserError for an invalid key or value, in the defaults too.
    """
    build_dataclass(cls, get_param(params, name), name)
    return build_dataclass(cls, merge_recipe_section(params, name, recipe), f"recipes.{recipe}.{name}")
