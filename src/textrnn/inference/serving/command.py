"""The command `textrnn serve`: parse its arguments, then import the server and run it."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from pathlib import Path

from textrnn.errors import UserError, install_extra
from textrnn.inference.http.host_names import host_argument, origin_argument
from textrnn.inference.http.server_settings import ServerSettings
from textrnn.inference.prediction.arguments import bounded_integer
from textrnn.inference.serving.request_limits import RequestLimits
from textrnn.names import check_name

# the packages of the extra, by their import names
EXTRA = ("fastapi", "starlette", "pydantic", "uvicorn", "h11", "prometheus_client")

# option, default, minimum, metavar, help
LIMITS: tuple[tuple[str, int, int, str, str], ...] = (
    ("--max-body", 2 * 1024 * 1024, 1, "BYTES", "largest request body, in bytes"),
    ("--max-texts", 1000, 1, "N", "texts per request"),
    ("--max-characters", 10_000, 1, "N", "characters per text"),
    ("--max-request-characters", 250_000, 1, "N", "characters per request, in all its texts"),
    ("--max-queue", 10_000, 1, "N", "texts that may wait for a model; beyond this, requests get HTTP 503"),
    (
        "--max-queue-characters",
        1_000_000,
        1,
        "N",
        "characters that may wait or be processed, for all models; beyond this, HTTP 503",
    ),
    ("--max-connections", 1024, 1, "N", "open connections, fewer if the process may open fewer files; others wait"),
    ("--head-timeout", 10, 1, "SECONDS", "seconds in which a request's headers must arrive"),
    ("--body-timeout", 10, 1, "SECONDS", "seconds in which a request's body must arrive"),
    ("--batch-texts", 256, 1, "N", "texts per model call"),
    ("--batch-characters", 16_384, 1, "N", "characters per model call, unless one text has more"),
    ("--batch-wait", 0, 0, "MS", "how long an incomplete batch waits for more texts, in milliseconds"),
    ("--grace", 10, 1, "SECONDS", "seconds to answer the requests in flight when the server stops"),
)

# pairs of options, the first of which must be at least the second
AT_LEAST = (("max_queue", "max_texts"), ("max_queue_characters", "max_request_characters"))

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
    host_help = "another host name that the server answers to, besides localhost and --host; may be repeated"
    parser.add_argument("--allow-host", type=host_argument, action="append", default=[], metavar="NAME", help=host_help)
    origin_help = "a site, such as https://example.org, whose pages may use the server (CORS); may be repeated"
    parser.add_argument(
        "--allow-origin", type=origin_argument, action="append", default=[], metavar="ORIGIN", help=origin_help
    )
    parser.set_defaults(run=lambda args: serve(args, parser.error))
    return parser


def serve(args: argparse.Namespace, usage_error: Callable[[str], None]) -> None:
    """Serve until a signal; `usage_error` exits with a message about the arguments."""
    for larger, smaller in AT_LEAST:
        if getattr(args, larger) < getattr(args, smaller):
            usage_error(f"{_option(larger)} must be at least {_option(smaller)}")
    for folder in args.models:  # before any is loaded: the name of its directory becomes part of URLs
        check_name(Path(os.path.abspath(folder)).name, folder, "a model's directory")
    try:
        from textrnn.inference.serving import server  # imports torch and the packages of the extra
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] not in EXTRA:
            raise
        raise UserError(
            "textrnn serve", "needs a package that is not installed", got=error.name, do=install_extra("serve")
        ) from error

    server.serve(args.models, settings_of(args), limits_of(args), threads=args.threads)


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def settings_of(args: argparse.Namespace) -> ServerSettings:
    """The settings given by the arguments."""
    return ServerSettings(
        host=args.host,
        port=args.port,
        allowed_hosts=tuple(args.allow_host),
        origins=tuple(args.allow_origin),
        connections=args.max_connections,
        head_seconds=args.head_timeout,
        grace=args.grace,
    )


def limits_of(args: argparse.Namespace) -> RequestLimits:
    """The limits given by the arguments."""
    return RequestLimits(
        body_bytes=args.max_body,
        texts=args.max_texts,
        characters=args.max_characters,
        request_characters=args.max_request_characters,
        body_seconds=args.body_timeout,
        batch_texts=args.batch_texts,
        batch_characters=args.batch_characters,
        batch_wait=args.batch_wait / 1000,
        queue_texts=args.max_queue,
        queue_characters=args.max_queue_characters,
    )
