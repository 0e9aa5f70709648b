"""The runs and targets of docs/results.md."""

from __future__ import annotations

from dataclasses import dataclass

from results_ladders import ABLATIONS, ADDITIONS, AMAZON_DEV, CURVES, Run, pretrained
from results_measured import DEEP, SHORT_ROWS

# The recipe of tutorial 4, from whose courses the end of its 50 epochs is estimated (`results_course.py`). Its schedule
# makes the rates of 50 epochs add up to those of 40 epochs at the first rate, and of 2 epochs at 20 times that rate.
_COMMON = ("++recipes.ner_gru.train.evaluate_every=40",)
_NARROW = ("limits.hidden_size=128", "recipes.ner_gru.embed.width=128")
_FASTER = ("limits.epochs=2", "recipes.ner_gru.train.learning_rate=0.0002", "recipes.ner_gru.train.schedule=null")
COURSES = {
    "ner_gru": Run("ner_gru", ("limits.epochs=2", *_COMMON), course=True),
    "ner_gru_rate_20": Run("ner_gru", (*_FASTER, *_COMMON), course=True),
    "ner_gru_narrow": Run("ner_gru", _NARROW, course=True),
    "ner_gru_narrow_rate_20": Run("ner_gru", (*_NARROW, *_FASTER, *_COMMON), course=True),
}
SHORTER_THAN = 250  # tokens of the rows of MSRA that published results are of

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
    "news_rnn_pooled": Run("news_rnn_pooled", pretrained("news_rnn_pooled")),
    "news_bilstm": Run("news_bilstm", pretrained("news_bilstm")),
    "names_gru": Run("names_gru"),
    "names_bigru": Run("names_bigru"),
    "names_bigru_distilled": Run(
        "names_bigru",
        ("++recipes.names_bigru.train.distill={seeds: [11, 12, 13, 14, 15], weight: 0.7, temperature: 2.0}",),
    ),
    **COURSES,
    "ner_gru_faster_rate": Run(
        "ner_gru", ("limits.epochs=5", "limits.hidden_size=256", "recipes.ner_gru.train.learning_rate=0.001")
    ),
    "ner_bilstm_crf": Run("ner_bilstm_crf", pretrained("ner_bilstm_crf")),
    "reviews_lstm": Run("reviews_lstm", ("train.min_steps=null",)),  # two epochs, as in the tutorial
    "reviews_bilstm": Run("reviews_bilstm", AMAZON_DEV),
    "films_bilstm": Run("films_bilstm"),
    "films_bilstm_unlabelled": Run(
        "films_bilstm",
        (
            "++corpora.imdb.parse.files.unlabelled=unsup.txt.bz2",
            "++encodings.imdb_words.vectorize.width=200",
            "++recipes.films_bilstm.embed.vectors=vectorized",
        ),
    ),
    **ABLATIONS,
    **ADDITIONS,
    **CURVES,
}

# by corpus, the run that is the recipe of a tutorial
OF_TUTORIALS = {"thucnews": "news_rnn", "names": "names_gru", "msra": "ner_gru_faster_rate", "amazon": "reviews_lstm"}

# what a reader must know of a run or a corpus
REMARKS = {
    "thucnews": "If training time matters most, choose a linear model: each trains faster than any recurrent run here.",
    "reviews_lstm": "44 steps on 0.7% of the tutorial's rows; evaluated on half of test, as the other half is its dev",
    "ner_gru": "2 epochs of the tutorial's 50",
    "ner_gru_rate_20": "2 epochs of the tutorial's 50, at 20 times its rate",
    "ner_gru_narrow": "all 50 epochs, with a sixth of the tutorial's width",
    "ner_gru_narrow_rate_20": "2 epochs of the tutorial's 50, at 20 times its rate, with a sixth of its width",
    "ner_gru_faster_rate": "5 epochs of the tutorial's 50, at a hundred times its rate, with a third of its width",
    "news_lstm": "4 epochs instead of 7",
    "names_bigru_distilled": "seconds include the training of five teacher models, and a pause of the machine",
}


@dataclass(frozen=True)
class Target:
    """The target for a score, set before measuring, and a stretch target, as fractions. what: the metric and rows."""

    run: str
    what: str
    value: float
    hope: float | None = None
    metric: str = "accuracy"
    split: str = "test"


TARGETS = (
    Target("news_bilstm", "accuracy", 0.938, 0.941),
    Target("ner_bilstm_crf", "entity F1, all rows", 0.915, 0.923, "entity_f1"),
    Target("ner_bilstm_crf", "entity F1, rows with fewer than 250 tokens", 0.932, 0.937, "entity_f1", SHORT_ROWS),
    Target("names_bigru", "accuracy", 0.860, 0.865),
    Target("films_bilstm", "accuracy", 0.923, 0.927),
    Target("films_bilstm", "accuracy of the network alone", 0.913, None, "accuracy", DEEP),
    Target("films_bilstm_unlabelled", "accuracy, with unlabelled reviews", 0.928, 0.938),
    Target("reviews_bilstm", "accuracy", 0.915, 0.93),
    Target("reviews_bilstm", "accuracy of the network alone", 0.88, None, "accuracy", DEEP),
)

BASELINES: dict[str, tuple[str, ...]] = {
    "thucnews_chars": (),
    "names_chars": (),
    "msra_bioes": (),
    "amazon_words": AMAZON_DEV,
    "imdb_words": (),
}
