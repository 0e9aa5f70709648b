"""The command `textrnn`: ask a model directory about texts, write it as a file, or serve several over HTTP."""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, TextIO, cast

from textrnn import __version__
from textrnn.errors import UserError
from textrnn.inference.onnx.command import export_parser
from textrnn.inference.prediction.text_sources import Text, read_arguments, read_file, read_stream
from textrnn.inference.serving.command import bounded_integer, serve_parser
from textrnn.stage import output_file, run_command

BATCH_SIZE = 1024
STREAM, OUT = "standard input", "standard output"
DEVICES = Path("/dev")

EXAMPLES = """\
examples:
  textrnn predict models/news_rnn "a headline" "another"
  textrnn predict models/news_rnn - < headlines.txt > answers.jsonl
  textrnn predict models/ner_gru --file articles.csv --column body --output entities.jsonl
"""


def main() -> None:
    """Run the command with the arguments given: what is wrong with them exits 2, every other fault as a stage's."""
    run_command(lambda: _main(sys.argv[1:]))


def _main(words: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="textrnn", usage="textrnn [-h] [--version] COMMAND ...", description=__doc__)
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    told = "; ".join(f"{name}: {what}" for name, (what, _) in COMMANDS.items())
    parser.add_argument("command", metavar="COMMAND", choices=COMMANDS, help=f"{told}; COMMAND -h says more")
    parser.add_argument("words", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    found = parser.parse_args(words)
    # no subparsers: those take no option between the texts, nor between the model and the first of them
    args = COMMANDS[found.command][1]().parse_intermixed_args(found.words)
    args.run(args)


def _predict_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="textrnn predict",
        description="Answer each text with a JSON line, in the order of the texts.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("model", metavar="MODEL", type=Path, help="a model directory, such as models/news_rnn")
    parser.add_argument("texts", metavar="TEXT", nargs="*", help="texts; - alone for standard input, one text a line")
    parser.add_argument("--file", type=Path, metavar="PATH", help="texts of a .txt, .jsonl, .csv or .parquet file")
    parser.add_argument("--column", metavar="NAME", help="where a file has its texts (default: text)")
    parser.add_argument("--output", type=Path, metavar="PATH", help="a file to write, whole or not at all; or a pipe")
    batch_help = f"texts that are answered at once (default: {BATCH_SIZE})"
    parser.add_argument("--batch-size", type=bounded_integer(1), default=BATCH_SIZE, metavar="N", help=batch_help)
    parser.set_defaults(run=lambda args: predict(args, parser.error))
    return parser


def predict(args: argparse.Namespace, refuse: Callable[[str], None]) -> None:
    """Answer texts as they come; `refuse` ends the command with what is wrong with its arguments."""
    if bool(args.texts) == (args.file is not None):
        refuse("give texts, - for standard input, or --file")
    if "-" in args.texts and len(args.texts) > 1:
        refuse("- for standard input stands alone")
    if args.column is not None and args.file is None:
        refuse("--column goes with --file")
    from textrnn.inference.prediction.predictor import (
        load,  # it imports torch, which nobody waits for who asks for help
    )

    predictor = load(args.model)
    groups = _groups(args, tokens=predictor.task == "tag")
    lines = (_lines(texts, predictor.predict(texts)) for texts in groups)
    if args.output is None:
        _print(lines)
    else:
        _write(lines, args.output)


def _groups(args: argparse.Namespace, *, tokens: bool) -> Iterator[list[Text]]:
    if args.file is not None:
        return read_file(args.file, args.column or "text", args.batch_size, tokens=tokens)
    if args.texts == ["-"]:
        return read_stream(cast(io.BufferedReader, _binary(sys.stdin, STREAM)), STREAM, args.batch_size)
    return read_arguments(args.texts, args.batch_size)


def _binary(stream: TextIO | None, name: str) -> BinaryIO:
    """The bytes of a standard stream, which Python does not have where the shell closed it."""
    if stream is None:
        raise UserError(name, "is closed")
    return stream.buffer


def _lines(texts: list[Text], answers: list[Any]) -> bytes:
    rows = ({"text": text, **answer} for text, answer in zip(texts, answers, strict=True))
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def _print(pieces: Iterable[bytes]) -> None:
    """The pieces to standard output, each when it is there; a reader that has gone ends it, and nothing is said."""
    try:
        _send(pieces, _binary(sys.stdout, OUT), OUT)
    except BrokenPipeError:
        # Python flushes once more when it ends, and would complain then
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt as stop:
        stop.add_note("what was answered so far is written")
        raise


def _send(pieces: Iterable[bytes], file: BinaryIO, where: str | Path) -> None:
    with _writable(where):
        for piece in pieces:
            file.write(piece)
            file.flush()


def _write(pieces: Iterable[bytes], path: Path) -> None:
    """The pieces to a file, which appears when it is whole; as they come to a device or pipe, which is not replaced."""
    with _writable(path):
        stays = _stays(path)
    if stays:
        with contextlib.suppress(BrokenPipeError), _writable(path), path.open("ab") as stream:
            _send(pieces, stream, path)
        return
    with _writable(path), output_file(path) as made, made.open("wb") as file:
        file.writelines(pieces)


def _stays(path: Path) -> bool:
    # /dev/stdout is a link, and may be one to a file
    return path.absolute().parent == DEVICES or (path.exists() and not path.is_file() and not path.is_dir())


@contextlib.contextmanager
def _writable(where: str | Path) -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise UserError(where, "cannot be written", got=error) from error


# what each is for, and its arguments
COMMANDS: dict[str, tuple[str, Callable[[], argparse.ArgumentParser]]] = {
    "predict": ("labels of texts, or the entities in them, as JSON lines", _predict_parser),
    "export": ("a model as one ONNX file, which runs without this package", export_parser),
    "serve": ("answers over HTTP, and a page to try models at", serve_parser),
}
