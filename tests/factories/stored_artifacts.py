"""Everything that the product writes and reads back, tiny, with a function that reads it whole."""

from __future__ import annotations

import contextlib
import io
import json
import random
import resource
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from factories.damage import damage_file
from factories.tiny_models import DICTIONARY, classifier, tagger, tiny_linear
from textrnn.common.config.embed import Lexicon
from textrnn.common.integrity.checksums import CHECKSUMS, write_checksums, write_sibling_checksums
from textrnn.common.storage.encoded_rows import EncodedRows
from textrnn.common.storage.markers import MARKERS, finished_shards, mark_finished, read_result
from textrnn.common.storage.padded_rows import PaddedRows
from textrnn.common.storage.parsed_rows import ParsedRows
from textrnn.common.storage.segmented_rows import SegmentedRows
from textrnn.common.storage.shards import listed_files
from textrnn.errors import UserError
from textrnn.preparation.artifacts.learned_vectors import LearnedVectors
from textrnn.preparation.artifacts.linear_model import LinearModel
from textrnn.preparation.artifacts.preparation_folder import Preparation
from textrnn.preparation.artifacts.recipe_embedding import RecipeEmbedding
from textrnn.preparation.embedding.lexicon import build_lexicon
from textrnn.preparation.segmentation.segmenters import Segmenter
from textrnn.training.trainer.checkpointer import Checkpointer
from textrnn.training.trainer.run_state import Checkpoint, RunState

MEMORY = 12 * 2**30  # bytes of address space: a file that asks for more is an error here
MARKER = {"files": ["a.txt"], "counts": {"a": 1, "b": 0.25}, "shards": [{"file": "a.txt", "rows": 3}]}


@dataclass(frozen=True)
class Artifact:
    """A folder with files, and what reads them; `read` gives a text, equal for equal contents."""

    name: str
    folder: Path
    read: Callable[[Path], str]

    def files(self) -> list[Path]:
        return sorted(path for path in self.folder.rglob("*") if path.is_file())


@dataclass(frozen=True)
class Outcome:
    """How a damaged artifact was read. kind: `same`, `other`, `error` or `traceback`."""

    artifact: str
    file: str
    way: str
    kind: str
    message: str


def make_artifacts(folder: Path, *, checksums: bool) -> list[Artifact]:
    """All artifacts, below a folder. checksums: whether their folders have them, as those of the stages do."""
    folder.mkdir(parents=True)
    artifacts = [*_of_tiny("classifier", classifier(folder / "wide", "chars left buckets wide"), folder / "wide")]
    artifacts += _of_tiny("words", classifier(folder / "nltk", "nltk punkt"), folder / "nltk")[-1:]
    artifacts += _of_tiny("tagger", tagger(folder / "tagger", "chars words left buckets"), folder / "tagger")
    artifacts += _prepared(folder)
    report = folder / "report"
    report.mkdir()
    artifacts.append(_report(report, checksums))
    for artifact in artifacts:
        if checksums and artifact.name not in ("markers", "checkpoint", "report"):
            write_checksums(artifact.folder, leave_out=listed_files(artifact.folder))
    return artifacts


def _of_tiny(name: str, tiny: Any, folder: Path) -> list[Artifact]:
    prepared = folder / "preparation"
    prepared.mkdir()
    Preparation(folder).copy_to(prepared)
    return [
        Artifact(f"parsed, {name}", folder / "parsed", _read_rows(ParsedRows)),
        Artifact(f"segmented, {name}", folder / "segmented", _read_segmented),
        Artifact(f"encoded, {name}", folder / "ids", _read_rows(EncodedRows)),
        Artifact(f"padded, {name}", folder / "padded", _read_rows(PaddedRows)),
        Artifact(f"preparation, {name}", prepared, _read_preparation),
        Artifact(f"model, {name}", tiny.folder, _predict),
    ]


def _prepared(folder: Path) -> list[Artifact]:
    """An embedding with a lexicon, learned vectors, a linear model, markers and a checkpoint."""
    vocabulary = Preparation(folder / "tagger" / "preparation").read_vocabulary()
    rng = np.random.default_rng(1)
    embedded, vectorized, linear, work, run = (folder / name for name in ("embedded", "vectorized", "linear", "w", "r"))
    for path in (embedded, vectorized, linear, work, run / MARKERS):
        path.mkdir(parents=True)
    lexicon = build_lexicon(DICTIONARY, vocabulary, Lexicon(4, None), "x")
    matrix = rng.normal(size=(len(vocabulary), 3)).astype(np.float32)
    RecipeEmbedding(matrix, lexicon, lexicon.slice(0, 3)).write(embedded)
    ids = rng.integers(2, len(vocabulary), (6, 2))
    vectors = rng.normal(size=(6, 4)).astype(np.float32)
    LearnedVectors(LearnedVectors.part("bigram", ids, np.arange(6), vectors)).write(vectorized)
    padded = PaddedRows.read(folder / "wide" / "padded")
    tiny_linear(padded, len(Preparation(folder / "wide" / "preparation").read_vocabulary()), 2).write(linear)
    (work / MARKERS).mkdir()
    (work / "a.txt").write_text("abc")
    mark_finished(work, "a", MARKER)
    state = RunState(step=3, rows=12, seconds=0.5, best_weights={"w": torch.arange(4.0)})
    with contextlib.redirect_stdout(io.StringIO()):
        Checkpointer(run).save(3, Checkpoint(state, {"sums": torch.ones(2, 3)}).encode())
    return [
        Artifact("embedded", embedded, _read_embedded),
        Artifact("vectorized", vectorized, lambda path: str(LearnedVectors.read(path).table.to_pylist())),
        Artifact("linear", linear, _read_linear),
        Artifact("markers", work, _read_markers),
        Artifact("checkpoint", run, _read_checkpoint),
    ]


