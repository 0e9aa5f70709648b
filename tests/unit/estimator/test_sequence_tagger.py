"""SequenceTagger: tokens to BIO tags, entity F1, scikit-learn's conventions, errors."""

import pickle
import re

import numpy as np
import pytest
from seqeval.metrics import f1_score
from sklearn.base import clone, is_classifier
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.utils import estimator_checks

from factories.labelled_texts import TINY, han_sentences, sentences
from textrnn import SequenceTagger, load
from textrnn.errors import UserError
from textrnn.estimator.target_checks import check_tag_lists
from textrnn.preparation.artifacts.tag_schemes import bio_spans, bioes_tags

TOKENS, TAGS = sentences()
LEARNS = {**TINY, "learning_rate": 0.03, "epochs": 8, "embedding_dropout": 0.0, "head_dropout": 0.0}


@pytest.fixture(scope="module")
def fitted():
    return SequenceTagger(**LEARNS).fit(TOKENS, TAGS)


@pytest.mark.parametrize(
    "check",
    [
        estimator_checks.check_do_not_raise_errors_in_init_or_set_params,
        estimator_checks.check_estimator_cloneable,
        estimator_checks.check_estimator_repr,
        estimator_checks.check_get_params_invariance,
        estimator_checks.check_no_attributes_set_in_init,
        estimator_checks.check_parameters_default_constructible,
        estimator_checks.check_set_params,
        estimator_checks.check_valid_tag_types,
    ],
)
def test_it_passes_scikit_learns_own_check(check):
    check("SequenceTagger", SequenceTagger(**TINY))


def test_it_learns_tags_and_scores_entities_as_seqeval_does(fitted):
    others, gold = sentences(40, seed=1)
    predicted = fitted.predict(others)
    assert [len(row) for row in predicted] == [len(row) for row in others]
    assert fitted.score(others, gold) == f1_score(gold, predicted) == 1.0
    few = SequenceTagger(**TINY | {"epochs": 4, "learning_rate": 0.02}).fit(TOKENS, TAGS)
    predicted = few.predict(others)
    assert few.score(others, gold) == pytest.approx(f1_score(gold, predicted))
    assert 0 < few.score(others, gold) < 1
    assert fitted.classes_.tolist() == ["O", "B-LOC", "I-LOC", "B-PER", "I-PER"]
    assert not is_classifier(fitted)


@pytest.mark.parametrize(
    "arguments", [{}, {"tags": "bio"}, {"tags": "type", "crf": False}], ids=["bioes", "bio", "type"]
)
def test_probabilities_of_tags(arguments):
    tagger = SequenceTagger(**LEARNS | arguments).fit(TOKENS, TAGS)
    others, gold = sentences(10, seed=1)
    found = tagger.predict_proba([*others, []])
    assert [row.shape for row in found] == [(len(row), 5) for row in [*others, []]]
    for row, tags in zip(found[:-1], gold, strict=True):
        np.testing.assert_allclose(row.sum(axis=1), 1, rtol=0, atol=1e-6)
        assert tagger.classes_[row.argmax(axis=1)].tolist() == tags


def test_neighbouring_entities_of_one_type_stay_apart():
    tokens = [["a", "b", "c"], ["b", "a"], ["c", "a", "b"]] * 20
    tags = [[{"a": "B-X", "b": "B-X", "c": "O"}[token] for token in row] for row in tokens]
    tagger = SequenceTagger(**LEARNS).fit(tokens, tags)
    assert tagger.predict([["a", "b", "c"]]) == [["B-X", "B-X", "O"]]


def test_no_sentence_and_an_empty_one(fitted):
    assert fitted.predict([]) == []
    assert fitted.predict([[], ["Mary"]]) == [[], ["B-PER"]]


def test_what_is_cut_off_is_outside():
    tagger = SequenceTagger(**LEARNS, max_length=3).fit(TOKENS, TAGS)
    (row,) = tagger.predict([["saw", "left", "likes", "Paris", "Rome"]])
    assert row[3:] == ["O", "O"]


