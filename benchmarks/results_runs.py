"""The runs, baselines and published results of docs/results.md."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

VECTORS = "tencent-char-200d.vec.gz"  # 200-dimensional vectors of the characters of the headlines
LEARNED = "pairs-words-50d.vec.gz"  # learned from the train splits of the headlines and MSRA
SHORT = "pairs-words-50d-norm1.vec.gz"  # the same with --norm 1


@dataclass(frozen=True)
class Run:
    """A recipe and the params that are set in addition to `limits.*=null`; `++` is for keys that an entry lacks.

    step: for a step of an ablation, what it adds to the previous run or removes from the complete recipe. Steps are
    evaluated on dev alone.
    """

    recipe: str
    changes: tuple[str, ...] = ()
    step: str = ""

    @property
    def only_dev(self) -> bool:
        return bool(self.step)


def _vectors(recipe: str) -> tuple[str, ...]:
    return ("data.vectors={source}/vectors", f"++recipes.{recipe}.embed.vectors={VECTORS}")


def _own_vectors(recipe: str, file: str = LEARNED) -> tuple[str, ...]:
    """Set the pretrained vectors and our own of bigrams and words; both files must be in data/vectors."""
    lexicon = f"recipes.{recipe}.embed.lexicon.vectors={file}"
    return (f"++recipes.{recipe}.embed.vectors={VECTORS}", lexicon)


def _ablation(recipe: str, common: tuple[str, ...], *steps: tuple[str, str]) -> dict[str, Run]:
    """An ablation of a recipe: the first run has none of the steps, each run adds one, the last is the complete recipe.

    common: params of all runs; steps: what each step adds, and the params that remove it, separated by blanks.
    """
    runs = {}
    for number, (step, _) in enumerate((("plain", ""), *steps)):
        removals = " ".join(removal for _, removal in steps[number:]).split()
        changes = tuple(_of_recipe(recipe, change) for change in removals)
        overridden = {change.split("=")[0] for change in changes}
        inherited = (change for change in common if change.split("=")[0] not in overridden)
        runs[f"{recipe}_{number}"] = Run(recipe, (*inherited, *changes), step if number == 0 else f"+ {step}")
    return runs


def _of_recipe(recipe: str, change: str) -> str:
    if change.startswith("encodings."):
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
        ("limits.rows=40000", *_vectors("news_bilstm")),
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
        ("limits.rows=10000", *_own_vectors("ner_bilstm_crf")),
        _TUNED,
        ("a CRF", "model.crf=false"),
        _BIGRAMS,
        _WORDS,
        _DROPOUTS,
        _COSINE,
        _AVERAGE,
        ("BIOES tags", "encodings.msra_bioes.encode.tags=bio"),
        ("12 epochs in place of 6", "train.epochs=6"),
        ("vectors of pairs and words", "embed.lexicon.vectors=null"),
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

# a learning curve: how many more rows would the target need
CURVES = {
    f"names_bigru_{rows}_rows": Run("names_bigru", (f"limits.rows={rows}",), f"the whole recipe, {rows:,} rows")
    for rows in (1_500, 3_000, 6_000)
}

RUNS: dict[str, Run] = {
    "news_rnn": Run("news_rnn"),
    "news_rnn_words": Run("news_rnn_words"),
    "news_rnn_pad32": Run("news_rnn", ("recipes.news_rnn.pad.max_length=32",)),
    "news_rnn_pad32_batch64": Run("news_rnn", ("recipes.news_rnn.pad.max_length=32", "train.batch_size=64")),
    "news_rnn_pad32_last_valid": Run(
        "news_rnn", ("recipes.news_rnn.pad.max_length=32", "recipes.news_rnn.model.readout=last_valid")
    ),
    "news_lstm_3_epochs": Run("news_lstm", ("limits.epochs=3",)),
    "news_lstm": Run("news_lstm", ("limits.epochs=4",)),
    "news_lstm_norm": Run("news_lstm_norm", ("limits.epochs=4",)),
    "news_rnn_pooled_narrow": Run(
        "news_rnn_pooled",
        (
            *_vectors("news_rnn_pooled"),
            "recipes.news_rnn_pooled.model.hidden_size=128",
            "recipes.news_rnn_pooled.model.bidirectional=false",
            "recipes.news_rnn_pooled.model.readout=[max,last_valid]",
            "recipes.news_rnn_pooled.model.head_dropout=0.3",
            "recipes.news_rnn_pooled.train.epochs=5",
        ),
    ),
    "news_rnn_pooled": Run("news_rnn_pooled", _vectors("news_rnn_pooled")),
    "news_bilstm": Run("news_bilstm", _vectors("news_bilstm")),
    "names_gru": Run("names_gru"),
    "names_bigru": Run("names_bigru"),
    "names_bigru_distilled": Run(
        "names_bigru",
        ("++recipes.names_bigru.train.distill={seeds: [11, 12, 13, 14, 15], weight: 0.7, temperature: 2.0}",),
    ),
    "ner_gru": Run("ner_gru", ("limits.epochs=2",)),
    "ner_gru_faster_rate": Run(
        "ner_gru", ("limits.epochs=5", "limits.hidden_size=256", "recipes.ner_gru.train.learning_rate=0.001")
    ),
    "ner_bilstm_crf_no_words": Run(
        "ner_bilstm_crf",
        (
            *_vectors("ner_bilstm_crf"),
            "corpora.msra.parse.dev.block=1",
            "encodings.msra_bioes.encode.tags=bio",
            "recipes.ner_bilstm_crf.model.words=null",
            "recipes.ner_bilstm_crf.model.bigrams={width: 100, min_count: 3}",
            "recipes.ner_bilstm_crf.model.word_dropout=0.03",
            "recipes.ner_bilstm_crf.model.embedding_dropout=0.3",
            "recipes.ner_bilstm_crf.train.epochs=8",
            "recipes.ner_bilstm_crf.train.monitor=loss",
        ),
    ),
    "ner_bilstm_crf_characters": Run("ner_bilstm_crf", _vectors("ner_bilstm_crf")),
    "ner_bilstm_crf_norm_1": Run("ner_bilstm_crf", _own_vectors("ner_bilstm_crf", SHORT)),
    "ner_bilstm_crf": Run("ner_bilstm_crf", _own_vectors("ner_bilstm_crf")),
    "ner_bilstm_crf_6_epochs": Run(
        "ner_bilstm_crf",
        (
            *_vectors("ner_bilstm_crf"),
            "encodings.msra_bioes.encode.tags=bio",
            "recipes.ner_bilstm_crf.train.epochs=6",
        ),
    ),
    "ner_bilstm_crf_12_epochs": Run(
        "ner_bilstm_crf", (*_vectors("ner_bilstm_crf"), "encodings.msra_bioes.encode.tags=bio")
    ),
    "reviews_lstm": Run("reviews_lstm", ("train.min_steps=null",)),  # two epochs, as in the tutorial
    "reviews_bilstm": Run("reviews_bilstm"),
    "films_bilstm": Run("films_bilstm"),
    **ABLATIONS,
    **CURVES,
}

# run: the metric on test, its target, and the value hoped for
TARGETS: dict[str, tuple[str, float, float | None]] = {
    "news_bilstm": ("accuracy", 0.928, 0.935),
    "news_rnn_pooled": ("accuracy", 0.90, None),
    "ner_bilstm_crf": ("entity_f1", 0.90, 0.932),
    "names_bigru": ("accuracy", 0.86, 0.88),
    "films_bilstm": ("accuracy", 0.90, 0.92),
}

BASELINES: dict[str, tuple[str, ...]] = {
    "thucnews_chars": (),
    "names_chars": (),
    "msra_bioes": (),
    "amazon_words": (),
    "imdb_words": (),
}


def _published(
    name: str, corpus: str, rows: int, value: float, source: str, metric: str = "accuracy"
) -> dict[str, Any]:
    return {
        "run": name,
        "recipe": None,
        "family": "published",
        "corpus": corpus,
        "rows": rows,
        "split": "test",
        "metric": metric,
        "value": value,
        "seed": None,
        "source": source,
    }


_PYTORCH = "github.com/649453932/Chinese-Text-Classification-Pytorch"
_LATTICE = "Zhang and Yang 2018, arXiv:1805.02023"
PUBLISHED = [
    _published("TextRNN (BiLSTM)", "thucnews", 180000, 0.9112, _PYTORCH),
    _published("TextRCNN", "thucnews", 180000, 0.9154, _PYTORCH),
    _published("FastText with bigrams and trigrams", "thucnews", 180000, 0.9223, _PYTORCH),
    _published(
        "BERT, pretrained", "thucnews", 180000, 0.9483, "github.com/649453932/Bert-Chinese-Text-Classification-Pytorch"
    ),
    _published("char LSTM-CRF", "msra", 46400, 0.8881, _LATTICE, "entity_f1"),
    _published("char LSTM-CRF with bigrams and softwords", "msra", 46400, 0.9187, _LATTICE, "entity_f1"),
    _published("Lattice LSTM-CRF", "msra", 46400, 0.9318, _LATTICE, "entity_f1"),
]
