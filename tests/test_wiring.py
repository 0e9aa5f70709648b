"""The graph against the code: deps are the imports, imports run one way, and a leaf touches the stages it should."""

from __future__ import annotations

import ast
import fnmatch
import functools
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from dvc.dependency.param import ParamsDependency
from dvc.repo import Repo
from ruamel.yaml import YAML

from imports import ROOT, SOURCE, all_imports, direct_imports

CHECKED = "data/checked.json"  # what check writes is the same for all valid params: nothing follows from it
STUDY = ("study_pad", "study_run", "study_cells", "study_verdicts")
STAGES = ("sample", "parse", "segment", "encode", "embed", "pad", "train", "evaluate", "baseline", "analyze", "card")
UNLISTED = {"errors.py", "params.py", "stage.py", "__init__.py"}  # what every stage imports
WHOLE = ("src/textrnn/formats", "src/textrnn/report")  # packages that are listed as their folders

# Rooms from the ground up: a module imports only from rooms below its own, or from its own.
ROOMS = (
    ("errors",),
    ("params", "stage"),
    ("resume", "workers"),
    ("data", "limits", "bzip2", "lines", "weights"),
    ("records", "draw", "spans"),
    ("nltk_rules", "nltk_sentences", "nltk_words", "jieba_words"),
    ("shards", "formats", "segmenters", "labels", "rectangles", "sample_words"),
    ("corpus", "staging", "repeats", "splits", "sample", "sources", "vocab", "texts", "card"),
    ("parse", "segment", "encode", "vectors", "lexicon", "pad", "scoring"),
    ("ngrams", "calibration", "slices", "preparation"),
    ("embed", "logistic", "windows", "neighbours"),
    ("architecture", "train"),
    ("check", "report"),
    ("kernels", "inputs", "dropout", "memory"),
    ("cells", "lookup", "given", "readouts", "crf", "average", "bag"),
    ("recurrent", "baselines"),
    ("models", "bigrams", "words", "beside", "residence", "sampling", "tally"),
    ("onnx_nodes", "onnx_lookup", "onnx_graph"),
    ("batches", "precision", "processes"),
    ("launch", "rowadam"),
    ("steps",),
    ("graphs",),
    ("checkpoints",),
    ("summary", "state", "answers"),
    ("training", "distill"),
    ("journal", "evaluate"),
    ("fit", "predictions", "predictor", "export", "export_command"),
    ("serving",),
    ("rates", "analysis", "exported", "cli"),
    ("study",),
)
TORCH_ROOMS = {name for room in ROOMS[ROOMS.index(("kernels", "inputs", "dropout", "memory")) :] for name in room}
BARE_IMAGE = {"torch", "numpy", "pyarrow", "safetensors", "ruamel", "textrnn", "checkout"}


def room_of(path: Path) -> str:
    return path.relative_to(SOURCE / "textrnn").parts[0].removesuffix(".py")


def modules() -> list[Path]:
    return sorted((SOURCE / "textrnn").rglob("*.py"))


def outside_imports(path: Path) -> set[str]:
    """Top-level names imported when the module itself is: imports inside functions are optional or late."""
    found = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.split(".")[0])
    return found


@functools.cache
def lock_file() -> dict[str, Any]:
    stages: dict[str, Any] = YAML(typ="safe").load((ROOT / "dvc.lock").read_text(encoding="utf-8"))["stages"]
    return stages


@functools.cache
def dvc_yaml() -> dict[str, Any]:
    stages: dict[str, Any] = YAML(typ="safe").load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    return stages


@pytest.mark.parametrize("stage", ["check", *STAGES, "report"])
def test_a_stage_lists_exactly_the_modules_its_script_imports(stage):
    definition = dvc_yaml()[stage]
    assert_lists_its_imports(stage, definition.get("do", definition))


