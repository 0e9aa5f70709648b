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
from textrnn.common.params import check
from textrnn.common.params.sections import load_entry_section, merge_values

CHECKED = "data/checked.json"  # what check writes is the same for all valid params: nothing follows from it
STUDY = ("study_pad", "study_run", "study_cells", "study_verdicts")
STAGES = ("sample", "parse", "segment", "encode", "embed", "pad", "train", "evaluate", "baseline", "analyze")
FLOOR = {"__init__", "errors", "stage", "cli"}  # modules on the top floor, beside the wings
# declarations and their reader, which compute nothing: DVC tracks the values of params.yaml themselves
DECLARATIONS = "common/config"
LISTED_BY_CHECK_ALONE = (DECLARATIONS, "common/params")

# The packages from the ground up: a package imports only from itself and from those above it in this list.
LAYERS = (
    "common/config",
    "common/params",
    "common/storage",
    "common/files",
    "common/executor",
    "preparation/sample",
    "preparation/parsing",
    "preparation/segmentation",
    "preparation/artifacts",
    "preparation/encoding",
    "preparation/embedding",
    "preparation/padding",
    "modeling/nn",
    "modeling/models",
    "training/batching",
    "training/distributed",
    "training/optimization",
    "training/features",
    "training/trainer",
    "evaluation/metrics",
    "evaluation/scoring",
    "evaluation/analysis",
    "evaluation/baselines",
    "evaluation/outputs",
    "evaluation/rendering",
    "evaluation/report",
    "inference/prediction",
    "inference/onnx",
    "inference/serving",
    "study/plan",
    "study/runs",
    "study/verdicts",
    "tools",
)
WINGS = {
    wing: [package for package in LAYERS if package.startswith(f"{wing}/")]
    for wing in dict.fromkeys(package.split("/")[0] for package in LAYERS)
}
TORCH = ("modeling/", "training/", "evaluation/scoring", "evaluation/baselines", "inference/", "study/runs", "tools")
BARE_IMAGE = {"torch", "numpy", "pyarrow", "safetensors", "ruamel", "filelock", "textrnn", "checkout"}
MOST_MODULES = 12
MOST_WINGS = 10


def package_of(path: Path) -> str | None:
    """The package of a file of the library; None for the modules of the top floor and a wing's own `__init__`."""
    relative = path.relative_to(SOURCE / "textrnn").as_posix()
    return next((package for package in LAYERS if relative.startswith(f"{package}/")), None)


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
def test_a_stage_lists_exactly_the_packages_its_script_reaches(stage):
    definition = dvc_yaml()[stage]
    assert_lists_its_packages(stage, definition.get("do", definition))


