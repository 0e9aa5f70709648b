"""A learning curve as a power law: error = a * rows^-b, fitted to the logarithms.

Shapes: P points, B resamples.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SMALLEST_EXPONENT = 1e-9  # below it a curve is flat, but for rounding


@dataclass(frozen=True, eq=False)
class PowerLaw:
    """The logarithm of a and the exponent b, a pair for each resample: (B,) each."""

    log_scale: np.ndarray
    exponent: np.ndarray

    def error(self, rows: float) -> np.ndarray:
        """The error (B,) at so many rows; no more than 1."""
        return np.minimum(1.0, np.exp(self.log_scale - self.exponent * np.log(rows)))

    def rows_for(self, error: float) -> np.ndarray:
        """The rows (B,) at which the error is reached; infinite where it does not fall."""
        falling = self.exponent > SMALLEST_EXPONENT
        logs = (self.log_scale - np.log(error)) / np.where(falling, self.exponent, 1.0)
        return np.where(falling, np.exp(np.minimum(logs, 700.0)), np.inf)


def fit_power_law(rows: np.ndarray, errors: np.ndarray) -> PowerLaw:
    """The law of least squares in the logarithms, through errors (P, B), all above 0, at rows (P,).

    There is no error that more rows would not take away, so the law is an optimistic one beyond its points (Hestness et
    al. 2017, arXiv:1712.00409, section 2: learning curves fall as a power until they reach the irreducible error).
    """
    x, y = np.log(np.asarray(rows, np.float64)), np.log(errors)
    centred = x - x.mean()
    slope = (centred[:, None] * y).sum(axis=0) / (centred**2).sum()
    return PowerLaw(y.mean(axis=0) - slope * x.mean(), -slope)
