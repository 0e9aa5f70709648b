"""The code of docs/estimator.md, block by block as it stands there, with smaller models of fewer steps."""

from __future__ import annotations

import copy
import re

import pytest

from factories.imports import ROOT
from textrnn.common.config.data import Sample
from textrnn.estimator import recipes
from textrnn.preparation.sample.synthetic_corpora import write_sample

PAGE = (ROOT / "docs" / "estimator.md").read_text(encoding="utf-8")
OWN_DATA = (ROOT / "docs" / "own-data.md").read_text(encoding="utf-8")
BLOCKS = dict(
    zip(
        ("classifier", "search", "optuna", "cleanlab", "tagger", "folds", "save"),
        re.findall(r"(?ms)^```python\n(.*?)^```$", PAGE),
        strict=True,
    )
)


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """A function of the names of blocks, which are run one after the other; returns what the last one printed."""
    (csv,) = re.findall(r"(?ms)^```csv\n(.*?)^```$", OWN_DATA)
    (tmp_path / "tickets.csv").write_text(csv, encoding="utf-8")
    names = tmp_path / "data" / "sample" / "names"
    names.mkdir(parents=True)
    write_sample("names", "names", {"train": "names_train.csv.gz"}, Sample(1, 120), names)
    small = copy.deepcopy(recipes.shipped_params())
    for recipe in small["recipes"].values():
        recipe["model"] |= {"hidden_size": 4, "layers": 1}
        recipe["train"] |= {"min_steps": None, "epochs": 2}
    monkeypatch.setattr(recipes, "shipped_params", lambda: small)
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, object] = {}

    def execute(*blocks):
        for name in blocks:
            capsys.readouterr()
            # other processes would train the whole recipes
            code = BLOCKS[name].replace("n_jobs=2", "n_jobs=1")
            exec(compile(code, name, "exec"), namespace)
        return namespace, capsys.readouterr().out

    return execute


def test_a_classifier_and_its_model_directory(run):
    namespace, printed = run("classifier")
    assert namespace["classifier"].classes_.tolist() == ["account", "billing", "delivery"]
    assert len(namespace["train_texts"]) == 24
    assert re.match(r"[\d.]+\n\['\w+'\] \['account' 'billing' 'delivery'\]\n\[\[0\.", printed)
    predicted = printed.splitlines()[1].split("'")[1]
    assert run("save")[1] == f"{predicted}\n"


def test_a_search(run):
    namespace, printed = run("classifier", "search")
    assert namespace["search"].best_params_.keys() == {"hidden_size", "learning_rate"}
    assert len(namespace["search"].cv_results_["params"]) == 4
    assert 0 <= float(printed.splitlines()[0]) <= 1


def test_a_study_of_optuna(run):
    optuna = pytest.importorskip("optuna")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    namespace, printed = run("classifier", "optuna")
    assert len(namespace["study"].trials) == 3
    assert namespace["study"].best_params.keys() == {"hidden_size", "learning_rate"}
    assert "hidden_size" in printed


def test_wrong_labels_of_names(run):
    pytest.importorskip("cleanlab")
    namespace, printed = run("classifier", "cleanlab")
    assert namespace["probabilities"].shape == (120, len(namespace["countries"]))
    suspects = namespace["suspects"]
    assert len(set(suspects)) == len(suspects) > 0
    assert printed.count("?") == min(10, len(suspects))


def test_a_tagger(run):
    namespace, printed = run("tagger")
    assert namespace["tagger"].classes_.tolist() == ["O", "B-LOC", "I-LOC", "B-PER", "I-PER"]
    assert printed.startswith("[['")


def test_a_tagger_fold_by_fold(run):
    namespace, _ = run("tagger", "folds")
    sentences = namespace["sentences"]
    assert [len(row) for row in namespace["predicted"]] == [len(row) for row in sentences]


def test_the_table_has_every_argument_of_both_estimators():
    from textrnn import SequenceTagger, TextClassifier

    table = PAGE.split("| argument | what |")[1].split("\n\n")[0]
    listed = [name for row in table.splitlines()[2:] for name in re.findall(r"`(\w+)`", row.split("|")[1])]
    assert len(set(listed)) == len(listed)
    assert set(listed) == {*TextClassifier().get_params(), *SequenceTagger().get_params()}


def test_the_errors_that_it_shows_are_those_that_are_raised():
    from textrnn import TextClassifier
    from textrnn.errors import UserError

    shown = re.findall(r"(?m)^ {4}((?:recipes|X).*)$", PAGE)
    texts = [f"a text {number}" for number in range(7)]
    given = [({"hidden_size": 0}, [*texts, "another"]), ({}, [*texts, " "])]
    for message, (arguments, rows) in zip(shown, given, strict=True):
        with pytest.raises(UserError, match=f"^{re.escape(message)}$"):
            TextClassifier(**arguments).fit(rows, ["a", "b"] * 4)
