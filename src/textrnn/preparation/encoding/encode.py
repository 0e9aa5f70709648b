"""Encodes token shards as id shards: applies the vocabulary of the training split and converts tags to its scheme.

The entity spans are read from the corpus's BIO tags and stored next to the converted tags, because the scheme `type`
cannot separate adjacent entities of one type.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypedDict

import pyarrow as pa
import pyarrow.compute as pc

from textrnn.common.config.encode import Encode
from textrnn.common.executor.tasks import run_shards
from textrnn.common.executor.workers import ShardTask
from textrnn.common.integrity.checksums import file_sha256
from textrnn.common.integrity.json_files import read_json
from textrnn.common.storage.encoded_rows import EncodedRows
from textrnn.common.storage.schemas import SPAN, SPLITS, UNKNOWN_ID
from textrnn.common.storage.segmented_rows import SegmentedRows
from textrnn.common.storage.shards import Shard, ShardWriter
from textrnn.common.storage.stored_rows import RowFacts
from textrnn.errors import UserError
from textrnn.preparation.artifacts.labels import Labels, make_labels
from textrnn.preparation.artifacts.preparation_folder import Preparation
from textrnn.preparation.artifacts.tag_schemes import bio_spans, bioes_tags
from textrnn.preparation.artifacts.vocabulary import Vocabulary
from textrnn.preparation.encoding.rules import resolve_min_count


class _Segmentation(TypedDict):
    segmenter: str


def encode(segmented: SegmentedRows, settings: Encode, *, where: str, ids: Path, preparation: Path) -> dict[str, Any]:
    """Write id shards into the folder `ids`, and the files of Preparation into the folder `preparation`.

    Returns statistics: the settings and sizes of the vocabulary, what rules gave of them, the number of labels, and the
    fraction of unknown tokens by split. `ids` is a folder of `resumable_folder`, and each shard is a task. where: the
    dotted name of the encoding, for messages.
    Raises UserError for a tag scheme that does not fit the task, and if no token occurs `min_count` times.
    """
    labels = make_labels(segmented.task, list(segmented.labels), settings.tags, where)
    counts, segmenter = segmented.read_counts(), read_json(segmented.segmentation_file, _Segmentation)["segmenter"]
    min_count, rule_values = resolve_min_count(settings, pc.sum(counts["count"]).as_py() or 0, segmenter)
    vocabulary = Vocabulary.build(counts, min_count, settings.max_tokens)
    if len(vocabulary.tokens) == 0:
        raise UserError(f"{where}.min_count", "no token of train occurs that often", got=min_count)
    written = Preparation.write(preparation, vocabulary, labels, segmented.segmentation_file)
    checksum = file_sha256(written.vocabulary_file)
    jobs = [
        ShardTask(f"{split}-{number:05d}", shard.rows, (segmented.folder, split, number, preparation, checksum, ids))
        for split in SPLITS
        for number, shard in enumerate(segmented.of(split))
    ]
    unknown: dict[str, int] = dict.fromkeys(SPLITS, 0)
    total: dict[str, int] = dict.fromkeys(SPLITS, 0)
    shards: list[Shard] = []
    for result in run_shards(_encode_shard, jobs, ids, stage="encode"):
        shard = Shard(**result["shard"])
        shards.append(shard)
        unknown[shard.split] += result["unknown"]
        total[shard.split] += result["tokens"]
    EncodedRows.write_index(ids, shards, RowFacts(segmented.task, segmented.rows_before_limit))
    return {
        "vocabulary": len(vocabulary),
        "min_count": min_count,
        "auto": [asdict(value) for value in rule_values],
        "max_tokens": settings.max_tokens,
        "labels": len(labels.names),
        "unknown_share": {split: unknown[split] / max(1, total[split]) for split in SPLITS},
    }


@functools.lru_cache(maxsize=1)
def _load_vocabulary(preparation: Path, checksum: str) -> Vocabulary:
    """The vocabulary of a folder, loaded once per process; the cache sees a changed file by its checksum."""
    return Preparation(preparation).read_vocabulary()


def _encode_shard(
    segmented: Path, split: str, number: int, preparation: Path, checksum: str, ids: Path
) -> dict[str, Any]:
    """Encode one shard of a split; return its file, its index entry, and its numbers of tokens and unknown tokens."""
    rows = SegmentedRows.read(segmented)
    vocabulary, labels = _load_vocabulary(preparation, checksum), Preparation(preparation).read_labels()
    unknown = tokens = 0
    with ShardWriter(ids, split, EncodedRows.schema(labels.task), first=number) as writer:
        for batch in rows.stream(rows.of(split)[number]):
            encoded = _encode_batch(batch, vocabulary, labels, rows.labels)
            token_ids = encoded["ids"].flatten().to_numpy()
            unknown += int((token_ids == UNKNOWN_ID).sum())
            tokens += len(token_ids)
            writer.write(encoded)
    shard = writer.shards[0]
    return {"files": [shard.file], "shard": asdict(shard), "tokens": tokens, "unknown": unknown}


def _encode_batch(batch: pa.RecordBatch, vocabulary: Vocabulary, labels: Labels, raw: Sequence[str]) -> pa.RecordBatch:
    """A segmented batch with ids for tokens and, for tagging, tags of the labels' scheme; raw: the corpus's labels."""
    schema = EncodedRows.schema(labels.task)
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
