"""Measure recipes on the real corpora and keep the figures: docs/results.json, and docs/results.md made from it.

    python benchmarks/results.py run news_rnn --source ../shared/data               # trains, evaluates, keeps figures
    python benchmarks/results.py run news_bilstm --seeds 1 2 3 --source ../shared/data
    python benchmarks/results.py baselines names_chars --source ../shared/data      # those of an encoding
    python benchmarks/results.py render                                             # writes the pages anew

The first three need a folder of real corpora (--source) and leave params.yaml as it was.
"""

from __future__ import annotations

import argparse
import datetime
import hashlib
import json
import platform
import shlex
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import checkout  # noqa: F401  (first: puts this checkout's src on the path)
from results_page import READMES, RESULTS, TABLE, UNCROWDED, UNSEEN, read_runs, render_page, render_readme
from results_runs import BASELINES, PUBLISHED, RUNS
from textrnn.common.config.params import get_param, read_params
from textrnn.errors import UserError
from textrnn.modeling.models.model_directory import load_model
from textrnn.stage import run_command, write_json
from textrnn.training.trainer.summary import summarize

FREE = ("limits.rows=null", "limits.epochs=null", "limits.hidden_size=null")
SCORES = ("loss", "accuracy", "macro_f1", "entity_f1")
Row = dict[str, Any]


def command_of(targets: Iterable[str], changes: Iterable[str], source: str) -> list[str]:
    """The experiment behind a run, as a person would type it; `{source}` in a change is the folder of corpora."""
    filled = [change.replace("{source}", source) for change in changes]
    changed = {change.split("=")[0] for change in filled}
    free = [value for value in FREE if value.split("=")[0] not in changed]
    settings = [f"data.source={source}", *free, *filled]
    return ["dvc", "exp", "run", *(part for value in settings for part in ("-S", value)), *targets]


def execute(command: list[str]) -> dict[str, Any]:
    """Run it in this workspace, and give the params it had; params.yaml is put back."""
    if subprocess.run(["git", "diff", "--quiet", "HEAD", "--", "params.yaml"]).returncode:
        raise UserError("params.yaml", "has changes of its own", do="commit or drop them before measuring")
    try:
        if subprocess.run(command).returncode:
            raise UserError(shlex.join(command), "failed", do="see its output above")
        return read_params()
    finally:
        subprocess.run(["git", "checkout", "--quiet", "HEAD", "--", "params.yaml"], check=True)


def measure(name: str, source: str, seed: int) -> list[Row]:
    """Run it with a seed of training and read a row for each figure: test's only where the run is not a step."""
    each = RUNS[name]
    recipe, seeded = each.recipe, (f"train.seed={seed}",) if seed != 1 else ()
    targets = [f"evaluate@{recipe}"] if each.only_dev else [f"evaluate@{recipe}", f"analyze@{recipe}"]
    command = command_of(targets, (*each.changes, *seeded), source)
    params = execute(command)
    metrics, log = Path("metrics") / recipe, _read(Path("logs") / f"{recipe}.json")
    figures = {"dev": _read(metrics / "dev.json")}
    if not each.only_dev:
        analysis = _read(metrics / "analysis.json")
        figures["test"] = _read(metrics / "test.json") | {"ece": analysis["calibration"]["ece"]}
        figures[UNSEEN] = analysis["by_text"]["rest"]
        figures[UNCROWDED] = analysis.get("by_row", {}).get("rest", {})
    encoding = params["recipes"][recipe]["encoding"]
    fixed = {"run": name, "recipe": recipe, "family": "recurrent", **_data(params, encoding), "step": each.step}
    fixed["params"] = params_hash(params, recipe)
    threads = f"cpu, {log['threads']} threads, {platform.machine()}"
    rest = {
        "seed": seed,
        "parameters": _parameters(Path("models") / recipe),
        "seconds": round(log["seconds"], 1),
        "device": log["device"] if log["device"] != "cpu" else threads,
    }
    return [fixed | figure | rest | _signed(command) for figure in _figures(figures)]


