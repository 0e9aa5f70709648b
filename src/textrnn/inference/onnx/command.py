"""The command `textrnn export`: parse its arguments and write the file."""

from __future__ import annotations

import argparse
from pathlib import Path

FORMATS = ("onnx",)


def export_parser() -> argparse.ArgumentParser:
    """Return the command's parser; the namespace it returns has a function `run`, which takes that namespace."""
    parser = argparse.ArgumentParser(
        prog="textrnn export", description="Write a model as one file that runs without this package."
    )
    parser.add_argument("model", metavar="MODEL", type=Path, help="a model directory, such as models/news_bilstm")
    parser.add_argument("--format", choices=FORMATS, required=True, help="the format of the file")
    int8_help = "8-bit weights: a smaller file with slightly different logits"
    parser.add_argument("--int8", action="store_true", help=int8_help)
    output_help = "the file to write (default: MODEL.onnx, with --int8 MODEL.int8.onnx)"
    parser.add_argument("--output", type=Path, metavar="PATH", help=output_help)
    parser.set_defaults(run=export)
    return parser


def export(args: argparse.Namespace) -> None:
    """Write the file and print its path and size."""
    from textrnn.inference.onnx.export import export_model  # imports torch, which --help does not need

    path = export_model(args.model, args.output, int8=args.int8)
    print(f"{path}: {path.stat().st_size:,} bytes")
