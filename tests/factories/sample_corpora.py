"""Generated corpora: written into a folder, and read back as texts and labels."""

import bz2
import csv
import gzip

from textrnn.common.config.data import Sample
from textrnn.preparation.sample.synthetic_corpora import write_sample

FILES = {
    "headlines": {"train": "train.txt", "dev": "dev.txt", "test": "test.txt", "classes": "class.txt"},
    "names": {"train": "names_train.csv.gz", "test": "names_test.csv.gz"},
    "bio": {"train": "msra_train_bio.txt", "test": "msra_test_bio.txt"},
    "fasttext": {"train": "train.ft.txt.bz2", "test": "test.ft.txt.bz2"},
    "table": {"train": "train.csv", "test": "test.csv"},
}
ROWS = 1000


def write_files(format, folder, *, corpus="corpus", seed=1, rows=ROWS, files=None):
    """The bytes of each role's file."""
    folder.mkdir(parents=True)
    files = FILES[format] if files is None else files
    write_sample(corpus, format, files, Sample(seed, rows), folder)
    assert sorted(path.name for path in folder.iterdir()) == sorted(files.values())
    return {role: (folder / name).read_bytes() for role, name in files.items()}


def titles(content):
    lines = content.decode().splitlines()
    assert all(line.count("\t") == 1 for line in lines)
    pairs = [line.split("\t") for line in lines]
    return [title for title, _ in pairs], [int(index) for _, index in pairs]


def rows_of_names(content):
    text = gzip.decompress(content).decode("ascii")
    return list(csv.reader(text.splitlines()))


def sentences(content):
    """Sentences as lists of (character, tag)."""
    blocks = content.decode().rstrip("\n").split("\n\n")
    return [[tuple(line.split("\t")) for line in block.split("\n")] for block in blocks]


def reviews(content):
    pairs = [line.split(" ", 1) for line in bz2.decompress(content).decode().splitlines()]
    return [text for _, text in pairs], [label for label, _ in pairs]


def spans_of(sentence):
    spans = []
    for character, tag in sentence:
        if tag[0] == "B":
            spans.append([character, tag[2:]])
        elif tag[0] == "I":
            spans[-1][0] += character
    return [tuple(span) for span in spans]
