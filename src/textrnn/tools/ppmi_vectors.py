"""Vectors of pairs and words, learnt from what stands beside them in texts without labels.

A pair of characters, or a word of a dictionary, is told by the tokens two before it up to two behind it, each at its
place. How much more often it has a neighbour than chance would give it makes a sparse matrix, and the singular vectors
of that the vectors. Sources: Levy and Goldberg 2014, "Neural Word Embedding as Implicit Matrix Factorization"; Levy,
Goldberg and Dagan 2015, "Improving Distributional Similarity with Lessons Learned from Word Embeddings", whose smoothed
context counts and square roots of singular values these have.

Shapes: T tokens of all texts and the gaps between them, N words and pairs, C contexts, each a token at a place.
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

from textrnn.common.config.embed import SHORTEST as PAIR
from textrnn.common.config.params import require
from textrnn.common.storage.shards import ShardReader
from textrnn.errors import UserError
from textrnn.preparation.embedding.lexicon import MAX_KEYS

WINDOW = 2  # tokens looked at on either side
MIN_CONTEXT_COUNT = 20  # a token below this count is nobody's context
CONTEXT_POWER = 0.75  # power of the contexts' counts
MIN_SINGLE_CHARACTERS = 0.5  # share of tokens of one character in texts that are cut into characters
LARGEST_SEED = 2**32 - 1  # of numpy's old generators, which scikit-learn draws from
POWER_STEPS = 4  # of the randomized SVD
GAP = 0  # between two texts
PACKED = ".gz"


@dataclass(frozen=True)
class VectorSettings:
    """What vectors are learnt: how wide, of words up to how long and of what counts; the seed of the SVD's start.

    norm: the Euclidean length of each vector.
    """

    width: int
    longest: int
    word_count: int
    pair_count: int
    norm: float
    seed: int

    def check(self) -> None:
        """Raises UserError, naming the option of the command line."""
        for name, least in (("width", 1), ("longest", PAIR), ("word_count", 1), ("pair_count", 1), ("seed", 0)):
            value = getattr(self, name)
            require(value >= least, f"--{name.replace('_', '-')}", f"must be at least {least}", value)
        # numbers are written with four digits behind the point, and held in float32
        require(0.1 <= self.norm <= 1000, "--norm", "must lie in [0.1, 1000]", self.norm)
        require(self.seed <= LARGEST_SEED, "--seed", f"must be at most {LARGEST_SEED}", self.seed)


@dataclass(frozen=True, eq=False)
class TokenStream:
    """Texts as one row of numbers (T,) int64, REACH gaps before, between and behind them; the token of each number.

    The number of a gap, GAP, is that of no token.
    """

    ids: np.ndarray
    tokens: list[str]


def read_token_stream(folders: Sequence[Path]) -> TokenStream:
    """The train split of folders of segmented shards; raises UserError where there is none, or not a single token."""
    lists = [column for folder in folders for column in _train_rows(folder)]
    # numbered before they are put together: as one array of text they would have to stay below 2 GiB
    tokens = pa.chunked_array([column.flatten() for column in lists], pa.string()).dictionary_encode().combine_chunks()
    if not len(tokens):
        raise UserError(", ".join(map(str, folders)), "there is no token in train", do="take other corpora")
    known = tokens.dictionary.to_pylist()
    single = np.array([len(token) == 1 for token in known])[tokens.indices.to_numpy()].mean()
    if single < MIN_SINGLE_CHARACTERS:
        wrong, do = "most tokens have several characters", "take encodings into characters"
        raise UserError(", ".join(map(str, folders)), wrong, got=f"{single:.0%} of one character", do=do)
    lengths = np.concatenate([column.value_lengths().to_numpy() for column in lists])
    gaps = WINDOW * np.arange(1, len(lengths) + 1)  # before each text
    ids = np.full(len(tokens) + WINDOW * (len(lengths) + 1), GAP, np.int64)
    ids[np.arange(len(tokens)) + np.repeat(gaps, lengths)] = tokens.indices.to_numpy() + GAP + 1
    return TokenStream(ids, ["", *known])


def _train_rows(folder: Path) -> Iterator[pa.ListArray]:
    for batch in ShardReader(folder, "segmented").batches("train"):
        yield batch.column("tokens")


def learn_vectors(
    texts: TokenStream, dictionary: Iterable[str], settings: VectorSettings
) -> tuple[list[str], np.ndarray]:
    """The pairs and words, the most frequent first, and their vectors (N, width) float32, each `norm` long.

    One whose neighbours all are what chance would give has none, and is left out. The same on the same machine,
    elsewhere to rounding. Raises UserError when fewer than `width` are frequent enough.
    """
    settings.check()
    if len(texts.tokens) ** settings.longest >= MAX_KEYS:
        wrong = f"{len(texts.tokens):,} tokens to the power of it must be below 2^63"
        raise UserError("--longest", wrong, got=settings.longest, do="lower it, or take corpora cut into characters")
    names: list[str] = []
    counts: list[np.ndarray] = []
    cells: list[tuple[np.ndarray, np.ndarray]] = []
    places, contexts = _contexts(texts)
    by_length = _by_length(dictionary, texts.tokens, settings.longest)
    for length in range(PAIR, settings.longest + 1):
        words = by_length.get(length, {})
        keys, found, starts = _find(texts, length, words, settings)
        names += [words.get(key) or _spell(key, length, texts.tokens) for key in keys.tolist()]
        first = sum(map(len, counts))
        counts.append(np.bincount(found, minlength=len(keys)))
        beside = (*range(-WINDOW, 0), *range(length, length + WINDOW))
        for place, offset in enumerate(beside):
            context = contexts[texts.ids[starts + offset]]
            real = context >= 0
            cells.append((first + found[real], place * places + context[real]))
    rows, columns = (np.concatenate([cell[at] for cell in cells]) for at in range(2))
    shape = len(names), 2 * WINDOW * places
    if min(shape) <= settings.width:
        got, do = f"{shape[0]:,} pairs and words, {shape[1]:,} neighbours", "take more text, or lower --width"
        raise UserError("--width", f"{settings.width} needs more than as many of both", got=got, do=do)
    vectors = _reduce(_information(rows, columns, shape), settings)
    order = np.argsort(-np.concatenate(counts), kind="stable")
    order = order[vectors[order].any(axis=1)]
    return [names[at] for at in order], vectors[order]


def _contexts(texts: TokenStream) -> tuple[int, np.ndarray]:
    """How many tokens are contexts, and by a token's number that of its context, or -1."""
    often = np.bincount(texts.ids, minlength=len(texts.tokens)) >= MIN_CONTEXT_COUNT
    often[GAP] = False
    return int(often.sum()), np.where(often, often.cumsum() - 1, -1)


