"""Learn vectors of an encoding's tokens, bigrams and words from the contexts that they occur in, without any label.

The vectors of tokens come from a singular value decomposition of their information about contexts. Those of bigrams and
words are their own information in the same space, so that no decomposition of a much larger matrix is needed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from textrnn.common.config.vectorize import BigramVectors, Vectorize
from textrnn.common.storage.schemas import COUNTS, UNKNOWN_ID
from textrnn.common.storage.segmented_rows import SegmentedRows
from textrnn.errors import UserError
from textrnn.preparation.artifacts.learned_vectors import KINDS, NO_VECTORS, Kind, LearnedVectors
from textrnn.preparation.artifacts.lexicon_table import MIN_WORD_LENGTH
from textrnn.preparation.artifacts.vocabulary import Vocabulary
from textrnn.preparation.vectorization.cooccurrence import Contexts, count_contexts
from textrnn.preparation.vectorization.factorization import (
    context_chances,
    context_vectors,
    multiply,
    positive_information,
    scale_rows,
)
from textrnn.preparation.vectorization.ngrams import MAX_KEYS, NGrams, NGramStream
from textrnn.preparation.vectorization.token_stream import NONE, make_stream
from textrnn.preparation.vectorization.unlabelled_text import NO_TEXT, UnlabelledText, segment_unlabelled


@dataclass(frozen=True, eq=False)
class VectorSpace:
    """What the contexts of train and of other texts have taught: enough to give any n-gram a vector.

    stream: token numbers, of `make_stream`. numbered: the tokens by number. ids: their ids in the encoding's
    vocabulary. chances: of the contexts (C,). axes: (C, width), which turns information about contexts into vectors;
    its first columns alone give shorter ones. token_vectors: those of the numbered tokens, of any length.
    """

    stream: np.ndarray
    numbered: Vocabulary
    ids: np.ndarray
    contexts: Contexts
    chances: np.ndarray
    axes: np.ndarray
    token_vectors: np.ndarray


def vectorize(
    segmented: SegmentedRows,
    vocabulary: Vocabulary,
    settings: Vectorize,
    *,
    text: Path | None,
    text_encoding: str | None = None,
    dictionary: Iterable[str],
    out: Path,
    where: str,
) -> dict[str, Any]:
    """Write the vectors into the folder `out`, of `resumable_folder`; return statistics of texts and vectors.

    Train is read, and `text`, a file of texts without labels, if there is one; dev and test are not. Without a width
    nothing is read, and the table is empty. The same settings give the same bytes on one machine, whatever the number
    of workers; between machines they agree to rounding. dictionary: jieba's words. where: the dotted name of the
    section, for messages. Raises UserError for an unusable file, and for words whose keys would not fit.
    """
    if settings.width is None:
        NO_VECTORS.write(out)
        return {"width": None, "text": None, "vectors": {}}
    unlabelled = segment_unlabelled(text, segmented, out, text_encoding) if text else NO_TEXT
    space = _learn_space(segmented, unlabelled, vocabulary, settings, settings.width)
    unlabelled.remove_files()
    known = space.ids != UNKNOWN_ID
    counts = space.numbered.counts.to_numpy()[known]
    parts = [_rows("token", space.ids[known][:, None], counts, space.token_vectors[known], settings.norm)]
    parts += _ngram_rows(space, known, settings, dictionary, where)
    learned = LearnedVectors(pa.concat_tables(parts))
    learned.write(out)
    return {
        "width": settings.width,
        "text": text.name if text else None,
        "texts": {"train": segmented.rows("train"), "unlabelled": unlabelled.texts},
        "dropped": unlabelled.dropped,
        "tokens": int((space.stream != NONE).sum()),
        "contexts": space.contexts.tokens,
        "vectors": {kind: len(learned.of(kind)[0]) for kind in KINDS},
    }


def _learn_space(
    segmented: SegmentedRows, unlabelled: UnlabelledText, vocabulary: Vocabulary, settings: Vectorize, width: int
) -> VectorSpace:
    """Number the tokens that are frequent in all texts, count their contexts, and decompose the information."""
    tables = pa.concat_tables([segmented.read_counts(), *unlabelled.counts()])
    summed = tables.group_by("token").aggregate([("count", "sum")])
    counts = pa.table([summed["token"], summed["count_sum"]], schema=COUNTS)
    numbered = Vocabulary.build(counts, settings.min_count, settings.max_tokens)
    train = (batch.column("tokens") for batch in segmented.batches("train"))
    stream = make_stream(chain(train, unlabelled.batches()), numbered.tokens, settings.window)
    contexts = Contexts(min(settings.contexts, len(numbered.tokens)), settings.window, settings.positions)
    ids = np.array(vocabulary.encode(numbered.tokens.to_pylist()), np.int64)
    counted = count_contexts(stream, contexts, lambda places: stream[places], len(ids), 1)
    chances = context_chances(counted)
    information = positive_information(counted, chances)
    axes = context_vectors(information, width, settings.seed)
    return VectorSpace(stream, numbered, ids, contexts, chances, axes, multiply(information, axes))


def _ngram_rows(
    space: VectorSpace, known: np.ndarray, settings: Vectorize, dictionary: Iterable[str], where: str
) -> Iterator[pa.Table]:
    """The vectors of the bigrams and words whose tokens are all in the vocabulary; `known` says which are, by number.

    where: the dotted name of the section, for messages.
    """
    stream = NGramStream(space.stream, known)
    if settings.bigrams is not None:
        bigrams = stream.count_bigrams().at_least(settings.bigrams.min_count)
        yield _place(space, stream, bigrams, "bigram", settings.bigrams)
    if settings.words is None:
        return
    longest = settings.words.longest
    if stream.base**longest >= MAX_KEYS:
        wrong = f"{stream.base:,} tokens to the power of it must be below 2^63"
        raise UserError(f"{where}.words.longest", wrong, got=longest, do="lower it, or max_tokens")
    numbers = {token: number for number, token in enumerate(space.numbered.tokens.to_pylist())}
    words_by_length: dict[int, list[str]] = {}
    for word in dictionary:
        words_by_length.setdefault(len(word), []).append(word)
    for length in range(MIN_WORD_LENGTH, longest + 1):
        words = stream.count_words(words_by_length.get(length, ()), numbers, length)
        yield _place(space, stream, words.at_least(settings.words.min_count), "word", settings.words)


def _place(space: VectorSpace, stream: NGramStream, ngrams: NGrams, kind: Kind, options: BigramVectors) -> pa.Table:
    """The rows of n-grams, whose own contexts give them places in the space of the tokens."""
    counted = count_contexts(
        space.stream, space.contexts, lambda places: stream.find(places, ngrams), len(ngrams.keys), ngrams.length
    )
    axes = np.ascontiguousarray(space.axes[:, : options.width])
    vectors = multiply(positive_information(counted, space.chances), axes)
    return _rows(kind, space.ids[stream.digits(ngrams)], ngrams.counts, vectors, options.norm)


def _rows(kind: Kind, ids: np.ndarray, counts: np.ndarray, vectors: np.ndarray, norm: float) -> pa.Table:
    """Rows of the table with vectors of one length; those without information about any context have none."""
    informed = vectors.any(axis=1)
    return LearnedVectors.part(kind, ids[informed], counts[informed], scale_rows(vectors[informed], norm))
