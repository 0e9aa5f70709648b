"""Encodes token shards as id shards: applies the vocabulary of the training split and converts tags to its scheme.

The entity spans are read from the corpus's BIO tags and stored next to the converted tags, because the scheme `type`
cannot separate adjacent entities of one type.
"""

from __future__ import annotations

import functools
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa

from textrnn.common.config.encode import Encode
from textrnn.common.executor.tasks import run_shards
from textrnn.common.executor.workers import ShardTask
from textrnn.common.storage.schemas import ENCODED, SPAN, SPLITS, UNKNOWN_ID
from textrnn.common.storage.shards import Shard, ShardReader, ShardWriter, file_sha256, write_index
from textrnn.errors import UserError
from textrnn.preparation.artifacts.labels import Labels, make_labels
from textrnn.preparation.artifacts.tag_schemes import bio_spans, bioes_tags
from textrnn.preparation.artifacts.vocabulary import Vocabulary, read_counts


def encode(
    segmented: Path, settings: Encode, *, where: str, ids: Path, vocabulary_file: Path, labels_file: Path
) -> dict[str, Any]:
    """Write id shards into the folder `ids`, and the vocabulary and the labels into their files; return the metrics.

    The metrics are the sizes of the vocabulary and the labels, and the fraction of unknown tokens by split. `ids` is a
    folder of `resumable_folder`, and each shard is a task. where: the dotted name of the encoding, for messages.
    Raises UserError for a tag scheme that does not fit the task, and if no token occurs `min_count` times.
    """
    reader = ShardReader(segmented, "segmented")
    task, raw = reader.facts["task"], reader.facts["labels"]
    labels = make_labels(task, raw, settings.tags, where)
    vocabulary = Vocabulary.build(read_counts(segmented / "counts.arrow"), settings.min_count, settings.max_tokens)
    if len(vocabulary.tokens) == 0:
        raise UserError(f"{where}.min_count", "no token of train occurs that often", got=settings.min_count)
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
    for result in run_shards(_encode_shard, jobs, ids, stage="encode"):
        shard = Shard(**result["shard"])
        shards.append(shard)
        unknown[shard.split] += result["unknown"]
        total[shard.split] += result["tokens"]
    write_index(ids, "encoded", shards, task=task)
    fractions = {split: unknown[split] / max(1, total[split]) for split in SPLITS}
    return {"vocabulary": len(vocabulary), "labels": len(labels.names), "unknown_share": fractions}


@functools.lru_cache(maxsize=1)
def _load_vocabulary(path: Path, checksum: str) -> Vocabulary:
    """The vocabulary of a file, loaded once per process; the checksum is there for the cache to see a changed file."""
    return Vocabulary.load(path)


def _encode_shard(
    segmented: Path, split: str, number: int, vocabulary_file: Path, checksum: str, labels: Labels, ids: Path
) -> dict[str, Any]:
    """Encode one shard of a split; return its file, its index entry, and its numbers of tokens and unknown tokens."""
    reader = ShardReader(segmented, "segmented")
    vocabulary = _load_vocabulary(vocabulary_file, checksum)
    unknown = tokens = 0
    with ShardWriter(ids, split, ENCODED[labels.task], first=number) as writer:
        for batch in reader.stream(reader.of(split)[number]):
            encoded = _encode_batch(batch, vocabulary, labels, reader.facts["labels"])
            token_ids = encoded["ids"].flatten().to_numpy()
            unknown += int((token_ids == UNKNOWN_ID).sum())
            tokens += len(token_ids)
            writer.write(encoded)
    shard = writer.shards[0]
    return {"files": [shard.file], "shard": asdict(shard), "tokens": tokens, "unknown": unknown}


def _encode_batch(batch: pa.RecordBatch, vocabulary: Vocabulary, labels: Labels, raw: list[str]) -> pa.RecordBatch:
    """A segmented batch with ids for tokens and, for tagging, tags of the labels' scheme; raw: the corpus's labels."""
    schema = ENCODED[labels.task]
    ids = vocabulary.encode_lists(batch["tokens"])
    if labels.task == "classify":
        return pa.record_batch([batch["row"], ids, batch["label"]], schema=schema)
    tags = batch["tags"].to_pylist()
    entities = [bio_spans([raw[tag] for tag in row]) for row in tags]
    if labels.scheme == "bioes":
        tag_ids = {name: tag_id for tag_id, name in enumerate(labels.names)}
        tags = [
            [tag_ids[tag] for tag in bioes_tags(row_entities, len(row))]
            for row_entities, row in zip(entities, tags, strict=True)
        ]
    elif labels.scheme == "type":
        # raw ids 2k+1 and 2k+2 are B and I of type k, whose id in this scheme is k+1
        tags = [[(tag + 1) // 2 for tag in row] for row in tags]
    type_ids = {entity_type: type_id for type_id, entity_type in enumerate(labels.types)}
    spans = [
        [{"start": start, "end": end, "type": type_ids[entity_type]} for start, end, entity_type in row]
        for row in entities
    ]
    columns = [batch["row"], ids, pa.array(tags, pa.list_(pa.int16())), pa.array(spans, pa.list_(SPAN))]
    return pa.record_batch(columns, schema=schema)
