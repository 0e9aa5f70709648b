"""The claims of all tutorials, in their order."""

from __future__ import annotations

from textrnn.study.claims import tutorial_1, tutorial_2, tutorial_3, tutorial_4, tutorial_5
from textrnn.study.claims.claim import Claim

ALL_CLAIMS: tuple[Claim, ...] = (
    *tutorial_1.CLAIMS,
    *tutorial_2.CLAIMS,
    *tutorial_3.CLAIMS,
    *tutorial_4.CLAIMS,
    *tutorial_5.CLAIMS,
)
CELLS = frozenset({"equations", "kernels", "plain", "kept", "nn_gru", "nn_lstm", "nn_rnn"})  # of the stage study_cells


def runs_of(claim: Claim) -> tuple[str, ...]:
    """The variants of study/params.yaml whose runs a claim is judged by; none for one about cells alone."""
    names = [point for name in claim.variants() for point in tutorial_5.CURVES.get(name, (name,))]
    return tuple(dict.fromkeys(name for name in names if name not in CELLS))
