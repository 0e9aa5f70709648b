"""The arguments of `textrnn serve`: limits, and errors before it starts to serve."""

from __future__ import annotations

import sys

import pytest

import textrnn.inference.serving
from factories.tiny_models import classifier
from textrnn.inference.serving.command import LIMITS, limits_of, serve_parser, settings_of


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return classifier(tmp_path_factory.mktemp("model"), "chars right last_step").folder


def test_limits_come_from_the_arguments():
    arguments = ["m", "--max-body", "1", "--max-texts", "2", "--max-characters", "3", "--max-request-characters", "4"]
    arguments += ["--body-timeout", "5", "--batch-texts", "6", "--batch-characters", "7", "--batch-wait", "8"]
    arguments += ["--max-queue", "9", "--max-queue-characters", "10"]
    args = serve_parser().parse_args(arguments)
    assert list(vars(limits_of(args)).values()) == [1, 2, 3, 4, 5, 6, 7, 0.008, 9, 10]
    assert args.threads == 1
    help_text = " ".join(serve_parser().format_help().split())  # whatever its line breaks
    assert all(f"(default: {default})" in help_text for _, default, *_ in LIMITS)


def test_settings_come_from_the_arguments():
    assert list(vars(settings_of(serve_parser().parse_args(["m"]))).values()) == [
        *("127.0.0.1", 8000),
        *((), ()),
        *(1024, 10, 10),
    ]
    arguments = ["m", "--host", "::1", "--port", "1", "--allow-host", "One.example", "--allow-host", "10.0.0.1"]
    arguments += ["--allow-origin", "https://one.example", "--allow-origin", "http://localhost:3000"]
    arguments += ["--max-connections", "2", "--head-timeout", "3", "--grace", "4"]
    assert list(vars(settings_of(serve_parser().parse_args(arguments))).values()) == [
        *("::1", 1),
        *(("one.example", "10.0.0.1"), ("https://one.example", "http://localhost:3000")),
        *(2, 3, 4),
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["serve"], "required: MODEL"),
        (["serve", "m", "--port", "65536"], "--port: must be a whole number from 0 to 65535"),
        (["serve", "m", "--max-texts", "0"], "--max-texts: must be a whole number from 1 to 1000000000"),
        (["serve", "m", "--batch-wait", "-1"], "--batch-wait: must be a whole number from 0 to 1000000000"),
        (["serve", "m", "--body-timeout", "1" + "0" * 400], "--body-timeout: must be a whole number from 1 to"),
        (["serve", "m", "--threads", "1025"], "--threads: must be a whole number from 1 to 1024"),
        (["serve", "m", "--max-queue", "9"], "--max-queue must be at least --max-texts"),
        (
            ["serve", "m", "--max-queue-characters", "9"],
            "--max-queue-characters must be at least --max-request-characters",
        ),
        (["serve", "m", "--allow-host", "http://a"], "--allow-host: must be a host name or an address"),
        (["serve", "m", "--allow-origin", "a.example"], "--allow-origin: must be a scheme and a host"),
        (["serve", "m", "--max-connections", "0"], "--max-connections: must be a whole number from 1 to"),
    ],
)
def test_wrong_arguments_exit_with_2(run_command, arguments, message):
    code, _, stderr = run_command(*arguments)
    assert code == 2
    assert message in stderr


def test_a_missing_extra_is_named(run_command, monkeypatch, folder):
    monkeypatch.delitem(sys.modules, "textrnn.inference.serving.server", raising=False)
    monkeypatch.delattr(textrnn.inference.serving, "server", raising=False)
    monkeypatch.delitem(sys.modules, "textrnn.inference.http.server", raising=False)  # what imports uvicorn first
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    code, out, stderr = run_command("serve", folder, "--host", "no.such.host.invalid")  # or it would start to serve
    assert (code, out) == (1, "")
    do = "pip install -c constraints.txt -e '.[serve]'"
    assert stderr == f"error: textrnn serve: needs a package that is not installed; got uvicorn; {do}\n"


@pytest.mark.parametrize("name", ["a b", "a.b", "a;b", "<script>", "a%2f", "ü" * 65, "a\nb"])
def test_a_model_whose_name_no_url_can_have(run_command, folder, tmp_path, name):
    (tmp_path / name).symlink_to(folder)
    code, out, stderr = run_command("serve", tmp_path / name)
    assert (code, out, stderr.count("\n")) == (1, "", 1)
    assert "the name of a model's directory must have only letters, digits, _ and -, at most 64" in stderr


def test_errors_at_the_start_are_one_line(run_command, folder, tmp_path):
    code, out, stderr = run_command("serve", tmp_path / "none")
    assert (code, out, stderr.count("\n")) == (1, "", 1)
    assert "none/config.json: is missing from the model directory" in stderr
    code, out, stderr = run_command("serve", folder, folder)
    assert (code, out, stderr.count("\n")) == (1, "", 1)
    assert f'has the same name as another model, "{folder.name}"' in stderr
