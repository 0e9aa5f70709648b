"""The line of each stage: its number, and the time that is left by what has been measured."""

import pytest

from textrnn.project.runner.progress import Progress, read_seconds, write_seconds


class Clock:
    """A clock that a test sets."""

    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def running(stage):
    return f"Running stage '{stage}':"


def test_the_time_left_follows_what_stages_took(clock):
    progress = Progress(["a@x", "b@x", "c@x"], {"a@x": 10.0, "b@x": 20.0, "c@x": 30.5}, clock)
    assert progress.line(running("a@x")) == f"[1/3] {'a@x':<32} 1 min 00 s left"
    clock.now = 20.7  # 10 were expected: with the 0.7 s that steady the first stages, twice as long as expected
    assert progress.line(running("b@x")).endswith(" 1 min 41 s left")
    clock.now = 40.0
    line = progress.line(running("c@x"))
    assert line.startswith("[3/3] c@x")
    assert line.endswith(" 40 s left")
    clock.now = 41.0
    assert progress.finish() == {"a@x": 20.7, "b@x": 19.3, "c@x": 1.0}


def test_unchanged_stages_are_counted_in_silence_and_cached_ones_told(clock):
    progress = Progress(["a", "b", "c"], {"a": 100.0, "b": 100.0, "c": 9.0}, clock)
    assert progress.line("Stage 'a' didn't change, skipping") is None
    assert progress.line("Stage 'b' is cached - skipping run, checking out outputs") == "[2/3] b, from the cache"
    assert progress.line(running("c")).startswith("[3/3] c ")
    # what was skipped took no time, and says nothing of how long a run takes
    clock.now = 5.0
    assert progress.finish() == {"a": 100.0, "b": 100.0, "c": 5.0}


def test_the_seconds_of_a_stage_end_where_the_next_line_about_a_stage_begins(clock):
    progress = Progress(["a", "b", "c"], None, clock)
    progress.line(running("a"))
    clock.now = 3.0
    progress.line("Stage 'b' didn't change, skipping")
    clock.now = 7.0
    progress.line(running("c"))
    clock.now = 8.0
    assert progress.finish() == {"a": 3.0, "c": 1.0}


@pytest.mark.parametrize(
    "said", ["> python pipeline/check.py", "", "Updating lock file 'dvc.lock'", "a batch 1/2, loss 3"]
)
def test_other_lines_are_not_shown(said, clock, capsys):
    progress = Progress(["a"], None, clock)
    assert progress.line(said) is None
    progress.show(said)
    assert capsys.readouterr().out == ""


def test_a_stage_that_was_not_planned_is_shown_too(clock):
    progress = Progress(["a"], None, clock)
    assert progress.line(running("mine")).startswith("[0/1] mine")


def test_seconds_are_kept_for_the_next_run(tmp_path):
    path = tmp_path / "logs" / "stage_seconds.json"
    assert read_seconds(path) == {}
    write_seconds(path, {"train@r": 1.25, "check": 0.5})
    assert read_seconds(path) == {"train@r": 1.25, "check": 0.5}


@pytest.mark.parametrize("content", ["", "[1]", '{"a": "b"}', '{"a": null}', "{"])
def test_seconds_that_cannot_be_read_are_not_missed(tmp_path, content):
    path = tmp_path / "stage_seconds.json"
    path.write_text(content, encoding="utf-8")
    assert read_seconds(path) == {}
