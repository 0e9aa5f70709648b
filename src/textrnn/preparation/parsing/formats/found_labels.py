"""Finds the labels of a classification corpus in its training file, and tells what cannot be labels."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from textrnn.common.config.parse import Parse
from textrnn.errors import UserError, plural, shorten
from textrnn.preparation.parsing.rows import Row, TextRow

# a header has one of these as the name of its text or its label
HEADER_WORDS = frozenset(
    (
        *("text", "texts", "sentence", "sentences", "review", "reviews", "content", "comment", "comments", "title"),
        *("headline", "body", "message", "query", "question", "document", "doc", "name", "names"),
        *("label", "labels", "class", "classes", "category", "categories", "target", "sentiment", "tag", "tags"),
        *("intent", "topic", "polarity", "rating", "stars", "country", "language", "lang"),
        *("surname", "surnames", "firstname", "lastname", "nationality", "nationalities"),
        *("文本", "内容", "标题", "评论", "句子", "名字", "姓名", "标签", "类别", "分类", "国家"),
    )
)
# these may be labels or texts as well: a header has two of them, or one and a word from above
WEAK_WORDS = frozenset(
    (
        *("id", "x", "y", "index", "key", "value", "score", "origin", "user", "username", "author", "source", "date"),
        *("tweet", "tweets", "post", "word", "words", "line", "output", "input", "gender", "type", "group", "result"),
    )
)
INVISIBLE = ("Cf", "Cc")  # format and control characters, by Unicode's category
FEWEST_ROWS = 8  # of a file, before what its labels look like says anything
SAMPLED_TEXTS = 1_000
ROWS_PER_CHECK = 1 << 14
MAX_LABEL_CHARACTERS = 1 << 26  # of all different labels: they are in memory


def looks_like_header(row: TextRow) -> bool:
    """Whether the text or the label of a row is a word that headers have."""
    words = {row.text.strip().casefold(), row.label.casefold()}
    return not HEADER_WORDS.isdisjoint(words) or (len(words) > 1 and words <= WEAK_WORDS)


def labels_of_train(
    read: Callable[[Path, Parse], Iterator[Row]],
    folder: Path,
    settings: Parse,
    swapped: str,
    *,
    no_header: bool = False,
) -> dict[str, int]:
    """How often each raw label occurs in the training file; the labels are sorted.

    swapped: what to do if the columns of text and label are the other way round. no_header: the format has none.
    Raises UserError if nearly every row has a label of its own, for labels that look the same, and for a header where
    there should be none.
    """
    train = settings.files.get("train")
    assert train is not None
    path = folder / train
    counts: Counter[str] = Counter()
    texts: set[int] = set()  # hashes: a text may be long
    first: TextRow | None = None
    rows = again = 0  # again: how often the first row occurs
    characters = different = 0  # of labels
    for row in read(path, settings):
        if isinstance(row, TextRow):
            first = first or row
            counts[row.label] += 1
            if len(counts) > different:
                different += 1
                characters += len(row.label)
                refuse_long_labels(path, characters)
            again += row.label == first.label and row.text == first.text
            rows += 1
            if rows <= SAMPLED_TEXTS:
                texts.add(hash(row.text))
            elif rows % ROWS_PER_CHECK == 0:  # before they fill the memory
                _refuse_own_labels(path, rows, counts, texts, swapped)
    _refuse_own_labels(path, rows, counts, texts, swapped)
    _refuse_look_alikes(path, counts)
    if no_header and first is not None:
        # with one text for each label, the first row is repeated as all others are
        repeated = again if len(texts) > len(counts) else 0
        begins = _begins_another(read, folder, settings, first)
        _refuse_header(path, first, rows, counts, again, stands_out=begins or repeated > 1)
    return dict(sorted(counts.items()))


def refuse_long_labels(where: str | Path, characters: int) -> None:
    """Raise UserError if the different labels of a file have so many characters that they are texts."""
    if characters > MAX_LABEL_CHARACTERS:
        wrong = f"its different labels have more than {MAX_LABEL_CHARACTERS:,} characters in all"
        raise UserError(where, wrong, do="is it the column of the labels?")


def _refuse_own_labels(path: Path, rows: int, counts: Counter[str], texts: set[int], swapped: str) -> None:
    if rows < FEWEST_ROWS or 3 * len(counts) <= 2 * rows:
        return
    few_texts = 2 * len(texts) <= min(rows, SAMPLED_TEXTS)
    do = f"the columns are probably the other way round: {swapped}" if few_texts else "is it the column of the labels?"
    wrong = f"nearly every row has a label of its own: {len(counts)} labels in {rows} rows"
    raise UserError(path, wrong, got=f"{shorten(next(iter(counts)))}, …", do=do)


def _refuse_look_alikes(path: Path, counts: Counter[str]) -> None:
    """Refuse labels that a reader cannot tell apart, as a zero-width space makes two of one."""
    seen: dict[str, str] = {}
    for label in sorted(counts):
        visible = "".join(character for character in label if unicodedata.category(character) not in INVISIBLE)
        other = seen.setdefault(unicodedata.normalize("NFC", visible), label)
        if other != label:
            shown = [f"{ascii(name)[:60]} ({plural(counts[name], 'row')})" for name in (other, label)]
            got = " and ".join(shown)
            do = "make them one in the file, or list both in `classes`"
            raise UserError(path, "has labels that look the same", got=got, do=do)


def _begins_another(
    read: Callable[[Path, Parse], Iterator[Row]], folder: Path, settings: Parse, first: TextRow
) -> bool:
    """Whether the file of dev or test begins with the first row of train."""
    for role in ("dev", "test"):
        name = settings.files.get(role)
        if name is None or name == settings.files.get("train") or not (folder / name).is_file():
            continue
        row = next((row for row in read(folder / name, settings) if isinstance(row, TextRow)), None)
        if row is not None and (row.text, row.label) == (first.text, first.label):
            return True
    return False


def _refuse_header(
    path: Path, first: TextRow, rows: int, counts: Counter[str], again: int, *, stands_out: bool
) -> None:
    """Refuse a first row whose label only its repetitions have, if anything else says that it is a header.

    That is the word of a header, or that all other labels are repeated. stands_out: it is repeated where other rows are
    not, or another file begins so.
    """
    if counts[first.label] > again or again == rows:
        return
    others = (count for label, count in counts.items() if label != first.label)
    repeated = again == 1 and rows >= FEWEST_ROWS and all(count > 1 for count in others)
    if looks_like_header(first) or repeated or stands_out:
        wrong = "is probably a header: no other row has this label"
        got = f"{shorten(first.text)}, {shorten(first.label)}"
        do = "use format: table, which reads columns by name, or remove the line; if it is a row, list all `classes`"
        raise UserError(f"{path}, line {first.line}", wrong, got=got, do=do)
