"""Map the tokens of an encoding to ids: the vocabulary of its training split, and id shards."""

from dataclasses import asdict

import checkout  # noqa: F401  (first: puts this checkout's src on the path)
from textrnn.common.config.encode import Encode
from textrnn.common.integrity.checksums import checked_folder
from textrnn.common.params.params_file import read_params
from textrnn.common.params.sections import load_entry_section
from textrnn.common.storage.encoded_rows import EncodedRows
from textrnn.common.storage.resumable import resumable_folder
from textrnn.common.storage.segmented_rows import SegmentedRows
from textrnn.common.storage.stored_files import write_statistics
from textrnn.preparation.artifacts.preparation_folder import Preparation
from textrnn.preparation.encoding.encode import encode
from textrnn.stage import run_stage


def main(encoding: str) -> None:
    where = f"encodings.{encoding}.encode"
    settings = load_entry_section(Encode, read_params(), "encodings", encoding, "encode")
    segmented = SegmentedRows.read(SegmentedRows.default_folder(encoding))
    resume_key = {"encode": asdict(settings), "segmented": segmented.checksum}
    with (
        resumable_folder(EncodedRows.default_folder(encoding), stage="encode", **resume_key) as ids,
        checked_folder(Preparation.default_folder(encoding)) as preparation,
    ):
        write_statistics(ids, encode(segmented, settings, where=where, ids=ids, preparation=preparation))


if __name__ == "__main__":
    run_stage(main, "encoding")
