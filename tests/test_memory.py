"""Freed memory that the process keeps: the next block of the same size costs no page faults."""

import subprocess
import sys
import textwrap

import pytest

from imports import SOURCE

PROGRAM = """
    import resource, sys
    import torch
    from textrnn.training.optimization.allocator import keep_freed_memory

    kept = sys.argv[1] == "keep" and keep_freed_memory()

    def touch():
        held = [torch.ones(1 << 20) for _ in range(8)]  # 32 MiB

    def faults():
        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

    touch()
    touch()
    counts = []
    for _ in range(10):
        before = faults()
        touch()
        counts.append(faults() - before)
    print(kept, min(counts), max(counts))
"""


def run(way: str) -> tuple[str, int, int]:
    """Whether memory was kept, and the fewest and the most page faults of one allocation."""
    command = [sys.executable, "-c", textwrap.dedent(PROGRAM), way]
    done = subprocess.run(
        command, env={"PYTHONPATH": str(SOURCE), "OMP_NUM_THREADS": "1"}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    kept, fewest, most = done.stdout.split()
    return kept, int(fewest), int(most)


def test_blocks_allocated_again_cost_no_page_faults():
    kept, fewest, _ = run("keep")
    if kept != "True":
        pytest.skip("not glibc")
    assert fewest < 8  # not the most: the system may reclaim pages at any time
    assert run("leave")[2] >= 8  # one or more per block, depending on the page size
