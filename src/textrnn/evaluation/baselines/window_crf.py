"""A linear-chain CRF on the tokens around a token, by CRFsuite: the strongest baseline for tagging.

CRFsuite is optional, the extra `crf`.
"""

from __future__ import annotations

import importlib.util
import tempfile
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from textrnn.common.config.baseline import Baseline
from textrnn.common.storage.schemas import PAD_ID
from textrnn.errors import UserError, install_extra
from textrnn.evaluation.baselines.sentences import EncodedSentences
from textrnn.preparation.artifacts.tag_schemes import Span, bioes_spans, bioes_tags

REACH = 2  # tokens on each side
PENALTY = 0.1  # of L1 and of L2


def is_installed() -> bool:
    """Whether CRFsuite is there."""
    return importlib.util.find_spec("pycrfsuite") is not None


def left_out() -> str:
    """What is printed where it is not."""
    return f"window_crf left out: CRFsuite is not installed; `{install_extra('crf')}` brings it"


def fit_window_crf(
    train: EncodedSentences, others: Sequence[EncodedSentences], settings: Baseline
) -> list[list[list[Span]]]:
    """Train a CRF on BIOES tags of train's spans; return the spans that it finds in each row of the others.

    Features are the tokens and the pairs of neighbours within REACH tokens of a token, with their relative positions,
    that train has at least `crf_min_count` times, and the pairs of neighbouring tags. L-BFGS takes `crf_iterations`
    steps. Nothing is random. Raises UserError when train has no entities.
    """
    import pycrfsuite

    if not any(train.spans):
        raise UserError("baseline", "the training split has no entities", do="give it more rows")
    trainer = pycrfsuite.Trainer(algorithm="lbfgs", verbose=False)
    trainer.set_params(
        {
            "c1": PENALTY,
            "c2": PENALTY,
            "max_iterations": settings.crf_iterations,
            "feature.minfreq": settings.crf_min_count,
        }
    )
    for row, entities in zip(train.rows(), train.spans, strict=True):
        if row:
            trainer.append(window_features(row), bioes_tags(entities, len(row)))
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "model.crfsuite")
        trainer.train(path)
        tagger = pycrfsuite.Tagger()
        tagger.open(path)
        try:
            return [_find_spans(tagger, split) for split in others]
        finally:
            tagger.close()


def _find_spans(tagger: Any, sentences: EncodedSentences) -> list[list[Span]]:
    return [bioes_spans(tagger.tag(window_features(row))) if row else [] for row in sentences.rows()]


def window_features(row: Sequence[int]) -> list[list[str]]:
    """The features of each token of a row of ids: `p:id` and `p:id,id` at relative position p.

    Beyond the ends of the row there is the padding id, which no token has.
    """
    marks = [PAD_ID] * REACH
    tokens = [str(token) for token in (*marks, *row, *marks)]
    pairs = [f"{first},{second}" for first, second in pairwise(tokens)]
    places = [f"{place}:" for place in range(-REACH, REACH + 1)]
    return [
        [
            *(place + token for place, token in zip(places, tokens[first : first + 2 * REACH + 1], strict=True)),
            *(place + pair for place, pair in zip(places, pairs[first : first + 2 * REACH], strict=False)),
        ]
        for first in range(len(row))
    ]
