"""The linear models compared with scikit-learn's pipeline and with NB-SVM by hand; their artifact scores the same."""

import dataclasses
import math

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from factories.baseline_texts import SETTINGS, make_texts, tuples
from textrnn.errors import UserError
from textrnn.evaluation.baselines.linear_ensemble import fit_linear_ensemble
from textrnn.evaluation.baselines.linear_inputs import LinearInputs
from textrnn.evaluation.baselines.linear_models import (
    fit_linear_svm,
    fit_logistic_regression,
    fit_nb_svm,
    fit_nb_svm_on,
    log_count_ratio,
)
from textrnn.preparation.artifacts.score_scales import fit_scales


def fit_ensemble(inputs, settings):
    return fit_linear_ensemble(inputs, settings, fit_logistic_regression(inputs, settings))


FITS = [fit_logistic_regression, fit_linear_svm, fit_nb_svm, fit_ensemble]


def grams(row, order):
    return [ngram for n in range(1, order + 1) for ngram in tuples(row, n)]


def sample(rows, seed, classes=3):
    """Random rows of 0 to 8 ids, half of which also have an id that identifies their class."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, classes, rows)
    ids = [generator.integers(2, 12, generator.integers(0, 9)).tolist() for _ in range(rows)]
    return [row + [20 + label] * int(generator.random() < 0.5) for row, label in zip(ids, labels, strict=True)], labels


def extract(train, gold, dev=None, dev_gold=None, test=(), classes=3, **changes):
    dev, dev_gold = (train, gold) if dev is None else (dev, dev_gold)
    splits = make_texts(train, gold), make_texts(dev, dev_gold), make_texts(list(test))
    return LinearInputs.extract(
        splits, vocabulary_size=30, classes=classes, settings=dataclasses.replace(SETTINGS, **changes)
    )


@pytest.mark.parametrize("order", [1, 3])
def test_tfidf_equals_scikit_learns_of_presence(order):
    (train, gold), (test, _) = sample(200, 1), sample(50, 2)
    inputs = extract(train, gold, test=test, ngrams=order)
    vectorizer = TfidfVectorizer(analyzer=lambda row: grams(row, order), min_df=2, binary=True)
    for ours, theirs in (
        (inputs.tfidf.train, vectorizer.fit_transform(train)),
        (inputs.tfidf.test, vectorizer.transform(test)),
    ):
        columns = [vectorizer.vocabulary_[ngram] for ngram in sorted(vectorizer.vocabulary_, key=lambda n: (len(n), n))]
        np.testing.assert_allclose(ours.toarray(), theirs.toarray()[:, columns], atol=1e-12)


@pytest.mark.parametrize(
    ("fit", "name", "reference"),
    [
        (fit_linear_svm, "svm_c", LinearSVC(C=0.5, tol=1e-6, max_iter=100_000)),
        (fit_logistic_regression, "logistic_c", LogisticRegression(C=0.5, max_iter=1000)),
    ],
)
@pytest.mark.parametrize("order", [1, 2])
def test_the_predictions_equal_those_of_scikit_learns_pipeline(fit, name, reference, order):
    (train, gold), (dev, dev_gold), (test, _) = sample(300, 1), sample(80, 2), sample(80, 3)
    settings = dataclasses.replace(SETTINGS, **{name: (0.5,)})
    fitted = fit(extract(train, gold, dev, dev_gold, test, ngrams=order), settings)
    vectorizer = TfidfVectorizer(analyzer=lambda row: grams(row, order), min_df=2, binary=True)
    reference.fit(vectorizer.fit_transform(train), gold)
    assert fitted.selected == {"features": len(vectorizer.vocabulary_), "C": 0.5}
    # two optimizations of one convex loss; the regression is multinomial there
    assert (fitted.dev == reference.predict(vectorizer.transform(dev))).mean() >= 0.95
    assert (fitted.test == reference.predict(vectorizer.transform(test))).mean() >= 0.95
    assert (fitted.dev == dev_gold).mean() > 0.55  # three classes; half of the rows have no informative id


def test_the_log_count_ratio_by_hand():
    inputs = extract([[2, 3], [2, 2], [3], [4], [4]], [0, 0, 1, 1, 1], classes=2, ngrams=1)
    # texts with 2, 3, 4: of class 0 two, one, none; of the rest none, one, two
    ratio = log_count_ratio(inputs.presence.train, np.array([True, True, False, False, False]))
    assert ratio.tolist() == pytest.approx([math.log((3 / 6) / (1 / 6)), 0, math.log((1 / 6) / (3 / 6))])


@pytest.mark.parametrize(("classes", "beta"), [(3, 1.0), (3, 0.25), (2, 0.25)])
def test_nb_svm_equals_its_definition(classes, beta):
    (train, gold), (test, _) = sample(200, 1, classes), sample(80, 2, classes)
    settings = dataclasses.replace(SETTINGS, nb_svm_c=(0.5,), nb_svm_beta=(beta,))
    fitted = fit_nb_svm(inputs := extract(train, gold, test=test, classes=classes), settings)
    x, scores = inputs.presence.train.toarray(), []
    for label in range(classes):
        p, q = 1 + x[gold == label].sum(0), 1 + x[gold != label].sum(0)
        ratio = np.log((p / p.sum()) / (q / q.sum()))
        svm = LinearSVC(C=0.5, dual=True, tol=0.1, random_state=1).fit(x * ratio, gold == label)
        weights = (1 - beta) * np.abs(svm.coef_[0]).mean() + beta * svm.coef_[0]
        scores.append(inputs.presence.test.toarray() @ (ratio * weights) + svm.intercept_[0])
    expected = np.stack(scores, 1).argmax(1) if classes == 3 else (scores[1] > 0).astype(int)
    assert np.array_equal(fitted.test, expected)
    assert fitted.selected == {"features": x.shape[1], "C": 0.5, "beta": beta}


@pytest.mark.parametrize("classes", [2, 3])
def test_the_ensemble_is_the_weighted_sum_of_its_parts(classes):
    (train, gold), (dev, dev_gold), (test, _) = (
        sample(rows, seed, classes) for rows, seed in ((300, 1), (120, 2), (80, 3))
    )
    inputs = extract(train, gold, dev, dev_gold, test, classes=classes)
    regression = fit_logistic_regression(inputs, SETTINGS)
    ratios = np.stack([log_count_ratio(inputs.presence.train, gold == label) for label in range(classes)], 1)
    nb_svm = fit_nb_svm_on("part", inputs.tfidf, SETTINGS.nb_svm_tfidf_c, inputs, SETTINGS)
    for label in range(classes) if classes == 3 else [1]:
        part = LinearSVC(C=nb_svm.selected["C"], dual=True, tol=0.1, random_state=1)
        part.fit(inputs.tfidf.train.multiply(ratios[:, label]).tocsr(), gold == label)
        drawn = nb_svm.selected["beta"] * part.coef_[0]
        drawn += (1 - nb_svm.selected["beta"]) * np.abs(part.coef_[0]).mean()
        scores = inputs.tfidf.dev @ (ratios[:, label] * drawn) + part.intercept_[0]
        np.testing.assert_allclose(nb_svm.dev_scores[:, label], scores / (1 if classes == 3 else 2), atol=1e-9)
    ensemble = fit_linear_ensemble(inputs, SETTINGS, regression)
    first, second = fit_scales(regression.dev_scores, nb_svm.dev_scores, dev_gold)
    assert ensemble.selected["weights"] == pytest.approx([first, second], abs=1e-6)
    total = first * regression.dev_scores + second * nb_svm.dev_scores
    np.testing.assert_allclose(ensemble.dev_scores, total)
    assert ensemble.dev_loss <= min(regression.dev_loss, nb_svm.dev_loss) + 1e-6
    for texts, scores in ((make_texts(dev), total), (make_texts(test), None)):
        found = ensemble.model.scores(texts.ids, texts.offsets)
        parts = [part.model.scores(texts.ids, texts.offsets) for part in (regression, nb_svm)]
        np.testing.assert_allclose(found, first * parts[0] + second * parts[1], atol=1e-5)
        assert scores is None or np.allclose(found, scores, atol=1e-5)
    assert np.array_equal(found.argmax(1), ensemble.test)


def test_with_few_rows_of_dev_both_parts_count_equally():
    (train, gold), (dev, dev_gold) = sample(300, 1), sample(49, 2)
    inputs = extract(train, gold, dev, dev_gold, dev)
    parts = [
        fit_logistic_regression(inputs, SETTINGS),
        fit_nb_svm_on("part", inputs.tfidf, SETTINGS.nb_svm_tfidf_c, inputs, SETTINGS),
    ]
    spreads = [np.sqrt(part.dev_scores.var(axis=1).mean()) for part in parts]
    weights = fit_ensemble(inputs, SETTINGS).selected["weights"]
    assert weights == pytest.approx([1, spreads[0] / spreads[1]], abs=1e-6)


@pytest.mark.parametrize("classes", [2, 3, 4])
def test_a_candidate_is_as_it_would_be_alone(classes):
    """Several values of beta share a fit; with 4 classes one of them is missing from train."""
    (train, gold), (test, _) = sample(200, 1, min(classes, 3)), sample(80, 2, min(classes, 3))
    inputs = extract(train, gold, test=test, classes=classes)
    betas = (0.25, 1.0, 0.0)  # the last is the worst: it ignores what the SVM has learned
    settings = dataclasses.replace(SETTINGS, nb_svm_c=(0.5,), nb_svm_beta=betas)
    together = fit_nb_svm(inputs, settings)
    alone = fit_nb_svm(inputs, dataclasses.replace(settings, nb_svm_beta=(together.selected["beta"],)))
    assert together.model.bias.tolist() == alone.model.bias.tolist()
    assert np.array_equal(together.model.weights, alone.model.weights)
    assert np.array_equal(together.test, alone.test)
    texts = make_texts(train)
    assert np.array_equal(together.model.scores(texts.ids, texts.offsets).argmax(1), together.dev)


@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize("classes", [2, 3])
def test_the_artifact_scores_as_the_model_does(fit, classes):
    (train, gold), (test, _) = sample(300, 1, classes), sample(300, 3, classes)
    inputs = extract(train, gold, test=test, classes=classes)
    fitted = fit(inputs, SETTINGS)
    texts = make_texts(test)
    scores = fitted.model.scores(texts.ids, texts.offsets)
    assert scores.shape == (300, classes)
    assert np.array_equal(scores.argmax(1), fitted.test)
    assert fitted.model.name.endswith(fit.__name__.removeprefix("fit_"))
    if classes == 2:  # opposite halves of one score
        assert np.abs(scores.sum(1)).max() < 1e-5


def test_the_artifact_has_the_svms_decision_function():
    (train, gold), (test, _) = sample(300, 1), sample(100, 3)
    inputs = extract(train, gold, test=test)
    fitted = fit_linear_svm(inputs, dataclasses.replace(SETTINGS, svm_c=(0.3,)))
    texts = make_texts(test)
    scores = fitted.model.scores(texts.ids, texts.offsets)
    for label in range(3):
        svm = LinearSVC(C=0.3, dual=True, tol=0.1, random_state=1).fit(inputs.tfidf.train, gold == label)
        np.testing.assert_allclose(scores[:, label], svm.decision_function(inputs.tfidf.test), atol=1e-5)


def losses_at_the_best_scale(scores, gold):
    """The least mean cross-entropy of dev over all scales of the scores, by brute force."""

    def loss(scale):
        total = scale * scores
        return (logsumexp(total, axis=1) - total[np.arange(len(gold)), gold]).mean()

    return minimize_scalar(loss, bounds=(0, 100), method="bounded", options={"xatol": 1e-9}).fun


@pytest.mark.parametrize(
    ("fit", "name", "values"),
    [
        (fit_logistic_regression, "logistic_c", (0.01, 100.0, 1.0, 1e4)),
        (fit_linear_svm, "svm_c", (100.0, 1e-3, 0.1)),
        (fit_nb_svm, "nb_svm_c", (100.0, 1e-4, 0.01)),
    ],
)
def test_dev_selects_the_candidate_with_the_least_loss(fit, name, values):
    (train, gold), (dev, dev_gold) = sample(300, 1), sample(200, 2)
    inputs = extract(train, gold, dev, dev_gold)
    settings = dataclasses.replace(SETTINGS, nb_svm_beta=(1.0,))
    alone = [fit(inputs, dataclasses.replace(settings, **{name: (value,)})) for value in values]
    losses = [losses_at_the_best_scale(each.dev_scores, dev_gold) for each in alone]
    assert [each.dev_loss for each in alone] == pytest.approx(losses, abs=1e-4)
    selected = fit(inputs, dataclasses.replace(settings, **{name: values}))
    assert selected.selected["C"] == values[int(np.argmin(losses))]
    # where all candidates mislead, none is better than a guess: the first of equal ones
    misled = extract(train, gold, dev, (dev_gold + 1) % 3)
    tie = fit(misled, dataclasses.replace(settings, **{name: values}))
    assert (tie.selected["C"], tie.dev_loss) == (values[0], pytest.approx(np.log(3)))


def test_rows_of_dev_whose_class_train_lacks_select_nothing():
    (train, gold), (dev, dev_gold) = sample(300, 1), sample(100, 2)
    more = [*dev, *[[2, 3]] * 40], np.concatenate((dev_gold, [3] * 40))
    for fit in FITS:
        with_them, without = (fit(extract(train, gold, *rows, classes=4), SETTINGS) for rows in (more, (dev, dev_gold)))
        assert with_them.selected == without.selected
        assert with_them.dev_loss == without.dev_loss
    only = extract(train, gold, [[2, 3]] * 3, np.array([3] * 3), classes=4)
    assert fit_linear_svm(only, SETTINGS).selected["C"] in SETTINGS.svm_c


@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize("labels", [[1, 1, 4, 4, 4, 4], [1, 1, 4, 4, 3, 3]])
def test_classes_that_are_not_in_train_are_never_predicted(fit, labels):
    rows = [[2], [2], [3], [3], [4], [4]]
    inputs = extract(rows, labels, rows, [0, 2, 5, 4, 3, 3], rows, 6, ngrams=1)
    fitted = fit(inputs, dataclasses.replace(SETTINGS, logistic_c=(10.0,)))
    assert fitted.dev.tolist() == fitted.test.tolist() == labels
    texts = make_texts(rows)
    scores = fitted.model.scores(texts.ids, texts.offsets)
    present = sorted(set(labels))
    missing = [label for label in range(6) if label not in present]
    assert scores[:, missing].max() < scores[:, present].min()
    assert np.isfinite(scores).all()


@pytest.mark.parametrize("fit", FITS)
def test_two_fits_are_equal(fit):
    rows, labels = sample(100, 4)
    models = [fit(extract(rows, labels), SETTINGS).model for _ in range(2)]
    assert np.array_equal(models[0].weights, models[1].weights)
    assert np.array_equal(models[0].bias, models[1].bias)


def test_a_single_class_is_refused():
    with pytest.raises(UserError, match=r"^baseline: the training split has only one class; give it more rows$"):
        extract([[2], [3]], [1, 1])
