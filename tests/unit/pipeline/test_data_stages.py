"""The scripts of the data stages, from a sample to padded rows: the files of each output folder, and statistics."""

import json
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from factories.imports import ROOT
from textrnn.common.integrity.json_files import read_json
from textrnn.common.storage.encoded_rows import EncodedRows
from textrnn.common.storage.padded_rows import PaddedRows
from textrnn.common.storage.parsed_rows import ParsedRows
from textrnn.common.storage.resumable import resumable_folder
from textrnn.common.storage.segmented_rows import SegmentedRows
from textrnn.errors import UserError
from textrnn.preparation.artifacts.learned_vectors import LearnedVectors
from textrnn.preparation.artifacts.preparation_folder import PREPARATION_FILES, Preparation
from textrnn.preparation.artifacts.recipe_embedding import RecipeEmbedding

STAGES = (
    *(("sample", "names"), ("parse", "names")),
    *(("segment", "names_chars"), ("encode", "names_chars"), ("vectorize", "names_chars")),
    *(("embed", "names_gru"), ("pad", "names_gru")),
)
LIMITED = {"train": 180}  # of 200 rows, 20 are dev


@pytest.fixture
def run(tmp_path, monkeypatch, import_stage):
    """A function that runs the script of a stage in a project of 200 names, 100 of which are used."""
    params = YAML(typ="safe").load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    params["sample"]["rows"], params["limits"]["rows"] = 200, 100
    (tmp_path / "params.yaml").write_text(json.dumps(params), encoding="utf-8")
    (tmp_path / "dvc.yaml").write_bytes((ROOT / "dvc.yaml").read_bytes())
    monkeypatch.chdir(tmp_path)
    return lambda stage, name: import_stage(stage).main(name)


@pytest.fixture
def prepared(run, tmp_path):
    for stage, name in STAGES:
        run(stage, name)
    return tmp_path


def names_in(folder):
    """The files of a folder but for its checksums, which are those of all but the shards."""
    names = {path.name for path in folder.iterdir()} - {"checksums.json"}
    if (folder / "checksums.json").exists():
        index = folder / "index.json"
        shards = json.loads(index.read_text(encoding="utf-8"))["shards"] if index.exists() else []
        listed = set(json.loads((folder / "checksums.json").read_text(encoding="utf-8")))
        assert listed == names - {shard["file"] for shard in shards}
    return names


def test_each_folder_holds_its_rows_and_statistics(prepared):
    splits = {f"{split}-00000.arrow" for split in ("train", "dev", "test")}
    rows = {"index.json", "statistics.json"}
    assert names_in(Path("data/parsed/names")) == rows | splits
    assert names_in(Path("data/segmented/names_chars")) == rows | splits | {"counts.arrow", "segmentation.json"}
    assert names_in(Path("data/encoded/names_chars")) == {"ids", "preparation"}
    assert names_in(Path("data/encoded/names_chars/ids")) == rows | splits
    assert names_in(Path("data/encoded/names_chars/preparation")) == set(PREPARATION_FILES)
    assert names_in(Path("data/vectorized/names_chars")) == {"vectors.arrow", "statistics.json"}
    embedded = {"embedding.arrow", "lexicon.arrow", "bigrams.arrow", "statistics.json"}
    assert names_in(Path("data/embedded/names_gru")) == embedded
    padded = Path("data/padded/names_gru")
    shards = {shard.file for shard in PaddedRows.read(padded).shards}
    assert names_in(padded) == rows | {"lengths.csv"} | shards
    assert not Path("metrics").exists()
    assert not list(Path("data").glob("**/.*"))


def test_what_was_limited_is_told_from_parsed_to_padded_rows(prepared):
    names = {ParsedRows: "names", SegmentedRows: "names_chars", EncodedRows: "names_chars", PaddedRows: "names_gru"}
    for rows, name in names.items():
        read = rows.read(rows.default_folder(name))
        assert (read.rows_before_limit, read.task) == (LIMITED, "classify"), rows
        assert [read.rows(split) for split in ("train", "dev", "test")] == [100, 20, 40], rows


