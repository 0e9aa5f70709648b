"""The command `textrnn`: predict with a model, export it as a file, or serve several models over HTTP."""

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
STDIN, STDOUT = "standard input", "standard output"
DEVICES = Path("/dev")

DESCRIPTION = "Predict with a model, export it as a file, or serve several models over HTTP."
EXAMPLES = """\
examples:
  textrnn predict models/news_rnn "a headline" "another"
  textrnn predict models/news_rnn - < headlines.txt > labels.jsonl
  textrnn predict models/ner_gru --file articles.csv --column body --output entities.jsonl
"""


def main() -> None:
    """Run the command with the arguments of the process; wrong arguments exit with 2, other errors as `run_command`."""
    run_command(lambda: _main(sys.argv[1:]))


def _main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(
        prog="textrnn", usage="textrnn [-h] [--version] COMMAND ...", description=DESCRIPTION
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = "; ".join(f"{name}: {purpose}" for name, (purpose, _) in COMMANDS.items())
    command_help = f"{commands}; `textrnn COMMAND -h` shows its options"
    parser.add_argument("command", metavar="COMMAND", choices=COMMANDS, help=command_help)
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    parsed = parser.parse_args(arguments)
    # not subparsers: these do not accept options between positional arguments
    args = COMMANDS[parsed.command][1]().parse_intermixed_args(parsed.arguments)
    args.run(args)


def _predict_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="textrnn predict",
        description="Predict each text and write the predictions as JSON lines, in the order of the texts.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("model", metavar="MODEL", type=Path, help="a model directory, such as models/news_rnn")
    parser.add_argument("texts", metavar="TEXT", nargs="*", help="texts; - reads standard input, one text per line")
    parser.add_argument("--file", type=Path, metavar="PATH", help="a .txt, .jsonl, .csv or .parquet file of texts")
    parser.add_argument("--column", metavar="NAME", help="the column or field that has the texts (default: text)")
    output_help = "write to this file, which appears only when it is complete, or to this pipe"
    parser.add_argument("--output", type=Path, metavar="PATH", help=output_help)
    batch_help = f"texts that are predicted together (default: {BATCH_SIZE})"
    parser.add_argument("--batch-size", type=bounded_integer(1), default=BATCH_SIZE, metavar="N", help=batch_help)
    parser.set_defaults(run=lambda args: predict(args, parser.error))
    return parser


def predict(args: argparse.Namespace, usage_error: Callable[[str], None]) -> None:
    """Predict texts as they arrive; `usage_error` exits with a message about the arguments."""
    if bool(args.texts) == (args.file is not None):
        usage_error("give either texts, - for standard input, or --file")
    if "-" in args.texts and len(args.texts) > 1:
        usage_error("- for standard input allows no other text")
    if args.column is not None and args.file is None:
        usage_error("--column needs --file")
    from textrnn.inference.prediction.predictor import load  # imports torch, which --help does not need

    predictor = load(args.model)
    batches = _read_batches(args, tokens=predictor.task == "tag")
    chunks = (_json_lines(texts, predictor.predict(texts)) for texts in batches)
    if args.output is None:
        _print(chunks)
    else:
        _write(chunks, args.output)


def _read_batches(args: argparse.Namespace, *, tokens: bool) -> Iterator[list[Text]]:
    if args.file is not None:
        return read_file(args.file, args.column or "text", args.batch_size, tokens=tokens)
    if args.texts == ["-"]:
        return read_stream(cast(io.BufferedReader, _binary(sys.stdin, STDIN)), STDIN, args.batch_size)
    return read_arguments(args.texts, args.batch_size)


def _binary(stream: TextIO | None, name: str) -> BinaryIO:
    """The binary form of a standard stream; Python sets the stream to None if the shell closed it."""
    if stream is None:
        raise UserError(name, "is closed")
    return stream.buffer


def _json_lines(texts: list[Text], predictions: list[Any]) -> bytes:
    rows = ({"text": text, **prediction} for text, prediction in zip(texts, predictions, strict=True))
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def _print(chunks: Iterable[bytes]) -> None:
    """Write each chunk to standard output at once; end silently when the reader closes the pipe."""
    try:
        _copy(chunks, _binary(sys.stdout, STDOUT), STDOUT)
    except BrokenPipeError:
        # Python flushes standard output once more when it exits, which would print an error
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt as stop:
        stop.add_note("the predictions made so far are written")
        raise


def _copy(chunks: Iterable[bytes], file: BinaryIO, where: str | Path) -> None:
    with _writing(where):
        for chunk in chunks:
            file.write(chunk)
            file.flush()


def _write(chunks: Iterable[bytes], path: Path) -> None:
    """Write the chunks to a file, which appears when it is complete; to a device or pipe each chunk at once."""
    with _writing(path):
        in_place = _is_device_or_pipe(path)
    if in_place:
        with contextlib.suppress(BrokenPipeError), _writing(path), path.open("ab") as stream:
            _copy(chunks, stream, path)
        return
    with _writing(path), output_file(path) as temporary, temporary.open("wb") as file:
        file.writelines(chunks)


def _is_device_or_pipe(path: Path) -> bool:
    # the directory counts too: /dev/stdout is a symbolic link, which may point to a regular file
    return path.absolute().parent == DEVICES or (path.exists() and not path.is_file() and not path.is_dir())


@contextlib.contextmanager
def _writing(where: str | Path) -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise UserError(where, "cannot be written", got=error) from error


# purpose and parser of each command
COMMANDS: dict[str, tuple[str, Callable[[], argparse.ArgumentParser]]] = {
    "predict": ("predict labels or entities of texts, as JSON lines", _predict_parser),
    "export": ("write a model as one ONNX file, which runs without this package", export_parser),
    "serve": ("serve predictions over HTTP, with a web page to try the models", serve_parser),
}