def test_characters_have_a_lexicon_and_words_none(fitted):
    tokens, tags = han_sentences()
    tagger = SequenceTagger(**TINY, model={"words": {"width": 4, "min_count": 1}}).fit(tokens, tags)
    assert tagger.params_["recipes"]["SequenceTagger"]["embed"]["lexicon"] == {"longest": 4, "vectors": None}
    of_words = fitted.params_["recipes"]["SequenceTagger"]
    assert (of_words["embed"]["lexicon"], of_words["model"]["words"]) == (None, None)


def test_pickles_and_model_directories(fitted, tmp_path):
    again = pickle.loads(pickle.dumps(fitted))
    assert again.predict(TOKENS) == fitted.predict(TOKENS)
    again.save(tmp_path / "model")
    entities = load(tmp_path / "model").predict([["Mary", "saw", "Rome", "today"]])[0]["entities"]
    assert [(each["type"], each["text"]) for each in entities] == [("PER", "Mary"), ("LOC", "Rome")]


def test_cross_validation_and_a_search():
    tagger = SequenceTagger(**TINY, learning_rate=0.03)
    search = GridSearchCV(tagger, {"crf": [True, False]}, cv=2, error_score="raise").fit(TOKENS, TAGS)
    expected = [cross_val_score(clone(tagger).set_params(crf=crf), TOKENS, TAGS, cv=2).mean() for crf in (True, False)]
    assert search.cv_results_["mean_test_score"].tolist() == expected
    assert search.predict(TOKENS[:1])[0][-1] == "O"


# by scheme, what it has for the letters of BIOES; IOB1 where no entities of one type adjoin, as here
LETTERS = {
    "iob1": {"B": "I", "E": "I", "S": "I"},
    "bioes": {},
    "bilou": {"E": "L", "S": "U"},
    "bmes": {"I": "M"},
}


def in_scheme(rows, scheme):
    letters = LETTERS[scheme]
    return [[letters.get(tag[0], tag[0]) + tag[1:] for tag in bioes_tags(bio_spans(row), len(row))] for row in rows]


@pytest.mark.parametrize("scheme", LETTERS)
def test_tags_of_every_scheme_give_the_same_model_and_bio_comes_out(fitted, scheme):
    other = clone(fitted).fit(TOKENS, in_scheme(TAGS, scheme))
    assert other.classes_.tolist() == ["O", "B-LOC", "I-LOC", "B-PER", "I-PER"]
    assert other.model_.files == fitted.model_.files
    others, gold = sentences(10, seed=1)
    assert other.predict(others) == gold
    assert other.score(others, in_scheme(gold, scheme)) == fitted.score(others, in_scheme(gold, scheme)) == 1.0


def test_adjoining_entities_of_iob1_stay_apart():
    rows = check_tag_lists([["I-X", "B-X", "I-X", "I-Y"], ["O", "I-X"]], [["a"] * 4, ["a"] * 2], "y")
    assert rows == [["B-X", "B-X", "I-X", "B-Y"], ["O", "B-X"]]


def test_tags_in_small_letters_and_behind_the_type():
    assert check_tag_lists([["o", "b-per", "i-per"]], [["a"] * 3], "y") == [["O", "B-per", "I-per"]]
    assert check_tag_lists([["O", "PER-B", "LOC_I"]], [["a"] * 3], "y") == [["O", "B-PER", "B-LOC"]]
    assert check_tag_lists([], [], "y") == []


def test_validation_data_may_be_of_another_scheme_than_y(fitted):
    others, gold = sentences(20, seed=1)
    files = [
        clone(fitted).set_params(validation_data=(others, tags)).fit(TOKENS, TAGS).model_.files
        for tags in (gold, in_scheme(gold, "bioes"))
    ]
    assert files[0] == files[1]


def test_before_fit_there_is_no_prediction():
    for call in (
        lambda tagger: tagger.predict(TOKENS),
        lambda tagger: tagger.predict_proba(TOKENS),
        lambda tagger: tagger.score(TOKENS, TAGS),
    ):
        with pytest.raises(NotFittedError, match="not fitted yet"):
            call(SequenceTagger())


