"""The section `baseline`: how the linear models are trained that recipes are compared with."""

from __future__ import annotations

from dataclasses import dataclass

from textrnn.common.config.bounds import MAX_FEATURES, MAX_NGRAM, MAX_WIDTH, check_size
from textrnn.errors import ErrorCollector

MAX_C = 1e9  # at this, nothing is regularized; far above it, scores are not finite


@dataclass(frozen=True)
class Baseline:
    """The section `baseline`; params.yaml gives each value's meaning and unit."""

    seed: int
    ngrams: int
    features: int
    logistic_c: tuple[float, ...]
    svm_c: tuple[float, ...]
    nb_svm_c: tuple[float, ...]
    nb_svm_tfidf_c: tuple[float, ...]
    nb_svm_beta: tuple[float, ...]
    width: int
    epochs: int
    batch_size: int
    learning_rate: float
    crf_iterations: int
    crf_min_count: int

    def check(self, where: str) -> None:
        """Refuse values out of range; `where` is the dotted name of the section."""
        with ErrorCollector() as errors:
            errors.require(0 <= self.seed < 2**63, f"{where}.seed", "must lie in [0, 2^63)", self.seed)
            sizes = {"ngrams": MAX_NGRAM, "features": MAX_FEATURES, "width": MAX_WIDTH}
            for name, most in sizes.items():
                with errors.collect():
                    check_size(getattr(self, name), f"{where}.{name}", most)
            for name in ("epochs", "batch_size", "crf_iterations", "crf_min_count"):
                errors.require(getattr(self, name) >= 1, f"{where}.{name}", "must be at least 1", getattr(self, name))
            for name in ("logistic_c", "svm_c", "nb_svm_c", "nb_svm_tfidf_c"):
                candidates = getattr(self, name)
                in_range = bool(candidates) and 0 < min(candidates) <= max(candidates) <= MAX_C
                wrong = f"must be a list of numbers above 0, at most {MAX_C:,.0f}"
                errors.require(in_range, f"{where}.{name}", wrong, list(candidates))
            betas = self.nb_svm_beta
            fractions = bool(betas) and 0 <= min(betas) <= max(betas) <= 1
            errors.require(fractions, f"{where}.nb_svm_beta", "must be a list of numbers in [0, 1]", list(betas))
            errors.require(self.learning_rate > 0, f"{where}.learning_rate", "must be above 0", self.learning_rate)
