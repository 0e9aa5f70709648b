"""A parsed corpus into shards of tokens, one task a shard, and the token counts of its training split."""

from __future__ import annotations

import json
import multiprocessing
from collections import Counter
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa

from textrnn.errors import UserError
from textrnn.params import require, require_name
from textrnn.records import COUNTS, SEGMENTED, SPLITS
from textrnn.segmenters import Cleaning, Segmenter, Segmenting, clean, learn_punkt, load_punkt
from textrnn.shards import Shard, ShardReader, ShardWriter, write_index
from textrnn.stage import progress

ROWS_WORTH_A_POOL = 50_000


@dataclass(frozen=True)
class Punkt:
    """Which sentence model `nltk` words use.

    model: `train` to learn it from the training split, or the name of a published model in the folder data.punkt.
    rows: how many training rows it learns from, from the start; null for all, or with a published model.
    """

    model: str
    rows: int | None


@dataclass(frozen=True)
class Segment:
    """How an encoding cuts texts: cleaning steps in order, the way of segmenting, and nltk's sentence model."""

    clean: tuple[Cleaning, ...]
    segment: Segmenting
    punkt: Punkt | None

    def check(self, where: str) -> None:
        """Refuse combinations that mean nothing; `where` is the dotted name of the encoding."""
        needs = self.segment == "nltk"
        require(
            needs == (self.punkt is not None), f"{where}.punkt", "goes with segment: nltk, and only there", self.punkt
        )
        if self.punkt is not None:
            require_name(self.punkt.model, f"{where}.punkt.model", "data.punkt")
            rows = self.punkt.rows
            require(rows is None or rows > 0, f"{where}.punkt.rows", "must be at least 1", rows)


def segment(parsed: Path, settings: Segment, *, punkt_folder: Path, workers: int, out: Path) -> dict[str, Any]:
    """Write token shards, `counts.arrow` and `segmentation.json` into the folder `out`; return token statistics.

    Each shard is cut alone and results are joined in shard order, so the bytes are the same for any `workers`.
    """
    reader = ShardReader(parsed, "parsed")
    task = reader.facts["task"]
    if task == "tag" and (settings.segment != "tokens" or settings.clean):
        got = f"segment: {settings.segment}, clean: [{', '.join(settings.clean)}]"
        raise UserError(parsed, "a tagged corpus is cut already", got=got, do="set segment: tokens, clean: []")
    state = {
        "clean": list(settings.clean),
        "segment": settings.segment,
        "punkt": _punkt(reader, settings, punkt_folder),
    }
    Segmenter(state).save(out / "segmentation.json")
    jobs = [(parsed, split, number, state, out) for split in SPLITS for number in range(len(reader.of(split)))]
    total = sum(reader.rows(split) for split in SPLITS)
    shards: list[Shard] = []
    counts: Counter[str] = Counter()
    tokens: dict[str, int] = dict.fromkeys(SPLITS, 0)
    with _pool(min(workers, len(jobs)) if total > ROWS_WORTH_A_POOL else 1) as pool:
        results = (pool.map if pool else map)(_segment_shard, jobs)
        for shard, seen in progress(results, total=len(jobs), unit="shard", label="segment"):
            shards.append(shard)
            tokens[shard.split] += seen.total()
            if shard.split == "train":
                counts.update(seen)
    _write_counts(out / "counts.arrow", counts)
    write_index(out, "segmented", shards, task=task, labels=_labels(parsed))
    return {"tokens": tokens, "distinct_in_train": len(counts)}


def _pool(workers: int) -> AbstractContextManager[Executor | None]:
    # spawned, not forked: the parent already runs Arrow's threads, and a fork copies their locks
    if workers == 1:
        return nullcontext()
    return ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"))


def _segment_shard(job: tuple[Path, str, int, dict[str, Any], Path]) -> tuple[Shard, Counter[str]]:
    parsed, split, number, state, out = job
    reader = ShardReader(parsed, "parsed")
    schema = SEGMENTED[reader.facts["task"]]
    segmenter = Segmenter(state)
    counts: Counter[str] = Counter()
    with ShardWriter(out, split, schema, first=number) as writer:
        for batch in reader.open(reader.of(split)[number]).to_batches():
            if "text" in batch.schema.names:
                tokens = [segmenter(text) for text in batch["text"].to_pylist()]
                batch = pa.record_batch(
                    [batch["row"], pa.array(tokens, pa.list_(pa.string())), batch["label"]], schema=schema
                )
            else:
                tokens = batch["tokens"].to_pylist()
            for row in tokens:
                counts.update(row)
            writer.write(batch)
    return writer.shards[0], counts


def _punkt(reader: ShardReader, settings: Segment, folder: Path) -> dict[str, Any] | None:
    if settings.punkt is None:
        return None
    if settings.punkt.model != "train":
        return load_punkt(folder / settings.punkt.model)
    texts = (text for batch in reader.batches("train") for text in batch["text"].to_pylist())
    return learn_punkt(clean(text, settings.clean) for text in islice(texts, settings.punkt.rows))


def _write_counts(path: Path, counts: Counter[str]) -> None:
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    table = pa.table([[token for token, _ in ordered], [count for _, count in ordered]], schema=COUNTS)
    with pa.ipc.new_file(str(path), COUNTS) as file:
        file.write_table(table)


def _labels(parsed: Path) -> list[str]:
    labels: list[str] = json.loads((parsed / "labels.json").read_text(encoding="utf-8"))["labels"]
    return labels
