"""Tagged sentences of token ids with their entity spans, what the baselines of taggers are fitted and scored on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from textrnn.common.storage.encoded_rows import EncodedRows
from textrnn.errors import UserError
from textrnn.evaluation.baselines.encoded_texts import check_known
from textrnn.preparation.artifacts.labels import Labels
from textrnn.preparation.artifacts.tag_schemes import Span


@dataclass(frozen=True, eq=False)
class EncodedSentences:
    """N tagged rows, not truncated: concatenated ids (M,) int32, offsets (N + 1,), tags (M,) int64, spans of each."""

    ids: np.ndarray
    offsets: np.ndarray
    tags: np.ndarray
    spans: list[list[Span]]

    def __len__(self) -> int:
        return len(self.spans)

    def rows(self) -> list[list[int]]:
        """The ids of each row."""
        return [part.tolist() for part in np.split(self.ids, self.offsets[1:-1])] if self.spans else []


def read_sentences(encoded: EncodedRows, split: str, labels: Labels) -> EncodedSentences:
    """Read a split of id shards for tagging. Raises UserError when it has no tokens."""
    ids, lengths, tags = [np.empty(0, np.int32)], [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    spans: list[list[Span]] = []
    for batch in encoded.batches(split):
        # copied: the memory of a batch is released when the next one is read
        ids.append(np.array(batch["ids"].flatten()))
        lengths.append(np.diff(batch["ids"].offsets.to_numpy()))
        tags.append(np.array(batch["tags"].flatten(), dtype=np.int64))
        types = np.array(batch["spans"].flatten().field("type"))
        check_known(encoded.folder, np.empty(0), types, 1, len(labels.types))
        for row in batch["spans"].to_pylist():
            spans.append([(span["start"], span["end"], labels.types[span["type"]]) for span in row])
    offsets = np.concatenate(([0], np.cumsum(np.concatenate(lengths), dtype=np.int64)))
    if not offsets[-1]:
        raise UserError(encoded.folder, f"the {split} split has no tokens")
    return EncodedSentences(np.concatenate(ids), offsets, np.concatenate(tags), spans)
