"""Show the study's verdicts; with --docs also write them, with plots, to docs/study.md and docs/study/."""

import argparse
import shutil
from pathlib import Path

import checkout  # noqa: F401  (first: puts this checkout's src on the path)
from textrnn.stage import output_file, output_folder, run
from textrnn.study.files import read_figures, write_figures
from textrnn.study.page import lines, render


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--docs", action="store_true", help="write the page too")
    verdicts = read_figures(Path("study/verdicts.json"))
    print("\n".join(lines(verdicts)))
    if not parser.parse_args().docs:
        return
    plots = sorted(path.name for path in Path("study/plots").glob("*.svg"))
    with output_folder(Path("docs/study")) as out:
        for name in plots:
            shutil.copyfile(Path("study/plots") / name, out / name)
        write_figures(out / "verdicts.json", verdicts)
    with output_file(Path("docs/study.md")) as made:
        made.write_text(render(verdicts, plots, "study", "make study"), encoding="utf-8")


if __name__ == "__main__":
    run(main)
