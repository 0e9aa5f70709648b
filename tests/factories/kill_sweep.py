"""Kills of the whole pipeline at random moments: what is hit by which signal, and what the runs after it leave.

One run after another is started in the same project until one ends. Its outputs are then compared with those of an
undisturbed run, and the project begins anew, until all kills are spent.
"""

from __future__ import annotations

import contextlib
import dataclasses
import random
import shutil
import signal
import subprocess
import time
from collections import Counter, deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
from ruamel.yaml import YAML

from factories.projects import commit, environment, make_project, run, use_pools, written
from textrnn.project.runner.lock_file import LOCK, LockFile, lacks

RECIPES = ("names_gru", "ner_gru")  # a classifier and a tagger
COMMAND = ("python", "pipeline/run.py", *RECIPES)
SIGNALS = ("SIGKILL", "SIGINT", "SIGTERM")
# what is hit, and how often: `lock` is DVC while it writes dvc.lock, `all` every process at once
VICTIMS = {"run": 15, "dvc": 15, "lock": 10, "stage": 30, "worker": 20, "all": 10}
STAGES_BETWEEN = 5.0  # the longest time before a kill, in stages of an undisturbed run
SOONER = 0.7  # that time is shortened so after a run that ended before it was hit, as on a machine that has less to do
PATIENCE = 60.0  # seconds for a victim to appear, and for what was hit to end
AFTER_LAST = 600.0  # seconds for a stage that outlives the process that started it


@dataclasses.dataclass(frozen=True)
class Kill:
    """One kill: what is hit, by which signal, and when, as a share of the longest time."""

    victim: str
    signal: str
    moment: float


@dataclasses.dataclass
class Figures:
    """What happened.

    signals, victims, stages: how many kills of each. locks_cut: how often a kill cut dvc.lock, also at the end of
    a line. went_on:
    kills that did not end the run. runs: how many were started; ended: how many came to their end and were compared.
    files: how many were compared in all. different: those that were not as they should be.
    """

    signals: Counter[str] = dataclasses.field(default_factory=Counter)
    victims: Counter[str] = dataclasses.field(default_factory=Counter)
    stages: Counter[str] = dataclasses.field(default_factory=Counter)
    locks_cut: int = 0
    went_on: int = 0
    runs: int = 0
    ended: int = 0
    files: int = 0
    different: list[str] = dataclasses.field(default_factory=list)


def plan(kills: int, seed: int) -> list[Kill]:
    """The kills of a sweep; they are the same for the same seed."""
    rng = random.Random(seed)
    victims, weights = zip(*VICTIMS.items(), strict=True)
    drawn = [(rng.choices(victims, weights)[0], rng.choice(SIGNALS), rng.random()) for _ in range(kills)]
    return [Kill(victim, "SIGKILL" if victim == "lock" else name, moment) for victim, name, moment in drawn]


