"""Pad a recipe's rows to one width, or to a few bucket widths without truncation."""

from dataclasses import asdict

import checkout  # noqa: F401  (first: puts this checkout's src on the path)
from textrnn.common.config.pad import Pad
from textrnn.common.params.params_file import read_params
from textrnn.common.params.sections import get_param, load_entry_section
from textrnn.common.storage.encoded_rows import EncodedRows
from textrnn.common.storage.padded_rows import PaddedRows, write_lengths
from textrnn.common.storage.resumable import resumable_folder
from textrnn.common.storage.stored_files import write_statistics
from textrnn.preparation.padding.pad import pad
from textrnn.stage import run_stage


def main(recipe: str) -> None:
    params = read_params()
    settings = load_entry_section(Pad, params, "recipes", recipe, "pad")
    encoding = get_param(params, "recipes", recipe, "encoding")
    encoded = EncodedRows.read(EncodedRows.default_folder(encoding))
    resume_key = {"pad": asdict(settings), "encoded": encoded.checksum}
    with resumable_folder(PaddedRows.default_folder(recipe), stage="pad", **resume_key) as out:
        statistics, lengths = pad(encoded, settings, out)
        write_statistics(out, statistics)
        write_lengths(out, zip(lengths.lengths.tolist(), lengths.rows.tolist(), strict=True))


if __name__ == "__main__":
    run_stage(main, "recipe")
