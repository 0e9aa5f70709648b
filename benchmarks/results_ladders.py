"""Ladders: what the parts of a recipe bring, one after another or one at a time; and learning curves."""

from __future__ import annotations

from dataclasses import dataclass

VECTORS = "tencent-char-200d.vec.gz"  # 200-dimensional vectors of the characters of the headlines
_PAIRS_100 = "{width: 100, min_count: 5, norm: 1.4}"


@dataclass(frozen=True)
class Run:
    """A recipe and the params that are set in addition to `limits.*=null`; `++` is for keys that an entry lacks.

    step: for a step of an ablation, what it adds to the previous run or removes from the complete recipe. Steps are
    evaluated on dev alone. course: the score on dev of every evaluation is kept too.
    """

    recipe: str
    changes: tuple[str, ...] = ()
    step: str = ""
    course: bool = False

    @property
    def only_dev(self) -> bool:
        return bool(self.step)


def pretrained(recipe: str) -> tuple[str, ...]:
    """Start from the pretrained vectors of characters."""
    return ("data.vectors={source}/vectors", f"++recipes.{recipe}.embed.vectors={VECTORS}")


def _ablation(recipe: str, common: tuple[str, ...], *steps: tuple[str, str]) -> dict[str, Run]:
    """An ablation of a recipe: the first run has none of the steps, each run adds one, the last is the complete recipe.

    common: params of all runs; steps: what each step adds, and the params that remove it, separated by blanks.
    """
    runs = {}
    for number, (step, _) in enumerate((("plain", ""), *steps)):
        removals = " ".join(removal for _, removal in steps[number:]).split()
        changes = tuple(_of_recipe(recipe, change) for change in removals)
        inherited = _not_in(common, changes)
        runs[f"{recipe}_{number}"] = Run(recipe, (*inherited, *changes), step if number == 0 else f"+ {step}")
    return runs


def _not_in(common: tuple[str, ...], changes: tuple[str, ...]) -> tuple[str, ...]:
    """The common params that none of the changes sets."""
    changed = {change.split("=")[0] for change in changes}
    return tuple(setting for setting in common if setting.split("=")[0] not in changed)


def _of_recipe(recipe: str, change: str) -> str:
    if change.removeprefix("++").startswith(("encodings.", "data.", "recipes.")):
        return change
    plus = "++" if change.startswith("++") else ""
    return f"{plus}recipes.{recipe}.{change.removeprefix(plus)}"


_SMOOTHING = ("label smoothing", "train.label_smoothing=0.0")
_COSINE = ("cosine with warm-up", "train.schedule=null")
_AVERAGE = ("weights averaged (EMA)", "train.average=null")
_POOLED = ("pooled readouts", "model.readout=last_valid")
_BIGRAMS = ("embeddings of pairs", "model.bigrams=null")
_DROPOUTS = (
    "dropout of words, embeddings, head",
    "model.word_dropout=0.0 model.embedding_dropout=0.0 model.head_dropout=0.0",
)
_WORDS = ("words of a lexicon", "model.words=null")
_BETWEEN = ("dropout between layers", "model.dropout=0.0")
_TUNED = ("pretrained vectors, tuned", "++embed.vectors=null")
_SMALL = ("small random embeddings", "embed.std=1.0")
_WHOLE = ("whole reviews", "++pad.max_length=400")

ABLATIONS = {
    **_ablation(
        "news_bilstm",
        ("limits.rows=40000", *pretrained("news_bilstm")),
        _TUNED,
        _POOLED,
        _BIGRAMS,
        _DROPOUTS,
        _SMOOTHING,
        _COSINE,
        _AVERAGE,
    ),
    **_ablation("names_bigru", (), _POOLED, _BIGRAMS, _BETWEEN, _DROPOUTS, _SMOOTHING, _COSINE, _AVERAGE),
    **_ablation(
        "ner_bilstm_crf",
        ("limits.rows=10000", *pretrained("ner_bilstm_crf")),
        ("pretrained vectors, tuned", "embed.vectors=null embed.width=200"),
        ("a CRF", "model.crf=false"),
        _BIGRAMS,
        _WORDS,
        _DROPOUTS,
        _COSINE,
        _AVERAGE,
        ("BIOES tags", "encodings.msra_bioes.encode.tags=bio"),
        ("12 epochs in place of 6", "train.epochs=6"),
        ("vectors of pairs and words", "embed.bigrams=null embed.lexicon.vectors=null"),
    ),
    **_ablation(
        "films_bilstm",
        ("limits.rows=8000",),
        _WHOLE,
        _SMALL,
        _POOLED,
        _BIGRAMS,
        _DROPOUTS,
        _SMOOTHING,
        _COSINE,
        _AVERAGE,
    ),
}


