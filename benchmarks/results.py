"""Measure recipes on the real corpora and keep the figures: docs/results.json, and docs/results.md made from it.

    python benchmarks/results.py run news_rnn names_gru   # trains, evaluates, keeps a row per figure
    python benchmarks/results.py render                   # writes docs/results.md and the README's table

`run` needs a folder of real corpora (--source) and leaves params.yaml as it was.
"""

from __future__ import annotations

import argparse
import datetime
import json
import platform
import subprocess
from pathlib import Path
from typing import Any

import checkout  # noqa: F401  (first: puts this checkout's src on the path)
from textrnn.errors import UserError
from textrnn.params import pick, read_params
from textrnn.stage import run, write_json

RESULTS = Path("docs/results.json")
TABLE = Path("docs/results.md")
README = Path("README.md")
MARKS = ("<!-- results: made by benchmarks/results.py render -->", "<!-- end of results -->")
FREE = ("limits.rows=null", "limits.epochs=null", "limits.hidden_size=null")
SCORES = ("loss", "accuracy", "macro_f1", "entity_f1")

# name of the run: (recipe, what is set beside `limits.*=null`)
RUNS: dict[str, tuple[str, tuple[str, ...]]] = {
    "news_rnn": ("news_rnn", ()),
    "news_rnn_words": ("news_rnn_words", ()),
    "news_rnn_pad32": ("news_rnn", ("recipes.news_rnn.pad_size=32",)),
    "news_rnn_pad32_batch64": ("news_rnn", ("recipes.news_rnn.pad_size=32", "train.batch_size=64")),
    "news_rnn_pad32_last_valid": (
        "news_rnn",
        ("recipes.news_rnn.pad_size=32", "recipes.news_rnn.model.readout=last_valid"),
    ),
    "news_lstm_3_epochs": ("news_lstm", ("limits.epochs=3",)),
    "news_lstm": ("news_lstm", ("limits.epochs=4",)),
    "news_lstm_norm": ("news_lstm_norm", ("limits.epochs=4",)),
    "names_gru": ("names_gru", ()),
    "ner_gru": ("ner_gru", ("limits.epochs=2",)),
    "ner_gru_faster_rate": (
        "ner_gru",
        ("limits.epochs=5", "limits.hidden_size=256", "recipes.ner_gru.train.learning_rate=0.001"),
    ),
    "reviews_lstm": ("reviews_lstm", ()),
}


def command_of(name: str, source: str) -> list[str]:
    """The experiment behind a run, as a person would type it."""
    recipe, changes = RUNS[name]
    changed = {change.split("=")[0] for change in changes}
    free = [value for value in FREE if value.split("=")[0] not in changed]
    settings = [f"data.source={source}", *free, *changes]
    return ["dvc", "exp", "run", *(part for value in settings for part in ("-S", value)), f"evaluate@{recipe}"]


def measure(name: str, source: str) -> list[dict[str, Any]]:
    """Run it in this workspace and read a row for each figure; params.yaml is put back."""
    recipe, _ = RUNS[name]
    command = command_of(name, source)
    if subprocess.run(["git", "diff", "--quiet", "HEAD", "--", "params.yaml"]).returncode:
        raise UserError("params.yaml", "has changes of its own", do="commit or drop them before measuring")
    try:
        if subprocess.run(command).returncode:
            raise UserError(" ".join(command), "failed", do="see its output above")
        params = read_params()
    finally:
        subprocess.run(["git", "checkout", "--quiet", "HEAD", "--", "params.yaml"], check=True)
    metrics = Path("metrics") / recipe
    log = json.loads((Path("logs") / f"{recipe}.json").read_text())
    trained = json.loads((metrics / "train.json").read_text())
    # without the dev loss: it is weighted as in training, and the test loss is not
    figures = {"dev": {"accuracy": trained["dev_accuracy"]}}
    figures["test"] = json.loads((metrics / "test.json").read_text())
    fixed = {
        "run": name,
        "recipe": recipe,
        "family": "recurrent",
        "corpus": pick(params, "encodings", params["recipes"][recipe]["encoding"], "corpus"),
        "rows": json.loads((metrics / "pad.json").read_text())["train"]["rows"],
    }
    device = log["device"] if log["device"] != "cpu" else f"cpu, {log['threads']} threads, {platform.machine()}"
    rest = {
        "seed": {**params["train"], **params["recipes"][recipe]["train"]}["seed"],
        "seconds": round(log["seconds"], 1),
        "device": device,
        "command": " ".join(command),
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
    }
    return [
        {**fixed, "split": split, "metric": metric, "value": scores[metric], **rest}
        for split, scores in figures.items()
        for metric in SCORES
        if metric in scores
    ]


