"""Token shards into id shards: the vocabulary of the training split applied, tags numbered, gold spans kept."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from textrnn.errors import UserError
from textrnn.params import require
from textrnn.records import ENCODED, SPAN, SPLITS, UNKNOWN_ID, Task
from textrnn.shards import Shard, ShardReader, ShardWriter, write_index
from textrnn.spans import Scheme, bio_spans
from textrnn.vocab import Vocabulary, VocabularyLimits, read_counts


@dataclass(frozen=True)
class Encode:
    """What an encoding numbers: the vocabulary's limits, and for tagging BIO tags or their entity types."""

    min_count: int
    max_tokens: int | None
    tags: Scheme | None

    def check(self, where: str) -> None:
        self.limits().check(where)

    def limits(self) -> VocabularyLimits:
        return VocabularyLimits(self.min_count, self.max_tokens)


@dataclass(frozen=True)
class Labels:
    """What a model predicts: the task, the names of the classes by id, and for tagging the scheme and entity types."""

    task: Task
    names: list[str]
    scheme: Scheme | None
    types: list[str]

    @classmethod
    def load(cls, path: Path) -> Labels:
        if not path.is_file():
            raise UserError(path, "no such file", do="run the stage that writes it")
        return cls(**json.loads(path.read_text(encoding="utf-8")))

    def save(self, path: Path) -> None:
        path.write_text(json.dumps(self.__dict__, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def make_labels(task: Task, raw: list[str], scheme: Scheme | None, where: str) -> Labels:
    """The labels an encoding trains on, from the corpus's own; `raw` for tagging is O, then B- and I- of each type."""
    require(
        (task == "tag") == (scheme is not None),
        f"{where}.tags",
        "is bio or type for a tagged corpus, else null",
        scheme,
    )
    if task == "classify":
        return Labels(task, raw, None, [])
    types = [tag[2:] for tag in raw if tag.startswith("B-")]
    return Labels(task, raw if scheme == "bio" else ["O", *types], scheme, types)


def encode(
    segmented: Path, settings: Encode, *, where: str, ids: Path, vocabulary_file: Path, labels_file: Path
) -> dict[str, Any]:
    """Write id shards into the folder `ids`, the vocabulary and the labels into their files; return coverage counts.

    The shares of unknown tokens are by split; `where` is the dotted name of the encoding, for messages.
    """
    reader = ShardReader(segmented, "segmented")
    task, raw = reader.facts["task"], reader.facts["labels"]
    labels = make_labels(task, raw, settings.tags, where)
    vocabulary = Vocabulary.build(read_counts(segmented / "counts.arrow"), settings.limits())
    if len(vocabulary.words) == 0:
        raise UserError(f"{where}.min_count", "no token of train is seen that often", got=settings.min_count)
    vocabulary.save(vocabulary_file)
    labels.save(labels_file)
    unknown, total = dict.fromkeys(SPLITS, 0), dict.fromkeys(SPLITS, 0)
    shards: list[Shard] = []
    for split in SPLITS:
        with ShardWriter(ids, split, ENCODED[task]) as writer:
            for batch in reader.batches(split):
                coded = _encode_batch(batch, vocabulary, labels, raw)
                numbers = coded["ids"].flatten().to_numpy()
                unknown[split] += int((numbers == UNKNOWN_ID).sum())
                total[split] += len(numbers)
                writer.write(coded)
        shards += writer.shards
    write_index(ids, "encoded", shards, task=task)
    shares = {split: unknown[split] / max(1, total[split]) for split in SPLITS}
    return {"vocabulary": len(vocabulary), "labels": len(labels.names), "unknown_share": shares}


def _encode_batch(batch: pa.RecordBatch, vocabulary: Vocabulary, labels: Labels, raw: list[str]) -> pa.RecordBatch:
    schema = ENCODED[labels.task]
    ids = vocabulary.encode_lists(batch["tokens"])
    if labels.task == "classify":
        return pa.record_batch([batch["row"], ids, batch["label"]], schema=schema)
    gold = batch["tags"].to_pylist()
    kinds = {kind: number for number, kind in enumerate(labels.types)}
    spans = [
        [{"start": start, "end": end, "type": kinds[kind]} for start, end, kind in bio_spans([raw[tag] for tag in row])]
        for row in gold
    ]
    if labels.scheme == "type":
        # raw ids 2k+1 and 2k+2 are B and I of type k, whose own id is k+1
        gold = [[(tag + 1) // 2 for tag in row] for row in gold]
    columns = [batch["row"], ids, pa.array(gold, pa.list_(pa.int16())), pa.array(spans, pa.list_(SPAN))]
    return pa.record_batch(columns, schema=schema)
