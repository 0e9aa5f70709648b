"""The command `textrnn init`: a report on a file of labelled texts, and a project that `dvc repro` runs."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Callable
from pathlib import Path

from textrnn.errors import UserError, plural
from textrnn.project.creation.entry_names import entry_name
from textrnn.project.creation.project import create_project
from textrnn.project.inspection.command import add_file_options, file_options, inspect
from textrnn.project.inspection.summary import FileSummary
from textrnn.project.inspection.summary_lines import has_too_many_labels

FEWEST_ROWS = 10
FEWEST_GROUPS = 3  # train, dev and test
EXAMPLES = """\
examples:
  textrnn init helpdesk --file tickets.csv --text text --label label
  textrnn init entities --file sentences.jsonl --tokens tokens --tags tags
"""


def init_parser() -> argparse.ArgumentParser:
    """Return the command's parser; the namespace it returns has a function `run`, which takes that namespace."""
    parser = argparse.ArgumentParser(
        prog="textrnn init",
        description="Inspect a file of labelled texts and create a project for it, which `dvc repro` runs.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", metavar="FOLDER", type=Path, help="the folder of the new project")
    parser.add_argument(
        "--file", type=Path, required=True, metavar="PATH", help="a .csv, .tsv, .jsonl or .parquet file"
    )
    add_file_options(parser)
    parser.add_argument("--name", metavar="NAME", help="the name of the corpus (default: the name of the file)")
    parser.set_defaults(run=lambda args: init(args, parser.error))
    return parser


def init(args: argparse.Namespace, usage_error: Callable[[str], None]) -> None:
    """Print the report on the file, write the project, and say what to do next."""
    file, summary = inspect(args.file, file_options(args, usage_error))
    _check_summary(args.file, summary)
    names = create_project(args.folder, file, summary, args.name or entry_name(args.file))
    print(f"\nproject in {args.folder}: recipe {names.recipe} on encoding {names.encoding}. Next:\n")
    print(f"  cd {shlex.quote(str(args.folder))}\n  git commit -m start\n  dvc repro\n  python pipeline/table.py")


def _check_summary(path: Path, summary: FileSummary) -> None:
    """Raise UserError for a file from which no model can be trained and tested."""
    if summary.rows < FEWEST_ROWS:
        wrong = f"needs at least {FEWEST_ROWS} rows for train, dev and test"
        raise UserError(path, wrong, got=summary.rows, do="see the lines above")
    if summary.task == "tag" and not summary.labels:
        raise UserError(path, "needs at least one entity", got="O for all tokens")
    if len(summary.labels) < 2 and summary.task == "classify":
        raise UserError(path, "needs at least two labels", got=list(summary.labels))
    if has_too_many_labels(summary):
        got = f"{plural(len(summary.labels), 'label')} in {plural(summary.rows, 'row')}"
        raise UserError(path, "has too few rows of each label", got=got, do="is the column of labels the right one?")
    if summary.groups < FEWEST_GROUPS:
        wrong = f"needs at least {FEWEST_GROUPS} groups for train, dev and test"
        raise UserError(path, wrong, got=summary.groups, do="name another column with --group, or none")
