"""Parse a corpus's raw files into Arrow shards of labelled rows."""

from dataclasses import asdict
from pathlib import Path

import checkout  # noqa: F401  (first: puts this checkout's src on the path)
from textrnn.common.config.data import Data, Limits
from textrnn.common.config.parse import Parse
from textrnn.common.params.params_file import read_params
from textrnn.common.params.sections import load_entry_section, load_section
from textrnn.common.storage.parsed_rows import ParsedRows
from textrnn.common.storage.resumable import resumable_folder
from textrnn.common.storage.stored_files import write_statistics
from textrnn.names import path_of
from textrnn.preparation.parsing.parse import parse
from textrnn.stage import run_stage


def main(corpus: str) -> None:
    params = read_params()
    settings = load_entry_section(Parse, params, "corpora", corpus, "parse")
    data, limits = load_section(Data, params, "data"), load_section(Limits, params, "limits")
    source = path_of(Path(data.source), corpus)
    files = [path.resolve() for file in settings.files.values() if file and (path := source / file).is_file()]
    # no checksums: they would cost reading gigabytes once more
    stats = [(path, path.stat()) for path in files]
    raw = [[str(path), stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino] for path, stat in stats]
    resume_key = {"parse": asdict(settings), "rows": limits.rows, "raw": raw}
    with resumable_folder(ParsedRows.default_folder(corpus), stage="parse", **resume_key) as out:
        write_statistics(out, parse(source, settings, limit=limits.rows, out=out))


if __name__ == "__main__":
    run_stage(main, "corpus")