def _additions(recipe: str, plain: str, common: tuple[str, ...], *steps: tuple[str, str]) -> dict[str, Run]:
    """A run with the common params alone, and runs that each change one thing of it.

    plain: what the first one is; steps: what a run changes, and the params that change it, separated by semicolons.
    """
    runs = {f"{recipe}_plus_0": Run(recipe, common, plain)}
    for number, (step, changes) in enumerate(steps, 1):
        own = tuple(_of_recipe(recipe, change) for change in changes.split("; "))
        runs[f"{recipe}_plus_{number}"] = Run(recipe, (*_not_in(common, own), *own), f"with {step}")
    return runs


_ADVERSARIAL = ("adversarial training", "++train.adversarial={epsilon: 1.0, weight: 1.0}")
_TENCENT = ("pretrained vectors of characters", f"data.vectors={{source}}/vectors; ++embed.vectors={VECTORS}")

_NOT_LEARNED = tuple(
    f"recipes.ner_bilstm_crf.embed.{change}"
    for change in ("vectors=null", "width=200", "bigrams=null", "lexicon.vectors=null")
)

ADDITIONS = {
    **_additions(
        "news_bilstm",
        "the recipe",
        ("limits.rows=20000",),
        _TENCENT,
        (
            "vectors of characters and pairs learned from train",
            f"++encodings.thucnews_chars.vectorize={{width: 200, bigrams: {_PAIRS_100}}};"
            " ++embed.vectors=vectorized; ++embed.bigrams=vectorized",
        ),
        ("words of a lexicon", "++embed.lexicon={longest: 4, vectors: null}; ++model.words={width: 50, min_count: 5}"),
        _ADVERSARIAL,
    ),
    **_additions(
        "ner_bilstm_crf",
        "the recipe without learned vectors",
        ("limits.rows=4000", *_NOT_LEARNED),
        (
            "vectors of characters, pairs and words learned from train",
            "embed.vectors=vectorized; embed.bigrams=vectorized; embed.lexicon.vectors=vectorized",
        ),
        (
            "the four sets of words, weighed by frequency",
            "++model.words={width: 50, min_count: 5, sets: bmes, weights: frequency}",
        ),
    ),
}

# dev is a tenth of train, so that all 1,000 rows of test are left; the tutorial's dev is a half of test
AMAZON_DEV = ("corpora.amazon.parse.dev={from: train, share: 0.1, block: 1}",)

# by recipe: the params that its own run has, and fewer rows of train to measure it on
_CURVES: dict[str, tuple[tuple[str, ...], tuple[int, ...]]] = {
    "news_bilstm": (pretrained("news_bilstm"), (10_000, 40_000)),
    "names_bigru": ((), (1_500, 3_000, 6_000)),
    "ner_bilstm_crf": (pretrained("ner_bilstm_crf"), (5_000, 15_000)),
    "reviews_bilstm": (AMAZON_DEV, (1_200, 2_400)),
    "films_bilstm": ((), (2_800, 8_000)),
}
CURVES = {
    f"{recipe}_{rows}_rows": Run(recipe, (f"limits.rows={rows}", *changes), f"{rows:,} rows")
    for recipe, (changes, sizes) in _CURVES.items()
    for rows in sizes
}


def curve_of(recipe: str) -> list[str]:
    """The runs of a recipe on fewer rows, the smallest first; none if it has no learning curve."""
    return [f"{recipe}_{rows}_rows" for rows in _CURVES.get(recipe, ((), ()))[1]]
