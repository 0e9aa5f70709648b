"""Freed memory that stays: the next block of its size costs no page faults."""

import resource
import subprocess
import sys
import textwrap

import pytest

from imports import SOURCE

PROGRAM = """
    import resource, sys
    import torch
    from textrnn.memory import keep_freed_memory

    kept = sys.argv[1] == "keep" and keep_freed_memory()

    def touch():
        held = [torch.ones(1 << 20) for _ in range(8)]  # 32 MiB

    def faults():
        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

    touch()
    touch()
    before = faults()
    for _ in range(5):
        touch()
    print(kept, faults() - before)
"""


def run(way: str) -> tuple[str, int]:
    command = [sys.executable, "-c", textwrap.dedent(PROGRAM), way]
    done = subprocess.run(
        command, env={"PYTHONPATH": str(SOURCE), "OMP_NUM_THREADS": "1"}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    kept, faults = done.stdout.split()
    return kept, int(faults)


def test_blocks_taken_again_cost_no_page_faults():
    kept, faults = run("keep")
    if kept != "True":
        pytest.skip("not glibc")
    without = run("leave")[1]
    assert faults < 8 * 5 * (1 << 22) / resource.getpagesize() / 20
    assert without > 4 * faults
