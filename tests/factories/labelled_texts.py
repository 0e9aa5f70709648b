"""Labelled texts and tagged sentences that a tiny model learns in a few steps, and arguments for such a model."""

from __future__ import annotations

import random

GOOD, BAD = ("good", "lovely", "fine", "bright"), ("bad", "dull", "poor", "weak")
FILLERS = ("film", "story", "actor", "scene", "ending", "music", "plot", "cast")
FIRST, PLACES = ("Mary", "John", "Ann", "Tom"), ("Paris", "Rome", "Oslo", "Bonn")
# the smallest of everything: a fit takes a fraction of a second
TINY = {"hidden_size": 6, "embedding_size": 6, "epochs": 2, "batch_size": 8}


def reviews(count: int = 60, seed: int = 0) -> tuple[list[str], list[str]]:
    """Texts of five words, and `down` or `up` by two of them, in random order."""
    generator = random.Random(seed)
    labels = [generator.choice(("down", "up")) for _ in range(count)]
    texts = [
        " ".join(
            generator.sample([*generator.sample(GOOD if label == "up" else BAD, 2), *generator.sample(FILLERS, 3)], 5)
        )
        for label in labels
    ]
    return texts, labels


def sentences(count: int = 60, seed: int = 0) -> tuple[list[list[str]], list[list[str]]]:
    """Sentences of words with BIO tags: a person of one or two tokens, and a place."""
    generator = random.Random(seed)
    tokens, tags = [], []
    for _ in range(count):
        person = generator.sample(FIRST, generator.choice((1, 2)))
        tokens.append([*person, generator.choice(("saw", "left", "likes")), generator.choice(PLACES), "today"])
        tags.append(["B-PER", *["I-PER"] * (len(person) - 1), "O", "B-LOC", "O"])
    return tokens, tags


def han_sentences(count: int = 60, seed: int = 0) -> tuple[list[list[str]], list[list[str]]]:
    """Sentences of Chinese characters with BIO tags: a city, then a year or a company."""
    generator = random.Random(seed)
    tokens, tags = [], []
    for _ in range(count):
        city, rest = generator.choice(("北京", "上海", "广州")), generator.choice(("今年增长", "公司发展", "市场开放"))
        tokens.append(list(city + rest))
        tags.append(["B-LOC", "I-LOC", *["O"] * len(rest)])
    return tokens, tags
