"""The graph and the packages: deps are the imports, imports run one way, and packages and modules keep their sizes."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from factories.graph import STAGES, dvc_yaml
from factories.imports import ROOT, SOURCE, all_imports, direct_imports, outside_imports
from textrnn.common.params import check
from textrnn.common.params.sections import load_entry_section, merge_values

STUDY = ("study_check", "study_prepare", "study_run", "study_cells", "study_verdicts")
# the modules beside the wings
FLOOR = {"__init__", "errors", "machine_errors", "names", "interrupts", "unfinished", "stage", "cli"}
# declarations and their reader, which compute nothing: DVC tracks the values of params.yaml themselves
DECLARATIONS = "common/config"
LISTED_BY_CHECK_ALONE = (DECLARATIONS, "common/params")

# The packages from the ground up: a package imports only from itself and from those above it in this list.
LAYERS = (
    "common/config",
    "common/params",
    "common/integrity",
    "common/storage",
    "common/files",
    "common/executor",
    "preparation/sample",
    "preparation/parsing",
    "preparation/segmentation",
    "preparation/artifacts",
    "preparation/encoding",
    "preparation/vectorization",
    "preparation/embedding",
    "preparation/padding",
    "modeling/devices",
    "modeling/nn",
    "modeling/models",
    "training/batching",
    "training/distributed",
    "training/optimization",
    "training/features",
    "training/planning",
    "training/trainer",
    "evaluation/metrics",
    "evaluation/scoring",
    "evaluation/analysis",
    "evaluation/baselines",
    "evaluation/outputs",
    "evaluation/comparison",
    "evaluation/rendering",
    "evaluation/report",
    "project/runner",
    "project/shipped",
    "project/inspection",
    "project/creation",
    "inference/prediction",
    "inference/onnx",
    "inference/http",
    "inference/serving",
    "estimator",
    "study/plan",
    "study/inputs",
    "study/runs",
    "study/cells",
    "study/records",
    "study/claims",
    "study/verdicts",
    "study/page",
    "study/schedule",
    "tools",
)
WINGS = {
    wing: [package for package in LAYERS if package.startswith(f"{wing}/")]
    for wing in dict.fromkeys(package.split("/")[0] for package in LAYERS)
}
TORCH = (
    "modeling/",
    "training/",
    "evaluation/scoring",
    "evaluation/baselines",
    "inference/",
    "estimator",
    "study/runs",
    "study/cells",
    "study/schedule",
    "tools",
)
BARE_IMAGE = {"torch", "numpy", "pyarrow", "safetensors", "filelock", "textrnn", "checkout"}
MOST_MODULES = 12
MOST_WINGS = 10


def package_of(path: Path) -> str | None:
    """The package of a file of the library; None for the modules of the top floor and a wing's own `__init__`."""
    relative = path.relative_to(SOURCE / "textrnn").as_posix()
    return next((package for package in LAYERS if relative.startswith(f"{package}/")), None)


def modules() -> list[Path]:
    return sorted((SOURCE / "textrnn").rglob("*.py"))


@pytest.mark.parametrize("stage", ["check", *STAGES, "report"])
def test_a_stage_lists_exactly_the_packages_its_script_reaches(stage):
    definition = dvc_yaml()[stage]
    assert_lists_its_packages(stage, definition.get("do", definition))


