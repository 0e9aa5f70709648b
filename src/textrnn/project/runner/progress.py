"""What a run shows while DVC works: a line for each stage, with its number and the time that is left."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

RUNNING = re.compile(r"Running stage '(.+)':$")
SKIPPED = re.compile(r"Stage '(.+)' (didn't change|is cached)")
# rough seconds of a stage on the sample corpora, until a run has measured them; only the time left depends on them
USUAL_SECONDS = {"train": 13.0, "baseline": 9.0, "evaluate": 2.5, "segment": 1.7}
OTHER_SECONDS = 0.7


class Progress:
    """Follows what DVC prints and tells it in one line per stage.

    stages: all stages of the run. seconds: of stages in earlier runs, as `finish` returns them. clock: seconds from any
    point on.
    """

    def __init__(
        self,
        stages: Sequence[str],
        seconds: Mapping[str, float] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        usual = {stage: USUAL_SECONDS.get(stage.partition("@")[0], OTHER_SECONDS) for stage in stages}
        self._expected = usual | {stage: value for stage, value in (seconds or {}).items() if stage in usual}
        self._earlier, self._clock = dict(seconds or {}), clock
        self._waiting = dict.fromkeys(stages)
        self._running: tuple[str, float] | None = None
        self._total = len(stages)
        self.measured: dict[str, float] = {}

    def show(self, said: str) -> None:
        """Print what there is to show for a line that DVC printed."""
        if (line := self.line(said)) is not None:
            print(line, flush=True)

    def line(self, said: str) -> str | None:
        """What to show for a line that DVC printed, or None for nothing."""
        if (match := SKIPPED.match(said)) is not None:
            self._finish()
            self._waiting.pop(match[1], None)
            return None if match[2] == "didn't change" else f"{self._number()} {match[1]}, from the cache"
        if (match := RUNNING.match(said)) is None:
            return None
        self._finish()
        left = _minutes(self._seconds_left())
        self._waiting.pop(match[1], None)
        self._running = (match[1], self._clock())
        return f"{self._number()} {match[1]:<32} {left} left"

    def finish(self) -> dict[str, float]:
        """Seconds of each stage by its latest run; call it when DVC has ended without an error."""
        self._finish()
        return self._earlier | {stage: round(value, 2) for stage, value in self.measured.items()}

    def _finish(self) -> None:
        if self._running is not None:
            stage, started = self._running
            self.measured[stage] = self._clock() - started
            self._running = None

    def _number(self) -> str:
        width = len(str(self._total))
        return f"[{self._total - len(self._waiting):{width}}/{self._total}]"

    def _seconds_left(self) -> float:
        """The expected seconds of the stages that wait, longer or shorter as those that ran took more or less."""
        took = sum(self.measured.values())
        expected = sum(self._expected.get(stage, OTHER_SECONDS) for stage in self.measured)
        # as if one more stage had taken exactly what was expected, so that the first ones do not count too much
        speed = (took + OTHER_SECONDS) / (expected + OTHER_SECONDS)
        return speed * sum(self._expected[stage] for stage in self._waiting)


def read_seconds(path: Path) -> dict[str, float]:
    """The seconds by stage that `write_seconds` wrote; empty if there is no such file, or it cannot be read."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        return {str(stage): float(seconds) for stage, seconds in values.items()}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}


def write_seconds(path: Path, seconds: Mapping[str, float]) -> None:
    """Write the seconds by stage for the next run."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(dict(seconds), indent=2) + "\n", encoding="utf-8")


def _minutes(seconds: float) -> str:
    whole = round(seconds)
    return f"{whole} s" if whole < 60 else f"{whole // 60} min {whole % 60:02} s"
