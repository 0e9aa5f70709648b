"""Finds the labels of a classification corpus in its training file, and tells what cannot be labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from textrnn.common.config.parse import Parse
from textrnn.errors import UserError, shorten
from textrnn.preparation.parsing.rows import Row, TextRow

# a header has one of these as the name of its text or its label
HEADER_WORDS = frozenset(
    (
        *("text", "texts", "sentence", "sentences", "review", "reviews", "content", "comment", "comments", "title"),
        *("headline", "body", "message", "query", "question", "document", "doc", "name", "names"),
        *("label", "labels", "class", "classes", "category", "categories", "target", "sentiment", "tag", "tags"),
        *("intent", "topic", "polarity", "rating", "stars", "country", "language", "lang"),
        *("文本", "内容", "标题", "评论", "句子", "名字", "姓名", "标签", "类别", "分类", "国家"),
    )
)
FEWEST_ROWS = 8  # of a file, before what its labels look like says anything
SAMPLED_TEXTS = 1_000
ROWS_PER_CHECK = 1 << 14


def looks_like_header(row: TextRow) -> bool:
    """Whether the text or the label of a row is a word that headers have."""
    return not HEADER_WORDS.isdisjoint((row.text.strip().casefold(), row.label.casefold()))


def labels_of_train(
    read: Callable[[Path, Parse], Iterator[Row]],
    folder: Path,
    settings: Parse,
    swapped: str,
    *,
    no_header: bool = False,
) -> list[str]:
    """The raw labels that occur in the training file, sorted.

    swapped: what to do if the columns of text and label are the other way round. no_header: the format has none.
    Raises UserError if nearly every row has a label of its own, and for a header where there should be none.
    """
    train = settings.files.get("train")
    assert train is not None
    path = folder / train
    counts: Counter[str] = Counter()
    texts: set[int] = set()  # hashes: a text may be long
    first: TextRow | None = None
    rows = 0
    for row in read(path, settings):
        if isinstance(row, TextRow):
            first = first or row
            counts[row.label] += 1
            rows += 1
            if rows <= SAMPLED_TEXTS:
                texts.add(hash(row.text))
            elif rows % ROWS_PER_CHECK == 0:  # before they fill the memory
                _refuse_own_labels(path, rows, counts, texts, swapped)
    _refuse_own_labels(path, rows, counts, texts, swapped)
    if no_header and first is not None:
        _refuse_header(path, first, rows, counts)
    return sorted(counts)


def _refuse_own_labels(path: Path, rows: int, counts: Counter[str], texts: set[int], swapped: str) -> None:
    if rows < FEWEST_ROWS or 3 * len(counts) <= 2 * rows:
        return
    few_texts = 2 * len(texts) <= min(rows, SAMPLED_TEXTS)
    do = f"the columns are probably the other way round: {swapped}" if few_texts else "is it the column of the labels?"
    wrong = f"nearly every row has a label of its own: {len(counts)} labels in {rows} rows"
    raise UserError(path, wrong, got=f"{shorten(next(iter(counts)))}, …", do=do)


def _refuse_header(path: Path, first: TextRow, rows: int, counts: Counter[str]) -> None:
    """Refuse a first row whose label no other row has, if it has the word of a header or all others are repeated."""
    if counts[first.label] > 1 or rows < 2:
        return
    repeated = rows >= FEWEST_ROWS and all(count > 1 for label, count in counts.items() if label != first.label)
    if looks_like_header(first) or repeated:
        wrong = "is probably a header: no other row has its label"
        got = f"{shorten(first.text)}, {shorten(first.label)}"
        do = "use format: table, which reads columns by name, or remove the line; if it is a row, list all `classes`"
        raise UserError(f"{path}, line {first.line}", wrong, got=got, do=do)