def _by_length(dictionary: Iterable[str], tokens: Sequence[str], longest: int) -> dict[int, dict[int, str]]:
    """The dictionary's words that the tokens spell, by length and number: their tokens' numbers as digits."""
    number = {token: at for at, token in enumerate(tokens)}
    found: dict[int, dict[int, str]] = {}
    for word in dictionary:
        digits = [number.get(character, GAP) for character in word]
        if PAIR <= len(digits) <= longest and GAP not in digits:
            key = 0
            for digit in digits:
                key = key * len(tokens) + digit
            found.setdefault(len(digits), {})[key] = word
    return found


def _find(
    texts: TokenStream, length: int, words: dict[int, str], settings: VectorSettings
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What of this length is frequent enough: its numbers (n,), rising; of each occurrence which it is, and where."""
    single = np.array([len(token) == 1 and not token.isspace() for token in texts.tokens])[texts.ids]
    last = max(0, len(texts.ids) - length + 1)
    key, whole = np.zeros(last, np.int64), np.ones(last, bool)
    for at in range(length):
        key = key * len(texts.tokens) + texts.ids[at : at + last]
        whole &= single[at : at + last]
    starts = np.flatnonzero(whole)
    keys, found, counts = np.unique(key[starts], return_inverse=True, return_counts=True)
    known = np.isin(keys, np.fromiter(words, np.int64, len(words)))
    often = known & (counts >= settings.word_count)
    if length == PAIR:
        often |= counts >= settings.pair_count
    kept = often[found]
    return keys[often], (often.cumsum() - 1)[found[kept]], starts[kept]


def _spell(key: int, length: int, tokens: Sequence[str]) -> str:
    spelled = ""
    for _ in range(length):
        key, digit = divmod(key, len(tokens))
        spelled = tokens[digit] + spelled
    return spelled


def _information(rows: np.ndarray, columns: np.ndarray, shape: tuple[int, int]) -> sparse.csr_matrix:
    """Positive pointwise mutual information of rows and columns, seen together as often as they stand here."""
    counts = sparse.coo_matrix((np.ones(len(rows), np.float32), (rows, columns)), shape).tocsr()
    counts.sum_duplicates()
    of_rows = np.bincount(rows, minlength=shape[0])
    of_columns = np.bincount(columns, minlength=shape[1]) ** CONTEXT_POWER
    seen = counts.tocoo()
    chance = of_rows[seen.row] * (of_columns / of_columns.sum())[seen.col]
    information = np.log(seen.data / chance)
    more = information > 0
    values = information[more].astype(np.float32)
    return sparse.csr_matrix((values, (seen.row[more], seen.col[more])), shape)


def _reduce(matrix: sparse.csr_matrix, settings: VectorSettings) -> np.ndarray:
    """The left singular vectors times the roots of the singular values, each row `norm` long; zero where it is."""
    left, values, _ = randomized_svd(matrix, settings.width, n_iter=POWER_STEPS, random_state=settings.seed)
    vectors = left * np.sqrt(values)
    norms = np.linalg.norm(vectors, axis=1, keepdims=True) / settings.norm
    found: np.ndarray = np.divide(vectors, norms, out=np.zeros_like(vectors), where=norms > 0).astype(np.float32)
    return found


def check_output(path: Path) -> None:
    """Refuse, before anything is learnt, a path that no file of vectors can be written to, or be read from again."""
    if path.suffix in (".npz", ".bz2"):
        raise UserError(
            path, "is not written in that format", got=path.suffix, do=f"end it in .vec, or in .vec{PACKED}"
        )
    if path.is_dir():
        raise UserError(path, "is a folder", do="name a file")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise UserError(path, "cannot be written", got=error) from error


def write_vectors(path: Path, names: Sequence[str], vectors: np.ndarray, packed: bool) -> None:
    """A text file in word2vec's format, four digits behind the point; packed: by gzip, without a date."""
    with path.open("wb") as raw, gzip.GzipFile("", "wb", fileobj=raw, mtime=0) if packed else raw as file:
        file.write(f"{len(names)} {vectors.shape[1]}\n".encode())
        for name, vector in zip(names, vectors, strict=True):
            file.write(f"{name} {' '.join(f'{value:.4f}' for value in vector)}\n".encode())
