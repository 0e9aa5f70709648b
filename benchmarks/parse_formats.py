"""Measure rows per second and peak memory of parsing each format on one core; prints JSON lines.

    python benchmarks/parse_formats.py
    python benchmarks/parse_formats.py --rows 1000000 --only table.csv table.parquet

Each format is parsed in a process of its own, from a generated file of `--rows` training rows.
"""

from __future__ import annotations

import argparse
import bz2
import csv
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

import checkout  # noqa: F401  (first: puts this checkout's src on the path)
from textrnn.common.config.parse import HoldOut, Parse
from textrnn.common.params.params_file import read_params
from textrnn.common.params.sections import load_entry_section
from textrnn.preparation.parsing.parse import parse
from textrnn.stage import run_command

WORDS = [f"word{number}" for number in range(5_000)]
TEST_ROWS = 1_000
# the name of a file by what is measured; the format is the first part
FILES = {
    "headlines": "x.txt",
    "names": "x.csv",
    "fasttext": "x.txt",
    "fasttext.bz2": "x.txt.bz2",
    "bio": "x.txt",
    "table.csv": "x.csv",
    "table.tsv": "x.tsv",
    "table.jsonl": "x.jsonl",
    "table.parquet": "x.parquet",
}


def rows_of(number: int) -> Iterator[tuple[str, int]]:
    """Texts of 4 to 20 words with labels 0 and 1."""
    draw = random.Random(1)
    for row in range(number):
        yield " ".join(draw.choices(WORDS, k=draw.randint(4, 20))), row % 2


def write(kind: str, path: Path, rows: int) -> None:
    """Write a file of this kind."""
    name = kind.split(".")[0]
    if path.suffix == ".parquet":
        texts, labels = zip(*rows_of(rows), strict=True)
        pq.write_table(pa.table({"text": texts, "label": labels}), path)
        return
    with (bz2.open if path.suffix == ".bz2" else open)(path, "wt", encoding="utf-8") as file:
        if path.suffix in (".csv", ".tsv"):
            writer = csv.writer(file, delimiter="\t" if path.suffix == ".tsv" else ",", lineterminator="\n")
            writer.writerows([("text", "label")] if name == "table" else [])
            writer.writerows(rows_of(rows))
            return
        for text, label in rows_of(rows):
            if name == "table":
                file.write(json.dumps({"text": text, "label": label}) + "\n")
            elif name == "bio":
                file.write("".join(f"{token}\tO\n" for token in text.split()[:6]) + f"x\tB-{label}\n\n")
            else:
                file.write(f"__label__{label} {text}\n" if name == "fasttext" else f"{text}\t{label}\n")


def measure(kind: str, rows: int, folder: Path) -> dict[str, Any]:
    """Parse the generated files and return what it took; run in a process of its own."""
    out = folder / "out"
    out.mkdir()
    files = {role: f"{role}-{FILES[kind]}" for role in ("train", "test")}
    dev = asdict(HoldOut("train", 0.1, 1))
    entry = {"format": kind.split(".")[0], "files": files, "dev": {"from": dev.pop("from_"), **dev}}
    if kind == "headlines":
        entry["classes"] = {"0": "a", "1": "b"}
    params = {**read_params(Path(__file__).parents[1] / "params.yaml"), "corpora": {"x": {"parse": entry}}}
    settings = load_entry_section(Parse, params, "corpora", "x", "parse")
    started = time.perf_counter()
    counts = parse(folder, settings, limit=None, out=out)
    seconds = time.perf_counter() - started
    assert counts["files"]["train"]["kept"] == rows
    # not ru_maxrss, which starts at the value of the parent process
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    peak = int(status["VmHWM"].split()[0]) / 1024
    return {"kind": kind, "rows": rows, "rows_per_second": round(rows / seconds), "peak_mib": round(peak)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--only", nargs="+", choices=FILES, default=list(FILES))
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)  # where the files of the one kind lie
    args = parser.parse_args()
    if args.folder:
        print(json.dumps(measure(args.only[0], args.rows, args.folder)), flush=True)
        return
    core = min(os.sched_getaffinity(0))
    environment = {**os.environ, **dict.fromkeys(("TEXTRNN_WORKERS", "OMP_NUM_THREADS", "ARROW_NUM_THREADS"), "1")}
    for kind in args.only:
        with tempfile.TemporaryDirectory() as folder:
            write(kind, Path(folder) / f"train-{FILES[kind]}", args.rows)
            write(kind, Path(folder) / f"test-{FILES[kind]}", TEST_ROWS)
            command = [sys.executable, __file__, "--only", kind, "--rows", str(args.rows), "--folder", folder]
            pin = lambda: os.sched_setaffinity(0, {core})  # noqa: E731
            subprocess.run(command, env=environment, check=True, preexec_fn=pin)


if __name__ == "__main__":
    run_command(main)