def test_statistics_agree_with_the_rows(prepared):
    parsed = read_json(ParsedRows.default_folder("names") / "statistics.json", dict)
    assert parsed["rows"] == {"train": 100, "dev": 20, "test": 40}
    assert parsed["files"]["train"] == {"read": 200, "kept": 200, "rejected": {}}
    segmented = read_json(SegmentedRows.default_folder("names_chars") / "statistics.json", dict)
    counts = SegmentedRows.read(SegmentedRows.default_folder("names_chars")).read_counts()
    assert (segmented["tokens"]["train"], segmented["distinct_in_train"]) == (
        sum(counts["count"].to_pylist()),
        len(counts),
    )
    vocabulary = Preparation(Preparation.default_folder("names_chars")).read_vocabulary()
    encoded = read_json(EncodedRows.default_folder("names_chars") / "statistics.json", dict)
    assert {name: encoded[name] for name in ("vocabulary", "min_count", "max_tokens")} == {
        "vocabulary": len(counts) + 2,
        "min_count": 1,
        "max_tokens": None,
    }
    assert (encoded["unknown_share"]["train"], len(vocabulary)) == (0.0, len(counts) + 2)
    embedded = RecipeEmbedding.default_folder("names_gru")
    width = RecipeEmbedding.read(embedded).matrix.shape[1]
    assert read_json(embedded / "statistics.json", dict) == {
        "vectors": None,
        "width": width,
        "covered_tokens": 0.0,
        "covered_text": 0.0,
        "lexicon": None,
        "bigrams": None,
        "bigram_vectors": 0,
        "vectorized_texts": None,
    }
    padded = PaddedRows.default_folder("names_gru")
    assert read_json(padded / "statistics.json", dict)["widths"] == list(PaddedRows.read(padded).widths)
    lines = (padded / "lengths.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "length,rows"
    lengths = [tuple(map(int, line.split(","))) for line in lines[1:]]
    assert sum(rows for _, rows in lengths) == 100
    assert sum(length * rows for length, rows in lengths) == segmented["tokens"]["train"]


def test_the_preparation_has_the_segmentation_of_the_encoding(prepared):
    segmented = SegmentedRows.read(SegmentedRows.default_folder("names_chars"))
    preparation = Preparation(Preparation.default_folder("names_chars"))
    assert preparation.segmentation_file.read_bytes() == segmented.segmentation_file.read_bytes()
    assert preparation.read_labels().names == list(segmented.labels)


@pytest.mark.parametrize(("stage", "name"), STAGES[1:5] + STAGES[6:])
def test_a_resume_key_covers_the_facts_of_the_input(prepared, run, monkeypatch, stage, name):
    """Another limit or another index of the input is another run: no shard of this one is kept for it."""
    keys = []

    def record(path, *_, stage, **key):
        keys.append(json.dumps(key, sort_keys=True))
        return resumable_folder(path, stage=stage, **key)

    monkeypatch.setattr(f"{stage}.resumable_folder", record)
    run(stage, name)
    run(stage, name)
    if stage == "parse":
        params = json.loads(Path("params.yaml").read_text(encoding="utf-8"))
        params["limits"]["rows"] = 50
        Path("params.yaml").write_text(json.dumps(params), encoding="utf-8")
    else:
        folder = {
            "segment": ParsedRows.default_folder("names"),
            "encode": SegmentedRows.default_folder("names_chars"),
            "vectorize": SegmentedRows.default_folder("names_chars"),
            "pad": EncodedRows.default_folder("names_chars"),
        }[stage]
        index = json.loads((folder / "index.json").read_text(encoding="utf-8"))
        (folder / "index.json").write_text(json.dumps(index | {"rows_before_limit": {}}), encoding="utf-8")
        (folder / "checksums.json").unlink()
    run(stage, name)
    assert keys[0] == keys[1] != keys[2]


def test_vectors_of_train_and_of_a_generated_file_reach_the_embedding(run, tmp_path):
    params = json.loads(Path("params.yaml").read_text(encoding="utf-8"))
    params["corpora"]["names"]["parse"]["files"]["unlabelled"] = "more.txt.gz"
    pairs = {"width": 3, "min_count": 4, "norm": 1.0}
    params["encodings"]["names_chars"]["vectorize"] = {"width": 6, "min_count": 3, "bigrams": pairs}
    params["recipes"]["names_gru"]["embed"] = {"width": 6, "vectors": "vectorized", "bigrams": "vectorized"}
    Path("params.yaml").write_text(json.dumps(params), encoding="utf-8")
    for stage, name in STAGES:
        run(stage, name)
    vectorized = read_json(Path("data/vectorized/names_chars/statistics.json"), dict)
    assert (vectorized["width"], vectorized["text"]) == (6, "more.txt.gz")
    dropped = sum(vectorized["dropped"].values())
    assert vectorized["texts"] == {"train": 100, "unlabelled": 240 - dropped}
    learned = LearnedVectors.read(Path("data/vectorized/names_chars"))
    ids, vectors = learned.of("token")
    assert len(ids) == vectorized["vectors"]["token"] > 20
    embedding = RecipeEmbedding.read(RecipeEmbedding.default_folder("names_gru"))
    assert (embedding.matrix[ids.flatten().to_numpy()] == vectors).all()
    pair_ids, pair_vectors = learned.of("bigram")
    assert embedding.bigrams["ids"].to_pylist() == pair_ids.to_pylist()
    assert embedding.bigrams["vector"].to_pylist() == pair_vectors.tolist()
    assert len(pair_ids) > 20
    embedded = read_json(Path("data/embedded/names_gru/statistics.json"), dict)
    assert embedded["vectorized_texts"] == {"text": "more.txt.gz", **vectorized["texts"]}
    Path("data/sample/names/more.txt.gz").unlink()
    with pytest.raises(UserError, match=r"more\.txt\.gz: no such file; put it there, or correct the params"):
        run("vectorize", "names_chars")
    assert read_json(Path("data/vectorized/names_chars/statistics.json"), dict) == vectorized  # nothing half-written


def test_tokens_that_are_all_too_rare_for_vectors(run, capsys):
    params = json.loads(Path("params.yaml").read_text(encoding="utf-8"))
    params["encodings"]["names_chars"]["vectorize"] = {"width": 6, "min_count": 1_000_000}
    params["recipes"]["names_gru"]["embed"] = {"width": 6, "vectors": "vectorized"}
    Path("params.yaml").write_text(json.dumps(params), encoding="utf-8")
    for stage, name in STAGES:
        run(stage, name)
    said = "names_gru: no token is frequent enough for a learned vector; the embeddings are random\n"
    assert said in capsys.readouterr().out
    assert read_json(Path("data/embedded/names_gru/statistics.json"), dict)["covered_tokens"] == 0.0
