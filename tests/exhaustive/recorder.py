"""Records in `passed.json` on what code all exhaustive tests have passed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from exhaustive.state import RECORD, file_hashes, write_record


def all_tests(root: Path) -> set[str]:
    """The ids of all exhaustive tests, whatever the present run selects."""
    options = ("--collect-only", "-q", "-o", "addopts=", "--import-mode=importlib", "-p", "no:cacheprovider")
    command = [sys.executable, "-m", "pytest", *options, "-m", "exhaustive", "tests/exhaustive"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, encoding="utf-8", check=True)
    return {line for line in done.stdout.splitlines() if "::" in line}


class PassRecorder:
    """Writes the record at the end of a run in which every test there is has passed, and says what it did.

    A run of some of them, or one in which some are skipped for want of the real corpora, records nothing.
    """

    def __init__(self, root: Path, collect: Callable[[Path], set[str]] = all_tests) -> None:
        self.root, self.collect = root, collect
        self.hashes = file_hashes(root)  # at the start: a file may be edited during the run
        self.passed: set[str] = set()
        self.others: set[str] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if not report.passed:
            self.others.add(report.nodeid)
        elif report.when == "call":
            self.passed.add(report.nodeid)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter, exitstatus: int) -> None:
        if not self.passed | self.others:
            return
        tests = self.collect(self.root)
        if not tests & (self.passed | self.others):  # the kills alone
            return
        passed = (self.passed - self.others) & tests
        if exitstatus == pytest.ExitCode.OK and passed == tests:
            write_record(self.root, self.hashes)
            terminalreporter.write_line(f"all {len(tests)} exhaustive tests passed: recorded in {RECORD}")
        else:
            count = f"{len(passed & tests)} of the {len(tests)} exhaustive tests passed"
            terminalreporter.write_line(f"{count}: not recorded in {RECORD}")
