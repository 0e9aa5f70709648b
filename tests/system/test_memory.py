"""Freed memory that the process keeps: the next block of the same size costs no page faults."""

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
