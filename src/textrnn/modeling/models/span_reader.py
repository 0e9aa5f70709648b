"""Reads entity spans of many tag sequences at once, as `tag_schemes.spans` reads those of one.

Shapes: M tokens of all sequences, one after the other; S spans.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from textrnn.errors import UserError
from textrnn.preparation.artifacts.labels import Labels
from textrnn.preparation.artifacts.tag_schemes import OUTSIDE

NO_TYPE = -1  # the type of the tag O


@dataclass(frozen=True, eq=False)
class SpanArrays:
    """Spans in the order of their tokens: first token, the one after the last, number of the type; (S,) each."""

    starts: np.ndarray
    ends: np.ndarray
    types: np.ndarray


class SpanReader:
    """Reads spans from tag ids of some labels.

    Whether a token continues the span of the one before depends on their two tags alone: both have one type, and their
    prefixes allow it. In the scheme `type` all tags of one type are one span. Raises UserError for labels of classes.
    """

    def __init__(self, labels: Labels) -> None:
        if labels.scheme is None:
            raise UserError("labels", "have no tag scheme, so there are no spans", got=labels.names)
        numbers = {name: number for number, name in enumerate(labels.types)}
        self._types = np.array([numbers.get(name, NO_TYPE) for name in labels.type_names()])
        prefixes = [name[0] if labels.prefixed and name != OUTSIDE else "I" for name in labels.names]
        self._continues = np.array([prefix in "IE" for prefix in prefixes])
        self._goes_on = np.array([prefix in "BI" for prefix in prefixes])

    def read(self, tags: np.ndarray, is_first: np.ndarray) -> SpanArrays:
        """The spans of tag ids (M,); is_first: (M,), true at the first token of each sequence. Indices are into M."""
        types = self._types[tags]
        inside = types != NO_TYPE
        joined = np.zeros(len(tags) + 1, dtype=bool)  # whether a token and the one before are of one span
        joined[1:-1] = (
            (types[1:] == types[:-1])
            & inside[1:]
            & self._continues[tags[1:]]
            & self._goes_on[tags[:-1]]
            & ~is_first[1:]
        )
        starts = np.flatnonzero(inside & ~joined[:-1])
        return SpanArrays(starts, np.flatnonzero(inside & ~joined[1:]) + 1, types[starts])