def measure_baselines(encoding: str, source: str) -> list[Row]:
    """Train those of an encoding and read a row for each figure; the ceiling of its labels is one of them."""
    command = command_of([f"baseline@{encoding}"], BASELINES[encoding], source)
    params = execute(command)
    found = _read(Path("metrics") / encoding / "baselines.json")
    logs = _read(Path("logs") / f"{encoding}.baselines.json")
    kept = {f"{encoding}: {name}": (scores, logs[name]["seconds"]) for name, scores in found["baselines"].items()}
    if found["ceiling"] is not None:
        by_split = {split: {"accuracy": value} for split, value in found["ceiling"].items()}
        kept[f"{encoding}: ceiling"] = by_split, 0.0
    rows = []
    for name, (scores, seconds) in kept.items():
        fixed = {"run": name, "recipe": None, "family": "baseline", **_data(params, encoding)}
        rest = {"seed": 1, "parameters": None, "seconds": round(seconds, 1), "device": "cpu"}
        figures = {split: scores[split] for split in ("dev", "test")} | {UNSEEN: scores.get("rest") or {}}
        rows += [fixed | figure | rest | _signed(command) for figure in _figures(figures)]
    return rows


def params_hash(params: dict[str, Any], recipe: str) -> str:
    """Of all params that a recipe's figures hang on but the seed of training: other params are another run."""
    own = params["recipes"][recipe]
    encoding = params["encodings"][own["encoding"]]
    shared = {name: params[name] for name in ("limits", "segment", "embed")}
    merged = {name: {**params[name], **own[name]} for name in ("model", "train")}
    del merged["train"]["seed"]
    every = [own, encoding, params["corpora"][encoding["corpus"]], params["data"]["seed"], shared, merged]
    return hashlib.sha256(json.dumps(every, sort_keys=True).encode()).hexdigest()[:16]


def _read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def _data(params: dict[str, Any], encoding: str) -> Row:
    corpus = get_param(params, "encodings", encoding, "corpus")
    rows = _read(Path("metrics") / corpus / "parse.json")["rows"]["train"]
    return {"corpus": corpus, "rows": rows}


def _parameters(model: Path) -> int:
    return summarize(load_model(model).config).parameters


def _figures(by_split: dict[str, dict[str, Any]]) -> list[Row]:
    return [
        {"split": split, "metric": metric, "value": scores[metric]}
        for split, scores in by_split.items()
        for metric in (*SCORES, "ece")
        if metric in scores
    ]


def _signed(command: list[str]) -> Row:
    return {"command": shlex.join(command), "date": datetime.datetime.now(datetime.UTC).date().isoformat()}


def keep(rows: list[Row]) -> None:
    """Put the rows in place of those of the same run and seed, and of the same run with other params.

    Published ones are always those of `PUBLISHED`; baselines are dropped with their encoding.
    """
    old = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.is_file() else []
    replaced = {(row["run"], row["seed"]) for row in rows}
    now = {row["run"]: row.get("params") for row in rows}
    kept = [
        row
        for row in old
        if (row["run"], row["seed"]) not in replaced
        and now.get(row["run"], row.get("params")) == row.get("params")
        and row["family"] != "published"
        and (row["family"] != "baseline" or row["run"].partition(":")[0] in BASELINES)
    ]
    order = [*RUNS, *dict.fromkeys(row["run"] for row in kept if row["run"] not in RUNS)]
    kept = sorted([*kept, *rows], key=lambda row: (row["corpus"], _place(row["run"], order), row["seed"]))
    write_json(RESULTS, [*kept, *PUBLISHED])


def _place(name: str, order: list[str]) -> int:
    return order.index(name) if name in order else len(order)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    actions = parser.add_subparsers(dest="action", required=True)
    runner = actions.add_parser("run", help="measure the named runs")
    runner.add_argument("names", nargs="+", choices=RUNS, metavar="name", help=", ".join(RUNS))
    runner.add_argument("--seeds", nargs="+", type=int, default=[1], help="of training, each a run of its own (1)")
    simple = actions.add_parser("baselines", help="measure the baselines of encodings")
    simple.add_argument("names", nargs="+", choices=BASELINES)
    for each in (runner, simple):
        each.add_argument("--source", required=True, help="the folder of real corpora")
    actions.add_parser("render", help=f"write {TABLE} and the table in {', '.join(map(str, READMES))}")
    args = parser.parse_args()
    for name in getattr(args, "names", ()):
        if args.action == "baselines":
            keep(measure_baselines(name, args.source))
        for seed in getattr(args, "seeds", ()):
            keep(measure(name, args.source, seed))
    if args.action == "render":
        keep([])
    runs = read_runs()
    TABLE.write_text(render_page(runs), encoding="utf-8")
    for readme in READMES:
        readme.write_text(render_readme(runs, readme.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    run_command(main)
