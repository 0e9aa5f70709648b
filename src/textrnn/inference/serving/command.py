"""The command `textrnn serve`: parse its arguments, then import the server and run it."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from textrnn.errors import UserError, install_extra
from textrnn.inference.prediction.arguments import bounded_integer
from textrnn.inference.serving.request_limits import RequestLimits

# the packages of the extra, by their import names
EXTRA = ("fastapi", "starlette", "pydantic", "uvicorn", "prometheus_client")

# option, default, minimum, metavar, help
LIMITS: tuple[tuple[str, int, int, str, str], ...] = (
    ("--max-body", 2 * 1024 * 1024, 1, "BYTES", "largest request body, in bytes"),
    ("--max-texts", 1000, 1, "N", "texts per request"),
    ("--max-characters", 10_000, 1, "N", "characters per text"),
    ("--max-queue", 10_000, 1, "N", "texts that may wait for a model; beyond this, requests get HTTP 503"),
    ("--body-timeout", 10, 1, "SECONDS", "seconds in which a request's body must arrive"),
    ("--batch-texts", 256, 1, "N", "texts per model call"),
    ("--batch-wait", 0, 0, "MS", "how long an incomplete batch waits for more texts, in milliseconds"),
    ("--grace", 10, 1, "SECONDS", "seconds to answer the requests in flight when the server stops"),
)

EXAMPLES = """\
examples:
  textrnn serve models/news_bilstm models/ner_bilstm_crf
  textrnn serve models/*/ --port 0 --max-characters 2000
"""


def serve_parser() -> argparse.ArgumentParser:
    """Return the command's parser; the namespace it returns has a function `run`, which takes that namespace."""
    parser = argparse.ArgumentParser(
        prog="textrnn serve",
        description="Serve predictions over HTTP, with a web page to try the models, until Ctrl-C or SIGTERM.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("models", metavar="MODEL", nargs="+", type=Path, help="model directories, such as models/*/")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
    port_help = "port to listen on; 0 for any free port, which is printed (default: 8000)"
    parser.add_argument("--port", type=bounded_integer(0, 65535), default=8000, metavar="N", help=port_help)
    threads_help = "threads per model call (default: 1; small models do not gain from more)"
    parser.add_argument("--threads", type=bounded_integer(1, 1024), default=1, metavar="N", help=threads_help)
    for name, default, minimum, metavar, text in LIMITS:
        text = f"{text} (default: {default})"
        parser.add_argument(name, type=bounded_integer(minimum), default=default, metavar=metavar, help=text)
    parser.set_defaults(run=lambda args: serve(args, parser.error))
    return parser


def serve(args: argparse.Namespace, usage_error: Callable[[str], None]) -> None:
    """Serve until a signal; `usage_error` exits with a message about the arguments."""
    if args.max_queue < args.max_texts:
        usage_error("--max-queue must be at least --max-texts")
    try:
        from textrnn.inference.serving import server  # imports torch and the packages of the extra
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] not in EXTRA:
            raise
        raise UserError(
            "textrnn serve", "needs a package that is not installed", got=error.name, do=install_extra("serve")
        ) from error

    server.serve(args.models, args.host, args.port, limits_of(args), grace=args.grace, threads=args.threads)


def limits_of(args: argparse.Namespace) -> RequestLimits:
    """The limits given by the arguments."""
    return RequestLimits(
        body_bytes=args.max_body,
        texts=args.max_texts,
        characters=args.max_characters,
        body_seconds=args.body_timeout,
        batch_texts=args.batch_texts,
        batch_wait=args.batch_wait / 1000,
        queue_texts=args.max_queue,
    )
