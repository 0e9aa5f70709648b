"""The lock during a run and after it, and what becomes of one that an interrupt cut."""

import os
import random
import re
import subprocess

import pytest
from dvc.dvcfile import Lockfile
from dvc.exceptions import DvcException
from dvc.repo import Repo

from factories.imports import ROOT
from textrnn.errors import UserError
from textrnn.project.runner.lock_file import LockFile, is_whole, lacks

HEAD = "schema: '2.0'\nstages:\n"


def entry(name, md5):
    out = f"    - path: out/{name}\n      hash: md5\n      md5: {md5 * 16}\n      size: 1\n"
    return f"  {name}:\n    cmd: run {name}\n    outs:\n{out}"


WHOLE = HEAD + entry("a", "a1") + entry("b@x", "b2") + entry("c@y", "c3")


@pytest.fixture
def lock(tmp_path, monkeypatch):
    """The lock of an empty project, with three stages; nothing waits for the disk."""
    monkeypatch.setattr(os, "fsync", lambda handle: None)
    (tmp_path / "dvc.lock").write_text(WHOLE, encoding="utf-8")
    return LockFile(tmp_path)


def git(folder, *arguments):
    names = ["-c", "user.name=tests", "-c", "user.email=tests@localhost"]
    subprocess.run(["git", *names, *arguments], cwd=folder, check=True, capture_output=True)


def commit(lock):
    git(lock.project, "init", "-q")
    git(lock.project, "add", "dvc.lock")
    git(lock.project, "commit", "-q", "-m", "whole")


def test_during_a_run_the_lock_has_the_entries_of_its_stages_alone(lock):
    lock.begin(["c@y", "a", "new"])
    assert lock.path.read_text(encoding="utf-8") == HEAD + entry("a", "a1") + entry("c@y", "c3")
    lock.end()
    assert lock.path.read_text(encoding="utf-8") == WHOLE
    assert not lock.kept.exists()


def test_what_the_run_changed_stays_where_it_was_and_new_stages_come_last(lock):
    lock.begin(["c@y", "new"])
    lock.path.write_text(HEAD + entry("c@y", "d9") + entry("new", "e4"), encoding="utf-8")
    lock.end()
    expected = [entry("a", "a1"), entry("b@x", "b2"), entry("c@y", "d9"), entry("new", "e4")]
    assert lock.path.read_text(encoding="utf-8") == HEAD + "".join(expected)


def test_a_run_of_no_known_stage_begins_without_a_lock(lock):
    lock.begin(())
    assert not lock.path.exists()
    lock.end()
    assert lock.path.read_text(encoding="utf-8") == WHOLE


def test_a_project_without_a_lock_gets_none(tmp_path):
    lock = LockFile(tmp_path)
    lock.begin(["a"])
    lock.end()
    assert not lock.path.exists()


def test_after_a_killed_run_the_next_one_has_all_entries_again(lock):
    lock.begin(["a"])
    lock.path.write_text(HEAD + entry("a", "d9"), encoding="utf-8")
    again = LockFile(lock.project)  # the first run was killed, so it had no `end`
    again.begin(["b@x"])
    assert lock.path.read_text(encoding="utf-8") == HEAD + entry("b@x", "b2")
    again.end()
    assert lock.path.read_text(encoding="utf-8") == HEAD + entry("a", "d9") + entry("b@x", "b2") + entry("c@y", "c3")


@pytest.mark.parametrize(
    "cut", [HEAD + "  a:\n    cm", HEAD[:5], "", HEAD, (HEAD + entry("a", "d9"))[:-1], HEAD + entry("a", "d9")[:-9]]
)
def test_a_lock_that_is_cut_in_a_run_is_put_back(lock, cut, capsys):
    lock.begin(["a"])
    lock.path.write_text(cut, encoding="utf-8")
    lock.end()
    assert lock.path.read_text(encoding="utf-8") == WHOLE
    assert capsys.readouterr().out == "dvc.lock was cut off by an interrupt: restored as it was before the run\n"


@pytest.mark.parametrize(
    "cut", [WHOLE[:33], WHOLE[:9], "", HEAD, "\x00\ufffd", "[]", WHOLE[:-1], WHOLE[: len(HEAD + entry("a", "a1"))]]
)
def test_a_lock_that_was_cut_before_the_run_comes_back_from_git(lock, cut, capsys):
    commit(lock)
    lock.path.write_text(cut, encoding="utf-8")
    lock.begin(["a"])
    assert capsys.readouterr().out == "dvc.lock was cut off by an interrupt: restored from the last commit\n"
    lock.end()
    assert lock.path.read_text(encoding="utf-8") == WHOLE


