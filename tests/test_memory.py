"""Freed memory that stays: the next block of its size costs no page faults."""

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
    """Whether memory was kept, and the fewest and most page faults of a time."""
    command = [sys.executable, "-c", textwrap.dedent(PROGRAM), way]
    done = subprocess.run(
        command, env={"PYTHONPATH": str(SOURCE), "OMP_NUM_THREADS": "1"}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    kept, fewest, most = done.stdout.split()
    return kept, int(fewest), int(most)


def test_blocks_taken_again_cost_no_page_faults():
    kept, fewest, _ = run("keep")
    if kept != "True":
        pytest.skip("not glibc")
    assert fewest < 8  # not the most: the system may take pages back at any time
    assert run("leave")[2] >= 8  # one a block or more, by the size of its pages
