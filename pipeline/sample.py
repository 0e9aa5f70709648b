"""Generate the sample files of one corpus, in its published format, in data/sample."""

from pathlib import Path

import checkout  # noqa: F401  (first: puts this checkout's src on the path)
from textrnn.common.config.data import Sample
from textrnn.common.params.params_file import read_params
from textrnn.common.params.sections import get_param, load_section
from textrnn.errors import require
from textrnn.names import path_of
from textrnn.preparation.sample.synthetic_corpora import write_sample
from textrnn.stage import output_folder, run_stage


def main(corpus: str) -> None:
    params = read_params()
    sample = load_section(Sample, params, "sample")
    kind = get_param(params, "corpora", corpus, "parse", "format")
    names = get_param(params, "corpora", corpus, "parse", "files")
    require(isinstance(names, dict), f"corpora.{corpus}.parse.files", "must map each role to a file name", names)
    files = {role: str(name) for role, name in names.items() if name is not None}
    with output_folder(path_of(Path("data/sample"), corpus)) as folder:
        write_sample(corpus, kind, files, sample, folder)


if __name__ == "__main__":
    run_stage(main, "corpus")
