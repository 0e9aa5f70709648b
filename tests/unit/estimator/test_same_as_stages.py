"""An estimator's model is, byte for byte, the one that the stages train from a file of the same rows."""

import json

import pytest

from factories.labelled_texts import TINY, han_sentences, reviews, sentences
from textrnn import SequenceTagger, TextClassifier, load

STAGES = ("parse", "segment", "encode", "vectorize", "embed", "pad")
COMPARED = ("model.safetensors", "vocabulary.arrow", "labels.json", "segmentation.json", "config.json")


@pytest.fixture
def run_stages(tmp_path, monkeypatch, import_stage, write_corpus):
    """A function of a fitted estimator and raw rows by role: the model directory that the stages make of a project
    with the estimator's params."""
    monkeypatch.chdir(tmp_path)

    def run(estimator, **roles):
        name, params = type(estimator).__name__, json.loads(json.dumps(estimator.params_))
        parse = params["corpora"][name]["parse"]
        parse["files"] = write_corpus(tmp_path / "data" / "sample" / name, parse["format"], **roles)
        (tmp_path / "params.yaml").write_text(json.dumps(params), encoding="utf-8")
        wide = params["recipes"][name]["model"].get("wide")
        for stage in (*STAGES, *(["baseline"] if wide else []), "train"):
            import_stage(stage).main(name)
        return tmp_path / "models" / name

    return run


def assert_same_model(estimator, folder):
    for name in COMPARED:
        assert estimator.model_.files[name] == (folder / name).read_bytes(), name
    ours, theirs = (
        json.loads(text) for text in (estimator.model_.files["training.json"], (folder / "training.json").read_text())
    )
    assert {key: ours[key] for key in theirs if "second" not in key} == {
        key: theirs[key] for key in theirs if "second" not in key
    }


CLASSIFIERS = {
    "words, wide": {},
    "words, deep alone": {"wide": False, "random_state": 7, "validation_share": 0.25},
    "characters": {"segmenter": "chars", "recipe": "names_bigru", "layers": 1},
    "tokens, learned vectors": {
        "segmenter": "tokens",
        "vectorize": {"width": 6, "min_count": 1},
        "embed": {"vectors": "vectorized"},
    },
    "min_steps": {"epochs": None, "min_steps": 30, "train": {"refit": True}},
}


@pytest.mark.parametrize("arguments", CLASSIFIERS.values(), ids=CLASSIFIERS)
def test_a_classifier(run_stages, arguments):
    texts, labels = reviews()
    classifier = TextClassifier(**TINY | arguments).fit(texts, labels)
    rows = list(zip(texts, labels, strict=True))
    folder = run_stages(classifier, train=rows, test=rows[:6])
    assert_same_model(classifier, folder)
    others, _ = reviews(20, seed=1)
    predicted = load(folder).predict(others)
    assert classifier.predict(others).tolist() == [each["label"] for each in predicted]
    assert classifier.predict_proba(others).tolist() == [list(each["probabilities"].values()) for each in predicted]


def test_a_classifier_with_validation_data(run_stages):
    (texts, labels), (dev_texts, dev_labels) = reviews(), reviews(20, seed=1)
    classifier = TextClassifier(**TINY, validation_data=(dev_texts, dev_labels)).fit(texts, labels)
    rows, dev = list(zip(texts, labels, strict=True)), list(zip(dev_texts, dev_labels, strict=True))
    assert_same_model(classifier, run_stages(classifier, train=rows, dev=dev, test=rows[:6]))


@pytest.mark.parametrize(
    ("make", "arguments"),
    [
        (sentences, {}),
        (sentences, {"crf": False, "tags": "bio", "random_state": 7}),
        (han_sentences, {"model": {"words": {"width": 4, "min_count": 1}}}),
    ],
    ids=["words", "without a CRF", "characters with a lexicon"],
)
def test_a_tagger(run_stages, make, arguments):
    tokens, tags = make()
    tagger = SequenceTagger(**TINY | arguments).fit(tokens, tags)
    rows = list(zip(tokens, tags, strict=True))
    folder = run_stages(tagger, train=rows, test=rows[:6])
    assert_same_model(tagger, folder)
    others, _ = make(20, seed=1)
    entities = [
        [(each["start"], each["end"], each["type"]) for each in row["entities"]] for row in load(folder).predict(others)
    ]
    found = [
        [
            (at, next((end for end in range(at + 1, len(row)) if not row[end].startswith("I-")), len(row)), tag[2:])
            for at, tag in enumerate(row)
            if tag.startswith("B-")
        ]
        for row in tagger.predict(others)
    ]
    assert found == entities
