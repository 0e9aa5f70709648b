"""The command `textrnn add`: another recipe, encoding or corpus, made from one that is there."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from textrnn.project.creation.entries_file import copy_entry
from textrnn.project.creation.linked_source import check_link, link_source, source_folder
from textrnn.stage import TABLES

PARAMS = Path("params.yaml")
EXAMPLES = """\
examples:
  textrnn add recipe wide --from news_bilstm
  textrnn add encoding own_words --from own_chars
  textrnn add recipe own_bilstm --from news_bilstm --encoding own_chars
  textrnn add corpus mails --from own --source /mnt/mails
"""
GOALS = {"recipe": "evaluate", "encoding": "baseline", "corpus": "parse"}  # the stage to run for a new entry


def add_parser() -> argparse.ArgumentParser:
    """Return the command's parser; the namespace it returns has a function `run`, which takes that namespace."""
    parser = argparse.ArgumentParser(
        prog="textrnn add",
        description="Copy an entry of params.yaml, with its comments, under another name, for you to edit.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("kind", metavar="KIND", choices=TABLES, help=f"one of {', '.join(TABLES)}")
    parser.add_argument("name", metavar="NAME", help="the name of the new entry: letters, digits, _ and -")
    parser.add_argument("--from", dest="source", metavar="NAME", required=True, help="the entry that is copied")
    parser.add_argument("--encoding", metavar="NAME", help="the encoding of the new recipe")
    parser.add_argument("--corpus", metavar="NAME", help="the corpus of the new encoding")
    source_help = "the folder of the new corpus's files, which is linked into the folder that data.source names"
    parser.add_argument("--source", dest="raw", type=Path, metavar="FOLDER", help=source_help)
    parser.set_defaults(run=lambda args: add(args, parser.error))
    return parser


def add(args: argparse.Namespace, usage_error: Callable[[str], None]) -> None:
    """Copy the entry and say how to run it; `usage_error` exits with a message about the arguments."""
    if args.encoding is not None and args.kind != "recipe":
        usage_error("--encoding is for a recipe")
    if args.corpus is not None and args.kind != "encoding":
        usage_error("--corpus is for an encoding")
    if args.raw is not None and args.kind != "corpus":
        usage_error("--source is for a corpus")
    if args.raw is not None:
        check_link(PARAMS, args.name, args.raw)
    copy_entry(PARAMS, args.kind, args.name, args.source, args.encoding or args.corpus)
    if args.raw is not None:
        print(f"{link_source(PARAMS, args.name, args.raw)} is a link to {args.raw}, which DVC follows")
    where = f"{TABLES[args.kind]}.{args.name}"
    goal = f"{GOALS[args.kind]}@{args.name}"
    files = ""
    if args.kind == "corpus" and args.raw is None:
        files = f", put its files into {source_folder(PARAMS, args.name)}"
    print(f"{where} is a copy of {args.source}: change it in {PARAMS}{files}, then `dvc repro {goal}`")
