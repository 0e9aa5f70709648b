"""Published results of docs/results.md, quoted from their source."""

from __future__ import annotations

from typing import Any


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
    _published("BERT", "thucnews", 180000, 0.9483, "github.com/649453932/Bert-Chinese-Text-Classification-Pytorch"),
    _published("char LSTM-CRF", "msra", 46400, 0.8881, _LATTICE, "entity_f1"),
    _published("char LSTM-CRF with bigrams and softwords", "msra", 46400, 0.9187, _LATTICE, "entity_f1"),
    _published("Lattice LSTM-CRF", "msra", 46400, 0.9318, _LATTICE, "entity_f1"),
]