def test_without_a_committed_lock_the_one_command_is_named(lock):
    lock.path.write_text(WHOLE[:33], encoding="utf-8")
    with pytest.raises(UserError, match=r"^dvc.lock: cannot be read, .*; `rm dvc.lock`, then the same command again"):
        lock.begin(["a"])
    assert lock.path.read_text(encoding="utf-8") == WHOLE[:33]


def test_a_merge_conflict_is_left_to_the_user(lock):
    commit(lock)
    conflict = WHOLE.replace(
        "b2\n      size: 1\n", "b2\n<<<<<<< HEAD\n      size: 1\n=======\n      size: 2\n>>>>>>> other\n"
    )
    lock.path.write_text(conflict, encoding="utf-8")
    with pytest.raises(UserError, match=r"^dvc.lock: has a merge conflict; `git checkout --ours dvc.lock`"):
        lock.begin(["a"])
    assert lock.path.read_text(encoding="utf-8") == conflict


def test_no_cut_before_a_run_is_passed_on(lock):
    commit(lock)
    for length in range(len(WHOLE)):
        lock.path.write_text(WHOLE[:length], encoding="utf-8")
        lock.begin(["b@x"])
        assert lock.path.read_text(encoding="utf-8") == HEAD + entry("b@x", "b2"), WHOLE[:length][-40:]
        lock.end()
        assert lock.path.read_text(encoding="utf-8") == WHOLE


def test_after_any_cut_in_a_run_all_stages_are_there_and_whole(lock):
    written = HEAD + entry("a", "d9") + entry("b@x", "e4")
    for length in range(len(written)):
        lock.path.write_text(WHOLE, encoding="utf-8")
        lock.begin(["a", "b@x"])
        lock.path.write_text(written[:length], encoding="utf-8")
        lock.end()
        text = lock.path.read_text(encoding="utf-8")
        assert is_whole(text), written[:length][-40:]
        assert [line for line in text.splitlines() if re.fullmatch(r"  \S+:", line)] == ["  a:", "  b@x:", "  c@y:"]
        assert text.endswith(entry("c@y", "c3"))


def test_what_a_killed_run_kept_is_not_put_over_another_commit(lock):
    commit(lock)
    git(lock.project, "checkout", "-q", "-b", "side")
    other = HEAD + entry("a", "a1") + entry("new", "e4")
    lock.path.write_text(other, encoding="utf-8")
    git(lock.project, "commit", "-q", "-a", "-m", "other")
    git(lock.project, "checkout", "-q", "-")
    lock.path.write_text(WHOLE.replace("c3", "c4"), encoding="utf-8")
    git(lock.project, "commit", "-q", "-a", "-m", "on")
    lock.begin(["a"])
    git(lock.project, "checkout", "-q", "-f", "side")
    again = LockFile(lock.project)
    again.begin(["a"])
    again.end()
    assert lock.path.read_text(encoding="utf-8") == other


def test_a_conflict_after_a_killed_run_is_left_to_the_user(lock):
    commit(lock)
    lock.begin(["a"])
    conflict = "<<<<<<< HEAD\n" + WHOLE
    lock.path.write_text(conflict, encoding="utf-8")
    with pytest.raises(UserError, match=r"^dvc.lock: has a merge conflict"):
        LockFile(lock.project).begin(["a"])
    assert lock.path.read_text(encoding="utf-8") == conflict


def test_what_is_whole_is_what_dvc_loads_to_its_last_line(tmp_path):
    text = (ROOT / "dvc.lock").read_text(encoding="utf-8")
    text = text[: text.index("\n  parse@")] + "\n"
    git(tmp_path, "init", "-q")
    repo = Repo.init(tmp_path)
    path, rng, seen = tmp_path / "dvc.lock", random.Random(1), set()
    for length in [0, 9, 14, 22, 30, *(rng.randrange(len(text)) for _ in range(60)), len(text)]:
        path.write_text(text[:length], encoding="utf-8")
        try:
            Lockfile(repo, str(path)).load()
            loads = True
        except DvcException:
            loads = False
        assert is_whole(text[:length]) == (loads and text[:length].endswith("\n")), text[:length][-60:]
        seen.add(loads)
    assert seen == {True, False}


@pytest.mark.parametrize(
    "text", ["a: 2024-13-45\n", "a: !!int x\n", "- 0b_\n", "[]\n", "a: [\n", "!!bool x\n", "!!int ''\n"]
)
def test_what_is_no_lock_is_not_whole(text):
    assert not is_whole(text)


