"""Learn vectors of character bigrams and words from unlabelled texts: an SVD of positive pointwise mutual information.

The contexts of a character bigram, or of a word of a dictionary, are the tokens from two before it to two after it,
each at its position. How much more often it occurs with a context than expected by chance makes a sparse matrix, and
the singular vectors of this matrix make the vectors. Sources: Levy and Goldberg 2014, "Neural Word Embedding as
Implicit Matrix Factorization"; Levy, Goldberg and Dagan 2015, "Improving Distributional Similarity with Lessons Learned
from Word Embeddings", for the smoothed context counts and the square roots of the singular values.

Shapes: T tokens of all texts and the gaps between them, N words and bigrams, C contexts, each a token at a position.
"""

from __future__ import annotations

import gzip
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from scipy import sparse
from sklearn.utils.extmath import randomized_svd

from textrnn.common.storage.segmented_rows import SegmentedRows
from textrnn.errors import UserError, require
from textrnn.preparation.artifacts.lexicon_table import MIN_WORD_LENGTH as BIGRAM_LENGTH
from textrnn.preparation.embedding.lexicon import MAX_KEYS

WINDOW = 2  # context tokens on either side
MIN_CONTEXT_COUNT = 20  # a token below this count is not a context
CONTEXT_POWER = 0.75  # exponent that smooths the context counts
MIN_SINGLE_CHARACTERS = 0.5  # fraction of tokens of one character in texts segmented into characters
MAX_SEED = 2**32 - 1  # of numpy's legacy generators, which scikit-learn uses
POWER_ITERATIONS = 4  # of the randomized SVD
GAP = 0  # id between two texts
GZIP_SUFFIX = ".gz"


@dataclass(frozen=True)
class VectorSettings:
    """Which vectors to learn, named as the options of the command.

    width: numbers per vector; longest: characters of the longest word; word_count, pair_count: the least count of a
    word and of a bigram; norm: Euclidean length of each vector; seed: of the random start of the SVD.
    """

    width: int
    longest: int
    word_count: int
    pair_count: int
    norm: float
    seed: int

    def check(self) -> None:
        """Raise UserError for values out of range, naming the option of the command."""
        minima = {"width": 1, "longest": BIGRAM_LENGTH, "word_count": 1, "pair_count": 1, "seed": 0}
        for name, minimum in minima.items():
            value = getattr(self, name)
            require(value >= minimum, f"--{name.replace('_', '-')}", f"must be at least {minimum}", value)
        # numbers are written with four decimals and stored as float32
        require(0.1 <= self.norm <= 1000, "--norm", "must be in [0.1, 1000]", self.norm)
        require(self.seed <= MAX_SEED, "--seed", f"must be at most {MAX_SEED}", self.seed)


@dataclass(frozen=True, eq=False)
class TokenStream:
    """Texts as one array of token ids (T,) int64, with WINDOW gaps before, between and after them.

    tokens: the token of each id. The id GAP is that of a gap and of no token.
    """

    ids: np.ndarray
    tokens: list[str]


def read_token_stream(folders: Sequence[Path]) -> TokenStream:
    """Read the train split of folders of segmented shards; raises UserError if it has no token or mostly words."""
    lists = [column for folder in folders for column in _train_rows(folder)]
    # encoded before they are combined: one array of text is limited to 2 GiB
    tokens = pa.chunked_array([column.flatten() for column in lists], pa.string()).dictionary_encode().combine_chunks()
    if not len(tokens):
        raise UserError(", ".join(map(str, folders)), "there is no token in train", do="choose other corpora")
    names = tokens.dictionary.to_pylist()
    single = np.array([len(token) == 1 for token in names])[tokens.indices.to_numpy()].mean()
    if single < MIN_SINGLE_CHARACTERS:
        wrong, do = "most tokens have several characters", "choose encodings into characters"
        raise UserError(", ".join(map(str, folders)), wrong, got=f"{single:.0%} of one character", do=do)
    lengths = np.concatenate([column.value_lengths().to_numpy() for column in lists])
    gaps = WINDOW * np.arange(1, len(lengths) + 1)  # before each text
    ids = np.full(len(tokens) + WINDOW * (len(lengths) + 1), GAP, np.int64)
    ids[np.arange(len(tokens)) + np.repeat(gaps, lengths)] = tokens.indices.to_numpy() + GAP + 1
    return TokenStream(ids, ["", *names])