def _report(folder: Path, checksums: bool) -> Artifact:
    from factories.report_pages import write_results

    write_results(folder)
    if checksums:
        for each in folder.glob("data/evaluated/*"), folder.glob("data/analyzed/*"), folder.glob("models/*"):
            for path in each:
                write_checksums(path)
        for path in folder.glob("data/baselines/*.json"):
            if path.with_suffix(".arrow").exists():
                write_sibling_checksums((path, path.with_suffix(".arrow")))
    return Artifact("report", folder, _render)


def _read_rows(rows: Any) -> Callable[[Path], str]:
    def read(folder: Path) -> str:
        stored = rows.read(folder)
        opened = [stored.open(shard).to_pylist() for shard in stored.shards]
        streamed = [batch.to_pylist() for split in ("train", "dev", "test") for batch in stored.batches(split)]
        return str((stored.facts, opened, streamed))

    return read


def _read_segmented(folder: Path) -> str:
    rows = SegmentedRows.read(folder)
    state = Segmenter.load(rows.segmentation_file).state
    return _read_rows(SegmentedRows)(folder) + str((rows.read_counts().to_pylist(), state))


def _read_preparation(folder: Path) -> str:
    preparation = Preparation(folder)
    vocabulary, labels = preparation.read_vocabulary(), preparation.read_labels()
    state = Segmenter.load(preparation.segmentation_file).state
    return str((vocabulary.tokens.to_pylist(), vocabulary.counts.to_pylist(), vocabulary.encode(["中"]), labels, state))


def _predict(folder: Path) -> str:
    from textrnn.inference.prediction.predictor import load

    predictor = load(folder)
    texts = ["", "中国人民 中华", "a text, of Mr. Words. New", "鼎7a" * 7, "北京大学生 www.a.com"]
    return json.dumps(predictor.predict(texts), allow_nan=False) + str((predictor.name, predictor.labels))


def _read_embedded(folder: Path) -> str:
    embedding = RecipeEmbedding.read(folder)
    return str((embedding.matrix.tolist(), embedding.lexicon.to_pylist(), embedding.bigrams.to_pylist()))


def _read_linear(folder: Path) -> str:
    model = LinearModel.read(folder)
    scores = model.scores(np.arange(2, 12) % model.vocabulary_size, np.array([0, 4, 10]))
    return str((model.name, scores.tolist(), [keys.tolist() for keys in model.keys], model.weights.tolist()))


def _read_markers(folder: Path) -> str:
    """What is finished; a shard whose marker is damaged is not, and is written again."""
    results = [read_result(folder, name) for name in finished_shards(folder)]
    return str([MARKER]) if not results else str(results)


def _read_checkpoint(folder: Path) -> str:
    """The latest checkpoint; a damaged one is reported and ignored."""
    data = Checkpointer(folder).load_latest()
    if data is None:
        return str((3, 12, 0.5, [0.0, 1.0, 2.0, 3.0], [[1.0] * 3] * 2))
    decoded = Checkpoint.decode(data)
    state = decoded.state
    return str(
        (state.step, state.rows, state.seconds, state.best_weights["w"].tolist(), decoded.tensors["sums"].tolist())
    )


def _render(folder: Path) -> str:
    from factories.report_pages import recipes
    from textrnn.evaluation.outputs.results_table import results_table
    from textrnn.evaluation.report.page import render
    from textrnn.evaluation.report.report_content import ReportContent

    results = recipes(folder)
    return render(ReportContent(results)) + results_table(results)


def try_mutations(folder: Path, seed: int, count: int, *, checksums: bool) -> Iterator[Outcome]:
    """Damage files of copies of all artifacts in turn, read each, and yield the outcomes; run it in its own process."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    rng = random.Random(seed)
    artifacts = make_artifacts(folder / "sound", checksums=checksums)
    expected = {artifact.name: artifact.read(artifact.folder) for artifact in artifacts}
    for number in range(count):
        artifact = artifacts[number % len(artifacts)]
        copy = folder / "damaged"
        shutil.copytree(artifact.folder, copy)
        path = rng.choice([path for path in artifact.files() if checksums or CHECKSUMS not in path.name])
        path = copy / path.relative_to(artifact.folder)
        way = damage_file(path, [other for other in artifact.files() if other.name != path.name], rng)
        print(artifact.name, path.name, way, flush=True)  # so that a crash can be told
        kind, message = _read(artifact, copy, expected[artifact.name])
        yield Outcome(artifact.name, path.name, way, kind, message)
        shutil.rmtree(copy)


def _read(artifact: Artifact, copy: Path, expected: str) -> tuple[str, str]:
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            found = artifact.read(copy)
    except UserError as error:
        return "error", str(error).replace(str(copy), "FOLDER")
    except Exception as error:
        import traceback

        return "traceback", "".join(traceback.format_exception(error)[-4:])
    # where the folder is does not matter
    return ("same" if found.replace(str(copy), str(artifact.folder)) == expected else "other"), ""


def main() -> None:
    """Print the outcomes as lines of JSON to the file of the first argument."""
    to, folder, seed, count, checksums = sys.argv[1:]
    with Path(to).open("w", encoding="utf-8") as file:
        for outcome in try_mutations(Path(folder), int(seed), int(count), checksums=checksums == "yes"):
            file.write(json.dumps(vars(outcome)) + "\n")
            file.flush()


if __name__ == "__main__":
    main()