class Sweep:
    """The kills in one project; the undisturbed run, with the seconds that it takes, is made first."""

    def __init__(self, folder: Path) -> None:
        self.said = folder / "said.log"
        undisturbed = _make(folder / "undisturbed")
        started = time.monotonic()
        run(undisturbed, *COMMAND)
        self.expected, self.lock = written(undisturbed), _stages(undisturbed)
        self.longest = STAGES_BETWEEN * (time.monotonic() - started) / len(self.lock)
        self.project, self.figures = _make(folder / "killed"), Figures()

    def run(self, kills: list[Kill]) -> Figures:
        """Spend all kills, and let the last run end."""
        left = deque(kills)
        while True:
            if self._run_once(left):
                self._compare()
                if not left:
                    return self.figures
                _clear(self.project)

    def _run_once(self, left: deque[Kill]) -> bool:
        """Start a run and hit it until it ends; whether it has come to the end of all stages."""
        self.figures.runs += 1
        self.figures.locks_cut -= is_cut(self.project)  # counted, and put back by this run, which says so
        said_before = self._put_back()
        own = environment(self.project, TEXTRNN_WORKERS="2")
        with self.said.open("a", encoding="utf-8") as said:
            process = subprocess.Popen(COMMAND, cwd=self.project, env=own, stdout=said, stderr=said)
        hit = False
        while left and self._hit(process, left[0]):
            left.popleft()
            hit = True
        code = process.wait()
        assert _wait_for(lambda: not _processes(self.project), AFTER_LAST), "processes outlive their run"
        self.figures.locks_cut += self._put_back() - said_before + is_cut(self.project)
        if not hit:
            self.longest *= SOONER
        assert hit or not code, f"run {self.figures.runs}, which nothing has hit, ended with {code}: see {self.said}"
        return not code

    def _hit(self, process: subprocess.Popen[bytes], kill: Kill) -> bool:
        """Send the signal at its moment, and wait for what it ends; False if the run ends before that."""
        _wait_for(lambda: process.poll() is not None, kill.moment * self.longest)
        found = _wait_for(lambda: process.poll() is not None or self._victims(kill.victim), PATIENCE)
        stages = [stage for stage in map(_stage, _processes(self.project)) if stage and kill.victim != "lock"]
        writing = False
        if kill.victim == "lock" and process.poll() is None:
            writing = _wait_for(lambda: process.poll() is not None or _is_being_written(self.project), PATIENCE, 0.0005)
        if process.poll() is not None:
            return False
        for hit in found or [psutil.Process(process.pid)]:
            with contextlib.suppress(psutil.NoSuchProcess):
                hit.send_signal(signal.Signals[kill.signal])
        victim = "run" if not found else "dvc" if kill.victim == "lock" and not writing else kill.victim
        self.figures.signals[kill.signal] += 1
        self.figures.victims[victim] += 1
        self.figures.stages[stages[0] if stages else "between stages"] += 1
        self._note(f"{kill} hit {victim}, {stages}")
        ignored = kill.victim in ("worker", "dvc") and kill.signal == "SIGINT"
        _wait_for(lambda: process.poll() is not None, 1.0 if ignored else PATIENCE)
        self.figures.went_on += process.poll() is None
        return True

    def _victims(self, victim: str) -> list[psutil.Process]:
        roles = [(process, _role(process)) for process in _processes(self.project)]
        if victim == "all":
            return [process for process, role in roles if role]
        wanted = "dvc" if victim == "lock" else victim
        return [process for process, role in roles if role == wanted][:1]

    def _compare(self) -> None:
        """Compare what the run that came to its end has written with what the undisturbed one has."""
        found = written(self.project)
        names = sorted(
            name for name in found.keys() | self.expected.keys() if found.get(name) != self.expected.get(name)
        )
        self._note(f"compared {len(found)} files: {names}")
        self.figures.ended += 1
        self.figures.files += len(self.expected)
        self.figures.different += [f"run {self.figures.runs}: {name}" for name in names]
        if _stages(self.project) != self.lock:
            self.figures.different.append(f"run {self.figures.runs}: dvc.lock")

    def _put_back(self) -> int:
        """How often a run has said that it put back a lock that was cut."""
        said = self.said.read_text(encoding="utf-8", errors="replace") if self.said.exists() else ""
        return said.count(f"{LOCK} was cut off by an interrupt")

    def _note(self, text: str) -> None:
        with self.said.open("a", encoding="utf-8") as said:
            said.write(f"== {time.strftime('%H:%M:%S')} {self.figures.signals.total()} {text}\n")


def _make(folder: Path) -> Path:
    project = make_project(folder)
    use_pools(project)
    commit(project)
    return project


def _clear(project: Path) -> None:
    """All that runs have written and kept removed, DVC's cache too."""
    run(project, "git", "clean", "-fdxq", "-e", "__pycache__")
    run(project, "git", "checkout", "-q", ".")
    shutil.rmtree(project.with_name(f"{project.name}.site"), ignore_errors=True)


def _processes(project: Path) -> list[psutil.Process]:
    """What runs in the project, the shells that DVC starts excepted."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.cwd() == str(project) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def _role(process: psutil.Process) -> str:
    """What a process is: run, dvc, stage or worker; empty for a shell and the like."""
    with contextlib.suppress(psutil.Error):
        words = process.cmdline()
        if any("spawn_main" in word for word in words):
            return "worker"
        scripts = [word for word in words[1:2] if word.endswith(".py")]
        for script, role in (("run.py", "run"), ("dvc_script.py", "dvc")):
            if any(word.endswith(script) for word in scripts):
                return role
        return "stage" if scripts else ""
    return ""


def _stage(process: psutil.Process) -> str:
    """The name of the stage that a process runs; empty for others."""
    with contextlib.suppress(psutil.Error):
        return Path(process.cmdline()[1]).stem if _role(process) == "stage" else ""
    return ""


def is_cut(project: Path) -> bool:
    """Whether dvc.lock cannot be read, or lacks what the last sound copy of it has."""
    path, sound = project / "dvc.lock", LockFile(project).sound
    if not path.is_file():
        return False
    before = sound.read_text(encoding="utf-8").partition("\n")[2] if sound.is_file() else ""
    return lacks(path.read_text(encoding="utf-8", errors="replace"), before)


def _is_being_written(project: Path) -> bool:
    """Whether dvc.lock is there and has not its last line."""
    path = project / "dvc.lock"
    return path.is_file() and not path.read_bytes().endswith(b"\n")


def _stages(project: Path) -> dict[str, Any]:
    stages: dict[str, Any] = YAML(typ="safe").load((project / "dvc.lock").read_text(encoding="utf-8"))["stages"]
    return stages


def _wait_for(condition: Callable[[], Any], seconds: float, every: float = 0.1) -> Any:
    """The first true value of the condition, or its last one when the seconds are over."""
    end = time.monotonic() + seconds
    while not (value := condition()) and time.monotonic() < end:
        time.sleep(every)
    return value