# what was whole last


def test_a_lock_that_is_cut_in_a_run_has_again_what_it_had_when_that_stage_began(lock, capsys):
    lock.begin(["a", "new"])
    lock.path.write_text(HEAD + entry("a", "d9"), encoding="utf-8")
    lock.follow("Running stage 'new':")
    lock.path.write_text("", encoding="utf-8")
    lock.follow("Running stage 'never':")  # of a cut lock nothing is kept
    LockFile(lock.project).begin(["a"])
    assert capsys.readouterr().out == "dvc.lock was cut off by an interrupt: restored as it was before that stage\n"
    assert lock.path.read_text(encoding="utf-8") == HEAD + entry("a", "d9")
    lock.end()
    assert lock.path.read_text(encoding="utf-8") == HEAD + entry("a", "d9") + entry("b@x", "b2") + entry("c@y", "c3")


def test_other_lines_of_dvc_keep_nothing(lock):
    lock.begin(["a"])
    lock.follow("Stage 'a' didn't change, skipping")
    assert not lock.sound.exists()


@pytest.mark.parametrize("cut", ["", HEAD, HEAD + "  a:\n    cm"])
def test_a_first_run_that_was_killed_begins_anew_without_a_lock(tmp_path, cut):
    lock = LockFile(tmp_path)
    lock.begin(["a"])
    lock.path.write_text(cut, encoding="utf-8")
    again = LockFile(tmp_path)
    again.begin(["a"])
    assert not lock.path.exists()
    lock.path.write_text(HEAD + entry("a", "a1"), encoding="utf-8")
    again.end()
    assert lock.path.read_text(encoding="utf-8") == HEAD + entry("a", "a1")
    assert not lock.kept.exists()


def test_a_lock_that_dvc_cut_after_a_run_comes_back_as_the_run_left_it(lock, capsys):
    commit(lock)
    newer = HEAD + entry("a", "d9") + entry("b@x", "b2") + entry("c@y", "c3")
    lock.begin(["a"])
    lock.path.write_text(HEAD + entry("a", "d9"), encoding="utf-8")
    lock.end()
    assert lock.path.read_text(encoding="utf-8") == newer
    lock.path.write_text("", encoding="utf-8")
    lock.begin(["a"])
    lock.end()
    assert capsys.readouterr().out == "dvc.lock was cut off by an interrupt: restored as the last run left it\n"
    assert lock.path.read_text(encoding="utf-8") == newer
    git(lock.project, "commit", "-q", "-a", "-m", "newer")  # what a run left before another commit is not put back
    lock.path.write_text("", encoding="utf-8")
    lock.begin(["a"])
    assert capsys.readouterr().out == "dvc.lock was cut off by an interrupt: restored from the last commit\n"


def test_a_whole_lock_is_never_replaced_by_what_a_run_left(lock):
    commit(lock)
    lock.begin(["a"])
    lock.end()
    for text in (WHOLE.replace("a1", "e4"), HEAD + entry("new", "e4"), WHOLE):
        lock.path.write_text(text, encoding="utf-8")
        lock.begin(["a", "new"])
        lock.end()
        assert lock.path.read_text(encoding="utf-8") == text


@pytest.mark.parametrize(
    ("text", "stays"), [("", False), ('{"write": {"/p', False), ("{}", True), ('{"read": {}}', True)]
)
def test_a_cut_list_of_the_paths_in_use_is_removed(lock, text, stays):
    path = lock.project / ".dvc/tmp/rwlock"
    path.parent.mkdir(parents=True)
    path.write_text(text, encoding="utf-8")
    lock.begin(["a"])
    assert path.exists() == stays


# cuts at the end of a line, which leave a lock that DVC can load


def lines_of(text):
    return [end.end() for end in re.finditer("\n", text)][:-1]


def folder(name, md5):
    return entry(name, md5).replace(f"{md5 * 16}\n", f"{md5 * 16}.dir\n") + "      nfiles: 2\n"


def left_by_a_run(lock):
    """A newer lock than git has, if that has one, as a run has left it."""
    newer = HEAD + entry("a", "d9") + folder("b@x", "b2") + entry("c@y", "c3")
    lock.path.write_text(newer, encoding="utf-8")
    lock.begin(["a"])
    lock.end()
    assert lock.path.read_text(encoding="utf-8") == newer
    return newer


