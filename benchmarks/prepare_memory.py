"""Measure peak memory and time of the data stages for growing corpora; each stage is a script, as DVC runs it.

The corpora repeat the real reviews, with a counter added to each text. Memory is sampled from /proc: the resident pages
of the stage and all its workers, including those of memory-mapped shards.
"""

from __future__ import annotations

import bz2
import functools
import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib import pyplot
from ruamel.yaml import YAML

import checkout  # noqa: F401  (first: puts this checkout's src on the path)
from prepare_sides import REVIEWS, TOKENIZERS
from textrnn.errors import UserError

ROOT = Path(__file__).resolve().parent.parent
PLOT = Path("docs/memory.svg")
STAGES = {"parse": "amazon", "segment": "amazon_words", "encode": "amazon_words", "pad": "reviews_lstm"}
ROWS_PER_STREAM = 5_000
WORKERS = 2
TEXT = f"""\
Peak resident memory of a stage and its {WORKERS} workers together, and its seconds, by the number of training
reviews. The reviews of imdb/ are repeated, each with a counter, once in digits and once as a pair of words
(`film...good`). Every pair is a new chunk of text, so the caches of segmentation fill up and are emptied as with a
real corpus of that size. The words of the pairs, and the digits, which are replaced with 0, are not new, so the
vocabulary hardly grows and does not cause growth in memory."""


def measure_memory(source: Path, work: Path, sizes: list[int]) -> dict[str, Any]:
    """The result of `memory`: for each stage, peak memory and seconds at each size."""
    stages: dict[str, list[dict[str, Any]]] = {stage: [] for stage in STAGES}
    for rows in sizes:
        folder = work / str(rows)
        write_project(source, folder, rows)
        for stage, key in STAGES.items():
            point = {"rows": rows, **measure_stage(folder, stage, key)}
            print(f"{stage} {point}", file=sys.stderr, flush=True)
            stages[stage].append(point)
        shutil.rmtree(folder)
    return {"benchmark": "memory", "unit": "MiB", "text": TEXT, "rows": sizes, "stages": stages}


def write_project(source: Path, folder: Path, rows: int) -> None:
    """Write a folder for the stage scripts: params.yaml with only the corpus changed, and the raw files."""
    raw = folder / "raw" / "amazon"
    raw.mkdir(parents=True)
    starts = range(0, rows, ROWS_PER_STREAM)
    with (raw / "train.ft.txt.bz2").open("wb") as file, ProcessPoolExecutor() as pool:
        jobs = ((source / REVIEWS, start, min(ROWS_PER_STREAM, rows - start)) for start in starts)
        for stream in pool.map(_stream, jobs):
            file.write(stream)
    (raw / "test.ft.txt.bz2").write_bytes(_stream((source / REVIEWS, 0, min(ROWS_PER_STREAM, rows))))
    params = YAML(typ="safe").load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    params["data"]["source"] = str(folder / "raw")
    params["data"]["punkt"] = str((source / TOKENIZERS).resolve())
    params["corpora"]["amazon"]["parse"]["rows"] = {}
    params["encodings"]["amazon_words"]["segment"]["punkt"] = {"model": "english", "rows": None}
    with (folder / "params.yaml").open("w", encoding="utf-8") as file_:
        YAML().dump(params, file_)


@functools.cache
def _texts(reviews: Path) -> tuple[list[str], list[str]]:
    """The reviews, and some words of them."""
    with bz2.open(reviews, "rt", encoding="utf-8") as lines:
        texts = [line.rstrip("\n") for line in lines]
    words = {word for text in texts[:1000] for word in text.lower().split() if word.isalpha()}
    return texts, sorted(words)[:2048]


def _stream(job: tuple[Path, int, int]) -> bytes:
    reviews, start, rows = job
    texts, words = _texts(reviews)
    lines = []
    for number in range(start, start + rows):
        pair = f"{words[number % len(words)]}...{words[number // len(words) % len(words)]}"
        lines.append(f"{texts[number % len(texts)]} {number} {pair}\n")
    return bz2.compress("".join(lines).encode(), 1)


def measure_stage(folder: Path, stage: str, key: str) -> dict[str, Any]:
    started = time.perf_counter()
    command = [sys.executable, str(ROOT / "pipeline" / f"{stage}.py"), key]
    process = subprocess.Popen(command, cwd=folder, env={**os.environ, "TEXTRNN_WORKERS": str(WORKERS)})
    peak = 0
    while process.poll() is None:
        peak = max(peak, sum(resident_bytes(pid) for pid in process_tree(process.pid)))
        time.sleep(0.05)
    if process.returncode:
        raise UserError(f"pipeline/{stage}.py {key}", "failed", do="see its message above")
    return {"peak_mib": round(peak / 2**20, 1), "seconds": round(time.perf_counter() - started, 1)}


def process_tree(pid: int) -> list[int]:
    """A process and all its descendants."""
    processes = [pid]
    for parent in processes:  # grows during the loop
        try:
            for task in (Path("/proc") / str(parent) / "task").iterdir():
                processes += [int(child) for child in (task / "children").read_text().split()]
        except (FileNotFoundError, ProcessLookupError):
            continue
    return processes


def resident_bytes(pid: int) -> int:
    """The resident memory of a process in bytes, or 0 if it has ended."""
    try:
        pages = int((Path("/proc") / str(pid) / "statm").read_text().split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def plot(stages: dict[str, list[dict[str, Any]]], path: Path) -> None:
    """Plot peak memory and seconds against the number of reviews, on logarithmic axes."""
    matplotlib.rcParams["svg.hashsalt"] = "textrnn"
    figure, panels = pyplot.subplots(1, 2, figsize=(10, 4))
    for panel, column, label in zip(panels, ("peak_mib", "seconds"), ("peak memory, MiB", "seconds"), strict=True):
        for stage, points in stages.items():
            panel.plot([point["rows"] for point in points], [point[column] for point in points], "o-", label=stage)
        panel.set(xscale="log", yscale="log", xlabel="training reviews", ylabel=label)
        panel.grid(alpha=0.3)
    panels[0].set_ylim(bottom=10)
    panels[0].legend()
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
