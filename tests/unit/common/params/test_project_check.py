"""Files that params.yaml names and that are not there are errors like all others, in the same list."""

import copy
import shutil

import pytest

from factories.imports import ROOT
from textrnn.common.params.params_file import read_params
from textrnn.common.params.project_check import check_project
from textrnn.errors import CombinedError, UserError

SHIPPED = read_params(ROOT / "params.yaml")
LEXICON = {"longest": 4, "vectors": "words.vec"}


def messages(params, project):
    try:
        check_project(params, project)
    except CombinedError as several:
        return list(map(str, several.errors))
    except UserError as error:
        return [str(error)]
    return []


@pytest.fixture
def project(tmp_path):
    for folder in ("vectors", "punkt"):
        (tmp_path / "data" / folder).mkdir(parents=True)
    return tmp_path


def with_files():
    params = copy.deepcopy(SHIPPED)
    params["recipes"]["news_rnn"]["embed"] = {"vectors": "letters.vec", "width": None}
    params["recipes"]["ner_bilstm_crf"]["embed"] = {"lexicon": LEXICON}
    params["encodings"]["imdb_words"]["segment"]["punkt"] = {"model": "english", "rows": None}
    return params


def test_the_shipped_params_name_no_file(project):
    assert messages(SHIPPED, project) == []


def test_missing_files_are_named(project):
    assert messages(with_files(), project) == [
        "recipes.news_rnn.embed.vectors: is not in data.vectors, data/vectors; got 'letters.vec'; "
        "put it into data/vectors",
        "recipes.ner_bilstm_crf.embed.lexicon.vectors: is not in data.vectors, data/vectors; got 'words.vec'; "
        "put it into data/vectors",
        "encodings.imdb_words.segment.punkt.model: is not in data.punkt, data/punkt; got 'english'; "
        "put it into data/punkt",
    ]


def test_files_that_are_there_are_accepted(project):
    (project / "data/vectors/letters.vec").touch()
    (project / "data/vectors/words.vec").touch()
    (project / "data/punkt/english").mkdir()
    assert messages(with_files(), project) == []


def test_a_similar_name_is_suggested(project):
    (project / "data/vectors/letters.vec.gz").touch()
    first, *_ = messages(with_files(), project)
    assert first.endswith("got 'letters.vec'; did you mean letters.vec.gz?")


def test_a_default_counts_for_all_recipes_that_do_not_state_another(project):
    params = copy.deepcopy(SHIPPED)
    params["embed"]["vectors"] = "letters.vec"
    named = [message.partition(":")[0] for message in messages(params, project) if "is not in" in message]
    others = [name for name, recipe in SHIPPED["recipes"].items() if "vectors" not in recipe["embed"]]
    assert named == [f"recipes.{recipe}.embed.vectors" for recipe in others]
    assert len(others) == len(SHIPPED["recipes"]) - 1


def test_other_errors_are_in_the_same_list(project):
    params = with_files()
    params["recipes"]["news_rnn"]["encoding"] = "thucnews_char"
    params["encodings"]["names_chars"]["corpus"] = "nams"
    params["train"]["batch_size"] = "many"
    found = messages(params, project)
    assert len(found) == 6
    assert sum("must name an entry of" in message for message in found) == 2
    assert sum("is not in data." in message for message in found) == 3


@pytest.mark.parametrize("value", [None, 1, [], "text", {"vectors": 3}])
@pytest.mark.parametrize("place", ["data", "recipes", "encodings", "embed"])
def test_a_value_of_another_kind_is_no_traceback(project, place, value):
    params = with_files()
    params[place] = value
    assert messages(params, project)


def test_the_command_lists_all_errors(project, run_command, monkeypatch):
    shutil.copyfile(ROOT / "params.yaml", project / "params.yaml")
    monkeypatch.chdir(project)
    assert run_command("check") == (0, "params.yaml is valid\n", "")
    text = (project / "params.yaml").read_text(encoding="utf-8")
    text = text.replace("  names_gru: ", "  'my names': ").replace("embed: {std: 0.1} ", "embed: {vectors: a.vec} ")
    text = text.replace("batch_size: 256 ", "batch_size: -1 ")
    (project / "params.yaml").write_text(text, encoding="utf-8")
    code, said, error = run_command("check")
    assert (code, said) == (1, "")
    lines = error.splitlines()
    assert lines[0] == "error: 3 errors"
    assert [line.split(": ")[0].strip() for line in lines[1:]] == [
        "train.batch_size",
        "recipes",
        "recipes.news_bilstm.embed.vectors",
    ]
    (project / "params.yaml").unlink()
    code, _, error = run_command("check")
    assert (code, error) == (1, "error: params.yaml: no such file; run from the folder that holds params.yaml\n")
