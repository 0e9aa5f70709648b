"""Collect the nodes and constants of an ONNX graph."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from torch import Tensor

FLOAT, INT32, INT64 = 1, 6, 7  # the element types of onnx.TensorProto


@dataclass
class Graph:
    """A graph's nodes and constants in the order in which they were added; a value is referred to by its name."""

    nodes: list[Any] = field(default_factory=list)
    constants: list[Any] = field(default_factory=list)

    def add(self, operator: str, *inputs: str, outputs: int = 1, **attributes: Any) -> str:
        """Add a node and return the name of its first output; further outputs have `.1`, `.2` appended to it."""
        from onnx import helper

        name = f"{operator}_{len(self.nodes)}"
        names = [name, *(f"{name}.{number}" for number in range(1, outputs))]
        self.nodes.append(helper.make_node(operator, list(inputs), names, name=name, **attributes))
        return name

    def constant(self, value: Any, name: str = "") -> str:
        """Add a constant and return its name; value: a tensor, an array, or Python integers, which become int64."""
        from onnx import numpy_helper

        array = value.detach().cpu().numpy() if isinstance(value, Tensor) else np.asarray(value)
        name = name or f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.array(array, order="C"), name))
        return name
