import io
import json
import math
import os
import sys

import pytest

from textrnn.errors import UserError
from textrnn.stage import output_file, output_folder, progress, run, run_stage, workers, write_json


@pytest.fixture
def argv(monkeypatch):
    return lambda *arguments: monkeypatch.setattr(sys, "argv", ["stage.py", *arguments])


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def test_run_stage_hands_the_key_on(argv):
    argv("news_rnn")
    seen = []
    run_stage(seen.append, "recipe")
    assert seen == ["news_rnn"]


def test_run_stage_user_error_is_one_line(argv, capsys):
    argv("news_rnn")

    def main(key):
        raise UserError(f"recipes.{key}", "is\nwrong", got=3, do="mend it")

    with pytest.raises(SystemExit) as caught:
        run_stage(main, "recipe")
    assert caught.value.code == 1
    assert capsys.readouterr() == ("", "error: recipes.news_rnn: is wrong; got 3; mend it\n")


@pytest.mark.parametrize("arguments", [(), ("a", "b"), ("--key", "a")])
def test_run_stage_wrong_arguments_exit_2(argv, capsys, arguments):
    argv(*arguments)
    with pytest.raises(SystemExit) as caught:
        run_stage(lambda key: pytest.fail("must not run"), "recipe")
    assert caught.value.code == 2
    assert "recipe" in capsys.readouterr().err


def test_other_exceptions_keep_their_traceback():
    def main():
        raise KeyError("a fault of ours")

    with pytest.raises(KeyError, match="a fault of ours"):
        run(main)


def test_interrupt_exits_130(capsys):
    def main():
        raise KeyboardInterrupt

    with pytest.raises(SystemExit) as caught:
        run(main)
    assert caught.value.code == 130
    assert capsys.readouterr().err.startswith("interrupted: ")


def test_output_folder_appears_whole(tmp_path):
    out = tmp_path / "a" / "b"
    with output_folder(out) as made:
        (made / "x").write_text("1")
        assert not out.exists()
    assert (out / "x").read_text() == "1"
    assert names_in(tmp_path / "a") == ["b"]
    assert out.stat().st_mode & 0o777 == 0o755


def test_output_folder_replaces_what_is_there(tmp_path):
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


def test_write_json_refuses_what_json_has_not(tmp_path):
    path = tmp_path / "a.json"
    write_json(path, {"a": 1})
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(path, {"a": math.nan})
    assert json.loads(path.read_text()) == {"a": 1}
    assert names_in(tmp_path) == ["a.json"]


def test_workers_from_the_environment(monkeypatch):
    monkeypatch.setenv("TEXTRNN_WORKERS", "3")
    assert workers() == 3
    monkeypatch.setenv("TEXTRNN_WORKERS", "")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 4, 5, 6, 9}, raising=False)
    assert workers() == 5
    monkeypatch.delenv("TEXTRNN_WORKERS")
    assert workers() == 5


@pytest.mark.parametrize("given", ["0", "-1", "two", "1.5", " 2", "²"])
def test_workers_refuses(monkeypatch, given):
    monkeypatch.setenv("TEXTRNN_WORKERS", given)
    with pytest.raises(UserError, match=f"^TEXTRNN_WORKERS: must be a whole number from 1 up; got '{given}'$"):
        workers()


def test_progress_is_silent_off_a_terminal_and_drawn_on_one(monkeypatch):
    items = [1, 2, 3]
    assert progress(items) is items

    class Terminal(io.StringIO):
        def isatty(self):
            return True

    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    assert list(progress(items, unit="row", label="parse")) == items
    assert "parse" in terminal.getvalue()
