"""The scales under which scores of classes, alone or summed, make the true classes most likely.

Shapes: P parts of a sum, N rows, C classes.
"""

from __future__ import annotations

import numpy as np

MIN_ROWS = 50  # fewer say too little to fit scales of a sum
# Of the squared scales, in units of the margins' spread. Where a sum makes no error, larger scales are always more
# likely; the penalty keeps them finite. Elsewhere it is negligible compared with the loss of MIN_ROWS rows.
PENALTY = 0.001
MAX_NEWTON_STEPS = 100
NEWTON_TOLERANCE = 1e-10  # of a step


def fit_scales(first: np.ndarray, second: np.ndarray, targets: np.ndarray) -> tuple[float, float] | None:
    """The scales a, b >= 0 for which softmax(a * first + b * second) makes the targets most likely.

    first, second: (N, C); targets: (N,). The loss is convex in the scales: where Newton's method finds its minimum
    below 0 for one of them, the minimum lies on a boundary, on which one scale is fitted alone. As a = 0 and b = 0 are
    among the candidates, the sum is no less likely than either part, whatever its own scale.
    Returns None if the rows cannot tell: fewer than MIN_ROWS, a single class, or parts that both mislead.
    """
    if len(targets) < MIN_ROWS or len(np.unique(targets)) < 2:
        return None
    margins, spread = _unit_margins(np.stack((first, second)), targets)
    solution = _minimize(margins)
    if (solution < 0).any():
        alone = [np.maximum(_minimize(margins[[part]]), 0) * unit for part, unit in enumerate(np.eye(2))]
        solution = min(alone, key=lambda scales: _loss(margins, scales))
    if not solution.any() or not np.isfinite(solution).all():
        return None
    first_scale, second_scale = (solution / spread).tolist()
    return first_scale, second_scale


def equal_scales(first: np.ndarray, second: np.ndarray) -> tuple[float, float]:
    """The scales, 1 and that of the second, under which both scores (N, C) spread equally over the classes of a row."""
    spreads = []
    for scores in (first, second):
        differences = scores.astype(np.float64) - scores[:, :1]  # exactly 0 where all classes have the same score
        spreads.append(float(np.sqrt(np.var(differences, axis=1).mean())))
    return 1.0, spreads[0] / spreads[1] if all(spreads) else 1.0


def least_loss(scores: np.ndarray, targets: np.ndarray) -> float:
    """The mean cross-entropy of softmax(a * scores) at the scale a >= 0 where it is least, the penalty included.

    It compares scores on different scales, such as margins of an SVM and log-odds. scores: (N, C); targets: (N,).
    """
    margins, _ = _unit_margins(scores[None], targets)
    return _loss(margins, np.maximum(_minimize(margins), 0)) / len(targets)


def _unit_margins(scores: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The scores (P, N, C) less that of each row's target, divided by the spread (P,) of these; and the spread."""
    margins = scores.astype(np.float64)
    margins -= np.take_along_axis(margins, targets[None, :, None], axis=2)
    spread = np.sqrt((margins**2).mean((1, 2)))
    spread[spread == 0] = 1
    return margins / spread[:, None, None], spread


def _minimize(margins: np.ndarray) -> np.ndarray:
    """The scales (P,) of the least loss for the margins (P, N, C) of P parts, of any sign: Newton's method, damped."""
    scales = np.zeros(len(margins))
    for _ in range(MAX_NEWTON_STEPS):
        total = np.tensordot(scales, margins, 1)
        probabilities = np.exp(total - total.max(1, keepdims=True))
        probabilities /= probabilities.sum(1, keepdims=True)
        means = (probabilities * margins).sum(2)  # (P, N)
        gradient = means.sum(1) + PENALTY * scales
        hessian = np.einsum("nc,pnc,qnc->pq", probabilities, margins, margins) - means @ means.T
        step = np.linalg.solve(hessian + PENALTY * np.eye(len(scales)), gradient)
        loss = _loss(margins, scales)
        while _loss(margins, scales - step) > loss and np.abs(step).max() > NEWTON_TOLERANCE:
            step /= 2
        scales = scales - step
        if np.abs(step).max() <= NEWTON_TOLERANCE:
            break
    return scales


def _loss(margins: np.ndarray, scales: np.ndarray) -> float:
    """The negative log-likelihood of the rows, and the penalty."""
    total = np.tensordot(scales, margins, 1)
    highest = total.max(1)
    log_sums = highest + np.log(np.exp(total - highest[:, None]).sum(1))
    return float(log_sums.sum() + PENALTY / 2 * (scales**2).sum())
