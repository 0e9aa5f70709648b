import errno
import io
import json
import math
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from factories.imports import SOURCE
from textrnn.errors import UserError
from textrnn.interrupts import Terminated
from textrnn.stage import (
    output_file,
    output_folder,
    progress,
    run_command,
    run_stage,
    without_progress,
    write_json,
)


@pytest.fixture
def argv(monkeypatch):
    return lambda *arguments: monkeypatch.setattr(sys, "argv", ["stage.py", *arguments])


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def test_run_stage_passes_the_name_on(argv):
    argv("news_rnn")
    seen = []
    run_stage(seen.append, "recipe")
    assert seen == ["news_rnn"]


def test_run_stage_user_error_is_one_line(argv, capsys):
    argv("news_rnn")

    def main(name):
        raise UserError(f"recipes.{name}", "is\nwrong", got=3, do="mend it")

    with pytest.raises(SystemExit) as caught:
        run_stage(main, "recipe")
    assert caught.value.code == 1
    assert capsys.readouterr() == ("", "error: recipes.news_rnn: is wrong; got 3; mend it\n")


@pytest.mark.parametrize("arguments", [(), ("a", "b"), ("--key", "a")])
def test_run_stage_wrong_arguments_exit_2(argv, capsys, arguments):
    argv(*arguments)
    with pytest.raises(SystemExit) as caught:
        run_stage(lambda name: pytest.fail("must not run"), "recipe")
    assert caught.value.code == 2
    assert "recipe" in capsys.readouterr().err


def test_an_error_of_the_disk_is_one_line(capsys):
    def main():
        raise OSError(errno.ENOSPC, "whatever", "data/a")

    with pytest.raises(SystemExit) as caught:
        run_command(main)
    assert caught.value.code == 1
    do = "free some space or raise the quota, then the same command again"
    assert capsys.readouterr() == ("", f"error: data/a: no space left on device; {do}\n")


@pytest.mark.parametrize(
    ("code", "status", "said"),
    [
        ("print('x' * 9)", 1, "error: standard output: no space left on device; free some space or raise the quota, "),
        ("print('x', flush=True)", 1, "error: this machine: no space left on device; free some space "),
        ("print('x'); raise UserError('a', 'is wrong')", 1, "error: a: is wrong\n"),
        ("print('x'); raise KeyError('a bug')", 1, "Traceback (most recent call last):\n"),
    ],
)
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_output_that_cannot_be_written_is_told_in_one_line(code, status, said):
    program = f"from textrnn.errors import UserError\nfrom textrnn.stage import run_command\ndef main(): {code}\n"
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-c", f"{program}run_command(main)"],
            env={**os.environ, "PYTHONPATH": str(SOURCE), "PYTHONUNBUFFERED": ""},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert done.stderr.startswith(said)
    assert done.returncode in (status, 120)
    assert "KeyError" in code or done.stderr.count("\n") == 1


def test_a_reader_that_closes_the_pipe_is_no_error():
    program = "from textrnn.stage import run_command\nrun_command(lambda: print('x' * 9))"
    reader, writer = os.pipe()
    os.close(reader)
    environment = {**os.environ, "PYTHONPATH": str(SOURCE), "PYTHONUNBUFFERED": ""}
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, env=environment, stdout=writer, stderr=subprocess.PIPE, text=True)
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, "")


def test_other_exceptions_keep_their_traceback():
    def main():
        raise KeyError("an error in the code")

    with pytest.raises(KeyError, match="an error in the code"):
        run_command(main)


def test_interrupt_exits_130(capsys):
    def main():
        raise KeyboardInterrupt

    with pytest.raises(SystemExit) as caught:
        run_command(main)
    assert caught.value.code == 130
    message = "interrupted: no output was written; the same command starts it again\n"
    assert capsys.readouterr() == ("", message)


def test_sigterm_exits_143_and_cleans_up_as_an_interrupt_does(tmp_path, capsys):
    before = signal.getsignal(signal.SIGTERM)

    def main():
        with output_folder(tmp_path / "out") as made:
            (made / "half").write_text("half")
            os.kill(os.getpid(), signal.SIGTERM)
            pytest.fail("must not continue")

    with pytest.raises(SystemExit) as caught:
        run_command(main)
    assert caught.value.code == 143
    message = "terminated: no output was written; the same command starts it again\n"
    assert capsys.readouterr() == ("", message)
    assert names_in(tmp_path) == []
    assert signal.getsignal(signal.SIGTERM) == before


@pytest.mark.parametrize(("stop", "verb"), [(KeyboardInterrupt, "interrupted"), (Terminated, "terminated")])
def test_the_notes_of_an_interrupt_are_printed(capsys, stop, verb):
    def main():
        error = stop()
        error.add_note("3 shards are kept")
        error.add_note("go on")
        raise error

    with pytest.raises(SystemExit):
        run_command(main)
    assert capsys.readouterr().err == f"{verb}: 3 shards are kept; go on\n"


def test_output_folder_appears_complete(tmp_path):
    out = tmp_path / "a" / "b"
    with output_folder(out) as made:
        (made / "x").write_text("1")
        assert not out.exists()
    assert (out / "x").read_text() == "1"
    assert names_in(tmp_path / "a") == ["b"]
    assert out.stat().st_mode & 0o777 == 0o755


def test_output_folder_replaces_the_earlier_output(tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "old").write_text("old")
    with output_folder(out) as made:
        (made / "new").write_text("new")
        assert names_in(out) == ["old"]
    assert names_in(out) == ["new"]


