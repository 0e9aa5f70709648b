"""The command `textrnn`: start a project, predict with a model, export it, serve several, see or compare results."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

from textrnn import __version__
from textrnn.evaluation.comparison.command import compare_parser
from textrnn.inference.onnx.command import export_parser
from textrnn.inference.prediction.command import predict_parser
from textrnn.inference.serving.command import serve_parser
from textrnn.project.creation.add_command import add_parser
from textrnn.project.creation.init_command import init_parser
from textrnn.project.inspection.command import check_parser
from textrnn.stage import run_command
from textrnn.tools.losses_command import losses_parser
from textrnn.tools.results_command import results_parser

DESCRIPTION = "Create a project, show results, and predict with, export, serve or compare models."

# purpose and parser of each command
COMMANDS: dict[str, tuple[str, Callable[[], argparse.ArgumentParser]]] = {
    "check": ("describe a file of labelled texts, or list all errors of params.yaml", check_parser),
    "init": ("create a project from a file of labelled texts, which `dvc repro` runs", init_parser),
    "add": ("copy a recipe, an encoding or a corpus of params.yaml under another name", add_parser),
    "predict": ("predict labels or entities of texts, as JSON lines", predict_parser),
    "export": ("export a model as one ONNX file, which runs without this package", export_parser),
    "serve": ("serve predictions over HTTP, with a web page to try the models", serve_parser),
    "results": ("print the classification report of a recipe, with its confusion matrix", results_parser),
    "losses": ("draw the loss of every batch of a run", losses_parser),
    "compare": ("compare two models on the same rows of test", compare_parser),
}


def main() -> None:
    """Run the command with the arguments of the process; wrong arguments exit with 2, other errors as `run_command`."""
    run_command(lambda: _main(sys.argv[1:]))


def _list_commands() -> str:
    width = max(map(len, COMMANDS))
    lines = [f"  {name:{width}}  {purpose}" for name, (purpose, _) in COMMANDS.items()]
    return "\n".join(["commands:", *lines, "", "`textrnn COMMAND -h` shows the options of a command"])


def _main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(
        prog="textrnn",
        usage="textrnn [-h] [--version] COMMAND ...",
        description=DESCRIPTION,
        epilog=_list_commands(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    parser.add_argument("command", metavar="COMMAND", choices=COMMANDS, help=argparse.SUPPRESS)
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    if not arguments:
        parser.print_help(sys.stderr)
        parser.exit(2)
    parsed = parser.parse_args(arguments)
    # not subparsers: these do not accept options between positional arguments
    args = COMMANDS[parsed.command][1]().parse_intermixed_args(parsed.arguments)
    args.run(args)
