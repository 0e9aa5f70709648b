"""A misspelt reference is reported by `check`, before DVC misses a path that no stage makes."""

from __future__ import annotations

import pytest

from factories.projects import dvc, make_project, set_params, stages_run

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("param", "value", "targets", "message"),
    [
        (
            "recipes.names_gru.encoding",
            "names_char",
            ["embed@names_gru", "pad@names_gru"],
            "recipes.names_gru.encoding: must name an entry of encodings; got 'names_char'",
        ),
        (
            "encodings.names_chars.corpus",
            "nams",
            ["segment@names_chars"],
            "encodings.names_chars.corpus: must name an entry of corpora; got 'nams'",
        ),
        (
            "recipes.names_gru.embed.vectors",
            "letters.vec",
            ["embed@names_gru"],
            "recipes.names_gru.embed.vectors: is not in data.vectors, data/vectors; got 'letters.vec'",
        ),
    ],
)
def test_check_names_it_first(tmp_path, param, value, targets, message):
    project = make_project(tmp_path / "project")
    set_params(project, {param: value})
    for target in targets:
        said = dvc(project, "repro", target, code=255)
        assert message in said
        assert stages_run(said) == []
        assert "does not exist" not in said
