"""The command `textrnn export`: its arguments, and what it does with them."""

from __future__ import annotations

import argparse
from pathlib import Path

FORMATS = ("onnx",)


def export_parser() -> argparse.ArgumentParser:
    """A parser whose namespace has `run`, to be called with it; nothing of torch is loaded before that."""
    parser = argparse.ArgumentParser(
        prog="textrnn export", description="Write a model as one file, which runs without this package."
    )
    parser.add_argument("model", metavar="MODEL", type=Path, help="a model directory, such as models/news_rnn")
    parser.add_argument("--format", choices=FORMATS, required=True, help="what to write")
    parser.add_argument("--int8", action="store_true", help="weights of 8 bits: a smaller file, slightly other logits")
    parser.add_argument("--output", type=Path, metavar="PATH", help="default: MODEL.onnx, with --int8 MODEL.int8.onnx")
    parser.set_defaults(run=export)
    return parser


def export(args: argparse.Namespace) -> None:
    """Write the file and say where it is, and its bytes."""
    from textrnn.inference.onnx.export import (
        export_model,  # it imports torch, which nobody waits for who asks for help
    )

    path = export_model(args.model, args.output, int8=args.int8)
    print(f"{path}: {path.stat().st_size:,} bytes")