def _train_rows(folder: Path) -> Iterator[pa.ListArray]:
    for batch in SegmentedRows.read(folder).batches("train"):
        yield batch.column("tokens")


def learn_vectors(
    texts: TokenStream, dictionary: Iterable[str], settings: VectorSettings
) -> tuple[list[str], np.ndarray]:
    """Return the bigrams and words, the most frequent first, and their vectors (N, width) float32 of length `norm`.

    A bigram or word without positive information in any context is omitted. Results are reproducible on one machine and
    differ by rounding between machines. Raises UserError if not more than `width` are frequent enough.
    """
    settings.check()
    if len(texts.tokens) ** settings.longest >= MAX_KEYS:
        wrong = f"{len(texts.tokens):,} (the number of tokens) to the power of it must be below 2^63"
        raise UserError(
            "--longest", wrong, got=settings.longest, do="lower it, or choose corpora segmented into characters"
        )
    names: list[str] = []
    counts: list[np.ndarray] = []
    cells: list[tuple[np.ndarray, np.ndarray]] = []
    context_count, context_ids = _contexts(texts)
    words_by_length = _group_by_length(dictionary, texts.tokens, settings.longest)
    for length in range(BIGRAM_LENGTH, settings.longest + 1):
        words = words_by_length.get(length, {})
        keys, occurrences, starts = _find_occurrences(texts, length, words, settings)
        names += [words.get(key) or _spell(key, length, texts.tokens) for key in keys.tolist()]
        first = sum(map(len, counts))
        counts.append(np.bincount(occurrences, minlength=len(keys)))
        offsets = (*range(-WINDOW, 0), *range(length, length + WINDOW))
        for position, offset in enumerate(offsets):
            context = context_ids[texts.ids[starts + offset]]
            valid = context >= 0
            cells.append((first + occurrences[valid], position * context_count + context[valid]))
    rows, columns = (np.concatenate([cell[axis] for cell in cells]) for axis in range(2))
    shape = len(names), 2 * WINDOW * context_count
    if min(shape) <= settings.width:
        got, do = f"{shape[0]:,} pairs and words, {shape[1]:,} contexts", "use more text, or lower --width"
        raise UserError("--width", f"{settings.width} must be below both counts", got=got, do=do)
    vectors = _reduce(_ppmi(rows, columns, shape), settings)
    order = np.argsort(-np.concatenate(counts), kind="stable")
    order = order[vectors[order].any(axis=1)]
    return [names[index] for index in order], vectors[order]


def _contexts(texts: TokenStream) -> tuple[int, np.ndarray]:
    """Return how many tokens are contexts and, by token id, the id of the context, or -1."""
    frequent = np.bincount(texts.ids, minlength=len(texts.tokens)) >= MIN_CONTEXT_COUNT
    frequent[GAP] = False
    return int(frequent.sum()), np.where(frequent, frequent.cumsum() - 1, -1)


def _group_by_length(dictionary: Iterable[str], tokens: Sequence[str], longest: int) -> dict[int, dict[int, str]]:
    """Return the dictionary's words that the tokens spell, by length and key: the token ids are the key's digits."""
    ids = {token: index for index, token in enumerate(tokens)}
    words: dict[int, dict[int, str]] = {}
    for word in dictionary:
        digits = [ids.get(character, GAP) for character in word]
        if BIGRAM_LENGTH <= len(digits) <= longest and GAP not in digits:
            key = 0
            for digit in digits:
                key = key * len(tokens) + digit
            words.setdefault(len(digits), {})[key] = word
    return words


