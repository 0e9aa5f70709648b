"""The command `textrnn check`: what a file of labelled texts holds, or whether params.yaml is valid."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from textrnn.common.params.project_check import check_project_file
from textrnn.preparation.parsing.formats import FORMATS
from textrnn.project.inspection.raw_file import FileOptions, RawFile, open_raw_file
from textrnn.project.inspection.summary import FileSummary, summarize
from textrnn.project.inspection.summary_lines import summary_lines

EXAMPLES = """\
examples:
  textrnn check                                            params.yaml of this folder
  textrnn check tickets.csv --text text --label label      a table of texts
  textrnn check news.jsonl --tokens words --tags entities  a table of tagged tokens
"""


def check_parser() -> argparse.ArgumentParser:
    """Return the command's parser; the namespace it returns has a function `run`, which takes that namespace."""
    parser = argparse.ArgumentParser(
        prog="textrnn check",
        description="Without FILE, list all errors of params.yaml. With FILE, describe its content before training.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", metavar="FILE", nargs="?", type=Path, help="a .csv, .tsv, .jsonl or .parquet file")
    add_file_options(parser)
    parser.set_defaults(run=lambda args: check(args, parser.error))
    return parser


def check(args: argparse.Namespace, usage_error: Callable[[str], None]) -> None:
    """Print the report on a file, or that params.yaml is valid; `usage_error` exits with a message on arguments."""
    options = file_options(args, usage_error)
    if args.file is not None:
        inspect(args.file, options)
        return
    check_project_file()
    print("params.yaml is valid")


def inspect(path: Path, options: FileOptions) -> tuple[RawFile, FileSummary]:
    """Read a file as a whole and print the report on it."""
    file = open_raw_file(path, options)
    summary = summarize(file.rows(), file.task, path)
    print("\n".join(summary_lines(file, summary)), flush=True)
    return file, summary


def add_file_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say how a file is read."""
    parser.add_argument("--text", metavar="NAME", help="the column of the texts (default: text)")
    parser.add_argument("--label", metavar="NAME", help="the column of the labels (default: label)")
    parser.add_argument("--tokens", metavar="NAME", help="for tagging: the column of the lists of tokens")
    parser.add_argument("--tags", metavar="NAME", help="for tagging: the column of the lists of tags")
    parser.add_argument(
        "--group", metavar="NAME", help="the column of groups, such as authors, which stay in one split"
    )
    delimiter_help = "the character between columns of a CSV or TSV file (default: detected from its header)"
    parser.add_argument("--delimiter", metavar="CHAR", help=delimiter_help)
    encoding_help = "the encoding of the file, such as gb18030 (default: by its byte order mark, else UTF-8 or a guess)"
    parser.add_argument("--text-encoding", metavar="NAME", help=encoding_help)
    names = ", ".join(FORMATS)
    parser.add_argument("--format", choices=FORMATS, metavar="NAME", help=f"one of {names} (default: table)")


def file_options(args: argparse.Namespace, usage_error: Callable[[str], None]) -> FileOptions:
    """What the options say."""
    if (args.tokens is None) != (args.tags is None):
        usage_error("--tokens and --tags go together")
    if args.tokens is not None and (args.text is not None or args.label is not None):
        usage_error("give --text and --label, or --tokens and --tags")
    tagging = args.tokens is not None
    return FileOptions(
        task="tag" if tagging else "classify",
        format=args.format,
        content=args.tokens if tagging else args.text,
        target=args.tags if tagging else args.label,
        group=args.group,
        delimiter=args.delimiter,
        text_encoding=args.text_encoding,
    )