@pytest.mark.parametrize("stage", STUDY)
def test_a_stage_of_the_study_does_so_too(stage):
    stages = YAML(typ="safe").load((ROOT / "study" / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    assert tuple(stages) == STUDY
    definition = stages[stage].get("do", stages[stage])
    assert definition["wdir"] == ".."  # as the paths are the root's
    assert_lists_its_packages(stage, definition)


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


def producers(stages: dict[str, Any]) -> dict[str, set[str]]:
    """By stage, the stages whose outputs it depends on, as the templates of the paths say."""

    def folder(path: Any) -> str:
        return re.sub(r"\$\{[^}]+\}", "*", f"{path if isinstance(path, str) else next(iter(path))}/")

    bodies = {stage: definition.get("do", definition) for stage, definition in stages.items()}
    return {
        stage: {
            other
            for other, made in bodies.items()
            if any(folder(dep).startswith(folder(out)) for dep in body["deps"] for out in made["outs"])
        }
        for stage, body in bodies.items()
    }


def follows(stage: str, first: str, needs: dict[str, set[str]]) -> bool:
    return first in needs[stage] or any(follows(other, first, needs) for other in needs[stage] - {stage})


def test_no_command_with_a_name_in_it_runs_before_that_name_is_checked():
    """DVC puts names into the commands of a shell before `check` runs; it runs no command whose inputs are not made."""
    stages = dvc_yaml()
    needs = producers(stages)
    named = [stage for stage, definition in stages.items() if "${" in definition.get("do", definition)["cmd"]]
    assert sorted(named) == sorted(STAGES)
    assert [stage for stage in named if not follows(stage, "check", needs)] == []
    study = YAML(typ="safe").load((ROOT / "study" / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    bodies = {stage: definition.get("do", definition) for stage, definition in study.items()}
    assert [stage for stage, body in bodies.items() if "${" in body["cmd"]] == ["study_prepare", "study_run"]
    assert "study_check" in producers(study)["study_prepare"] & producers(study)["study_run"]
    # what it checks, so that it runs again when one of them changes
    assert {"params.yaml", "study/params.yaml", "study/runs.yaml"} <= set(bodies["study_check"]["deps"])
    assert re.findall(r"\$\{(.+?)\}", bodies["study_prepare"]["cmd"]) == ["key"]
    assert re.findall(r"\$\{(.+?)\}", bodies["study_run"]["cmd"]) == ["item.variant", "item.seed"]


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
        assert {package_of(file) for file in all_imports(SOURCE / "textrnn" / f"{name}.py")} <= {None}, name


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
    checkers = {SOURCE / "textrnn/common/params" / f"{name}.py" for name in ("check", "project_check")}
    importers = {path for path in modules() if checkers & direct_imports(path)} - checkers
    assert {package_of(path) for path in importers} == {"project/inspection", "project/creation", "estimator"}
    reached = {file for script in (ROOT / "pipeline").glob("*.py") for file in all_imports(script)}
    assert importers & reached == set()  # no stage reaches them


def test_merging_takes_the_entrys_value_and_nothing_else():
    """The reader of params.yaml is listed by `check` alone, so what it does with two values is held here."""
    params = YAML(typ="safe").load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    for table, sections in check.ENTRY_SECTIONS.items():
        for entry in params[table]:
            for name, cls in sections.items():
                merged, own = merge_values(params, table, entry, name), params[table][entry].get(name, {})
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
    for stage in ("check", "sample", "parse", "segment", "encode", "vectorize", "embed", "pad", "analyze", "report"):
        reached = all_imports(ROOT / "pipeline" / f"{stage}.py")
        assert [path for path in reached if "torch" in outside_imports(path)] == [], stage


def test_training_needs_only_what_a_bare_gpu_image_has():
    import sys

    for stage in ("train", "evaluate"):
        script = ROOT / "pipeline" / f"{stage}.py"
        for path in (script, *all_imports(script)):
            yaml = {"ruamel"} if path.stem == "plain_yaml" else set()
            assert outside_imports(path) <= BARE_IMAGE | yaml | set(sys.stdlib_module_names), path


def test_what_trains_is_imported_without_yaml():
    """Only where a file is read is its reader imported, so that a machine without YAML can call the library."""
    for script in (ROOT / "pipeline" / "train.py", *sorted((ROOT / "benchmarks").glob("gpu*.py"))):
        for path in (script, *all_imports(script, late=False)):
            assert "ruamel" not in outside_imports(path), path
    at_once = [path for path in modules() if "ruamel" in outside_imports(path)]
    assert {package_of(path) for path in at_once} == {"common/params", "project/shipped", "project/creation"}
    assert [path.stem for path in at_once if package_of(path) == "common/params"] == ["plain_yaml"]


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
