"""Packs the folder that benchmarks/gpu.py takes to a GPU; it needs the whole package, where gpu_folder.py reads it.

Segmentation, word vectors and YAML are done here: the stages up to `encode` run on all rows, and the embeddings and the
params are added. Padding is left to the GPU machine: the padded rows of three recipes would not fit into the limit.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import checkout  # noqa: F401  (first: puts this checkout's src on the path)
from gpu_folder import CORPUS, LOOPS, RAW_FILES, RECIPES, GpuFolder
from textrnn.common.config.embed import Embed
from textrnn.common.config.encode import Encode
from textrnn.common.config.parse import Parse
from textrnn.common.config.segment import Segment
from textrnn.common.params.sections import load_entry_section
from textrnn.common.storage.parsed_rows import ParsedRows
from textrnn.common.storage.segmented_rows import SegmentedRows
from textrnn.errors import UserError
from textrnn.preparation.artifacts.labels import Labels
from textrnn.preparation.artifacts.learned_vectors import NO_VECTORS
from textrnn.preparation.artifacts.recipe_embedding import save_matrix
from textrnn.preparation.artifacts.vocabulary import Vocabulary
from textrnn.preparation.embedding.embed import embed
from textrnn.preparation.encoding.encode import encode
from textrnn.preparation.parsing.parse import parse
from textrnn.preparation.segmentation.segment import segment
from textrnn.stage import output_folder

ENCODING = "thucnews_chars"  # of all RECIPES
VECTORS = {"news_bilstm": "tencent-char-200d.vec.gz"}  # as docs/results.md measures it; random where there is no file
MAX_BYTES = 60 * 10**6


def pack_folder(folder: Path, source: Path, yardstick: Path, params: Mapping[str, Any]) -> int:
    """Write a packed folder, which must be empty or new; return its bytes.

    source: the folder of real corpora. yardstick: the folder of the tutorials' loops. Raises UserError for what is
    missing, and if the folder would have more than MAX_BYTES.
    """
    if folder.is_dir() and any(folder.iterdir()):
        raise UserError(folder, "is not empty", do="name a new folder, or remove what is there")
    packed = GpuFolder(folder)
    originals = {path: source / CORPUS / path.name for path in (packed.raw / name for name in RAW_FILES)}
    originals |= {packed.loop(name): yardstick / name for name in LOOPS}
    missing = [str(original) for original in originals.values() if not original.is_file()]
    if missing:
        do = "give --source the folder of real corpora, and --yardstick that of the tutorials' loops"
        raise UserError(", ".join(missing), "no such file", do=do)
    with output_folder(folder) as temporary, tempfile.TemporaryDirectory() as work:
        for path, original in originals.items():
            (copy := temporary / path.relative_to(folder)).parent.mkdir(exist_ok=True)
            shutil.copyfile(original, copy)
        _prepare(GpuFolder(temporary), params, Path(work), source / "vectors")
        size = sum(path.stat().st_size for path in temporary.rglob("*") if path.is_file())
        if size > MAX_BYTES:
            raise UserError(folder, f"must have at most {MAX_BYTES:,} bytes", got=f"{size:,}")
    return size


def _prepare(packed: GpuFolder, params: Mapping[str, Any], work: Path, vectors: Path) -> None:
    """Write the params, the encoded rows and the embeddings. work: an empty folder for what else the stages write."""
    packed.params.write_text(json.dumps(params, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    _encode(packed, params, work)
    vocabulary = Vocabulary.load(work / "vocabulary.arrow")
    for recipe in RECIPES:
        _embed(packed, recipe, vocabulary, params, vectors)


def _encode(packed: GpuFolder, params: Mapping[str, Any], work: Path) -> None:
    """Run the stages parse, segment and encode on all rows, with what they leave in a folder of its own."""
    parsed, segmented = work / "parsed", work / "segmented"
    for folder in (parsed, segmented, packed.encoded):
        folder.mkdir()
    corpus = load_entry_section(Parse, params, "corpora", CORPUS, "parse")
    parse(packed.raw, corpus, limit=None, out=parsed)
    segmentation = load_entry_section(Segment, params, "encodings", ENCODING, "segment")
    segment(ParsedRows.read(parsed), segmentation, punkt_folder=work, out=segmented)
    settings, where = (
        load_entry_section(Encode, params, "encodings", ENCODING, "encode"),
        f"encodings.{ENCODING}.encode",
    )
    encode(SegmentedRows.read(segmented), settings, where=where, ids=packed.encoded, preparation=work)
    Labels.load(work / "labels.json").save(packed.labels)


def _embed(packed: GpuFolder, recipe: str, vocabulary: Vocabulary, params: Mapping[str, Any], vectors: Path) -> None:
    settings = load_entry_section(Embed, params, "recipes", recipe, "embed")
    if recipe in VECTORS and (vectors / VECTORS[recipe]).is_file():
        settings = replace(settings, width=None, vectors=VECTORS[recipe])
    matrix, _ = embed(vocabulary, settings, vectors, NO_VECTORS, f"recipes.{recipe}.embed")
    packed.embedding(recipe).parent.mkdir(exist_ok=True)
    save_matrix(packed.embedding(recipe), matrix)
