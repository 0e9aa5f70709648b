"""Download the published corpora and verify their SHA-256, for `-S data.source=data/web`; outside the DVC graph."""

import argparse
from pathlib import Path

import checkout  # noqa: F401  (first: puts this checkout's src on the path)
from textrnn.errors import UserError
from textrnn.stage import run_command
from textrnn.tools.downloads import AMAZON_FILES, amazon_by_hand, corpora, fetch_corpus


def main() -> None:
    """Download the corpora named on the command line, or all that need no account."""
    parser = argparse.ArgumentParser(description=__doc__)
    known = ", ".join(corpora())
    parser.add_argument("corpus", nargs="*", help=f"any of {known} (default: all of them)")
    parser.add_argument("--to", type=Path, default=Path("data/web"), help="the folder for corpora (default: data/web)")
    parser.add_argument("--mirror", metavar="URL", help="download plain files from URL/<corpus>/<name> instead")
    args = parser.parse_args()
    for corpus in args.corpus:
        if corpus == "amazon":
            raise amazon_by_hand(args.to)
        if corpus not in corpora():
            raise UserError("corpus", "no such corpus to download", got=corpus, do=f"known: {known}")
    for corpus in args.corpus or corpora():
        for path in fetch_corpus(corpus, args.to, args.mirror):
            print(f"{path}: {path.stat().st_size:,} bytes, sha256 as expected")
    if not args.corpus and not all((args.to / "amazon" / name).is_file() for name in AMAZON_FILES):
        print(f"note: {amazon_by_hand(args.to)}")


if __name__ == "__main__":
    run_command(main)