REFUSED = {
    "lengths": ((TOKENS, TAGS[:-1]), "y: must have one entry for each of the 60 rows of X; got 59"),
    "tags": (
        (TOKENS[:1], [TAGS[0][:-1]]),
        f"y[0]: must have a tag for each of {len(TAGS[0])} tokens; got {len(TAGS[0]) - 1}",
    ),
    "no entity": (
        (TOKENS, [["O"] * len(row) for row in TOKENS]),
        "y: must have at least one entity; got only one class: ['O']",
    ),
    "another scheme in one row": (
        ([*TOKENS, ["a", "b"]], [*TAGS, ["O", "S-PER"]]),
        "y[60]: has a tag that is neither O nor B-TYPE nor I-TYPE; got 'S-PER'",
    ),
    "no scheme": (
        ([["a", "b"]], [["O", "X-PER"]]),
        "y[0]: has a tag that is neither O nor B-TYPE nor I-TYPE; got 'X-PER'",
    ),
    "a type alone": (
        ([["a", "b"]], [["O", "PER"]]),
        "y[0]: has a tag that is neither O nor B-TYPE nor I-TYPE; got 'PER'",
    ),
    "a digit": (
        ([["a", "b"]], [["B-PER", "0"]]),
        "y[0]: has a tag that is the digit 0 in place of the letter O; got '0'",
    ),
    "an empty tag": (
        ([["a", "b"]], [["B-PER", ""]]),
        "y[0]: has a tag that is neither O nor B-TYPE nor I-TYPE; got ''",
    ),
    "half a surrogate": (
        ([["a"]], [["B-\ud800"]]),
        "y[0]: has half of a surrogate pair, which is not valid text; got 'B-\\ud800'",
    ),
    "a text": ((["a text"], [["O"]]), "X[0]: must be a list of tokens; got 'a text' (str)"),
    "one sentence": ((["a", "text"], ["O", "O"]), "X[0]: must be a list of tokens; got 'a' (str)"),
    "numbers": (([[1, 2]], [["O", "O"]]), "X[0]: must be a list of tokens; got '[1, 2]' (list)"),
    "no tokens": (([["a"], []], [["B-X"], []]), "X[1]: has no tokens, or an empty one; leave the row out"),
    "an empty token": (([["a", ""]], [["B-X", "O"]]), "X[0]: has no tokens, or an empty one; leave the row out"),
    "no rows": (([], []), "X: has no rows"),
    "no tags": ((TOKENS, None), "y: must be a list of tag lists; got 'None' (NoneType)"),
}


@pytest.mark.parametrize(("given", "message"), REFUSED.values(), ids=REFUSED)
def test_rows_that_cannot_be_used_are_refused_in_one_line(given, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$") as caught:
        SequenceTagger(**TINY).fit(*given)
    assert isinstance(caught.value, UserError)


def test_arguments_that_do_not_fit_the_task_are_refused():
    with pytest.raises(UserError, match=r"^recipes\.SequenceTagger\.model\.crf: needs readout every_step"):
        SequenceTagger(**TINY, model={"readout": "max"}).fit(TOKENS, TAGS)
    with pytest.raises(UserError, match="must be bio, bioes or type for a tagged corpus"):
        SequenceTagger(**TINY, encode={"tags": None}).fit(TOKENS, TAGS)


def test_validation_data(fitted):
    others, gold = sentences(20, seed=1)
    tagger = clone(fitted).set_params(validation_data=(others, gold)).fit(TOKENS, TAGS)
    assert tagger.model_.files["model.safetensors"] != fitted.model_.files["model.safetensors"]
    message = "validation_data[1]: must have no entity type that y does not have; got ['B-ORG']"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        tagger.set_params(validation_data=([["a"]], [["B-ORG"]])).fit(TOKENS, TAGS)


def test_arrays_of_arrays_are_lists_of_lists(fitted):
    tokens, tags = (np.array([np.array(row) for row in rows], object) for rows in (TOKENS[:3], TAGS[:3]))
    assert fitted.predict(tokens) == fitted.predict(TOKENS[:3])
    assert fitted.score(tokens, tags) == fitted.score(TOKENS[:3], TAGS[:3])
