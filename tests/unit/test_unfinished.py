"""Outputs while they are written: the private folder, what is left alone, what is removed, and the order of syncs."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from factories.imports import SOURCE
from factories.resumable_folders import finish_shard
from textrnn.common.storage.markers import MARKERS
from textrnn.common.storage.resumable import resumable_folder
from textrnn.errors import UserError
from textrnn.stage import output_file, output_folder
from textrnn.training.trainer.checkpointer import Checkpointer
from textrnn.unfinished import PRIVATE

KILLED = """
import os, pathlib, sys
from textrnn.stage import output_file, output_folder
path = pathlib.Path(sys.argv[1])
with output_file(path / "file") as file, output_folder(path / "folder") as folder:
    file.write_text("half")
    (folder / "part").write_text("half")
    print("ready", flush=True)
    sys.stdin.read()
"""


def start_writer(folder: Path, script: str = KILLED) -> subprocess.Popen[str]:
    """A process in the middle of writing, by default a file and a folder, until it is killed or its input ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(folder)],
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def names_in(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


# what is removed, and what is not


def user_files(folder: Path, output: str) -> dict[str, str]:
    """Files of a user's whose names look like temporary ones, by name with what they hold."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    ends = [
        ended.pid,
        1,
        0,
        "99999999999999999999",
        "9" * 200,
        "lock",
        "a" * 16,
        "0123456789abcdef",
        "tmp",
        "k2j4h5g6",
        "",
    ]
    names = [f".{output}.{end}" for end in ends] + [f"{output}.tmp", f"{output}~", f".{output}", f"{output}.lock"]
    for name in names:
        (folder / name).write_text(f"of the user: {name}", encoding="utf-8")
    return {name: f"of the user: {name}" for name in names}


def write_file(path: Path) -> None:
    with output_file(path) as temporary:
        temporary.write_text("new")


def write_folder(path: Path) -> None:
    with output_folder(path) as temporary:
        (temporary / "new").touch()


def write_shards(path: Path) -> None:
    with resumable_folder(path, seed=1) as folder:
        finish_shard(folder, "s0")


WRITERS = [write_file, write_folder, write_shards]


@pytest.mark.parametrize("write", WRITERS)
def test_no_file_of_a_users_is_removed_because_of_its_name(tmp_path, write):
    mine = user_files(tmp_path, "out")
    for _ in range(2):
        write(tmp_path / "out")
    assert {name: (tmp_path / name).read_text(encoding="utf-8") for name in mine} == mine
    assert {path.name for path in tmp_path.iterdir()} == {*mine, "out"}


@pytest.mark.parametrize("write", WRITERS)
def test_folders_of_a_users_stay_too(tmp_path, write):
    names = [".out.0123456789abcdef", ".out.1", "out.0123456789abcdef", ".out.lock"]
    for name in names:
        (tmp_path / name / MARKERS).mkdir(parents=True)
        (tmp_path / name / "kept").write_text("kept")
    write(tmp_path / "out")
    assert [(tmp_path / name / "kept").read_text() for name in names] == ["kept"] * len(names)


def test_what_a_killed_process_left_is_removed_and_what_a_living_one_writes_is_not(tmp_path):
    killed, living = start_writer(tmp_path), start_writer(tmp_path)
    assert len(list((tmp_path / PRIVATE).iterdir())) == 4
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    write_file(tmp_path / "other")
    assert len(list((tmp_path / PRIVATE).iterdir())) == 2
    living.communicate("")
    assert living.returncode == 0
    assert names_in(tmp_path) == ["file", "folder", "folder/part", "other"]


def test_what_another_machine_writes_is_left_to_it(tmp_path):
    other = tmp_path / PRIVATE / "tmp-00000000-0123456789abcdef0123456789abcdef"
    other.parent.mkdir()
    other.write_text("half")
    write_file(tmp_path / "out")
    assert other.read_text() == "half"


def test_processes_that_share_a_private_folder_do_not_disturb_each_other(tmp_path):
    code = (
        "import pathlib, sys; from textrnn.stage import output_file\n"
        "for number in range(200):\n"
        "    with output_file(pathlib.Path(sys.argv[1])) as path: path.write_text(str(number))"
    )
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    paths = [str(tmp_path / f"out{number % 2}") for number in range(4)]
    processes = [subprocess.Popen([sys.executable, "-c", code, path], env=environment) for path in paths]
    assert [process.wait() for process in processes] == [0] * 4
    assert names_in(tmp_path) == ["out0", "out1"]
    assert {(tmp_path / name).read_text() for name in ("out0", "out1")} == {"199"}


def test_an_output_that_cannot_be_moved_into_place_leaves_the_earlier_one(tmp_path, monkeypatch):
    write_folder(tmp_path / "out")
    real: Callable[..., None] = os.replace

    def fail(source: Any, target: Any) -> None:
        if Path(target) == tmp_path / "out":
            raise OSError(5, "no")
        real(source, target)

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="no"), output_folder(tmp_path / "out") as folder:
        (folder / "newer").touch()
    assert names_in(tmp_path) == ["out", "out/new"]


# the two renames that replace a folder

REPLACING = """
import os, pathlib, sys
from textrnn.stage import output_folder
path, real = pathlib.Path(sys.argv[1]), os.replace
def stop(source, target):
    print("ready", flush=True)
    sys.stdin.read()
os.replace = stop
with output_folder(path / "out") as folder:
    (folder / "new").touch()
"""


@pytest.fixture
def signals(monkeypatch) -> Callable[..., None]:
    """A function that sends a signal, or several, right after the first or the second rename to a name."""

    def send_after(renaming: str, target: str, *numbers: int) -> None:
        real: Callable[..., None] = getattr(os, renaming)
        left = list(numbers)

        def rename_and_send(source: Any, to: Any) -> None:
            real(source, to)
            while Path(to).name == target and left:
                signal.raise_signal(left.pop())

        monkeypatch.setattr(os, renaming, rename_and_send)

    return send_after


def old_output(folder: Path) -> Path:
    (folder / "out").mkdir()
    (folder / "out" / "old").write_text("old")
    return folder / "out"


@pytest.mark.parametrize("write", [write_folder, write_shards])
@pytest.mark.parametrize("renaming", ["rename", "replace"])
def test_an_interrupt_between_the_renames_waits_until_the_new_output_is_there(tmp_path, signals, write, renaming):
    out = old_output(tmp_path)
    signals(renaming, "out", signal.SIGINT)
    with pytest.raises(KeyboardInterrupt) as raised:
        write(out)
    assert raised.value.__notes__[0] == f"{out} was written"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert not {"old", MARKERS} & set(names_in(out))
    assert {"new", "s0.txt"} & set(names_in(out))


def test_sigterm_waits_too_and_does_then_what_it_would_have_done(tmp_path, signals):
    received: list[int] = []
    previous = signal.signal(signal.SIGTERM, lambda number, _: received.append(number))
    try:
        signals("rename", "out", signal.SIGTERM)
        write_folder(old_output(tmp_path))
    finally:
        signal.signal(signal.SIGTERM, previous)
    assert received == [signal.SIGTERM]
    assert names_in(tmp_path) == ["out", "out/new"]


def test_a_second_interrupt_between_the_renames_puts_back_the_earlier_output(tmp_path, signals):
    signals("rename", "out", signal.SIGINT, signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        write_folder(old_output(tmp_path))
    assert names_in(tmp_path) == ["out", "out/old"]


def test_a_second_interrupt_after_the_renames_leaves_the_new_output(tmp_path, signals):
    signals("replace", "out", signal.SIGINT, signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        write_folder(old_output(tmp_path))
    assert names_in(tmp_path) == ["out", "out/new"]


def kill_between_the_renames(folder: Path) -> None:
    process = start_writer(folder, REPLACING)
    process.kill()
    process.communicate()
    assert not (folder / "out").exists()


@pytest.mark.parametrize("write", WRITERS)
def test_the_next_run_puts_back_what_a_process_killed_between_the_renames_had_moved_away(tmp_path, write):
    old_output(tmp_path)
    kill_between_the_renames(tmp_path)
    write(tmp_path / "other")
    assert (tmp_path / "out" / "old").read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other", "out"]


@pytest.mark.parametrize("kind", [output_folder, resumable_folder])
def test_the_next_run_of_the_same_output_puts_it_back_before_its_work(tmp_path, kind):
    old_output(tmp_path)
    kill_between_the_renames(tmp_path)
    with kind(tmp_path / "out") as folder:
        assert (tmp_path / "out" / "old").read_text() == "old"
        (folder / "new").touch()
    assert not (tmp_path / "out" / "old").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_what_was_written_since_is_not_replaced_by_what_a_killed_process_had_moved_away(tmp_path):
    old_output(tmp_path)
    kill_between_the_renames(tmp_path)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "newer").touch()
    write_file(tmp_path / "other")
    assert names_in(tmp_path) == ["other", "out", "out/newer"]


def test_an_output_that_cannot_be_put_back_is_kept(tmp_path, monkeypatch):
    old_output(tmp_path)
    kill_between_the_renames(tmp_path)

    def fail(source: Any, target: Any) -> None:
        raise PermissionError(errno.EACCES, "no", str(target))

    with monkeypatch.context() as patch:
        patch.setattr(os, "rename", fail)
        write_file(tmp_path / "other")
    write_file(tmp_path / "other")
    assert names_in(tmp_path) == ["other", "out", "out/old"]


@pytest.mark.parametrize("kind", ["folder", "file", "link"])
def test_a_folder_that_cannot_be_renamed_as_it_is_of_an_images_layer_is_replaced(tmp_path, monkeypatch, kind):
    out = tmp_path / "out"
    if kind == "folder":
        old_output(tmp_path)
    elif kind == "file":
        out.write_text("old")
    else:
        out.symlink_to("elsewhere")

    def fail(source: Any, target: Any) -> None:
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), str(source), None, str(target))

    monkeypatch.setattr(os, "rename", fail)
    write_folder(out)
    assert names_in(tmp_path) == ["out", "out/new"]


@pytest.mark.skipif(os.geteuid() != 0, reason="root alone gives a folder to another user")
@pytest.mark.parametrize(
    ("mode", "parent", "taken"),
    [(0o755, 0o700, True), (0o775, 0o2775, True), (0o777, 0o700, False), (0o755, 0o1777, False), (0o755, 0o777, False)],
)
def test_a_private_folder_of_another_users_is_not_shared_with_everybody(tmp_path, mode, parent, taken):
    tmp_path.chmod(parent)
    other = tmp_path / PRIVATE
    other.mkdir()
    os.chown(other, 12345, 12345)
    other.chmod(mode)
    with output_file(tmp_path / "out") as temporary:
        assert temporary.parent == (other if taken else tmp_path / f"{PRIVATE}-0")  # root may write the first
    write_shards(tmp_path / "rows")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["out", "rows", *([] if taken else [PRIVATE])])


@pytest.mark.skipif(os.geteuid() != 0, reason="root alone gives a folder to another user")
@pytest.mark.parametrize("write", WRITERS)
def test_a_folder_with_this_users_name_that_is_another_users_is_refused(tmp_path, write):
    tmp_path.chmod(0o1777)
    for name in (PRIVATE, f"{PRIVATE}-0"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "theirs").touch()
        os.chown(tmp_path / name, 12345, 12345)
    do = "remove it, or write the output to a folder of your own"
    with pytest.raises(UserError, match=f"^{tmp_path}/{PRIVATE}-0: is another user's folder; {do}$"):
        write(tmp_path / "out")
    assert names_in(tmp_path) == [PRIVATE, f"{PRIVATE}-0", f"{PRIVATE}-0/theirs", f"{PRIVATE}/theirs"]


@pytest.mark.parametrize("kind", ["file", "link"])
def test_a_private_folder_that_is_none_is_an_error_and_stays(tmp_path, kind):
    if kind == "file":
        (tmp_path / PRIVATE).write_text("of the user")
    else:
        (tmp_path / PRIVATE).symlink_to("nowhere")
    for write in WRITERS:
        with pytest.raises(NotADirectoryError, match=PRIVATE):
            write(tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == [PRIVATE]


@pytest.mark.parametrize(
    ("error", "named"),
    [
        (lambda private: OSError(errno.ENOSPC, "no"), "out"),
        (lambda private: OSError(errno.ENOSPC, "no", str(private / "part")), "out"),
        (lambda private: OSError(errno.ENOSPC, "no", "source", None, str(private / "part")), "out"),
        (lambda private: OSError(errno.EACCES, "no", "source"), "source"),
        (lambda private: OSError(errno.EACCES, "no"), None),
    ],
)
@pytest.mark.parametrize("kind", [output_folder, resumable_folder])
def test_an_error_names_the_output_in_place_of_what_is_private(tmp_path, kind, error, named):
    def fail() -> None:
        with kind(tmp_path / "out") as folder:
            raise error(folder)

    with pytest.raises(OSError, match="no") as raised:
        fail()
    assert (raised.value.filename, raised.value.filename2) == (str(tmp_path / "out") if named == "out" else named, None)


# the order in which things reach the disk


@pytest.fixture
def calls(tmp_path, monkeypatch) -> list[str]:
    """Syncs and renames, in order, by paths in the temporary folder; random names are `*`."""
    made: list[str] = []
    real_sync, real_replace, real_rename, real_unlink = os.fsync, os.replace, os.rename, Path.unlink

    def name(path: Any) -> str:
        parts = Path(path).relative_to(tmp_path).parts
        known = ("tmp-", "out.") if "out" not in parts[:1] else ()
        return "/".join("*" if part.startswith(known) and part != "out" else part for part in parts) or "."

    def fsync(handle: int) -> None:
        made.append(f"sync {name(os.readlink(f'/proc/self/fd/{handle}'))}")
        real_sync(handle)

    def replace(source: Any, target: Any) -> None:
        made.append(f"rename {name(source)} {name(target)}")
        real_replace(source, target)

    def rename(source: Any, target: Any) -> None:
        made.append(f"rename {name(source)} {name(target)}")
        real_rename(source, target)

    def unlink(path: Path, missing_ok: bool = False) -> None:
        if path.suffix in (".json", ".safetensors"):
            made.append(f"remove {name(path)}")
        real_unlink(path, missing_ok=missing_ok)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "replace", replace)
    monkeypatch.setattr(os, "rename", rename)
    monkeypatch.setattr(Path, "unlink", unlink)
    return made


pytest_linux = pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="needs /proc")


@pytest_linux
def test_a_file_is_synced_before_its_name_and_its_name_after_it(tmp_path, calls):
    write_file(tmp_path / "out")
    assert calls == ["sync .textrnn/*", "rename .textrnn/* out", "sync ."]


@pytest_linux
def test_a_folder_is_synced_with_all_it_holds_before_it_replaces_another(tmp_path, calls):
    write_folder(tmp_path / "out")
    calls.clear()
    with output_folder(tmp_path / "out") as folder:
        (folder / "inner").mkdir()
        (folder / "inner" / "file").touch()
    assert calls == [
        "sync .textrnn/*/inner/file",
        "sync .textrnn/*/inner",
        "sync .textrnn/*",
        "rename out .textrnn/*/out",
        "rename .textrnn/* out",
        "sync .",
    ]


@pytest_linux
def test_a_shard_is_synced_before_its_marker(tmp_path, calls):
    with resumable_folder(tmp_path / "out", seed=1) as folder:
        finish_shard(folder, "s0")
        marker = [f".textrnn/*/{MARKERS}{name}" for name in ("/.textrnn/*", "/s0.json", "")]
        assert calls == [
            "sync .textrnn/*/s0.txt",
            "sync .textrnn/*",
            f"sync {marker[0]}",
            f"rename {marker[0]} {marker[1]}",
            f"sync {marker[2]}",
        ]
        calls.clear()
    assert calls[-2:] == ["rename .textrnn/* out", "sync ."]
    assert {"sync .textrnn/*/s0.txt", "sync .textrnn/*"} < set(calls[:-2])


@pytest_linux
def test_a_checkpoint_is_synced_before_the_one_before_it_is_removed(tmp_path, calls):
    with resumable_folder(tmp_path / "out", seed=1) as folder:
        (folder / MARKERS).mkdir()
        checkpointer = Checkpointer(folder)
        checkpointer.save(1, b"one")
        calls.clear()
        checkpointer.save(2, b"two")
    at = f".textrnn/*/{MARKERS}"
    data, marker = f"{at}/step-2.safetensors", f"{at}/step-2.json"
    assert [call for call in calls if call.startswith(("rename", "remove")) and "step" in call] == [
        f"rename {at}/.textrnn/* {data}",
        f"rename {at}/.textrnn/* {marker}",
        f"remove {at}/step-1.json",
        f"remove {at}/step-1.safetensors",
    ]
    removed = calls.index(f"remove {at}/step-1.json")
    for renamed in (data, marker):
        index = calls.index(f"rename {at}/.textrnn/* {renamed}")
        assert calls[index - 1] == f"sync {at}/.textrnn/*"
        assert calls[index + 1] == f"sync {at}"
        assert index + 1 < removed


@pytest.mark.parametrize("write", WRITERS)
def test_a_folder_that_refuses_the_rename_at_the_end_is_told_at_once(tmp_path, monkeypatch, write):
    """What is kept in the private folder makes it writable where the folder itself is not."""
    (tmp_path / PRIVATE).mkdir()
    (tmp_path / PRIVATE / "out.kept").touch()
    monkeypatch.setattr(os, "access", lambda folder, *_, **__: Path(folder) != tmp_path)
    with pytest.raises(PermissionError) as raised:
        write(tmp_path / "out")
    assert raised.value.filename == str(tmp_path / "out")
    assert names_in(tmp_path) == [PRIVATE, f"{PRIVATE}/out.kept"]