@pytest.mark.parametrize("stage", STUDY)
def test_a_stage_of_the_study_does_so_too(stage):
    stages = YAML(typ="safe").load((ROOT / "study" / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    assert tuple(stages) == STUDY
    assert stages[stage]["wdir"] == ".."  # as the paths are the root's
    assert_lists_its_imports(stage, stages[stage])


def assert_lists_its_imports(stage: str, definition: dict[str, Any]) -> None:
    imported = {file for file in all_imports(ROOT / "pipeline" / f"{stage}.py") if file.name not in UNLISTED}
    names = {str(file.relative_to(ROOT)) for file in imported}
    names = {next((each for each in WHOLE if name.startswith(f"{each}/")), name) for name in names}
    listed = {dep for dep in definition["deps"] if dep.startswith("src/")}
    assert listed == names
    assert f"pipeline/{stage}.py" in definition["deps"]


def test_every_module_has_its_room():
    assert {room_of(path) for path in modules()} - {"__init__"} == {name for room in ROOMS for name in room}


def test_the_table_of_rooms_in_the_docs_has_every_module():
    part = (ROOT / "docs" / "design.md").read_text(encoding="utf-8").split("\n## Rooms\n")[1].split("\n## ")[0]
    first_cells = [line.split("|")[1] for line in part.splitlines() if line.startswith("| `")]
    told = [name for cell in first_cells for name in re.findall(r"`(\w+)`", cell)]
    assert sorted(told) == sorted(name for room in ROOMS for name in room)


def test_imports_run_one_way():
    level = {name: number for number, room in enumerate(ROOMS) for name in room}
    level["__init__"] = -1
    back = [
        f"{path.relative_to(SOURCE)} imports {target.relative_to(SOURCE)}"
        for path in modules()
        for target in direct_imports(path)
        if level[room_of(target)] > level[room_of(path)] and room_of(target) != room_of(path)
    ]
    assert back == []


def test_no_module_is_in_a_ring_of_imports():
    assert [str(path) for path in modules() if path.name != "__init__.py" and path in all_imports(path)] == []


def test_only_the_rooms_that_train_import_torch():
    importers = {room_of(path) for path in modules() if "torch" in outside_imports(path)}
    assert importers <= TORCH_ROOMS
    for stage in ("check", "sample", "parse", "segment", "encode", "embed", "pad", "report"):
        reached = {room_of(path) for path in all_imports(ROOT / "pipeline" / f"{stage}.py")}
        assert not reached & TORCH_ROOMS, stage


def test_training_needs_only_what_a_bare_gpu_image_has():
    import sys

    for stage in ("train", "evaluate"):
        script = ROOT / "pipeline" / f"{stage}.py"
        for path in (script, *all_imports(script)):
            assert outside_imports(path) <= BARE_IMAGE | set(sys.stdlib_module_names), path


def test_scripts_and_modules_keep_their_sizes():
    long = [path.name for path in (ROOT / "pipeline").glob("*.py") if len(path.read_text().splitlines()) > 60]
    long += [path.name for path in modules() if len(path.read_text().splitlines()) > 260]
    assert long == []


def test_no_param_is_called_what_the_run_cache_drops():
    def keys(values: Any) -> set[str]:
        if not isinstance(values, dict):
            return set()
        return set(map(str, values)) | {name for item in values.values() for name in keys(item)}

    params = YAML(typ="safe").load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    assert not keys(params) & {"size", "nfiles"}


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """The graph without any data or lock file: enough to ask for its stages, which a lock file would slow down."""
    folder = tmp_path_factory.mktemp("project")
    for name in ("dvc.yaml", "params.yaml"):
        shutil.copyfile(ROOT / name, folder / name)
    Repo.init(str(folder), no_scm=True).close()
    return folder


def touched(project: Path, changes: dict[str, Any]) -> set[str]:
    """Stages whose own command, deps or params differ from the lock, and all that follow from them."""
    text = (ROOT / "params.yaml").read_text(encoding="utf-8")
    params = YAML(typ="safe").load(text)
    for dotted, value in changes.items():
        *parents, leaf = dotted.split(".")
        at = params
        for key in parents:
            at = at[key]
        at[leaf] = value
    (project / "params.yaml").write_text(json.dumps(params), encoding="utf-8")
    with Repo(str(project)) as repo:
        stages = list(repo.index.stages)
    changed = {stage.name for stage in stages if differs(stage, lock_file()[stage.name], params)}
    outs = {stage.name: {out.def_path for out in stage.outs} for stage in stages}
    deps = {stage.name: {dep.def_path for dep in stage.deps} for stage in stages}
    waiting = list(changed)
    while waiting:
        made = outs[waiting.pop()]
        after = {name for name, paths in deps.items() if reads(paths, made - {CHECKED})} - changed
        changed |= after
        waiting += after
    return changed


def reads(deps: set[str], outs: set[str]) -> bool:
    """Whether one of these deps is one of the outs, or a folder that one of them lies in."""
    return any(out == dep or out.startswith(f"{dep}/") for out in outs for dep in deps)


def differs(stage: Any, locked: dict[str, Any], params: dict[str, Any]) -> bool:
    if stage.name == "check":
        return params != locked["params"]["params.yaml"]
    plain = {dep.def_path for dep in stage.deps if not isinstance(dep, ParamsDependency)}
    if stage.cmd != locked["cmd"] or plain != {dep["path"] for dep in locked.get("deps", [])}:
        return True
    return any(
        functools.reduce(lambda at, key: at[key], dotted.split("."), params) != value
        for dotted, value in locked.get("params", {}).get("params.yaml", {}).items()
    )


def recipes_of(encoding: str) -> list[str]:
    recipes = YAML(typ="safe").load((ROOT / "params.yaml").read_text(encoding="utf-8"))["recipes"]
    return [name for name, recipe in recipes.items() if recipe["encoding"] == encoding]


ALL_TRAINING = ["train@*", "evaluate@*", "analyze@*", "card@*"]
TRAINED = ("train", "evaluate", "analyze", "card")  # what follows from a recipe's training
PREPARED = ("embed", "pad", *TRAINED)  # what follows from an encoding for a recipe
LEAVES: list[tuple[dict[str, Any], list[str]]] = [
    ({}, []),
    ({"trian": {}}, []),
    ({"limits.row": 100}, []),
    ({"recipes.news_rnn.batch_size": 512}, ["report"]),
    ({"train.batch_size": 1024}, ALL_TRAINING),
    ({"train.seed": 2}, ALL_TRAINING),
    ({"model.word_dropout": 0.1}, ALL_TRAINING),
    ({"limits.epochs": 1}, ["baseline@*", *ALL_TRAINING]),
    ({"limits.hidden_size": 16}, ALL_TRAINING),
    ({"baseline.ngrams": 2}, ["baseline@*"]),
    ({"recipes.news_rnn.pad_size": 32}, [f"{s}@news_rnn" for s in ("pad", *TRAINED)]),
    ({"recipes.news_rnn.model.readout": "last_valid"}, [f"{s}@news_rnn" for s in TRAINED]),
    ({"recipes.names_gru.train": {"epochs": 3}}, [f"{s}@names_gru" for s in TRAINED]),
    ({"recipes.reviews_lstm.embedding_size": 50}, [f"{s}@reviews_lstm" for s in ("embed", *TRAINED)]),
    (
        {"recipes.ner_bilstm_crf.lexicon": {"longest": 3, "vectors": None}},
        [f"{s}@ner_bilstm_crf" for s in ("embed", *TRAINED)],
    ),
    ({"recipes.ner_bilstm_crf.model.words": {"width": 5, "min_count": 1}}, [f"{s}@ner_bilstm_crf" for s in TRAINED]),
    ({"embed.seed": 2}, ["embed@*", *ALL_TRAINING]),
    ({"segment.verify_share": 0.5}, [f"{s}@*" for s in STAGES[2:]]),
    (
        {"encodings.amazon_words.min_count": 3},
        ["encode@amazon_words", "baseline@amazon_words", *(f"{s}@reviews_lstm" for s in PREPARED)],
    ),
    (
        {"encodings.thucnews_chars.max_tokens": 100},
        [
            *(f"{s}@thucnews_chars" for s in ("encode", "baseline")),
            *(f"{s}@{r}" for r in recipes_of("thucnews_chars") for s in PREPARED),
        ],
    ),
    (
        {"encodings.msra_chars.tags": "bio"},
        ["encode@msra_chars", "baseline@msra_chars", *(f"{s}@ner_gru" for s in PREPARED)],
    ),
    (
        {"encodings.amazon_words.clean": ["lower"]},
        [f"{s}@amazon_words" for s in ("segment", "encode", "baseline")] + [*(f"{s}@reviews_lstm" for s in PREPARED)],
    ),
    (
        {"corpora.names.max_rejects": 5},
        [
            "parse@names",
            *(f"{s}@names_chars" for s in ("segment", "encode", "baseline")),
            *(f"{s}@{r}" for r in recipes_of("names_chars") for s in PREPARED),
        ],
    ),
    ({"limits.rows": 100}, [f"{s}@*" for s in STAGES[1:]]),
    ({"data.seed": 2}, [f"{s}@*" for s in STAGES[1:]]),
    ({"data.source": "elsewhere"}, [f"{s}@*" for s in STAGES[1:]]),
    ({"sample.rows": 100}, [f"{s}@*" for s in STAGES]),
    ({"recipes.news_lstm.encoding": "thucnews_words"}, [f"{s}@news_lstm" for s in PREPARED]),
    ({"data.vectors": "elsewhere"}, ["embed@*", *ALL_TRAINING]),
    ({"data.punkt": "elsewhere"}, [f"{s}@*" for s in STAGES[2:]]),
]


@pytest.mark.parametrize(("changes", "expected"), LEAVES, ids=[",".join(c) or "nothing" for c, _ in LEAVES])
def test_a_leaf_touches_exactly_its_stages(project, changes, expected):
    wanted = {"check"} if changes else set()
    wanted |= {name for name in lock_file() if any(fnmatch.fnmatch(name, pattern) for pattern in expected)}
    wanted |= {"report"} if expected else set()  # which tells of every recipe
    assert touched(project, changes) == wanted
