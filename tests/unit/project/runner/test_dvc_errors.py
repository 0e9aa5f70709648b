"""What DVC says of its own errors, those of the disk in one line; a script stands in for DVC."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from textrnn.errors import UserError
from textrnn.project.runner import dvc_errors
from textrnn.project.runner.dvc_errors import MESSAGES, repro

CHAINED = """\
ERROR: unexpected error - [Errno 13] Permission denied: '/p/.dvc/cache/files/md5/ab'
Traceback (most recent call last):
  File "/v/dvc_objects/fs/generic.py", line 1, in transfer
OSError: [Errno 18] Invalid cross-device link

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/v/dvc/cli/__init__.py", line 1, in main
PermissionError: [Errno 13] Permission denied: '/p/.dvc/cache/files/md5/ab'

Having any troubles? Hit us up at https://dvc.org/support, we are always happy to help!
"""
FULL = """\
Traceback (most recent call last):
  File "/v/dvc/cli/__init__.py", line 1, in main
OSError: [Errno 28] No space left on device
"""
SHORT = "ERROR: failed to reproduce 'check': [Errno 13] Permission denied: '/p/.dvc/cache/runs/96'\n"
BUG = """\
ERROR: unexpected error - 'a'
Traceback (most recent call last):
  File "/v/dvc/cli/__init__.py", line 1, in main
KeyError: 'a'
"""


@pytest.fixture
def said_by_dvc(tmp_path, monkeypatch):
    """A function of what DVC writes to its messages and its exit status; it has `repro` run and returns the lines."""

    def run(messages, status):
        script = tmp_path / "dvc_script.py"
        code = f"import sys\nopen(sys.argv[1], 'w').write({messages!r})\nprint(*sys.argv[2:])\nsys.exit({status})\n"
        script.write_text(code, encoding="utf-8")
        monkeypatch.setattr(dvc_errors, "__file__", str(tmp_path / "dvc_errors.py"))
        lines = []
        repro(["a@x", "b"], [lines.append, lambda line: lines.append(line.upper())], tmp_path / "logs" / "run.log")
        return lines

    return run


def test_each_line_goes_to_all_that_follow(said_by_dvc, capsys):
    assert said_by_dvc("WARNING: odd\n", 0) == ["repro a@x b", "REPRO A@X B"]
    assert capsys.readouterr().err == "WARNING: odd\n"


def test_what_dvc_says_without_a_traceback_is_printed(said_by_dvc, capsys, tmp_path):
    message = "ERROR: failed to reproduce 'a@x': failed to run: python pipeline/a.py x, exited with 1\n"
    with pytest.raises(UserError) as raised:
        said_by_dvc(message, 255)
    log = tmp_path / "logs" / "run.log"
    assert str(raised.value) == f"dvc repro: exit status 255; see the messages above, and {log}"
    assert capsys.readouterr().err == message


@pytest.mark.parametrize(
    ("messages", "told"),
    [
        (CHAINED, "/p/.dvc/cache/files/md5/ab: permission denied; give this user permission to read and write it"),
        (SHORT, "/p/.dvc/cache/runs/96: permission denied; give this user permission to read and write it"),
        (FULL, ".dvc: no space left on device; free some space or raise the quota"),
    ],
)
def test_tracebacks_of_the_disk_are_one_line(said_by_dvc, capsys, tmp_path, messages, told):
    with pytest.raises(UserError) as raised:
        said_by_dvc(messages, 255)
    assert str(raised.value) == f"{told}, then the same command again"
    assert capsys.readouterr().err == ""
    assert (tmp_path / "logs" / MESSAGES).read_text(encoding="utf-8") == messages


def test_another_traceback_is_named_by_its_last_line_and_stays_in_the_log(said_by_dvc, capsys, tmp_path):
    with pytest.raises(UserError) as raised:
        said_by_dvc(BUG, 255)
    log = tmp_path / "logs" / MESSAGES
    assert str(raised.value) == f"dvc repro: an internal error of DVC; got KeyError: 'a'; see {log}"
    assert capsys.readouterr().err == ""


def test_the_script_is_dvc_with_messages_of_its_own(tmp_path):
    script = Path(dvc_errors.__file__).with_name("dvc_script.py")
    command = [sys.executable, str(script), str(tmp_path / "messages"), "repro"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 253
    assert done.stderr == ""
    assert "you are not inside of a DVC repository" in (tmp_path / "messages").read_text(encoding="utf-8")
