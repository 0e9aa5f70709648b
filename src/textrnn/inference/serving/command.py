"""The arguments of `textrnn serve`; what they are for is imported when they are right."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from textrnn.errors import UserError
from textrnn.inference.serving.http_errors import RequestLimits

# what the extra brings, as Python imports it
EXTRA = ("fastapi", "starlette", "pydantic", "uvicorn", "prometheus_client")

MOST = 10**9  # of any number: what is larger fits no clock and no list, and would fail later than here

# option, default, smallest, name in help, what it limits
LIMITS: tuple[tuple[str, int, int, str, str], ...] = (
    ("--max-body", 2 * 1024 * 1024, 1, "BYTES", "of a request's body"),
    ("--max-texts", 1000, 1, "N", "texts of a request"),
    ("--max-characters", 10_000, 1, "N", "characters of a text"),
    ("--max-queue", 10_000, 1, "N", "texts that wait for a model; requests for more are told to come again"),
    ("--body-timeout", 10, 1, "SECONDS", "that a request's body may take to come"),
    ("--batch-texts", 256, 1, "N", "texts of one call of a model"),
    ("--batch-wait", 0, 0, "MS", "that a call with room for more texts waits for them"),
    ("--grace", 10, 1, "SECONDS", "that requests in flight have to be answered when the server is to stop"),
)

EXAMPLES = """\
examples:
  textrnn serve models/news_rnn models/ner_gru
  textrnn serve models/*/ --port 0 --max-characters 2000
"""


def serve_parser() -> argparse.ArgumentParser:
    """The arguments of the command, with a function `run` that carries it out."""
    parser = argparse.ArgumentParser(
        prog="textrnn serve",
        description="Answer texts over HTTP, and on a page to try models at, until told to stop by Ctrl-C or SIGTERM.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("models", metavar="MODEL", nargs="+", type=Path, help="model directories, such as models/*/")
    parser.add_argument("--host", default="127.0.0.1", help="where to listen (default: this machine alone, 127.0.0.1)")
    port_help = "0 for any that is free; printed with the host (default: 8000)"
    parser.add_argument("--port", type=bounded_integer(0, 65535), default=8000, metavar="N", help=port_help)
    threads_help = "that a model's call computes with (default: 1: small models gain nothing by more)"
    parser.add_argument("--threads", type=bounded_integer(1, 1024), default=1, metavar="N", help=threads_help)
    for name, default, least, metavar, told in LIMITS:
        told = f"{told} (default: {default})"
        parser.add_argument(name, type=bounded_integer(least), default=default, metavar=metavar, help=told)
    parser.set_defaults(run=lambda args: serve(args, parser.error))
    return parser


def bounded_integer(least: int, most: int = MOST) -> Callable[[str], int]:
    """What reads a whole number within bounds from an argument."""

    def read(word: str) -> int:
        digits = word if word.isascii() and word.isdecimal() and len(word) <= len(str(MOST)) else "-1"
        if not least <= int(digits) <= most:
            raise argparse.ArgumentTypeError(f"must be a whole number from {least} to {most}")
        return int(digits)

    return read


def serve(args: argparse.Namespace, refuse: Callable[[str], None]) -> None:
    """Serve until told to stop; `refuse` ends the command with what is wrong with its arguments."""
    if args.max_queue < args.max_texts:
        refuse("--max-queue must have room for a request of --max-texts")
    try:
        from textrnn.inference.serving import server  # it imports torch, and what only the extra brings
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] not in EXTRA:
            raise
        do = "pip install -c constraints.txt -e '.[serve]'"
        raise UserError("textrnn serve", "needs a package that is not installed", got=error.name, do=do) from error

    server.serve(args.models, args.host, args.port, limits_of(args), grace=args.grace, threads=args.threads)


def limits_of(args: argparse.Namespace) -> RequestLimits:
    """The limits that the arguments set."""
    return RequestLimits(
        body_bytes=args.max_body,
        texts=args.max_texts,
        characters=args.max_characters,
        body_seconds=args.body_timeout,
        batch_texts=args.batch_texts,
        batch_wait=args.batch_wait / 1000,
        queue_texts=args.max_queue,
    )
