"""Run as a script: DVC, whose messages go to a file of their own. Stages write to standard error as ever.

The arguments are that file and those of DVC. DVC tells an error of the disk in several tracebacks, which a run shows in
one line.
"""

import sys

if __name__ == "__main__":
    _, messages, *arguments = sys.argv
    with open(messages, "w", encoding="utf-8", buffering=1) as sys.stderr:  # before DVC is imported, which keeps it
        from dvc.cli import main

        sys.argv = ["dvc", *arguments]
        sys.exit(main(arguments))