def keep(rows: list[dict[str, Any]]) -> None:
    """Put the rows in place of those of the same run and seed."""
    old = json.loads(RESULTS.read_text()) if RESULTS.is_file() else []
    replaced = {(row["run"], row["seed"]) for row in rows}
    kept = [row for row in old if (row["run"], row["seed"]) not in replaced]
    order = list(RUNS)
    write_json(RESULTS, sorted([*kept, *rows], key=lambda row: order.index(row["run"]) if row["run"] in order else 99))


HEAD = """# Results on the real corpora

Made by `python benchmarks/results.py render` from `results.json`; every figure there was measured by the command
beside it. Dev chooses the epoch, and test is read once a run; `news_lstm` was run again with an epoch more after its
three epochs had been scored on test, both rows stand. Each row is one training seed over one dev split: a
difference of less than about a point between two rows says little. Seconds are those of the training stage, on a
machine that did other work beside it: an upper bound, and no ground to compare speeds on.

| run | corpus | rows | test accuracy | test macro-F1 | test entity F1 | dev accuracy | seconds | device |
|---|---|---|---|---|---|---|---|---|
"""


def read_runs() -> dict[tuple[str, int], dict[str, Any]]:
    """The kept runs by name and seed, each with its scores by split and metric."""
    runs: dict[tuple[str, int], dict[str, Any]] = {}
    for row in json.loads(RESULTS.read_text()):
        run_row = runs.setdefault((row["run"], row["seed"]), {**row, "scores": {}})
        run_row["scores"][row["split"], row["metric"]] = f"{row['value']:.4f}"
    return runs


def render_page(runs: dict[tuple[str, int], dict[str, Any]]) -> str:
    """The page: a line for each run, then the commands."""
    columns = (("test", "accuracy"), ("test", "macro_f1"), ("test", "entity_f1"), ("dev", "accuracy"))
    lines, commands = [], []
    for (name, _), row in runs.items():
        scores = " | ".join(row["scores"].get(column, "") for column in columns)
        lines.append(
            f"| {name} | {row['corpus']} | {row['rows']} | {scores} | {row['seconds']:.0f} | {row['device']} |\n"
        )
        commands.append(f"* `{name}` ({row['date']}, seed {row['seed']}): `{row['command']}`\n")
    return HEAD + "".join(lines) + "\n## Commands\n\n" + "".join(commands)


def render_readme(runs: dict[tuple[str, int], dict[str, Any]], text: str) -> str:
    """The README with its table of test figures made anew, between its two marks."""
    before, rest = text.split(MARKS[0])
    _, after = rest.split(MARKS[1])
    lines = ["| run | corpus, rows | test accuracy | test macro-F1 | test entity F1 |", "|---|---|---|---|---|"]
    for (name, _), row in runs.items():
        scores = (row["scores"].get(("test", metric), "") for metric in ("accuracy", "macro_f1", "entity_f1"))
        lines.append(f"| `{name}` | {row['corpus']}, {row['rows']:,} | {' | '.join(scores)} |")
    return before + MARKS[0] + "\n" + "\n".join(lines) + "\n" + MARKS[1] + after


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    actions = parser.add_subparsers(dest="action", required=True)
    runner = actions.add_parser("run", help="measure the named runs")
    runner.add_argument("names", nargs="+", choices=RUNS)
    runner.add_argument("--source", required=True, help="the folder of real corpora")
    actions.add_parser("render", help=f"write {TABLE} and the table in {README}")
    args = parser.parse_args()
    if args.action == "run":
        for name in args.names:
            keep(measure(name, args.source))
    runs = read_runs()
    TABLE.write_text(render_page(runs), encoding="utf-8")
    README.write_text(render_readme(runs, README.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    run(main)
