"""Show the study's verdicts, and put them where the report finds them; with --docs write docs/study.md and docs/study/.

The report depends on study/shown, which is no stage's output: `dvc repro` would run the study for it otherwise.
"""

import argparse
import shutil
from pathlib import Path

import checkout  # noqa: F401  (first: puts this checkout's src on the path)
from textrnn.stage import output_file, output_folder, run_command
from textrnn.study.plan.json_files import read_figures, write_figures
from textrnn.study.verdicts.study_page import lines, render

SHOWN = Path("study/shown")


def copy_plots(folder: Path) -> list[str]:
    """The plots' names, after they were put into the folder."""
    plots = sorted(Path("study/plots").glob("*.svg"))
    for path in plots:
        shutil.copyfile(path, folder / path.name)
    return [path.name for path in plots]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--docs", metavar="COMMAND", help="write the page too; it names COMMAND as what it was made by")
    args = parser.parse_args()
    verdicts = read_figures(Path("study/verdicts.json"))
    print("\n".join(lines(verdicts)))
    with output_folder(SHOWN / "plots") as out:
        copy_plots(out)
    write_figures(SHOWN / "verdicts.json", verdicts)
    if args.docs is None:
        return
    with output_folder(Path("docs/study")) as out:
        plots = copy_plots(out)
        write_figures(out / "verdicts.json", verdicts)
    with output_file(Path("docs/study.md")) as made:
        made.write_text(render(verdicts, plots, "study", args.docs), encoding="utf-8")


if __name__ == "__main__":
    run_command(main)
