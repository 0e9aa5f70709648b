"""Segment a file of texts without labels, one a line, as an encoding segments its own.

Lines that equal a text of dev or test are dropped: the model would know their contexts before it is tested on them.
"""

from __future__ import annotations

import functools
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from textrnn.common.executor.tasks import run_shards
from textrnn.common.executor.workers import ShardTask
from textrnn.common.files.bounded_batches import bounded_batches
from textrnn.common.files.lines import read_lines
from textrnn.common.integrity.arrow_files import open_arrow
from textrnn.common.integrity.checksums import check_sha256, file_sha256
from textrnn.common.storage.schemas import COUNTS
from textrnn.common.storage.segmented_rows import SegmentedRows
from textrnn.common.storage.stored_files import write_arrow
from textrnn.errors import UserError
from textrnn.preparation.segmentation.segmenters import Segmenter, read_state

LINES_PER_TASK = 4_096
TEXTS = pa.schema([("text", pa.string())])
TOKENS = pa.schema([("tokens", pa.list_(pa.string()))])
SEPARATOR = "\x1f"  # between the tokens of texts that are compared


@dataclass(frozen=True, eq=False)
class UnlabelledText:
    """Segmented texts in files of a folder; `kept` says by file which of its texts are used, `dropped` counts others.

    dropped: by reason.
    """

    kept: dict[Path, pa.BooleanArray]
    dropped: dict[str, int]

    @property
    def texts(self) -> int:
        """How many texts are used."""
        return sum(pc.sum(mask).as_py() or 0 for mask in self.kept.values())

    def batches(self) -> Iterator[pa.ListArray]:
        """The tokens of the texts that are used."""
        for path, mask in self.kept.items():
            yield from open_arrow(path, TOKENS, "tokens")["tokens"].filter(mask).chunks

    def counts(self) -> Iterator[pa.Table]:
        """The counts of tokens of each file, tables of the schema COUNTS."""
        for batch in self.batches():
            counts = pc.value_counts(batch.flatten())
            yield pa.table([counts.field("values"), counts.field("counts")], schema=COUNTS)

    def remove_files(self) -> None:
        """Remove the files: only what was learned from them is an output."""
        for path in self.kept:
            path.unlink()


NO_TEXT = UnlabelledText({}, {})


def segment_unlabelled(path: Path, segmented: SegmentedRows, out: Path, encoding: str | None = None) -> UnlabelledText:
    """Segment the lines of a plain, .gz or .bz2 file into token files in the folder `out`, of `resumable_folder`.

    The segmenter and its cleaning are those that wrote `segmented`. encoding: of the file; None: by its byte order
    mark, UTF-8 without one. Raises UserError for a file that is missing, damaged or empty, and if no line is left.
    """
    dropped: Counter[str] = Counter()
    lines = _write_lines(path, encoding, dropped, out)
    state = json.dumps(read_state(segmented.segmentation_file))
    tasks = [
        ShardTask(f"unlabelled-{number:05d}", rows, (file, state, out / f"unlabelled-{number:05d}.arrow"))
        for number, (file, rows) in enumerate(lines.items())
    ]
    others = {split: _joined_texts(segmented, split) for split in ("dev", "test")}
    kept: dict[Path, pa.BooleanArray] = {}
    for result in run_shards(_segment_lines, tasks, out, stage="vectorize"):
        file = out / result["files"][0]
        check_sha256(file, result["sha256"], "its marker")  # an earlier run may have written it
        joined = _join(open_arrow(file, TOKENS, "tokens")["tokens"].combine_chunks())
        kept[file] = pa.array([True] * len(joined))
        for split, texts in others.items():
            repeated = pc.and_(kept[file], pc.is_in(joined, value_set=texts))
            dropped[f"equal to a text of {split}"] += pc.sum(repeated).as_py() or 0
            kept[file] = pc.and_not(kept[file], repeated)
    for file in lines:
        file.unlink()
    text = UnlabelledText(kept, {reason: count for reason, count in sorted(dropped.items()) if count})
    if not text.texts:
        got = ", ".join(f"{count} {reason}" for reason, count in text.dropped.items())
        raise UserError(path, "has no usable line", got=got, do="correct the file, or set vectorize.unlabelled: false")
    return text


def _write_lines(path: Path, encoding: str | None, dropped: Counter[str], out: Path) -> dict[Path, int]:
    """Write the usable lines to files of LINES_PER_TASK or fewer, for workers; return how many each has."""
    files: dict[Path, int] = {}
    for texts in bounded_batches(_usable_lines(path, encoding, dropped), LINES_PER_TASK):
        file = out / f"lines-{len(files):05d}.arrow"
        write_arrow(file, pa.table([pa.array(texts, pa.string())], schema=TEXTS))
        files[file] = len(texts)
    return files


def _usable_lines(path: Path, encoding: str | None, dropped: Counter[str]) -> Iterator[str]:
    for _, raw in read_lines(path, encoding):
        try:
            text = raw.decode("utf-8").strip()
        except UnicodeDecodeError:
            dropped[f"not {encoding or 'UTF-8'}"] += 1
            continue
        if text:
            yield text
        else:
            dropped["empty"] += 1


@functools.lru_cache(maxsize=1)
def _segmenter(state: str) -> Segmenter:
    return Segmenter(json.loads(state))


def _segment_lines(lines: Path, state: str, to: Path) -> dict[str, Any]:
    texts = open_arrow(lines, TEXTS, "texts")["text"].combine_chunks()
    write_arrow(to, pa.table([_segmenter(state).column(texts)], schema=TOKENS))
    return {"files": [to.name], "sha256": file_sha256(to)}


def _joined_texts(segmented: SegmentedRows, split: str) -> pa.StringArray:
    joined = [_join(batch.column("tokens")) for batch in segmented.batches(split)]
    return pa.concat_arrays(joined) if joined else pa.array([], pa.string())


def _join(tokens: pa.ListArray) -> pa.StringArray:
    return pc.binary_join(tokens, SEPARATOR)