def _find_occurrences(
    texts: TokenStream, length: int, words: dict[int, str], settings: VectorSettings
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the keys (n,) of this length that are frequent enough, ascending, and their M occurrences.

    An occurrence is the index of its key (M,) and its start in the texts (M,).
    """
    single = np.array([len(token) == 1 and not token.isspace() for token in texts.tokens])[texts.ids]
    stop = max(0, len(texts.ids) - length + 1)
    key, valid = np.zeros(stop, np.int64), np.ones(stop, bool)
    for offset in range(length):
        key = key * len(texts.tokens) + texts.ids[offset : offset + stop]
        valid &= single[offset : offset + stop]
    starts = np.flatnonzero(valid)
    keys, inverse, counts = np.unique(key[starts], return_inverse=True, return_counts=True)
    is_word = np.isin(keys, np.fromiter(words, np.int64, len(words)))
    frequent = is_word & (counts >= settings.word_count)
    if length == BIGRAM_LENGTH:
        frequent |= counts >= settings.pair_count
    mask = frequent[inverse]
    return keys[frequent], (frequent.cumsum() - 1)[inverse[mask]], starts[mask]


def _spell(key: int, length: int, tokens: Sequence[str]) -> str:
    """Return the characters whose ids are the digits of a key."""
    spelled = ""
    for _ in range(length):
        key, digit = divmod(key, len(tokens))
        spelled = tokens[digit] + spelled
    return spelled


def _ppmi(rows: np.ndarray, columns: np.ndarray, shape: tuple[int, int]) -> sparse.csr_matrix:
    """Return the positive pointwise mutual information of rows and columns; each (row, column) is one co-occurrence."""
    counts = sparse.coo_matrix((np.ones(len(rows), np.float32), (rows, columns)), shape).tocsr()
    counts.sum_duplicates()
    row_counts = np.bincount(rows, minlength=shape[0])
    column_weights = np.bincount(columns, minlength=shape[1]) ** CONTEXT_POWER
    observed = counts.tocoo()
    expected = row_counts[observed.row] * (column_weights / column_weights.sum())[observed.col]
    information = np.log(observed.data / expected)
    positive = information > 0
    values = information[positive].astype(np.float32)
    return sparse.csr_matrix((values, (observed.row[positive], observed.col[positive])), shape)


def _reduce(matrix: sparse.csr_matrix, settings: VectorSettings) -> np.ndarray:
    """Return the left singular vectors times the square roots of the singular values, rows scaled to `norm` or zero."""
    left, values, _ = randomized_svd(matrix, settings.width, n_iter=POWER_ITERATIONS, random_state=settings.seed)
    vectors = left * np.sqrt(values)
    norms = np.linalg.norm(vectors, axis=1, keepdims=True) / settings.norm
    scaled: np.ndarray = np.divide(vectors, norms, out=np.zeros_like(vectors), where=norms > 0).astype(np.float32)
    return scaled


def check_output(path: Path) -> None:
    """Raise UserError, before anything is learned, for a path where a vector file cannot be written or read again."""
    if path.suffix in (".npz", ".bz2"):
        raise UserError(path, "has an unsupported format", got=path.suffix, do=f"name it .vec or .vec{GZIP_SUFFIX}")
    if path.is_dir():
        raise UserError(path, "is a folder", do="name a file")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise UserError(path, "cannot be written", got=error) from error


def write_vectors(path: Path, names: Sequence[str], vectors: np.ndarray, compressed: bool) -> None:
    """Write a text file in word2vec's format with four decimals; compressed: by gzip, without a time stamp."""
    with path.open("wb") as raw, gzip.GzipFile("", "wb", fileobj=raw, mtime=0) if compressed else raw as file:
        file.write(f"{len(names)} {vectors.shape[1]}\n".encode())
        for name, vector in zip(names, vectors, strict=True):
            file.write(f"{name} {' '.join(f'{value:.4f}' for value in vector)}\n".encode())