@pytest.mark.parametrize("error", [UserError("a", "b"), ValueError("c"), KeyboardInterrupt()])
def test_output_folder_leaves_nothing_on_failure(tmp_path, error):
    out = tmp_path / "out"
    out.mkdir()
    (out / "old").write_text("old")

    def fill(folder):
        with output_folder(folder) as made:
            (made / "half").write_text("half")
            raise error

    for folder in (out, tmp_path / "fresh"):
        with pytest.raises(type(error)):
            fill(folder)
    assert names_in(tmp_path) == ["out"]
    assert (out / "old").read_text() == "old"


def test_output_folder_leaves_linked_cache_files_alone(tmp_path):
    cached, out = tmp_path / "cached", tmp_path / "out"
    cached.write_text("old")
    cached.chmod(0o444)
    out.mkdir()
    os.link(cached, out / "shard")
    with output_folder(out) as made:
        (made / "shard").write_text("new")
    assert (out / "shard").read_text() == "new"
    assert cached.read_text() == "old"


@pytest.mark.parametrize("target", [None, "elsewhere"])
def test_output_folder_replaces_a_file_or_a_link(tmp_path, target):
    out, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "kept").write_text("kept")
    if target is None:
        out.write_text("a file")
    else:
        out.symlink_to(tmp_path / target)
    with output_folder(out) as made:
        (made / "x").write_text("1")
    assert not out.is_symlink()
    assert names_in(out) == ["x"]
    assert names_in(elsewhere) == ["kept"]


def test_output_file_replaces_a_read_only_link(tmp_path):
    cached, out = tmp_path / "cached", tmp_path / "folder" / "out.json"
    out.parent.mkdir()
    cached.write_text("old")
    cached.chmod(0o444)
    os.link(cached, out)
    with output_file(out) as made:
        made.write_text("new")
        assert out.read_text() == "old"
    assert out.read_text() == "new"
    assert cached.read_text() == "old"
    assert os.access(out, os.W_OK)
    assert names_in(out.parent) == ["out.json"]


@pytest.mark.parametrize(
    ("mode", "kept"), [(0o600, True), (0o640, True), (0o664, True), (0o444, False), (0o400, False)]
)
def test_output_file_keeps_who_may_read_the_file_that_it_replaces(tmp_path, mode, kept):
    fresh, out = tmp_path / "fresh", tmp_path / "out"
    fresh.touch()
    out.write_text("old")
    out.chmod(mode)
    with output_file(out) as made:
        before = made.stat().st_mode
        made.write_text("new")
    assert out.stat().st_mode == before  # from the first byte on
    assert before & 0o777 == (mode if kept else fresh.stat().st_mode & 0o777)  # the others are links into DVC's cache


@pytest.mark.parametrize("name", ["folder", ".", ""])
def test_output_file_refuses_a_folder_before_anything_is_written(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    with pytest.raises(IsADirectoryError), output_file(Path(name)):
        pytest.fail("must not run")
    assert names_in(tmp_path) == ["folder"]


def test_output_file_leaves_nothing_on_failure(tmp_path):
    out = tmp_path / "sub" / "out"

    def fill():
        with output_file(out) as made:
            made.write_text("half")
            raise ValueError("stop")

    with pytest.raises(ValueError, match="stop"):
        fill()
    assert names_in(out.parent) == []


def test_write_json_rounds_and_keeps_text(tmp_path):
    path = tmp_path / "metrics" / "a.json"
    write_json(
        path, {"f": 1 / 3, 2: [0.1234567891, (1e-9, 7)], "名": "字", "n": None, "b": True, "big": 123456.7891234}
    )
    assert json.loads(path.read_text(encoding="utf-8")) == {
        "f": 0.333333,
        "2": [0.123457, [0.0, 7]],
        "名": "字",
        "n": None,
        "b": True,
        "big": 123456.789123,
    }
    text = path.read_text(encoding="utf-8")
    assert text.startswith('{\n  "f": 0.333333,\n')
    assert text.endswith("}\n")
    assert '"名": "字"' in text


def test_write_json_refuses_values_that_json_does_not_have(tmp_path):
    path = tmp_path / "a.json"
    write_json(path, {"a": 1})
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(path, {"a": math.nan})
    assert json.loads(path.read_text()) == {"a": 1}
    assert names_in(tmp_path) == ["a.json"]


@pytest.fixture
def on_terminal(monkeypatch):
    """A function that calls `progress` on a terminal and returns its items and its output."""

    class Terminal(io.StringIO):
        def isatty(self):
            return True

    def show(*items, **rest):
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stderr", Terminal())
            return list(progress(*items, **rest)), sys.stderr.getvalue()

    return show


def test_progress_prints_nothing_without_a_terminal():
    items = [1, 2, 3]
    assert progress(items, total=3, count=lambda item: item) is items


def test_progress_is_shown_on_a_terminal(on_terminal):
    items, output = on_terminal([1, 2, 3], unit="row", description="parse")
    assert items == [1, 2, 3]
    assert "parse" in output


def test_progress_may_be_switched_off(on_terminal):
    with without_progress():
        assert on_terminal([1, 2, 3], unit="row", description="parse") == ([1, 2, 3], "")
    assert "parse" in on_terminal([1, 2, 3], unit="row", description="parse")[1]


def test_progress_counts_units_and_begins_after_those_of_an_earlier_run(on_terminal):
    def slow():
        for item in (100, 200):
            time.sleep(0.15)  # longer than the interval between two updates
            yield item

    items, output = on_terminal(
        slow(), total=1000, unit=" rows", description="cut", initial=500, count=lambda item: item
    )
    assert items == [100, 200]
    assert re.findall(r"\d+/1000", output) == ["500/1000", "600/1000", "800/1000"]
    rates = [float(rate) for rate in re.findall(r"([\d.]+) rows/s", output)]
    assert rates
    assert max(rates) < 200 / 0.15  # units of the earlier run are in no rate
