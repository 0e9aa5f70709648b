"""nltk's own words under any sentence model, and the texts that ours are compared with them on."""

from __future__ import annotations

import bz2
import unicodedata
from itertools import islice

import pyarrow as pa
import regex
from nltk.tokenize import NLTKWordTokenizer
from nltk.tokenize.punkt import PunktParameters, PunktSentenceTokenizer

from textrnn.preparation.segmentation.nltk_words import NltkWords

EMPTY = {"abbrev_types": [], "collocations": [], "sent_starters": [], "ortho_context": {}}
SMALL = {
    "abbrev_types": ["dr", "i.e", "etc", "a"],
    "collocations": [["##number##", "mark"]],
    "sent_starters": ["yet"],
    "ortho_context": {"lamp": 32},  # seen in lower case inside a sentence
}


def nltk_tokenizer(table):
    """nltk's own composition (nltk.tokenize.word_tokenize) with a sentence model."""
    parameters = PunktParameters()
    parameters.abbrev_types, parameters.sent_starters = set(table["abbrev_types"]), set(table["sent_starters"])
    parameters.collocations = set(map(tuple, table["collocations"]))
    parameters.ortho_context.update(table["ortho_context"])
    sentences, words = PunktSentenceTokenizer(parameters), NLTKWordTokenizer()
    return lambda text: [word for sentence in sentences.tokenize(text) for word in words.tokenize(sentence)]


def column(words, texts):
    return words.column(pa.array(texts, pa.string())).to_pylist()


def differing(texts, table=EMPTY):
    """(text, ours, nltk's) of the texts where a new NltkWords and nltk differ."""
    tokenize, ours = nltk_tokenizer(table), column(NltkWords(table), texts)
    return [(text, mine, tokenize(text)) for text, mine in zip(texts, ours, strict=True) if mine != tokenize(text)]


def characters(maximum, end):
    """Characters below `end` in Python's or `regex`'s Unicode version; from U+0250 only the first of each category."""
    count: dict[str, int] = {}
    for code in range(end):
        character = chr(code)
        kind = unicodedata.category(character)
        known = kind not in ("Cs", "Cn") or regex.match(r"[\w\s]", character)
        count[kind] = count.get(kind, 0) + 1
        if known and (code < 0x250 or count[kind] < maximum or (kind == "Cn" and count[kind] % 97 == 0)):
            yield character


def read_corpus(folder, name):
    """The texts of a corpus, as they are in its files."""
    if name in ("imdb", "amazon"):
        for path in sorted((folder / name).glob("*.ft.txt.bz2")):
            with bz2.open(path, "rt", encoding="utf-8") as lines:
                yield from (line.rstrip("\n").split(" ", 1)[1] for line in lines)
    elif name == "thucnews":
        for path in (folder / name / "train.txt", folder / name / "dev.txt", folder / name / "test.txt"):
            yield from (line.split("\t")[0] for line in path.read_text(encoding="utf-8").splitlines())
    else:
        for path in sorted((folder / name).glob("*_bio.txt")):
            for sentence in path.read_text(encoding="utf-8").split("\n\n"):
                yield "".join(line.split("\t")[0] for line in sentence.splitlines())


CORPORA = ["imdb", "amazon", "thucnews", "msra"]


def differing_rows(words, texts, cut):
    """The number of texts, and the indices of those that differ, processed in batches."""
    texts, count, wrong = iter(texts), 0, []
    while batch := list(islice(texts, 1000)):
        wrong += [count + at for at, mine in enumerate(column(words, batch)) if mine != cut(batch[at])]
        count += len(batch)
    return count, wrong
