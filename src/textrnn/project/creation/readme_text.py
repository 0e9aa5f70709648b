"""The README of a project."""

from __future__ import annotations

README = """\
# {corpus}

A recurrent text model of `{file}`, made by textrnn: one cached, reproducible [DVC](https://dvc.org) stage at a time.

    dvc repro                                  # runs what has not run yet, or what a change affects
    python pipeline/table.py                   # the recipe beside its best linear baseline
    textrnn predict models/{recipe} "a text"   # predictions as JSON lines
    textrnn serve models/{recipe}              # a server, and a page to try the model at

`reports/index.html` has curves, confusions and errors; `models/{recipe}.md` is the model's card.

| file | what |
|---|---|
| `params.yaml` | every value that can change a result; a comment on each line; `textrnn check` lists what is wrong with it |
| `data/raw/{corpus}/` | the raw file, tracked by DVC: git has `data/raw/{corpus}.dvc` |
| `dvc.yaml` | the stages; `pipeline/` has their scripts, which run those of the installed textrnn |
| `dvc.lock` | what has run, with the hashes of all inputs and outputs; commit it |

Another recipe, then a comparison:

    textrnn add recipe mine --from {recipe}
    dvc repro evaluate@mine
    textrnn compare mine {recipe}

New rows: replace the file in `data/raw/{corpus}/`, then `dvc repro`. A new version of textrnn: `dvc repro` runs again
the stages whose code it changes, and no others. For that, `check` runs each time; `dvc status` shows it as
`always changed`.

## What DVC says

| message | meaning |
|---|---|
| `Updating lock file 'dvc.lock'`, `To track the changes with git, run: git add ...` | after each stage; one `git add -A` at the end does the same |
| `To enable auto staging, run: dvc config core.autostage true` | DVC then does that `git add` itself |
| `Use 'dvc push' to send your updates to remote storage.` | there is no remote until you set one up with `dvc remote add` |
| `Stage '...' didn't change, skipping` | its result is there |
| `Stage '...' is cached - skipping run, checking out outputs` | it ran with the same inputs before; its result is copied |
"""


def readme_text(corpus: str, encoding: str, recipe: str, file: str) -> str:
    """The README, with the names of the project's entries."""
    return README.format(corpus=corpus, encoding=encoding, recipe=recipe, file=file)
