"""Segment a parsed corpus into shards of tokens, one task per shard, and count the tokens of its training split."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from textrnn.common.config.segment import Segment
from textrnn.common.executor.tasks import run_shards
from textrnn.common.executor.workers import ShardTask
from textrnn.common.integrity.checksums import check_sha256, file_sha256
from textrnn.common.storage.hashing import hash_rows
from textrnn.common.storage.parsed_rows import ParsedRows
from textrnn.common.storage.schemas import COUNTS, SPLITS
from textrnn.common.storage.segmented_rows import COUNTS_FILE, SEGMENTATION_FILE, SegmentedRows, open_counts
from textrnn.common.storage.shards import Shard, ShardWriter
from textrnn.common.storage.stored_files import write_arrow
from textrnn.errors import UserError
from textrnn.preparation.segmentation.cleaning import clean
from textrnn.preparation.segmentation.punkt import learn_punkt, load_punkt
from textrnn.preparation.segmentation.segmenters import Segmenter, save_state, split_column
from textrnn.preparation.segmentation.token_habits import learn_habits
from textrnn.preparation.segmentation.user_dictionary import read_user_dictionary
from textrnn.stage import output_file


def segment_inputs(
    parsed: ParsedRows, settings: Segment, *, punkt_folder: Path, corpus_folder: Path | None = None
) -> dict[str, str]:
    """Return the checksums of everything that `segment` reads."""
    checksums = {"parsed": parsed.checksum}
    if settings.dictionary is not None and corpus_folder is not None:
        dictionary = corpus_folder / settings.dictionary
        checksums |= {"dictionary": file_sha256(dictionary)} if dictionary.is_file() else {}
    if settings.punkt is not None and settings.punkt.model != "train":
        model = punkt_folder / settings.punkt.model
        checksums |= {path.name: file_sha256(path) for path in sorted(model.glob("*")) if path.is_file()}
    return checksums


def segment(
    parsed: ParsedRows, settings: Segment, *, punkt_folder: Path, out: Path, corpus_folder: Path | None = None
) -> dict[str, Any]:
    """Write token shards, `counts.arrow` and `segmentation.json` into the folder `out`; return token statistics.

    `out` comes from `resumable_folder`. Each shard is segmented independently and results are joined in shard order, so
    the bytes do not depend on the number of workers. corpus_folder: the raw files, among them a user dictionary.
    Raises UserError for a tagged corpus that is to be segmented, and RuntimeError if a sampled row differs from the
    original library's tokens.
    """
    if parsed.task == "tag" and (settings.segmenter != "tokens" or settings.clean):
        got = f"segmenter: {settings.segmenter}, clean: [{', '.join(settings.clean)}]"
        raise UserError(
            parsed.folder, "a tagged corpus is already segmented", got=got, do="set segmenter: tokens, clean: []"
        )
    model = ShardTask("segmentation", 1, (parsed.folder, settings, punkt_folder, corpus_folder, out))
    (state,) = (json.dumps(result["state"]) for result in run_shards(_save_segmenter, [model], out, stage="punkt"))
    tasks = [
        ShardTask(f"{split}-{number:05d}", shard.rows, (parsed.folder, split, number, state, settings, out))
        for split in SPLITS
        for number, shard in enumerate(parsed.of(split))
    ]
    shards: list[Shard] = []
    counts = _NO_COUNTS
    tokens: dict[str, int] = dict.fromkeys(SPLITS, 0)
    verified = 0
    for result in run_shards(_segment_shard, tasks, out, stage="segment"):
        shard = Shard(**result["shard"])
        shards.append(shard)
        tokens[shard.split] += result["tokens"]
        verified += result["verified"]
        if shard.split == "train":
            counts_file = out / result["counts"]
            check_sha256(counts_file, result["counts_sha256"], "its marker")  # an earlier run may have written it
            counts = _sum_counts([counts, open_counts(counts_file)])
    _write_table(out / COUNTS_FILE, counts.sort_by([("count", "descending"), ("token", "ascending")]))
    SegmentedRows.write_index(out, shards, parsed.facts)
    # last: a run that resumes here would segment a shard without its counts again
    for path in out.glob("counts-*-*.arrow"):
        path.unlink()
    return {"tokens": tokens, "distinct_in_train": len(counts), "verified_rows": verified}


def _save_segmenter(
    parsed: Path, settings: Segment, punkt_folder: Path, corpus_folder: Path | None, out: Path
) -> dict[str, Any]:
    rows = ParsedRows.read(parsed)
    punkt = _sentence_model(rows, settings, punkt_folder)
    state: dict[str, Any] = {"clean": list(settings.clean), "segmenter": settings.segmenter, "punkt": punkt}
    if settings.dictionary is not None:
        if corpus_folder is None:
            wrong = "needs a corpus with a folder of raw files"
            raise UserError("segment.dictionary", wrong, got=settings.dictionary, do="set it to null")
        state["dictionary"] = read_user_dictionary(corpus_folder / settings.dictionary)
    if rows.task == "tag":
        counts = _sum_counts([_count(batch["tokens"].flatten()) for batch in rows.batches("train")] or [_NO_COUNTS])
        counts = counts.sort_by("token")  # or the order, and so the affixes of equal counts, would vary
        state["habits"] = learn_habits(zip(counts["token"].to_pylist(), counts["count"].to_pylist(), strict=True))
    save_state(out / SEGMENTATION_FILE, state)
    return {"files": [SEGMENTATION_FILE], "state": state}


@functools.lru_cache(maxsize=1)
def _segmenter(state: str) -> Segmenter:
    # cached: a process reuses in the next shard what it has computed for the chunks of one
    return Segmenter(json.loads(state))


def _segment_shard(parsed: Path, split: str, number: int, state: str, settings: Segment, out: Path) -> dict[str, Any]:
    rows = ParsedRows.read(parsed)
    schema = SegmentedRows.schema(rows.task)
    segmenter = _segmenter(state)
    counts = [_NO_COUNTS]  # a shard may have no rows
    verified = tokens = 0
    with ShardWriter(out, split, schema, first=number) as writer:
        for batch in _parts(rows.stream(rows.of(split)[number])):
            if "text" in batch.schema.names:
                segmented = segmenter.column(batch["text"])
                verified += _verify(segmenter, batch, segmented, settings, f"{parsed}, {split}")
                batch = pa.record_batch([batch["row"], segmented, batch["label"]], schema=schema)
            values = batch["tokens"].flatten()
            tokens += len(values)
            counts.append(_count(values))
            writer.write(batch)
    counts_file = f"counts-{split}-{number:05d}.arrow"
    _write_table(out / counts_file, _sum_counts(counts))
    shard = writer.shards[0]
    return {
        "files": [shard.file, counts_file],
        "shard": asdict(shard),
        "counts": counts_file,
        "counts_sha256": file_sha256(out / counts_file),
        "tokens": tokens,
        "verified": verified,
    }


def _parts(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The batches, those of long texts in parts, so that memory is bounded."""
    for batch in batches:
        first = 0
        for part in split_column(batch["text"]) if "text" in batch.schema.names else [batch]:
            yield batch.slice(first, len(part))
            first += len(part)


