"""Memory of whole processes: what is freed and kept, and what packed files of any content need."""

import bz2
import gzip
import subprocess
import sys
import textwrap

import pytest

from factories.imports import SOURCE

# each way in a fork of its own, as what one sets holds for a whole process, and torch takes a second to import
PROGRAM = """
    import os, resource
    import torch
    from textrnn.training.optimization.allocator import keep_freed_memory

    def touch():
        held = [torch.ones(1 << 20) for _ in range(8)]  # 32 MiB

    def faults():
        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

    def count(way):
        kept = way == "keep" and keep_freed_memory()
        touch()
        touch()
        counts = []
        for _ in range(10):
            before = faults()
            touch()
            counts.append(faults() - before)
        print(kept, min(counts), max(counts), flush=True)

    for way in ("keep", "leave"):
        if not (child := os.fork()):
            count(way)
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
"""


def test_blocks_allocated_again_cost_no_page_faults():
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(PROGRAM)],
        env={"PYTHONPATH": str(SOURCE), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    kept, left = (line.split() for line in done.stdout.splitlines())
    if kept[0] != "True":
        pytest.skip("not glibc")
    assert int(kept[1]) < 8  # the fewest, not the most: the system may reclaim pages at any time
    assert int(left[2]) >= 8  # one or more per block, depending on the page size


# a stream of a packed file, which has 12 or 22 of them: some kilobytes expand to 400 MB or 1 GB
ZEROS = {
    "zeros.bz2": bz2.compress(bytes(45_000_000)),  # of some 40 bytes
    "zeros.gz": gzip.compress(bytes(64_000_000)),
    "utf16.gz": gzip.compress("\N{SNOWMAN}".encode("utf-16-le") * 32_000_000),
    "lines.bz2": bz2.compress(b"a" * 15_000_000 + b"\n" + b"b" * 16_000_000 + b"\n"),
}
# how much more memory the process has at its peak than before it reads
READER = """
    import resource, sys
    from pathlib import Path
    from textrnn.common.files.lines import read_lines
    from textrnn.errors import UserError

    def peak():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024

    before, lines, error = peak(), 0, ""
    try:
        for lines, _ in read_lines(Path(sys.argv[1]), sys.argv[2] or None):
            pass
    except UserError as wrong:
        error = wrong
    print(peak() - before, lines, error)
"""


@pytest.mark.parametrize("workers", [1, 2, 7])
@pytest.mark.parametrize("name", ZEROS)
def test_memory_does_not_depend_on_what_a_packed_file_expands_to(name, workers, tmp_path):
    path = tmp_path / name
    streams = 12 if name == "lines.bz2" else 22
    path.write_bytes(ZEROS[name] * streams)
    assert path.stat().st_size < 3_000_000
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(READER), str(path), "utf-16-le" if "utf16" in name else ""],
        env={"PYTHONPATH": str(SOURCE), "TEXTRNN_WORKERS": str(workers), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    mebibytes, lines, error = done.stdout.rstrip("\n").split(" ", 2)
    if name == "lines.bz2":
        assert (int(lines), error) == (2 * streams, "")
    else:
        assert error.startswith(f"{path}, line 1: is longer than 16 MiB, the most that a line may have; got b'")
        assert error.endswith("; correct the line ends of the file, or split the text")
    assert int(mebibytes) < 200
