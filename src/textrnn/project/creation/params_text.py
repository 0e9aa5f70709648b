"""Writes the params.yaml of a project: the shipped defaults, and one entry in each table, each line with a comment."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ruamel.yaml import YAML

from textrnn.project.shipped.project_files import PARAMS

WIDTH = 26  # the column of comments
SOURCE = "data/raw"
DEFAULTS_BEGIN, TABLES_BEGIN = "# The defaults of each stage.", "corpora:"
HEAD = """\
# Every value that can change a result is in this file and nowhere else. `textrnn init` wrote this file; `textrnn check`
# lists what is wrong with it, and docs/params.md of textrnn explains every value.

data:                     # folders of input files
  source: {source}        # a folder with a folder for each corpus
  vectors: data/vectors   # a folder of word-vector files; `embed.vectors` names one of them
  punkt: data/punkt       # a folder of Punkt models; `segment.punkt` may name one of them

limits:                   # caps for a quick try, applied after everything else; null: none
  rows: null              # rows of each split, a stratified sample
  epochs: null            # of a recipe, and of the bag of the baselines
  hidden_size: null       # of a recipe's model

"""
SECTIONS = {
    "parse": "how the file is read and split",
    "segment": "how texts become tokens",
    "encode": "the vocabulary",
    "vectorize": "vectors learned from train, without labels",
    "embed": "the initial embedding",
    "pad": "the lengths of rows",
    "model": "the network",
    "train": "how it is trained",
}
# of values whose default is another one, so that the comment there is about the alternatives
OWN_COMMENTS = {
    "parse.format": "how the files are written",
    "parse.files": "in the folder of this corpus in data.source",
    "parse.table": "columns by name; group: the column of what stays together; null: found, or none",
    "parse.test": "rows held out for test, before dev",
    "parse.dev": "rows held out for dev",
    "parse.max_rejects": "rows that cannot be used and are skipped",
    "parse.text_encoding": "of the files",
    "segment.segmenter": "chars, jieba (Chinese words), nltk (words), or tokens (split already)",
    "segment.clean": "before that, in this order",
    "segment.punkt": "nltk's sentence ends are learned from this many rows",
    "encode.min_count": "minimum count of a token in train; auto: by the number of tokens",
    "vectorize.width": "of the vector of a token",
    "vectorize.bigrams": "vectors of pairs of adjacent tokens",
    "vectorize.words": "vectors of words of jieba's dictionary",
    "embed.vectors": "vectorized: what the stage vectorize has learned",
    "embed.bigrams": "likewise, for model.bigrams",
    "embed.lexicon": "words of jieba's dictionary with at most this many characters; null: none",
    "pad.max_length": "longer rows keep their first tokens",
    "pad.buckets": "maximum number of widths of padded rows",
    "model.cell": "or rnn, lstm",
    "model.bigrams": "embeddings of pairs of adjacent tokens that occur at least this often",
    "model.words": "embeddings of dictionary words that begin at, continue through or end at a token; null: none",
    "model.readout": "how the states of a row become one vector",
    "model.crf": "a linear-chain CRF, which scores sequences of tags",
    "model.wide": "adds the scores of the best linear baseline",
    "train.epochs": "passes over train",
    "train.min_steps": "minimum number of steps: a small corpus gets more epochs",
    "train.batch_size": "rows; auto: by task and the rows of train",
    "train.schedule": "the learning rate rises over warmup, then falls as a cosine",
    "train.average": "saves the mean of the weights over this fraction of the steps",
    "train.monitor": "the metric on dev that selects the saved weights",
}


@dataclass(frozen=True)
class Entry:
    """An entry of a table: its name, what it is, the value that names an entry of another table, and its sections."""

    name: str
    comment: str
    reference: tuple[str, str] | None
    sections: Mapping[str, Mapping[str, Any]]


def params_text(corpus: Entry, encoding: Entry, recipe: Entry) -> str:
    """The whole file."""
    tables = {
        "corpora": ("raw files, and how they are split", corpus),
        "encodings": ("a corpus segmented into tokens and mapped to ids", encoding),
        "recipes": ("a model trained on an encoding", recipe),
    }
    parts = []
    for table, (comment, entry) in tables.items():
        parts.append("\n".join([_line(f"{table}:", comment), *entry_lines(entry)]))
    return HEAD.format(source=SOURCE) + shipped_defaults() + "\n\n".join(parts) + "\n"


def shipped_defaults() -> str:
    """The defaults of all sections as the package has them, comments included."""
    text = PARAMS.read_text(encoding="utf-8")
    defaults = DEFAULTS_BEGIN + text.partition(DEFAULTS_BEGIN)[2].partition(f"\n{TABLES_BEGIN}")[0] + "\n"
    return re.sub(r"docs/\w+\.md(?! of textrnn)", r"\g<0> of textrnn", defaults)  # a project has no such page


def shipped_recipe(name: str) -> dict[str, dict[str, Any]]:
    """The sections of a shipped recipe."""
    recipe = YAML(typ="safe").load(PARAMS.read_text(encoding="utf-8"))["recipes"][name]
    return {section: values for section, values in recipe.items() if section in SECTIONS}


def entry_lines(entry: Entry) -> Iterator[str]:
    """The lines of an entry: a value with its comment each."""
    comments = default_comments() | OWN_COMMENTS
    yield _line(f"  {entry.name}:", entry.comment)
    if entry.reference is not None:
        key, name = entry.reference
        yield _line(f"    {key}: {name}", f"an entry of {'corpora' if key == 'corpus' else 'encodings'}")
    for section, values in entry.sections.items():
        if not values:
            yield _line(f"    {section}: {{}}", f"{SECTIONS[section]}: the defaults")
            continue
        yield _line(f"    {section}:", SECTIONS[section])
        for key, value in values.items():
            yield _line(f"      {key}: {_flow(value)}", comments.get(f"{section}.{key}", ""))


def default_comments() -> dict[str, str]:
    """The comment of each default, by `section.key`."""
    comments, section = {}, ""
    for line in shipped_defaults().splitlines():
        if match := re.match(r"(\w+):", line):
            section = match[1]
        elif match := re.match(r"  (\w+):.*?  ?# (.+)", line):
            comments[f"{section}.{match[1]}"] = match[2]
    return comments


def _line(text: str, comment: str) -> str:
    return f"{text:<{WIDTH - 2}}  # {comment}" if comment else text


def _flow(value: Any) -> str:
    """A value as YAML on one line."""
    yaml, out = YAML(typ="safe", pure=True), io.StringIO()
    yaml.default_flow_style, yaml.width, yaml.allow_unicode = True, 10**6, True
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    yaml.dump({"value": value}, out)
    return out.getvalue().strip().removeprefix("{value: ").removesuffix("}")