def _verify(segmenter: Segmenter, batch: pa.RecordBatch, tokens: pa.ListArray, settings: Segment, where: str) -> int:
    """Compare sampled rows with the original library's tokens; return how many were compared."""
    if settings.verify_share == 0:
        return 0
    rows = batch["row"].to_numpy()
    sampled = hash_rows(rows, settings.seed, "verify") < settings.verify_share * 2.0**64
    compared = 0
    for index in np.flatnonzero(sampled).tolist():
        text, got = batch["text"][index].as_py(), tokens[index].as_py()
        expected = segmenter.original(text)
        if expected is not None and expected != got:
            raise RuntimeError(f"{where}, row {rows[index]}: got {got}; the original gives {expected}; text: {text!r}")
        compared += expected is not None
    return compared


def _sentence_model(parsed: ParsedRows, settings: Segment, folder: Path) -> dict[str, Any] | None:
    """Return the sentence model's four tables, read or learned from the training split, or None without one."""
    if settings.punkt is None:
        return None
    if settings.punkt.model != "train":
        return load_punkt(folder / settings.punkt.model)
    texts = (text for batch in parsed.batches("train") for text in batch["text"].to_pylist())
    return learn_punkt(clean(text, settings.clean) for text in islice(texts, settings.punkt.rows))


def _count(values: pa.StringArray) -> pa.Table:
    counts = pc.value_counts(values)
    return pa.table([counts.field("values"), counts.field("counts")], schema=COUNTS)


def _sum_counts(tables: Sequence[pa.Table]) -> pa.Table:
    summed = pa.concat_tables(tables).group_by("token").aggregate([("count", "sum")])
    return pa.table([summed["token"], summed["count_sum"]], schema=COUNTS)


_NO_COUNTS = COUNTS.empty_table()


def _write_table(path: Path, table: pa.Table) -> None:
    with output_file(path) as temporary:
        write_arrow(temporary, table.combine_chunks())
