"""DVC as a process of its own: its lines, its exit status, and its orderly end; a script stands in for it."""

import os
import signal
import sys
import textwrap

import pytest

from textrnn.interrupts import Terminated
from textrnn.project.runner.dvc_command import KEPT, run_dvc


@pytest.fixture
def fake_dvc(tmp_path, monkeypatch):
    """A function of Python code, which is then found as `dvc`."""

    def make(code):
        script = tmp_path / "bin" / "dvc"
        script.parent.mkdir()
        script.write_text(f"#!{sys.executable}\n{textwrap.dedent(code)}", encoding="utf-8")
        script.chmod(0o755)
        monkeypatch.setenv("PATH", f"{script.parent}{os.pathsep}{os.environ['PATH']}")

    return make


def test_lines_go_to_the_caller_and_to_the_log(fake_dvc, tmp_path):
    fake_dvc(
        r"""
        import sys
        print("args:", sys.argv[1:])
        sys.stdout.flush()
        sys.stdout.buffer.write(b"caf\xc3\xa9\n\xff\n")
        sys.exit(3)
        """
    )
    lines = []
    assert run_dvc(["repro", "a b"], lines.append, tmp_path / "logs" / "run.log") == 3
    assert lines == ["args: ['repro', 'a b']", "café", "\ufffd"]
    assert (tmp_path / "logs" / "run.log").read_text(encoding="utf-8") == "".join(f"{line}\n" for line in lines)


@pytest.mark.parametrize("kind", [KeyboardInterrupt, Terminated])
def test_an_interrupt_ends_dvc_and_its_stage_and_waits_for_both(fake_dvc, tmp_path, kind):
    # the stage cleans up for a while, and dvc waits for it
    fake_dvc(
        f"""
        import os, pathlib, signal, time
        ended = pathlib.Path({str(tmp_path / "ended")!r})
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])  # until both can catch it
        stage = os.fork()
        try:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
            if not stage:
                print("ready", flush=True)
            time.sleep(60)
        except KeyboardInterrupt:
            if stage:
                os.waitpid(stage, 0)
                ended.write_text(ended.read_text() + "dvc ended")
            else:
                time.sleep(0.3)
                ended.write_text("stage ended, ")
        """
    )

    def interrupt(line):
        assert line == "ready"
        raise kind

    with pytest.raises(kind) as stopped:
        run_dvc(["repro"], interrupt, tmp_path / "run.log")
    assert stopped.value.__notes__ == [KEPT]
    assert (tmp_path / "ended").read_text(encoding="utf-8") == "stage ended, dvc ended"


def test_dvc_ends_where_interrupts_are_ignored(fake_dvc, tmp_path):
    fake_dvc(
        """
        import time
        print("ready", flush=True)
        time.sleep(60)
        """
    )

    def interrupt(line):
        raise Terminated

    previous = signal.signal(signal.SIGINT, signal.SIG_IGN)  # as in the background of a script
    try:
        with pytest.raises(Terminated):
            run_dvc(["repro"], interrupt, tmp_path / "run.log")
    finally:
        signal.signal(signal.SIGINT, previous)


def test_a_second_interrupt_kills(fake_dvc, tmp_path, monkeypatch):
    fake_dvc(
        """
        import os, signal, time
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        print(os.getpid(), flush=True)
        time.sleep(60)
        """
    )
    seen, sent, real = [], [], os.killpg

    def interrupt(line):
        seen.append(int(line))
        raise KeyboardInterrupt

    def interrupted_again(group, number):
        sent.append(number)
        real(group, number)
        if number == signal.SIGINT:
            raise KeyboardInterrupt

    monkeypatch.setattr(os, "killpg", interrupted_again)
    with pytest.raises(KeyboardInterrupt):
        run_dvc(["repro"], interrupt, tmp_path / "run.log")
    assert sent == [signal.SIGINT, signal.SIGKILL]
    with pytest.raises(ProcessLookupError):
        os.kill(seen[0], 0)
