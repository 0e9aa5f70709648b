"""The command `textrnn predict`: parse its arguments, then predict texts as they arrive and write JSON lines."""

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

from textrnn.common.config.parse import check_text_encoding
from textrnn.errors import UserError
from textrnn.inference.prediction.arguments import bounded_integer
from textrnn.inference.prediction.text_sources import Text, read_arguments, read_file, read_stream
from textrnn.stage import output_file

BATCH_SIZE = 1024
STDIN, STDOUT = "standard input", "standard output"
DEVICES = Path("/dev")

EXAMPLES = """\
examples:
  textrnn predict models/news_bilstm "a headline" "another"
  textrnn predict models/news_bilstm - < headlines.txt > labels.jsonl
  textrnn predict models/ner_bilstm_crf --file articles.csv --column body --output entities.jsonl
"""


def predict_parser() -> argparse.ArgumentParser:
    """Return the command's parser; the namespace it returns has a function `run`, which takes that namespace."""
    parser = argparse.ArgumentParser(
        prog="textrnn predict",
        description="Predict the label or the entities of each text, and write JSON lines in the order of the texts.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("model", metavar="MODEL", type=Path, help="a model directory, such as models/news_bilstm")
    parser.add_argument("texts", metavar="TEXT", nargs="*", help="texts; - reads standard input, one text per line")
    parser.add_argument(
        "--file", type=Path, metavar="PATH", help="a .txt, .jsonl, .csv, .tsv or .parquet file of texts"
    )
    column_help = "the column or field of the texts (default: text); a .txt file is then a table with a header"
    parser.add_argument("--column", metavar="NAME", help=column_help)
    delimiter_help = r"between the columns of a table, \t for a tab (default: found from its header)"
    parser.add_argument("--delimiter", metavar="CHAR", type=_delimiter, help=delimiter_help)
    encoding_help = "the encoding of the file, such as gb18030 (default: by its byte order mark, UTF-8 without one)"
    parser.add_argument("--text-encoding", metavar="NAME", help=encoding_help)
    output_help = "output file or pipe; a file appears only when it is complete"
    parser.add_argument("--output", type=Path, metavar="PATH", help=output_help)
    top_help = "write only the N most probable labels of each text, in their order (default: all)"
    parser.add_argument("--top", type=bounded_integer(1), metavar="N", help=top_help)
    batch_help = f"texts per batch (default: {BATCH_SIZE})"
    parser.add_argument("--batch-size", type=bounded_integer(1), default=BATCH_SIZE, metavar="N", help=batch_help)
    parser.set_defaults(run=lambda args: predict(args, parser.error))
    return parser


def predict(args: argparse.Namespace, usage_error: Callable[[str], None]) -> None:
    """Predict texts as they arrive; `usage_error` exits with a message about the arguments."""
    if bool(args.texts) == (args.file is not None):
        usage_error("give either texts, - for standard input, or --file")
    if "-" in args.texts and len(args.texts) > 1:
        usage_error("- for standard input allows no other text")
    for option in ("column", "delimiter", "text_encoding"):
        if getattr(args, option) is not None and args.file is None:
            usage_error(f"--{option.replace('_', '-')} needs --file")
    if args.delimiter is not None and len(args.delimiter) != 1:
        usage_error("--delimiter must be one character")
    if args.delimiter is not None and args.delimiter in '"\r\n':
        usage_error("--delimiter must not be a quote or a line end")
    if args.text_encoding is not None:
        try:
            check_text_encoding(args.text_encoding, "--text-encoding")
        except UserError as error:
            usage_error(str(error))
    from textrnn.inference.prediction.predictor import load  # imports torch, which --help does not need

    predictor = load(args.model)
    batches = _read_batches(args, tokens=predictor.task == "tag")
    if args.top is not None and predictor.task == "tag":
        usage_error("--top is for classifiers; each entity has one score")
    chunks = (_json_lines(texts, predictor.predict(texts), args.top) for texts in batches)
    if args.output is None:
        _print(chunks)
    else:
        _write(chunks, args.output)


def _delimiter(argument: str) -> str:
    return "\t" if argument == r"\t" else argument


def _read_batches(args: argparse.Namespace, *, tokens: bool) -> Iterator[list[Text]]:
    if args.file is not None:
        return read_file(
            args.file,
            args.column,
            args.batch_size,
            tokens=tokens,
            delimiter=args.delimiter,
            encoding=args.text_encoding,
        )
    if args.texts == ["-"]:
        return read_stream(cast(io.BufferedReader, _binary(sys.stdin, STDIN)), STDIN, args.batch_size)
    return read_arguments(args.texts, args.batch_size)


def _binary(stream: TextIO | None, name: str) -> BinaryIO:
    """The binary form of a standard stream; Python sets the stream to None if the shell closed it."""
    if stream is None:
        raise UserError(name, "is closed")
    return stream.buffer


def _json_lines(texts: list[Text], predictions: list[Any], top: int | None) -> bytes:
    if top is not None:
        predictions = [prediction | {"probabilities": _first(prediction, top)} for prediction in predictions]
    rows = ({"text": text, **prediction} for text, prediction in zip(texts, predictions, strict=True))
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def _first(prediction: dict[str, Any], top: int) -> dict[str, float]:
    """The most probable labels of a prediction, in order of their probabilities."""
    by_probability = sorted(prediction["probabilities"].items(), key=lambda item: -item[1])
    return dict(by_probability[:top])


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
