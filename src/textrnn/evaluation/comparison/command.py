"""The command `textrnn compare`: which of two models is better on the same rows of test, and how sure that is."""

from __future__ import annotations

import argparse
import json

from textrnn.errors import UserError

EXAMPLES = """\
examples:
  textrnn compare news_bilstm news_lstm
  textrnn compare news_bilstm best_baseline
  textrnn compare news_bilstm thucnews_chars:linear_svm --json
"""


def compare_parser() -> argparse.ArgumentParser:
    """Return the command's parser; the namespace it returns has a function `run`, which takes that namespace."""
    parser = argparse.ArgumentParser(
        prog="textrnn compare",
        description="Compare the saved predictions of two models on the same rows of test, pair by pair.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    model_help = "a recipe, a folder of data/evaluated, <encoding>:<baseline>, or best_baseline of the other's encoding"
    parser.add_argument("first", metavar="A", help=model_help)
    parser.add_argument("second", metavar="B", help="likewise")
    parser.add_argument("--json", action="store_true", help="print the figures as one line of JSON")
    parser.set_defaults(run=compare)
    return parser


def compare(args: argparse.Namespace) -> None:
    """Print the scores of two models and their difference; raise UserError if their rows differ."""
    # these import pyarrow, which --help does not need
    from textrnn.evaluation.comparison.compared_models import find_models
    from textrnn.evaluation.comparison.summary import as_json, lines
    from textrnn.evaluation.metrics.paired_tests import paired_test, same_rows

    first, second = find_models(args.first, args.second)
    unlike = same_rows(first.rows, second.rows)
    if unlike is not None:
        do = "compare models of one corpus, evaluated on the same rows"
        raise UserError(f"{first.name} and {second.name}", "have no common rows of test", got=unlike, do=do)
    test = paired_test(first.rows, first.column, second.rows, second.column)
    if args.json:
        print(json.dumps(as_json(test, first.name, second.name), ensure_ascii=False))
    else:
        print("\n".join(lines(test, first.name, second.name)))
