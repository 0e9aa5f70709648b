"""Counts for the F1 scores of a split, summed over batches: macro F1 of classes, and F1 of exact entity spans.

Both are the metrics that `evaluate` reports. In a group each process counts its batches, and the counts are added up.
Shapes: B batch, T steps, C classes, N rows, G gold spans.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from textrnn.common.storage.padded_rows import PaddedRows
from textrnn.common.storage.schemas import IGNORED_TAG
from textrnn.modeling.models.running_metrics import Score
from textrnn.modeling.models.span_reader import SpanReader
from textrnn.modeling.nn.crf import forbidden_transitions
from textrnn.preparation.artifacts.labels import Labels


class MacroF1Counts:
    """The confusion matrix of a classifier, counted on the device without waiting for it; counts: (C, C) int64."""

    name = "macro_f1"
    forbidden: Tensor | None = None  # no CRF, so no transitions

    def __init__(self, classes: int, device: torch.device) -> None:
        self.counts = torch.zeros(classes, classes, dtype=torch.int64, device=device)

    def reset(self) -> None:
        """Set the counts to zero."""
        self.counts.zero_()

    def update(self, row_numbers: Tensor, targets: Tensor, predicted: Tensor) -> None:
        """Count the predicted classes (B,) of a batch against its targets (B,)."""
        cells = targets * len(self.counts) + predicted
        self.counts.view(-1).scatter_add_(0, cells, torch.ones_like(cells))

    def add_to(self, score: Score, counts: Tensor) -> Score:
        """The score with the macro F1 of the counts of all processes: the mean over all classes, seen or not."""
        hits = counts.diagonal().double()
        totals = (counts.sum(0) + counts.sum(1)).double()
        return replace(score, macro_f1=(2 * hits / totals.clamp(min=1)).mean().item())


class EntityF1Counts:
    """Predicted entity spans, and those that equal a gold span in row, start, end and type; counts: (2,), hits first.

    Gold spans are those of whole rows, as truncation left none of them out. forbidden: the transitions that a CRF does
    not take, as in `evaluate`.
    """

    name = "entity_f1"

    def __init__(self, labels: Labels, gold: GoldSpans) -> None:
        self.forbidden = forbidden_transitions(labels.names) if labels.prefixed else None
        self.counts = torch.zeros(2, dtype=torch.int64)
        self._gold, self._reader = gold, SpanReader(labels)

    def reset(self) -> None:
        """Set the counts to zero."""
        self.counts.zero_()

    def update(self, row_numbers: Tensor, targets: Tensor, predicted: Tensor) -> None:
        """Count the spans of predicted tags (B, T); tokens are where targets (B, T) are not IGNORED_TAG."""
        valid = targets != IGNORED_TAG
        lengths, tags = valid.sum(1).cpu().numpy(), predicted[valid].cpu().numpy()
        offsets = np.repeat(np.cumsum(lengths) - lengths, lengths)  # of each token: where its row begins
        spans = self._reader.read(tags, offsets == np.arange(len(tags)))
        rows, first = np.repeat(row_numbers.cpu().numpy(), lengths)[spans.starts], offsets[spans.starts]
        hits = self._gold.count_hits(rows, spans.starts - first, spans.ends - first, spans.types)
        self.counts += torch.tensor([hits, len(rows)])

    def add_to(self, score: Score, counts: Tensor) -> Score:
        """The score with the F1 of the counts of all processes."""
        hits, predicted = counts.tolist()
        return replace(score, entity_f1=2 * hits / (predicted + len(self._gold)) if hits else 0.0)


class GoldSpans:
    """The gold entity spans of a split, (G,) sorted keys: row, start, end and type as digits of one number."""

    def __init__(self, rows: np.ndarray, starts: np.ndarray, ends: np.ndarray, types: np.ndarray) -> None:
        self._base = int(ends.max(initial=0)) + 1
        self._types = int(types.max(initial=0)) + 1
        self._keys = np.sort(self._make_keys(rows, starts, ends, types))

    @classmethod
    def of_split(cls, padded: PaddedRows, split: str) -> GoldSpans:
        """The spans before truncation that the padded rows of a split carry."""
        batches = list(padded.batches(split))
        rows, columns = [], []
        for batch in batches:
            column = batch["spans"]
            rows.append(np.repeat(batch["row"].to_numpy(), column.value_lengths().to_numpy()))
            columns.append(column.flatten())
        return cls(_join(rows), *(_join_field(columns, name) for name in ("start", "end", "type")))

    def count_hits(self, rows: np.ndarray, starts: np.ndarray, ends: np.ndarray, types: np.ndarray) -> int:
        """How many of these spans, each of which comes once, are gold spans."""
        possible = (ends < self._base) & (types < self._types)  # others have no key of their own
        keys = self._make_keys(rows[possible], starts[possible], ends[possible], types[possible])
        return int(np.isin(keys, self._keys).sum())

    def _make_keys(self, rows: np.ndarray, starts: np.ndarray, ends: np.ndarray, types: np.ndarray) -> np.ndarray:
        return ((rows.astype(np.int64) * self._base + starts) * self._base + ends) * self._types + types

    def __len__(self) -> int:
        return len(self._keys)


F1Counts = MacroF1Counts | EntityF1Counts


def _join(parts: Sequence[np.ndarray]) -> np.ndarray:
    return np.concatenate(parts) if parts else np.zeros(0, dtype=np.int64)


def _join_field(structs: Sequence[pa.StructArray], name: str) -> np.ndarray:
    return _join([each.field(name).to_numpy(zero_copy_only=False).astype(np.int64) for each in structs])
