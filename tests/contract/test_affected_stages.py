"""Which stages a changed param or an edit of code runs again: exactly those that it should."""

from __future__ import annotations

import copy
import fnmatch
import functools
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from dvc.dependency.param import ParamsDependency
from dvc.repo import Repo
from ruamel.yaml import YAML

from factories.graph import CHECKED, STAGES, lock_file
from factories.imports import ROOT
from textrnn.unfinished import PRIVATE


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
    params = copy.deepcopy(SHIPPED)
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
    ({"baseline.ngrams": 2}, ["baseline@*", *ALL_TRAINING]),  # train reads the linear model for its wide part
    ({"recipes.news_lstm.model.wide": True}, [f"{s}@news_lstm" for s in TRAINED]),
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
    ({"vectorize.seed": 2}, ["vectorize@*", "embed@*", *ALL_TRAINING]),
    (
        {"encodings.names_chars.vectorize": {"width": 50}},
        ["vectorize@names_chars", *(f"{s}@{r}" for r in recipes_of("names_chars") for s in ("embed", *TRAINED))],
    ),
    (
        {"corpora.names.parse.files.unlabelled": "more.txt"},
        [
            *("sample@names", "parse@names"),
            *(f"{s}@names_chars" for s in ("segment", "encode", "vectorize", "baseline")),
            *(f"{s}@{r}" for r in recipes_of("names_chars") for s in PREPARED),
        ],
    ),
    ({"segment.verify_share": 0.5}, [f"{s}@*" for s in STAGES[2:]]),
    ({"encode.min_count": 2}, [f"{s}@*" for s in STAGES[3:]]),
    (
        {"encodings.amazon_words.encode.min_count": 3},
        [
            *(f"{s}@amazon_words" for s in ("encode", "vectorize", "baseline")),
            *(f"{s}@{r}" for r in recipes_of("amazon_words") for s in PREPARED),
        ],
    ),
    (
        {"encodings.thucnews_chars.encode.max_tokens": 100},
        [
            *(f"{s}@thucnews_chars" for s in ("encode", "vectorize", "baseline")),
            *(f"{s}@{r}" for r in recipes_of("thucnews_chars") for s in PREPARED),
        ],
    ),
    (
        {"encodings.msra_chars.encode.tags": "bio"},
        [
            *(f"{s}@msra_chars" for s in ("encode", "vectorize", "baseline")),
            *(f"{s}@ner_gru" for s in PREPARED),
        ],
    ),
    (
        {"encodings.amazon_words.segment.clean": ["lower"]},
        [
            *(f"{s}@amazon_words" for s in ("segment", "encode", "vectorize", "baseline")),
            *(f"{s}@{r}" for r in recipes_of("amazon_words") for s in PREPARED),
        ],
    ),
    (
        {"encodings.thucnews_words.segment.dictionary": "words.txt"},
        [
            *(f"{s}@thucnews_words" for s in ("segment", "encode", "vectorize", "baseline")),
            *(f"{s}@{r}" for r in recipes_of("thucnews_words") for s in PREPARED),
        ],
    ),
    ({"parse.scheme": "bioes"}, [f"{s}@*" for s in STAGES[1:]]),
    (
        {"corpora.names.parse.max_rejects": 5},
        [
            "parse@names",
            *(f"{s}@names_chars" for s in ("segment", "encode", "vectorize", "baseline")),
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


class Code:
    """A copy of the project, whose graph is loaded once: an edit changes files, not stages."""

    def __init__(self, folder: Path, repo: Repo) -> None:
        self.folder = folder
        self._stages = list(repo.index.stages)
        self.hashes = self.take_hashes()

    def take_hashes(self) -> dict[str, dict[str, str]]:
        """By stage the hash that DVC takes now of each of its deps on code."""
        found: dict[str, dict[str, str]] = {}
        known: dict[str, str] = {}
        for stage in self._stages:
            for dep in stage.deps:
                if dep.def_path.startswith(("src/", "pipeline/")):
                    if dep.def_path not in known:
                        dep.save()
                        known[dep.def_path] = dep.hash_info.value
                    found.setdefault(stage.name, {})[dep.def_path] = known[dep.def_path]
        return found


@pytest.fixture(scope="module")
def code(tmp_path_factory):
    folder = copy_of_the_project(tmp_path_factory.mktemp("code"))
    with Repo(str(folder)) as repo:
        yield Code(folder, repo)


ALL = ("check", *(f"{stage}@*" for stage in STAGES), "report")


MODELS = ("train@*", "evaluate@*")


EDITS: list[tuple[str, tuple[str, ...]]] = [
    ("training/optimization/row_adam.py", ("train@*",)),
    ("training/trainer/callbacks.py", ("train@*",)),
    ("training/distributed/launcher.py", ("train@*",)),
    ("training/batching/prefetch.py", MODELS),
    ("modeling/nn/kernels.py", MODELS),
    ("common/files/bzip2.py", ("parse@*", "vectorize@*", "embed@*")),
    ("preparation/parsing/formats/bio.py", ("parse@*",)),
    ("preparation/segmentation/nltk_rules.py", ("segment@*", "vectorize@*")),
    ("preparation/vectorization/cooccurrence.py", ("vectorize@*",)),
    ("preparation/embedding/vector_files.py", ("embed@*",)),
    ("preparation/segmentation/token_habits.py", ("segment@*", "vectorize@*")),
    ("preparation/padding/pad.py", ("pad@*",)),
    ("preparation/sample/review_words.py", ("sample@*",)),
    ("training/planning/limits.py", ("train@*",)),
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
    ("unfinished.py", ()),
    ("errors.py", ()),
    ("cli.py", ()),
    ("inference/serving/app.py", ()),
    ("inference/prediction/predictor.py", ()),
    ("study/claims/claim.py", ()),
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
    path = code.folder / "src" / "textrnn" / file
    text = path.read_bytes() if path.is_file() else None
    path.parent.mkdir(exist_ok=True)
    path.write_bytes((text or b"") + b"\n# edited\n")
    try:
        after = code.take_hashes()
    finally:
        path.unlink() if text is None else path.write_bytes(text)
    changed = {stage for stage in code.hashes if code.hashes[stage] != after[stage]}
    assert changed == {name for name in code.hashes if any(fnmatch.fnmatch(name, pattern) for pattern in expected)}


def test_the_edits_are_taken_back(code):
    assert code.take_hashes() == code.hashes


@pytest.mark.parametrize("private", [PRIVATE, f"{PRIVATE}-1000"])
@pytest.mark.parametrize("folder", ["metrics", "data/padded/a/train", "models/a", "study/runs"])
def test_what_is_being_written_is_in_no_hash(tmp_path, folder, private):
    """A stage that depends on a whole folder, as the report on `metrics/`, may run while another writes into it."""
    shutil.copyfile(ROOT / ".dvcignore", tmp_path / ".dvcignore")
    (tmp_path / folder / private).mkdir(parents=True)
    (tmp_path / folder / private / "tmp-abc").write_text("half", encoding="utf-8")
    (tmp_path / folder / "a.json").write_text("{}", encoding="utf-8")
    with Repo.init(str(tmp_path), no_scm=True) as repo:
        found = [Path(file).name for file in repo.dvcignore.find(repo.fs, str(tmp_path / folder))]
    assert found == ["a.json"]
