"""The texts whose words do not tell the class: linear models guess it, and who reads the order knows it."""

import random
import re

import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from factories.sample_corpora import reviews, rows_of_names, titles, write_files
from textrnn.preparation.sample import clauses, headline_words, name_syllables, review_words
from textrnn.preparation.sample.headlines import two_topic_title
from textrnn.preparation.sample.names import two_stem_name
from textrnn.preparation.sample.reviews import indirect_opinion
from textrnn.preparation.sample.tagged_sentences import cued_clause

TEXTS = 1500  # of which two thirds are trained on
TYPES = ("per", "loc", "org")
NEGATIONS = {"not", "nobody", "nothing", "doubt"}


def linear_accuracy(texts, labels, analyzer="char"):
    """What a linear model on n-grams of 1 to 3 characters or words reaches on the last third of the texts."""
    token = {"token_pattern": r"[\w']+|[^\w\s]"} if analyzer == "word" else {}
    model = make_pipeline(
        TfidfVectorizer(analyzer=analyzer, ngram_range=(1, 3), min_df=2, **token), LogisticRegression(C=10)
    )
    known = 2 * len(texts) // 3
    model.fit(texts[:known], labels[:known])
    return model.score(texts[known:], labels[known:])


def topics_acting(title):
    """The topics that share most words with the part of a title that acts, or with all of it if it has no such verb."""
    frame = "({})({})({})".format(
        *(
            "|".join(table)
            for table in (
                headline_words.ADVERBS,
                headline_words.ACTIVE + headline_words.PASSIVE,
                headline_words.DETERMINERS,
            )
        )
    )
    if found := re.search(frame, title):
        title = title[: found.start()] if found[2] in headline_words.ACTIVE else title[found.end() :]
    counts = [sum(title.count(word) for word in topic) for topic in headline_words.TOPICS.values()]
    return {index for index, count in enumerate(counts) if count == max(counts)}


def dark_first(name):
    """Whether the dark one of a name's two stems comes before the bright one; None for a name without two stems."""
    stems = re.findall("|".join((*name_syllables.DARK_STEMS, *name_syllables.BRIGHT_STEMS)), name.lower())
    return stems[0] in name_syllables.DARK_STEMS if len(stems) == 2 else None


def polarity(opinion):
    """The label of an indirect opinion: of its last adjective but for `although`, turned round by what denies it."""
    text, _, verdict = opinion.rstrip(".!").partition(". ")
    if "although" in text:
        before, after = text.split("although ", 1)
        text = before or after.split(", ", 1)[1]
    words = re.findall(r"\w+", text.lower())
    label = next(label for word in reversed(words) for label in (1, 2) if word in review_words.ADJECTIVES[label])
    denied = verdict and any(verdict == said.rstrip(".!") for said in review_words.VERDICTS[False])
    return 3 - label if denied or NEGATIONS & set(words) else label


def test_headlines_of_two_topics():
    rng = random.Random(1)
    finance, sports = headline_words.TOPICS["finance"], headline_words.TOPICS["sports"]
    labels = [rng.choice((0, 7)) for _ in range(TEXTS)]
    texts = [two_topic_title(rng, *((finance, sports) if label == 0 else (sports, finance))) for label in labels]
    assert linear_accuracy(texts, labels) < 0.58
    assert sum(label in topics_acting(text) for text, label in zip(texts, labels, strict=True)) / TEXTS > 0.97


def test_the_other_voice_makes_the_other_topic_act():
    assert topics_acting("基金理财近日带动全国球员比赛") == {0}
    assert topics_acting("球员比赛近日带动全国基金理财") == {7}  # the same characters
    assert topics_acting("基金理财近日受制全国球员比赛") == {7}


def test_names_of_neighbours():
    rng = random.Random(1)
    for one, other in (("Russian", "Arabic"), ("English", "German"), ("Japanese", "Italian")):
        labels = [rng.choice((one, other)) for _ in range(TEXTS)]
        texts = [two_stem_name(rng, label) for label in labels]
        assert linear_accuracy([f"^{text}$" for text in texts], labels) < 0.58
        assert [one if dark_first(text) else other for text in texts] == labels
    assert [dark_first(name) for name in ("Dymykanbynermyov", "Rybynermykandyov", "Kanov")] == [True, False, None]


def test_indirect_opinions():
    rng = random.Random(1)
    labels = [rng.choice((1, 2)) for _ in range(TEXTS)]
    texts = [indirect_opinion(rng, label) for label in labels]
    assert linear_accuracy(texts, labels, "word") < 0.58
    assert [polarity(text) for text in texts] == labels


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("the CD was good from the start, but it seems bad for what you pay.", 1),
        ("it seems bad for what you pay, but the CD was good from the start.", 2),  # the same words
        ("although it seems bad for what you pay, the CD was good from the start.", 2),
        ("Nobody in my family found the lamp great.", 1),
        ("Everyone says that it seems great for what you pay. They are wrong.", 1),
        ("Everyone says that it seems great for what you pay. They are right.", 2),
    ],
)
def test_the_order_of_words_decides(text, label):
    assert polarity(text) == label


def test_names_of_any_type():
    rng = random.Random(1)
    labels = [rng.choice(TYPES) for _ in range(TEXTS)]
    parts = [cued_clause(rng, label) for label in labels]
    assert all(part[1] == label.upper() for (_, part, _), label in zip(parts, labels, strict=True))
    near = [before[-4:] + name + after[:4] for (before, _), (name, _), (after, _) in parts]
    assert linear_accuracy(near, labels) < 0.42
    assert linear_accuracy(["".join(text for text, _ in part) for part in parts], labels) > 0.98
    cues = {kind: clauses.KINDS[kind] + clauses.EVENTS[kind] for kind in TYPES}
    told = [
        [kind for kind in TYPES if any(cue in before + after for cue in cues[kind])]
        for (before, _), _, (after, _) in parts
    ]
    assert told == [[label] for label in labels]


@pytest.mark.parametrize(("format", "read", "analyzer"), [("headlines", titles, "char"), ("fasttext", reviews, "word")])
def test_linear_models_are_decent(format, read, analyzer, tmp_path):
    texts, labels = read(write_files(format, tmp_path / "files", rows=3000)["train"])
    assert 0.75 < linear_accuracy(texts, labels, analyzer) < 0.92


def test_linear_models_are_decent_on_names(tmp_path):
    rows = rows_of_names(write_files("names", tmp_path / "files", rows=3000)["train"])
    random.Random(1).shuffle(rows)
    assert 0.78 < linear_accuracy([f"^{name}$" for name, _ in rows], [country for _, country in rows]) < 0.92


def test_shuffled_words_do_not_tell_the_label():
    rng = random.Random(1)
    labels = [rng.choice((1, 2)) for _ in range(TEXTS)]
    opinions = ((indirect_opinion(rng, label), label) for label in labels)
    concessions = [(re.findall(r"\w+", text), label) for text, label in opinions if ", but " in text]
    assert len(concessions) > TEXTS / 8
    right = sum(polarity(" ".join(rng.sample(words, len(words)))) == label for words, label in concessions)
    assert 0.4 < right / len(concessions) < 0.6
