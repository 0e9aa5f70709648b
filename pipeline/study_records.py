"""Keep the records of the study's runs in git, in study/records, or restore them from there for DVC.

Two machines, or two clones on one machine, can run the study at once, each other claims: DVC lets one `dvc repro` at a
time work in a folder, so each process needs a clone of its own. Each keeps and commits its runs; the records are a file
a run, so git merges them without conflict. After `git pull` and `restore`, `dvc repro` skips the runs of both.
"""

import argparse

import checkout  # noqa: F401  (first: puts this checkout's src on the path)
from textrnn.errors import plural
from textrnn.stage import run_command
from textrnn.study.records.kept_records import KEPT, keep_records, restore_records


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=("keep", "restore"))
    if parser.parse_args().action == "restore":
        print(f"restored {plural(len(restore_records()), 'run')} from {KEPT}")
        return
    new, left_out = keep_records()
    print(f"kept {plural(len(new), 'new or changed run')} in {KEPT}")
    if left_out:
        print(f"left out, as DVC has recorded other files: {', '.join(left_out)}")


if __name__ == "__main__":
    run_command(main)