@pytest.mark.parametrize("stage", STUDY)
def test_a_stage_of_the_study_does_so_too(stage):
    stages = YAML(typ="safe").load((ROOT / "study" / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    assert tuple(stages) == STUDY
    assert stages[stage]["wdir"] == ".."  # as the paths are the root's
    assert_lists_its_packages(stage, stages[stage])


def assert_lists_its_packages(stage: str, definition: dict[str, Any]) -> None:
    reached = {package_of(file) for file in all_imports(ROOT / "pipeline" / f"{stage}.py")} - {None}
    if stage != "check":
        reached -= set(LISTED_BY_CHECK_ALONE)
    listed = [dep for dep in definition["deps"] if dep.startswith("src/")]
    folders = [wing_if_whole(package, reached) for package in LAYERS if package in reached]
    assert listed == [f"src/textrnn/{folder}" for folder in dict.fromkeys(folders)]
    assert f"pipeline/{stage}.py" in definition["deps"]


def wing_if_whole(package: str, reached: set[str | None]) -> str:
    """The package's wing if all of the wing is reached, which is one dep in place of several; else the package."""
    wing = package.split("/")[0]
    return wing if len(WINGS[wing]) > 1 and reached.issuperset(WINGS[wing]) else package


def test_every_module_lies_in_a_package_of_the_list():
    floor = {path.stem for path in modules() if package_of(path) is None and path.parent == SOURCE / "textrnn"}
    assert floor == FLOOR
    lost = [path for path in modules() if package_of(path) is None and path.name != "__init__.py"]
    assert [path for path in lost if path.parent != SOURCE / "textrnn"] == []
    assert {package_of(path) for path in modules()} - {None} == set(LAYERS)


def test_no_floor_is_crowded():
    assert len({package.split("/")[0] for package in LAYERS}) <= MOST_WINGS
    folders = {path.parent for path in modules() if path.name != "__init__.py"}
    counts = {folder: len(list(folder.glob("*.py"))) - (folder / "__init__.py").is_file() for folder in folders}
    assert {folder: count for folder, count in counts.items() if count > MOST_MODULES} == {}


def test_no_path_stutters():
    stutters = [
        path for path in modules() if path.stem == path.parent.name or path.parent.name == path.parent.parent.name
    ]
    assert stutters == []


def test_every_package_has_a_readme_of_a_few_lines():
    for package in LAYERS:
        text = (SOURCE / "textrnn" / package / "README.md").read_text(encoding="utf-8")
        assert text.startswith(f"# {package}\n"), package
        for word in ("**For:**", "**Reads:**", "**Writes:**", "**Start at:**"):
            assert text.count(word) == 1, (package, word)
        start = re.search(r"\*\*Start at:\*\* `([\w/]+\.py)`", text)
        assert start is not None, package
        assert (SOURCE / "textrnn" / package / start[1]).is_file(), package
        assert len(text.splitlines()) <= 12, package


def test_the_docs_show_the_layers():
    part = (ROOT / "docs" / "design.md").read_text(encoding="utf-8").split("\n## Packages\n")[1].split("\n## ")[0]
    shown = [line.split("`")[1] for line in part.splitlines() if line.startswith("| `")]
    assert shown == list(LAYERS)


def test_the_walks_of_the_docs_pass_by_what_there_is():
    part = (ROOT / "docs" / "design.md").read_text(encoding="utf-8").split("\n## Four walks\n")[1].split("\n## ")[0]
    names = re.findall(r"`(\w+)\.(\w+)\.(\w+)`", part)
    assert len(names) > 15
    by_name = {package.split("/")[-1]: package for package in LAYERS}
    for package, module, symbol in names:
        path = SOURCE / "textrnn" / by_name[package] / f"{module}.py"
        body = ast.parse(path.read_text(encoding="utf-8")).body
        assert symbol in {getattr(node, "name", None) for node in body}, f"{package}.{module}.{symbol}"


def test_imports_run_downward():
    level = {package: number for number, package in enumerate(LAYERS)}
    up = [
        f"{path.relative_to(SOURCE)} imports {target.relative_to(SOURCE)}"
        for path in modules()
        for target in direct_imports(path)
        if (own := package_of(path)) and (other := package_of(target)) and level[other] > level[own]
    ]
    assert up == []
    for name in FLOOR - {"__init__", "cli"}:
        assert {package_of(file) for file in all_imports(SOURCE / "textrnn" / f"{name}.py")} == {
            None
        } or name == "errors"


def test_no_module_is_in_a_ring_of_imports():
    assert [str(path) for path in modules() if path.name != "__init__.py" and path in all_imports(path)] == []


def test_config_declares_and_checks_and_computes_nothing():
    """What it would compute could change without a stage being run again, as none but `check` depends on it."""
    for path in sorted((SOURCE / "textrnn" / DECLARATIONS).glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                assert node.name.lstrip("_").startswith("check"), f"{path.name}: {node.name}"
                assert isinstance(node.returns, ast.Constant), f"{path.name}: {node.name} returns something"
                assert node.returns.value is None, f"{path.name}: {node.name} returns something"
            if isinstance(node, ast.ClassDef):
                assert [ast.unparse(each) for each in node.decorator_list] == ["dataclass(frozen=True)"], node.name
    importers = [path for path in modules() if SOURCE / "textrnn/common/params/check.py" in direct_imports(path)]
    assert importers == []


def test_merging_takes_the_entrys_value_and_nothing_else():
    """The reader of params.yaml is listed by `check` alone, so what it does with two values is held here."""
    params = YAML(typ="safe").load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    for table, sections in check.ENTRY_SECTIONS.items():
        for entry in params[table]:
            for name, cls in sections.items():
                merged, own = merge_values(params, table, entry, name), params[table][entry][name]
                assert merged == {**params[name], **own}
                loaded = load_entry_section(cls, params, table, entry, name)
                assert set(vars(loaded)) == set(merged)


def test_other_packages_take_no_constants_from_config():
    """A constant there could change a result without a stage being run again."""
    constants = {
        (path.stem, target.id)
        for package in LISTED_BY_CHECK_ALONE
        for path in (SOURCE / "textrnn" / package).glob("*.py")
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and "Literal[" not in ast.unparse(node)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name) and "TypeVar" not in ast.unparse(node)
    }
    assert ("params_file", "PARAMS_FILE") in constants
    for path in modules():
        if package_of(path) in LISTED_BY_CHECK_ALONE:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(
                ("textrnn.common.config.", "textrnn.common.params.")
            ):
                taken = {(node.module.split(".")[-1], alias.name) for alias in node.names}
                assert not taken & constants, f"{path}: {taken & constants}"


def test_only_packages_that_train_or_predict_import_torch():
    importers = {str(package_of(path)) for path in modules() if "torch" in outside_imports(path)}
    assert [package for package in sorted(importers) if not package.startswith(TORCH)] == []
    for stage in ("check", "sample", "parse", "segment", "encode", "embed", "pad", "analyze", "report"):
        reached = all_imports(ROOT / "pipeline" / f"{stage}.py")
        assert [path for path in reached if "torch" in outside_imports(path)] == [], stage


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
    """Whether one of these deps is one of the outs, a folder that one of them lies in, or a file inside one."""
    return any(f"{out}/".startswith(f"{dep}/") or dep.startswith(f"{out}/") for out in outs for dep in deps)


def differs(stage: Any, locked: dict[str, Any], params: dict[str, Any]) -> bool:
    if any(dep.def_path == "params.yaml" and not isinstance(dep, ParamsDependency) for dep in stage.deps):
        return bool(params != SHIPPED)  # a dep on the file as a whole
    plain = {dep.def_path for dep in stage.deps if not isinstance(dep, ParamsDependency)}
    if stage.cmd != locked["cmd"] or plain != {dep["path"] for dep in locked.get("deps", [])}:
        return True
    return any(
        functools.reduce(lambda at, key: at[key], dotted.split("."), params) != value
        for dotted, value in locked.get("params", {}).get("params.yaml", {}).items()
    )


SHIPPED: dict[str, Any] = YAML(typ="safe").load((ROOT / "params.yaml").read_text(encoding="utf-8"))


def recipes_of(encoding: str) -> list[str]:
    recipes = SHIPPED["recipes"]
    return [name for name, recipe in recipes.items() if recipe["encoding"] == encoding]


ALL_TRAINING = ["train@*", "evaluate@*", "analyze@*"]
TRAINED = ("train", "evaluate", "analyze")  # what follows from a recipe's training
PREPARED = ("embed", "pad", *TRAINED)  # what follows from an encoding for a recipe
LEAVES: list[tuple[dict[str, Any], list[str]]] = [
    ({}, []),
    ({"trian": {}}, []),
    ({"limits.row": 100}, []),
    ({"recipes.news_rnn.batch_size": 512}, []),
    ({"train.batch_size": 1024}, ALL_TRAINING),
    ({"train.seed": 2}, ALL_TRAINING),
    ({"model.word_dropout": 0.1}, ALL_TRAINING),
    ({"limits.epochs": 1}, ["baseline@*", *ALL_TRAINING]),
    ({"limits.hidden_size": 16}, ALL_TRAINING),
    ({"baseline.ngrams": 2}, ["baseline@*"]),
    ({"pad.buckets": 5}, ["pad@*", *ALL_TRAINING]),
    ({"recipes.news_rnn.pad.max_length": 32}, [f"{s}@news_rnn" for s in ("pad", *TRAINED)]),
    ({"recipes.names_gru.pad.buckets": 3}, [f"{s}@names_gru" for s in ("pad", *TRAINED)]),  # added to an empty section
    ({"recipes.news_rnn.model.readout": "last_valid"}, [f"{s}@news_rnn" for s in TRAINED]),
    ({"recipes.names_gru.train": {"epochs": 3}}, [f"{s}@names_gru" for s in TRAINED]),
    ({"recipes.reviews_lstm.embed.width": 50}, [f"{s}@reviews_lstm" for s in ("embed", *TRAINED)]),
    (
        {"recipes.ner_bilstm_crf.embed.lexicon": {"longest": 3, "vectors": None}},
        [f"{s}@ner_bilstm_crf" for s in ("embed", *TRAINED)],
    ),
    ({"recipes.ner_bilstm_crf.model.words": {"width": 5, "min_count": 1}}, [f"{s}@ner_bilstm_crf" for s in TRAINED]),
    ({"embed.seed": 2}, ["embed@*", *ALL_TRAINING]),
    ({"segment.verify_share": 0.5}, [f"{s}@*" for s in STAGES[2:]]),
    ({"encode.min_count": 2}, [f"{s}@*" for s in STAGES[3:]]),
    (
        {"encodings.amazon_words.encode.min_count": 3},
        ["encode@amazon_words", "baseline@amazon_words", *(f"{s}@reviews_lstm" for s in PREPARED)],
    ),
    (
        {"encodings.thucnews_chars.encode.max_tokens": 100},
        [
            *(f"{s}@thucnews_chars" for s in ("encode", "baseline")),
            *(f"{s}@{r}" for r in recipes_of("thucnews_chars") for s in PREPARED),
        ],
    ),
    (
        {"encodings.msra_chars.encode.tags": "bio"},
        ["encode@msra_chars", "baseline@msra_chars", *(f"{s}@ner_gru" for s in PREPARED)],
    ),
    (
        {"encodings.amazon_words.segment.clean": ["lower"]},
        [f"{s}@amazon_words" for s in ("segment", "encode", "baseline")] + [*(f"{s}@reviews_lstm" for s in PREPARED)],
    ),
    (
        {"corpora.names.parse.max_rejects": 5},
        [
            "parse@names",
            *(f"{s}@names_chars" for s in ("segment", "encode", "baseline")),
            *(f"{s}@{r}" for r in recipes_of("names_chars") for s in PREPARED),
        ],
    ),
    ({"parse.max_rejects": 5}, [f"{s}@*" for s in STAGES[1:]]),
    ({"limits.rows": 100}, [f"{s}@*" for s in STAGES[1:]]),
    ({"parse.seed": 2}, [f"{s}@*" for s in STAGES[1:]]),
    ({"data.source": "elsewhere"}, [f"{s}@*" for s in STAGES[1:]]),
    ({"sample.rows": 100}, [f"{s}@*" for s in STAGES]),
    ({"recipes.news_lstm.encoding": "thucnews_words"}, [f"{s}@news_lstm" for s in PREPARED]),
    ({"data.vectors": "elsewhere"}, ["embed@*", *ALL_TRAINING]),
    ({"data.punkt": "elsewhere"}, [f"{s}@*" for s in STAGES[2:]]),
]


@pytest.mark.parametrize(("changes", "expected"), LEAVES, ids=[",".join(c) or "nothing" for c, _ in LEAVES])
def test_a_leaf_touches_exactly_its_stages(project, changes, expected):
    wanted = {"check", "report"} if changes else set()  # both read the whole file, and the report tells of every recipe
    wanted |= {name for name in lock_file() if any(fnmatch.fnmatch(name, pattern) for pattern in expected)}
    assert touched(project, changes) == wanted


def copy_of_the_project(folder: Path) -> Path:
    """What decides about code: the graph, the library, the scripts, and what DVC ignores."""
    shutil.copytree(ROOT / "src" / "textrnn", folder / "src" / "textrnn", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "pipeline", folder / "pipeline", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("dvc.yaml", "params.yaml", ".dvcignore"):
        shutil.copyfile(ROOT / name, folder / name)
    Repo.init(str(folder), no_scm=True).close()
    return folder


@pytest.fixture(scope="module")
def code(tmp_path_factory):
    return copy_of_the_project(tmp_path_factory.mktemp("code"))


def code_hashes(project: Path) -> dict[str, dict[str, str]]:
    """By stage the hash that DVC takes of each of its deps on code."""
    found: dict[str, dict[str, str]] = {}
    known: dict[str, str] = {}
    with Repo(str(project)) as repo:
        for stage in repo.index.stages:
            for dep in stage.deps:
                if dep.def_path.startswith(("src/", "pipeline/")):
                    if dep.def_path not in known:
                        dep.save()
                        known[dep.def_path] = dep.hash_info.value
                    found.setdefault(stage.name, {})[dep.def_path] = known[dep.def_path]
    return found


ALL = ("check", *(f"{stage}@*" for stage in STAGES), "report")
MODELS = ("train@*", "evaluate@*")
EDITS: list[tuple[str, tuple[str, ...]]] = [
    ("training/optimization/row_adam.py", ("train@*",)),
    ("training/trainer/callbacks.py", ("train@*",)),
    ("training/distributed/launcher.py", ("train@*",)),
    ("training/batching/prefetch.py", MODELS),
    ("modeling/nn/kernels.py", MODELS),
    ("common/files/bzip2.py", ("parse@*", "embed@*")),
    ("preparation/parsing/formats/bio.py", ("parse@*",)),
    ("preparation/segmentation/nltk_rules.py", ("segment@*",)),
    ("preparation/embedding/vector_files.py", ("embed@*",)),
    ("preparation/padding/pad.py", ("pad@*",)),
    ("preparation/sample/word_tables.py", ("sample@*",)),
    ("training/trainer/limits.py", ("train@*",)),
    ("common/config/train.py", ("check",)),
    ("common/params/sections.py", ("check",)),
    ("evaluation/scoring/evaluate.py", ("evaluate@*",)),
    ("evaluation/metrics/precision_recall.py", ("evaluate@*", "baseline@*", "analyze@*", "report")),
    ("evaluation/analysis/analyze.py", ("analyze@*",)),
    ("evaluation/baselines/bag_of_ngrams.py", ("baseline@*",)),
    ("evaluation/analysis/model_card.py", ("analyze@*",)),
    ("evaluation/report/overview.py", ("report",)),
    ("evaluation/report/style.css", ("report",)),
    ("evaluation/report/templates/page.html", ("report",)),
    ("stage.py", ()),
    ("errors.py", ()),
    ("cli.py", ()),
    ("inference/serving/app.py", ()),
    ("inference/prediction/predictor.py", ()),
    ("study/verdicts/claims.py", ()),
    ("tools/lr_range_test.py", ()),
    ("modeling/nn/README.md", ()),
    ("modeling/nn/.kernels.py.swp", ()),
    ("modeling/nn/.#kernels.py", ()),
    ("modeling/nn/kernels.py~", ()),
    ("modeling/nn/TAGS", ()),
    ("modeling/nn/4913", ()),
    ("modeling/nn/__pycache__/kernels.cpython-311.pyc", ()),
]


@pytest.mark.parametrize(("file", "expected"), EDITS, ids=[file for file, _ in EDITS])
def test_an_edit_of_code_touches_exactly_its_stages(code, file, expected):
    """By DVC's own hashes: what runs again of itself, before any of its outputs changes another stage's inputs."""
    before = code_hashes(code)
    path = code / "src" / "textrnn" / file
    text = path.read_bytes() if path.is_file() else None
    path.parent.mkdir(exist_ok=True)
    path.write_bytes((text or b"") + b"\n# edited\n")
    try:
        after = code_hashes(code)
    finally:
        path.unlink() if text is None else path.write_bytes(text)
    changed = {stage for stage in before if before[stage] != after[stage]}
    assert changed == {name for name in before if any(fnmatch.fnmatch(name, pattern) for pattern in expected)}
