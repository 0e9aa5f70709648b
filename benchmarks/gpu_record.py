"""The results file of benchmarks/gpu.py: a JSON line for each result, appended as soon as there is one."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import checkout  # noqa: F401  (first: puts this checkout's src on the path)
from textrnn.errors import UserError

Line = dict[str, Any]
END = "end"  # the result that says how a part ended
MAX_TEXT = 1500  # characters of an error that are kept, from its end


@dataclass(frozen=True)
class Recorder:
    """Appends the results of one part. common: what all its lines have: the run, the part, the device, the size."""

    path: Path
    common: Line

    def add(self, result: str, **values: Any) -> None:
        """Append a line, and print it."""
        text = json.dumps(_plain({**self.common, "result": result, **values}), ensure_ascii=False, allow_nan=False)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(text + "\n")
        print(text, flush=True)

    @contextmanager
    def attempt(self, result: str, **values: Any) -> Iterator[Line]:
        """Append what the block puts into the dictionary; if it raises, the error's text as `refused` or `exception`.

        A UserError is a refusal, such as that of a precision that the device lacks. The part goes on in either case.
        """
        found: Line = {}
        try:
            yield found
        except UserError as error:
            self.add(result, **values, refused=str(error)[-MAX_TEXT:])
        except Exception as error:
            self.add(result, **values, exception=f"{type(error).__name__}: {error}"[-MAX_TEXT:])
        else:
            self.add(result, **{**values, **found})


def _plain(value: Any) -> Any:
    """The value with floats of 6 significant digits, and those that are not finite as text."""
    if isinstance(value, float):
        return float(f"{value:.6g}") if math.isfinite(value) else str(value)
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value


def read_lines(path: Path) -> list[Line]:
    """All lines of a results file. Raises UserError if there is none, or if it is something else."""
    if not path.is_file():
        raise UserError(path, "no such file", do="give the results file that `python benchmarks/gpu.py` has written")
    lines = []
    for number, text in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            line = json.loads(text)
        except ValueError as error:
            raise UserError(f"{path}, line {number}", "is not JSON", got=text[:80]) from error
        if not isinstance(line, dict) or not {"run", "part", "device", "small", "result"} <= line.keys():
            raise UserError(f"{path}, line {number}", "is not a result of benchmarks/gpu.py", got=text[:80])
        lines.append(line)
    return lines
