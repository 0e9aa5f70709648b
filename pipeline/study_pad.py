"""Make the rows of the study's encoding as wide as each of its pads, and tell how much of the text each keeps."""

from pathlib import Path

import checkout  # noqa: F401  (first: puts this checkout's src on the path)
from textrnn.common.config.pad import Pad
from textrnn.common.config.params import read_params
from textrnn.common.storage.resumable import resumable_folder
from textrnn.common.storage.shards import index_sha256
from textrnn.preparation.padding.pad import pad
from textrnn.stage import output_folder, run_command
from textrnn.study.plan.json_files import write_figures
from textrnn.study.plan.variants import read_study


def main() -> None:
    study = read_study(read_params(Path("study/params.yaml")))
    encoded = Path("data/encoded") / study.encoding / "ids"
    with output_folder(Path("data/study/padded")) as whole:
        kept = {}
        for width in study.pads:
            given = {"pad": width, "encoded": index_sha256(encoded)}
            settings = Pad(pad_size=width, pad_side="right", buckets=None)
            with resumable_folder(whole / str(width), stage="study_pad", **given) as out:
                report, _ = pad(encoded, settings, out)
            kept[str(width)] = 1 - report["train"]["truncated_share"]
        write_figures(whole / "kept.json", kept)


if __name__ == "__main__":
    run_command(main)
