"""Measure recipes on the real corpora, keep the results in docs/results.json and render docs/results.md from it.

    python benchmarks/results.py run news_rnn --source <folder>               # train, evaluate, print
    python benchmarks/results.py run news_bilstm --seeds 1 2 3 --source <folder>
    python benchmarks/results.py baselines names_chars --source <folder>      # baselines of an encoding
    python benchmarks/results.py keep                                               # keep what these have measured
    python benchmarks/results.py render                                             # render the pages

The first three need a folder of real corpora (--source). They add their results to build/benchmarks/results.json, and
`keep` moves these to docs/results.json; with `--keep` they go there at once. A run works in this checkout: what it
writes to data/ and models/ stays, params.yaml, dvc.lock and metrics/ are restored. `dvc exp show` lists the runs.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import shlex
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import checkout  # noqa: F401  (first: puts this checkout's src on the path)
from performance import LATEST, add_keep
from results_measure import Row, baseline_rows, recipe_rows
from results_measured import RESULTS, read_runs
from results_page import TABLE, render_page, write_pictures
from results_published import PUBLISHED
from results_readme import READMES, render_readme
from results_runs import BASELINES, RUNS
from textrnn.common.params.params_file import read_params
from textrnn.errors import UserError
from textrnn.stage import run_command, write_json

NO_LIMITS = ("limits.rows=null", "limits.epochs=null", "limits.hidden_size=null")
FOLDER = "<folder>"  # in a recorded command, that of the corpora: the same on each machine
COMMITTED = ("params.yaml", "dvc.lock", "metrics")  # what a run changes of the committed files
MEASURED = LATEST / RESULTS.name  # rows that are not kept yet


def command_of(targets: Iterable[str], changes: Iterable[str], source: str) -> list[str]:
    """The `dvc exp run` command of a run; `{source}` in a change stands for the folder of corpora."""
    settings = [change.replace("{source}", source) for change in changes]
    changed = {setting.split("=")[0] for setting in settings}
    defaults = [setting for setting in NO_LIMITS if setting.split("=")[0] not in changed]
    settings = [f"data.source={source}", *defaults, *settings]
    return ["dvc", "exp", "run", *(part for setting in settings for part in ("-S", setting)), *targets]


@contextlib.contextmanager
def executed(command: list[str]) -> Iterator[dict[str, Any]]:
    """Run a command in this workspace and yield the params that it used; at the end committed files are restored."""
    status = ["git", "status", "--porcelain", "--", *COMMITTED]
    changed = subprocess.run(status, stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()
    if changed:
        files = ", ".join(line[3:] for line in changed)
        raise UserError(files, "not committed", do="commit or discard the changes before measuring")
    try:
        if subprocess.run(command).returncode:
            raise UserError(shlex.join(command), "failed", do="see its output above")
        yield read_params()
    finally:
        subprocess.run(["git", "restore", "--source=HEAD", "--staged", "--worktree", "--", *COMMITTED], check=True)
        # what the run added, such as the metrics of an entry that has no committed ones
        subprocess.run(["git", "clean", "-dfq", "--", *COMMITTED], check=True)


def measure(name: str, source: str, seed: int) -> list[Row]:
    """Run it with a training seed and return a row for each metric; a step of an ablation has metrics of dev alone."""
    run = RUNS[name]
    seed_change = (f"train.seed={seed}",) if seed != 1 else ()
    targets = [f"evaluate@{run.recipe}"] if run.only_dev else [f"evaluate@{run.recipe}", f"analyze@{run.recipe}"]
    changes = (*run.changes, *seed_change)
    with executed(command_of(targets, changes, source)) as params:
        return recipe_rows(name, run, params, seed, command_of(targets, changes, FOLDER))


def measure_baselines(encoding: str, source: str) -> list[Row]:
    """Train the baselines of an encoding and return a row for each metric."""
    targets, changes = [f"baseline@{encoding}"], BASELINES[encoding]
    with executed(command_of(targets, changes, source)) as params:
        return baseline_rows(encoding, params, command_of(targets, changes, FOLDER))


def _read_rows(path: Path) -> list[Row]:
    rows: list[Row] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []
    return rows


def record(rows: list[Row], *, keep: bool) -> None:
    """Print the rows and save them: with `keep` in RESULTS and its pages, otherwise in MEASURED."""
    for row in rows:
        print(f"{row['run']}, seed {row['seed']}, {row['split']}: {row['metric']} {row['value']:.4f}", flush=True)
    if keep:
        save(rows)
        render_pages()
    else:
        write_json(MEASURED, merge(_read_rows(MEASURED), rows))


def keep_measured() -> None:
    """Move the rows of MEASURED to RESULTS and render the pages."""
    rows = _read_rows(MEASURED)
    if not rows:
        raise UserError(MEASURED, "no results to keep", do="measure some with `run` or `baselines`")
    save(rows)
    MEASURED.unlink()
    render_pages()
    print(f"kept in {RESULTS}: {', '.join(dict.fromkeys(row['run'] for row in rows))}")


def save(rows: list[Row]) -> None:
    """Merge the rows into RESULTS. Published rows are always those of `PUBLISHED`."""
    write_json(RESULTS, [*merge(_read_rows(RESULTS), rows), *PUBLISHED])


def merge(old: list[Row], rows: list[Row]) -> list[Row]:
    """Put the rows in place of old ones of the same run and seed, and of those of the same run with other params.

    Published rows are left out. The baselines of an encoding are measured together, so the new ones replace all of the
    old. Baselines are removed when their encoding leaves `BASELINES`.
    """
    measured = {_encoding(row) for row in rows if row["family"] == "baseline"}
    replaced = {(row["run"], row["seed"]) for row in rows}
    new_params = {row["run"]: row.get("params") for row in rows}
    kept = [
        row
        for row in old
        if (row["run"], row["seed"]) not in replaced
        and new_params.get(row["run"], row.get("params")) == row.get("params")
        and row["family"] != "published"
        and (row["family"] != "baseline" or _encoding(row) in BASELINES.keys() - measured)
    ]
    order = [*RUNS, *dict.fromkeys(row["run"] for row in kept if row["run"] not in RUNS)]
    return sorted([*kept, *rows], key=lambda row: (row["corpus"], _position(row["run"], order), row["seed"]))


def _encoding(baseline: Row) -> str:
    return str(baseline["run"].partition(":")[0])


def _position(name: str, order: list[str]) -> int:
    return order.index(name) if name in order else len(order)


def render_pages() -> None:
    """Write the page, its pictures and the table of each README from RESULTS."""
    runs = read_runs()
    TABLE.write_text(render_page(runs), encoding="utf-8")
    write_pictures(runs)
    for readme, wording in READMES.items():
        readme.write_text(render_readme(runs, readme.read_text(encoding="utf-8"), wording), encoding="utf-8")


def measure_all(args: argparse.Namespace) -> Iterator[list[Row]]:
    """The rows of each run, or of each encoding's baselines, as soon as they are measured."""
    for name in args.names:
        if args.action == "baselines":
            yield measure_baselines(name, args.source)
            continue
        for seed in args.seeds:
            yield measure(name, args.source, seed)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    actions = parser.add_subparsers(dest="action", required=True)
    runner = actions.add_parser("run", help="measure the named runs")
    runner.add_argument("names", nargs="+", choices=RUNS, metavar="name", help=", ".join(RUNS))
    runner.add_argument("--seeds", nargs="+", type=int, default=[1], help="training seeds, one run each (default: 1)")
    baselines = actions.add_parser("baselines", help="measure the baselines of encodings")
    baselines.add_argument("names", nargs="+", choices=BASELINES)
    for action in (runner, baselines):
        action.add_argument("--source", required=True, help="the folder of real corpora")
        add_keep(action)
    actions.add_parser("keep", help=f"move the results of {MEASURED} to {RESULTS} and render the pages")
    actions.add_parser("render", help=f"write {TABLE} and the table in {', '.join(map(str, READMES))}")
    args = parser.parse_args()
    if args.action == "keep":
        keep_measured()
    elif args.action == "render":
        save([])
        render_pages()
    else:
        for rows in measure_all(args):
            record(rows, keep=args.keep)
        if not args.keep:
            print(f"saved in {MEASURED}; `python benchmarks/results.py keep` moves it to {RESULTS}")


if __name__ == "__main__":
    run_command(main)
