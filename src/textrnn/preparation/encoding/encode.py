"""Token shards into id shards: the vocabulary of the training split applied, tags numbered, gold spans kept."""

from __future__ import annotations

import functools
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa

from textrnn.common.config.encode import Encode
from textrnn.common.config.types import SPLITS
from textrnn.common.executor.tasks import run_shards
from textrnn.common.executor.workers import ShardTask
from textrnn.common.storage.schemas import ENCODED, SPAN, UNKNOWN_ID
from textrnn.common.storage.shards import Shard, ShardReader, ShardWriter, file_sha256, write_index
from textrnn.errors import UserError
from textrnn.preparation.artifacts.labels import Labels, make_labels
from textrnn.preparation.artifacts.tag_schemes import bio_spans, bioes_tags
from textrnn.preparation.artifacts.vocabulary import Vocabulary, read_counts


def encode(
    segmented: Path, settings: Encode, *, where: str, ids: Path, vocabulary_file: Path, labels_file: Path
) -> dict[str, Any]:
    """Write id shards into the folder `ids`, the vocabulary and the labels into their files; return coverage counts.

    `ids` is of `resumable_folder`; a shard is a task. The shares of unknown tokens are by split; `where` is the dotted
    name of the encoding, for messages.
    """
    reader = ShardReader(segmented, "segmented")
    task, raw = reader.facts["task"], reader.facts["labels"]
    labels = make_labels(task, raw, settings.tags, where)
    vocabulary = Vocabulary.build(read_counts(segmented / "counts.arrow"), settings.min_count, settings.max_tokens)
    if len(vocabulary.words) == 0:
        raise UserError(f"{where}.min_count", "no token of train is seen that often", got=settings.min_count)
    vocabulary.save(vocabulary_file)
    labels.save(labels_file)
    checksum = file_sha256(vocabulary_file)
    jobs = [
        ShardTask(
            f"{split}-{number:05d}", shard.rows, (segmented, split, number, vocabulary_file, checksum, labels, ids)
        )
        for split in SPLITS
        for number, shard in enumerate(reader.of(split))
    ]
    unknown: dict[str, int] = dict.fromkeys(SPLITS, 0)
    total: dict[str, int] = dict.fromkeys(SPLITS, 0)
    shards: list[Shard] = []
    for done in run_shards(_encode_shard, jobs, ids, label="encode"):
        shard = Shard(**done["shard"])
        shards.append(shard)
        unknown[shard.split] += done["unknown"]
        total[shard.split] += done["tokens"]
    write_index(ids, "encoded", shards, task=task)
    shares = {split: unknown[split] / max(1, total[split]) for split in SPLITS}
    return {"vocabulary": len(vocabulary), "labels": len(labels.names), "unknown_share": shares}


@functools.lru_cache(maxsize=1)
def _vocabulary(path: Path, checksum: str) -> Vocabulary:
    """The vocabulary of a file, once a process; the checksum stands for what is in it."""
    return Vocabulary.load(path)


def _encode_shard(
    segmented: Path, split: str, number: int, vocabulary_file: Path, checksum: str, labels: Labels, ids: Path
) -> dict[str, Any]:
    reader = ShardReader(segmented, "segmented")
    vocabulary = _vocabulary(vocabulary_file, checksum)
    unknown = tokens = 0
    with ShardWriter(ids, split, ENCODED[labels.task], first=number) as writer:
        for batch in reader.stream(reader.of(split)[number]):
            coded = _encode_batch(batch, vocabulary, labels, reader.facts["labels"])
            numbers = coded["ids"].flatten().to_numpy()
            unknown += int((numbers == UNKNOWN_ID).sum())
            tokens += len(numbers)
            writer.write(coded)
    shard = writer.shards[0]
    return {"files": [shard.file], "shard": asdict(shard), "tokens": tokens, "unknown": unknown}


def _encode_batch(batch: pa.RecordBatch, vocabulary: Vocabulary, labels: Labels, raw: list[str]) -> pa.RecordBatch:
    schema = ENCODED[labels.task]
    ids = vocabulary.encode_lists(batch["tokens"])
    if labels.task == "classify":
        return pa.record_batch([batch["row"], ids, batch["label"]], schema=schema)
    gold = batch["tags"].to_pylist()
    found = [bio_spans([raw[tag] for tag in row]) for row in gold]
    if labels.scheme == "bioes":
        numbers = {name: number for number, name in enumerate(labels.names)}
        gold = [[numbers[tag] for tag in bioes_tags(own, len(row))] for own, row in zip(found, gold, strict=True)]
    elif labels.scheme == "type":
        # raw ids 2k+1 and 2k+2 are B and I of type k, whose own id is k+1
        gold = [[(tag + 1) // 2 for tag in row] for row in gold]
    kinds = {kind: number for number, kind in enumerate(labels.types)}
    spans = [[{"start": start, "end": end, "type": kinds[kind]} for start, end, kind in row] for row in found]
    columns = [batch["row"], ids, pa.array(gold, pa.list_(pa.int16())), pa.array(spans, pa.list_(SPAN))]
    return pa.record_batch(columns, schema=schema)
