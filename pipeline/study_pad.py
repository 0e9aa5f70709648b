"""Pad the rows of the study's encoding to each of its widths, and report the fraction of tokens that each keeps."""

from pathlib import Path

import checkout  # noqa: F401  (first: puts this checkout's src on the path)
from textrnn.common.config.pad import Pad
from textrnn.common.integrity.checksums import checked_folder
from textrnn.common.params.params_file import read_values
from textrnn.common.storage.encoded_rows import EncodedRows
from textrnn.common.storage.resumable import resumable_folder
from textrnn.preparation.padding.pad import pad
from textrnn.stage import run_command
from textrnn.study.plan.json_files import write_results
from textrnn.study.plan.variants import read_study


def main() -> None:
    study = read_study(read_values(Path("study/params.yaml")))
    encoded = EncodedRows.read(EncodedRows.default_folder(study.encoding))
    with checked_folder(Path("data/study/padded")) as folder:
        kept_shares = {}
        for width in study.pads:
            resume_key = {"pad": width, "encoded": encoded.checksum}
            settings = Pad(max_length=width, side="right", buckets=None)
            with resumable_folder(folder / str(width), stage="study_pad", **resume_key) as out:
                statistics, _ = pad(encoded, settings, out)
            kept_shares[str(width)] = 1 - statistics["train"]["truncated_share"]
        write_results(folder / "kept.json", kept_shares)


if __name__ == "__main__":
    run_command(main)
