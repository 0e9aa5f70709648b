"""Print the study's verdicts and copy them for the report; with --docs, also write docs/study.md and docs/study/.

The comparisons of each claim were fixed before the runs. A claim is supported, or not supported, where its p-value is
at most 5% after Holm's correction over all claims, and undecided otherwise; a claim whose runs are not all there is not
run yet. The report depends on study/shown. That folder is not the output of a stage: otherwise `dvc repro` would run
the study.
"""

import argparse
import shutil
from pathlib import Path

import checkout  # noqa: F401  (first: puts this checkout's src on the path)
from textrnn.stage import output_file, output_folder, run_command
from textrnn.study.claims.claim import Language
from textrnn.study.page.study_page import read_verdicts, render, terminal_lines
from textrnn.study.plan.json_files import write_results

SHOWN = Path("study/shown")
PAGES: dict[Language, Path] = {"en": Path("docs/study.md"), "zh": Path("docs/study.zh-CN.md")}


def copy_plots(language: Language, folder: Path) -> list[str]:
    """Copy the plots in a language into the folder; return their names."""
    plots = sorted(Path("study/plots", language).glob("*.svg"))
    for path in plots:
        shutil.copyfile(path, folder / path.name)
    return [path.name for path in plots]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--docs", metavar="COMMAND", help="also write the pages, which say that COMMAND produced them")
    args = parser.parse_args()
    verdicts = read_verdicts(Path("study/verdicts.json"))
    print("\n".join(terminal_lines(verdicts)))
    with output_folder(SHOWN / "plots") as out:
        copy_plots("en", out)
    write_results(SHOWN / "verdicts.json", verdicts)
    if args.docs is None:
        return
    with output_folder(Path("docs/study")) as out:
        for language in PAGES:
            (out / language).mkdir()
            plots = copy_plots(language, out / language)
        write_results(out / "verdicts.json", verdicts)
    for language, page in PAGES.items():
        with output_file(page) as temporary:
            content = render(verdicts, plots, f"study/{language}", args.docs, language)
            temporary.write_text(content, encoding="utf-8")


if __name__ == "__main__":
    run_command(main)