@pytest.mark.parametrize("in_git", [True, False])
def test_a_lock_cut_at_any_line_end_comes_back_as_the_last_run_left_it(lock, in_git, capsys):
    if in_git:
        commit(lock)
    newer = left_by_a_run(lock)
    for length in lines_of(newer):
        lock.path.write_text(newer[:length], encoding="utf-8")
        lock.begin(["a"])
        lock.end()
        assert lock.path.read_text(encoding="utf-8") == newer, newer[:length][-40:]
        assert capsys.readouterr().out == "dvc.lock was cut off by an interrupt: restored as the last run left it\n"


def test_a_partial_last_entry_overrides_nothing(lock):
    """Any cut at a line end in a run: what was whole when the stage began is there, and nothing is half an entry."""
    began = HEAD + entry("a", "d9") + folder("b@x", "e4")
    written = HEAD + entry("a", "d9") + folder("b@x", "f5") + folder("new", "a6")
    for length in lines_of(written):
        lock.path.write_text(HEAD + entry("a", "a1") + folder("b@x", "b2") + entry("c@y", "c3"), encoding="utf-8")
        lock.begin(["a", "b@x", "new"])
        lock.path.write_text(began, encoding="utf-8")
        lock.follow("Running stage 'new':")
        lock.path.write_text(written[:length], encoding="utf-8")
        LockFile(lock.project).end()
        text = lock.path.read_text(encoding="utf-8")
        cut = written[:length]
        is_there = is_whole(cut) and ("  new:" in cut or cut.endswith("nfiles: 2\n"))
        second = folder("b@x", "f5" if is_there else "e4")
        assert text == HEAD + entry("a", "d9") + second + entry("c@y", "c3"), written[:length][-60:]


def test_entries_that_a_cut_lock_has_lost_come_from_when_the_stage_began(lock, capsys):
    lock.begin(["a", "b@x", "new"])
    lock.path.write_text(HEAD + entry("a", "d9") + entry("b@x", "e4") + entry("new", "f5"), encoding="utf-8")
    lock.follow("Running stage 'new':")
    lock.path.write_text(HEAD + entry("a", "d8") + entry("b@x", "e4")[:30], encoding="utf-8")
    lock.path.write_text(HEAD + entry("a", "d8") + "  b@x:\n    cmd: run b@x\n", encoding="utf-8")
    lock.end()
    assert capsys.readouterr().out == "dvc.lock was cut off by an interrupt: restored as it was before that stage\n"
    expected = [entry("a", "d8"), entry("b@x", "e4"), entry("c@y", "c3"), entry("new", "f5")]
    assert lock.path.read_text(encoding="utf-8") == HEAD + "".join(expected)


def test_a_lock_that_dvc_wrote_to_its_end_lacks_nothing(lock):
    real = (ROOT / "dvc.lock").read_text(encoding="utf-8")
    assert not lacks(real, real)
    assert not lacks(real, "")
    assert not lacks(HEAD + "  a:\n    cmd: no outputs\n", HEAD + "  a:\n    cmd: no outputs\n")


def test_a_lock_of_the_users_is_kept(lock, capsys):
    """It begins as the committed one does, or has no end of its last line."""
    commit(lock)
    left_by_a_run(lock)
    capsys.readouterr()
    shorter = HEAD + entry("a", "a1")
    newest = HEAD + entry("a", "f7") + entry("b@x", "b2") + entry("c@y", "c4")
    for text in (shorter, newest, newest.replace("f7", "a8")[:-1]):
        lock.path.write_text(text, encoding="utf-8")
        lock.begin(["a"])
        lock.end()
        assert lock.path.read_text(encoding="utf-8") == text.rstrip("\n") + "\n"
    assert capsys.readouterr().out == ""


def test_what_a_killed_run_left_out_comes_back_after_its_lock_was_committed(lock):
    commit(lock)
    lock.begin(["a"])
    lock.path.write_text(HEAD + entry("a", "d9"), encoding="utf-8")
    git(lock.project, "commit", "-q", "-a", "-m", "all that is there")
    again = LockFile(lock.project)
    again.begin(["a"])
    again.end()
    assert lock.path.read_text(encoding="utf-8") == HEAD + entry("a", "d9") + entry("b@x", "b2") + entry("c@y", "c3")


def test_a_link_stays_a_link(lock):
    target = lock.project / "elsewhere.lock"
    (lock.project / "dvc.lock").rename(target)
    (lock.project / "dvc.lock").symlink_to("elsewhere.lock")
    for stages in (["a"], ()):
        lock.begin(stages)
        lock.end()
        assert (lock.project / "dvc.lock").is_symlink()
        assert target.read_text(encoding="utf-8") == WHOLE
