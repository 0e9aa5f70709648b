"""The file `dvc.lock` during a run: kept short, so that DVC is quick, and put back if an interrupt cut it.

DVC reads, empties and writes all of the file after every stage. With the entries of all stages in it this takes about a
second each time, and an interrupt in that moment leaves it cut.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from textrnn.errors import UserError
from textrnn.project.runner.paths_in_use import remove_dead_entries
from textrnn.project.runner.progress import RUNNING
from textrnn.stage import output_file

LOCK = "dvc.lock"
CONFLICT = "<<<<<<< "
HEAD = "schema: '2.0'\nstages:\n"  # of a lock that DVC begins
_ENTRY = re.compile(r"^  (?=\S)", re.MULTILINE)  # DVC indents the names of stages by two blanks, what is theirs by more


@dataclass(frozen=True)
class LockFile:
    """The lock of the project in a folder.

    kept: what the lock had when the latest run began, nothing if there was none. The file is there during a run, and
    after a run that was killed. sound: during a run what the lock had when the latest stage began, after it what the
    lock had at its end. Both begin with a line that has the commit of the time.
    """

    project: Path

    @property
    def path(self) -> Path:
        """The file itself, also where the project has a link to it: DVC writes through the link."""
        path = self.project / LOCK
        return path.resolve() if path.is_symlink() else path

    @property
    def kept(self) -> Path:
        return self.project / ".dvc/tmp/whole_dvc.lock"

    @property
    def sound(self) -> Path:
        return self.project / ".dvc/tmp/sound_dvc.lock"

    def begin(self, stages: Iterable[str]) -> None:
        """Leave only the entries of these stages in the lock until `end`; a lock that was cut is put back first.

        Raises UserError for a lock with a merge conflict, or for a cut one if there is no other in its place.
        """
        if CONFLICT in _read(self.path):
            do = f"`git checkout --ours {LOCK}` (or --theirs), then the same command again"
            raise UserError(LOCK, "has a merge conflict", do=do)
        remove_dead_entries(self.project / ".dvc/tmp/rwlock")
        self._recover()
        if self.path.exists():
            self._mend()
        text, wanted = _read(self.path), set(stages)
        head, entries = _split(text)
        self._replace(self.kept, f"# {self._git('rev-parse', 'HEAD')}\n{text}")
        self.sound.unlink(missing_ok=True)
        left = "".join(entry for name, entry in entries.items() if name in wanted)
        if left:
            self._replace(self.path, head + left)
        else:  # DVC refuses a lock without stages
            self.path.unlink(missing_ok=True)

    def follow(self, said: str) -> None:
        """Keep the lock as it is if DVC says that a stage begins: it has then written all of the stage before."""
        if RUNNING.match(said) and is_whole(text := _read(self.path)):
            self._keep_sound(text)

    def end(self) -> None:
        """Put the entries of all other stages back, in the order that they had, if there was a `begin`."""
        if not self.kept.exists():
            return
        head, entries = _split(self._kept_in(self.kept))
        text, sound = _read(self.path), self._kept_in(self.sound)
        if is_whole(sound):
            entries |= _split(sound)[1]
        if cut := (self.path.exists() or is_whole(sound)) and lacks(text, sound):
            when = "that stage" if is_whole(sound) else "the run"
            print(f"{LOCK} was cut off by an interrupt: restored as it was before {when}", flush=True)
        if is_whole(text):
            written = _split(text)[1]
            if cut and written:
                written.popitem()  # the entry that DVC was writing
            entries |= written
        if entries:
            whole = (head or HEAD) + "".join(entries.values())
            self._replace(self.path, whole)
            self._keep_sound(whole)
        else:
            self.path.unlink(missing_ok=True)
        self.kept.unlink()

    def _recover(self) -> None:
        """Do what a killed run left to do, unless the history of another commit has been checked out since."""
        if not self.kept.exists():
            return
        commit = self._commit_of(self.kept)  # what the run left may have been committed since
        if (
            self._is_of_this_commit(self.kept)
            or self._git("merge-base", commit, "HEAD") == commit
            or not is_whole(_read(self.path))
        ):
            self.end()
        else:
            self.kept.unlink()

    def _mend(self) -> None:
        """Put the lock of the last run, else that of the last commit, in place of one that was cut, and say so.

        A lock that DVC can load is the user's, unless it is one of these two cut short. One without its last line end,
        as an editor may leave it, gets that.
        """
        text, committed = _read(self.path), self._git("show", f"HEAD:./{LOCK}")
        sound = self._kept_in(self.sound) if self._is_of_this_commit(self.sound) else ""
        last = sound if is_whole(sound) else committed
        if not _is_cut_of(text, last):
            if is_whole(text):
                return
            if is_whole(f"{text}\n") and not lacks(f"{text}\n", last):
                self._replace(self.path, f"{text}\n")
                return
        if is_whole(sound):
            print(f"{LOCK} was cut off by an interrupt: restored as the last run left it", flush=True)
            self._replace(self.path, sound)
            return
        if not is_whole(committed):
            do = f"`rm {LOCK}`, then the same command again: what has run is in DVC's cache"
            raise UserError(LOCK, "cannot be read, and git has none in its place", do=do)
        print(f"{LOCK} was cut off by an interrupt: restored from the last commit", flush=True)
        self._replace(self.path, committed)

    def _keep_sound(self, text: str) -> None:
        commit = _read(self.kept).partition("\n")[0]
        self._replace(self.sound, f"{commit}\n{text}")

    def _kept_in(self, path: Path) -> str:
        return _read(path).partition("\n")[2]

    def _is_of_this_commit(self, path: Path) -> bool:
        return self._commit_of(path) == self._git("rev-parse", "HEAD")

    def _commit_of(self, path: Path) -> str:
        return _read(path).partition("\n")[0].removeprefix("# ")

    def _git(self, *arguments: str) -> str:
        """What a git command prints, empty if it fails."""
        done = subprocess.run(["git", *arguments], cwd=self.project, capture_output=True, text=True, encoding="utf-8")
        if done.returncode:
            return ""
        return done.stdout if arguments[0] == "show" else done.stdout.strip()

    def _replace(self, path: Path, text: str) -> None:
        with output_file(path) as temporary:
            temporary.write_text(text, encoding="utf-8", newline="\n")


def is_whole(text: str) -> bool:
    """Whether DVC can load this content of its lock, and it ends as DVC writes it: a cut one may be valid YAML, too."""
    from dvc.schema import COMPILED_LOCKFILE_SCHEMA
    from ruamel.yaml import YAML, YAMLError
    from voluptuous import Invalid

    if not text.endswith("\n"):
        return False
    try:
        COMPILED_LOCKFILE_SCHEMA(YAML(typ="safe").load(text))
    except (YAMLError, Invalid, ValueError, LookupError):  # the last two: of a tag or number that cannot be one
        return False
    return True


def lacks(text: str, sound: str) -> bool:
    """Whether a lock is cut that has been written since it was `sound`: DVC changes and adds entries, it removes none.

    A cut at the end of a line leaves a lock that DVC can load: it lacks entries, or its last one is not complete.
    """
    if not is_whole(text):
        return True
    entries, before = _split(text)[1], _split(sound)[1] if is_whole(sound) else {}
    if before.keys() - entries.keys():
        return True
    return any(not _is_complete(entries[name]) and entries[name] != before.get(name) for name in list(entries)[-1:])


def _is_complete(entry: str) -> bool:
    """Whether an entry ends as DVC ends it: with the size of an output, and the number of files of a folder."""
    last = entry.partition("\n    outs:\n")[2].rpartition("    - ")[2]
    return "\n      size:" in last and (".dir\n" not in last or "\n      nfiles:" in last)


def _is_cut_of(text: str, whole: str) -> bool:
    return len(text) < len(whole) and whole.startswith(text)


def _split(text: str) -> tuple[str, dict[str, str]]:
    """The lines before the first stage, and the lines of each stage by its name."""
    head, *entries = _ENTRY.split(text)
    return head, {entry.partition(":\n")[0].strip("'\""): f"  {entry}" for entry in entries}


def _read(path: Path) -> str:
    """The content of a file, empty if there is none; bytes that are no UTF-8 become replacement characters."""
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
