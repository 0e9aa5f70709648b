"""Holm's correction for many claims, and the p-values of a claim from those of its comparisons."""

from __future__ import annotations

from collections.abc import Sequence

ALPHA = 0.05  # the chance that one or more of all claims gets a verdict of one kind wrongly


def holm(p_values: Sequence[float]) -> list[float]:
    """The adjusted p-values, in the order of those given; those of at most ALPHA are rejected.

    The k-th smallest of m is multiplied by m - k + 1, and none is smaller than one that is less. Source: Holm 1979, "A
    simple sequentially rejective multiple test procedure".
    """
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    adjusted, largest = [1.0] * len(p_values), 0.0
    for rank, index in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = largest
    return adjusted


def p_of_support(p_values: Sequence[float]) -> float:
    """The p-value of a claim that needs all its comparisons: the largest of theirs, that of its weakest part.

    A claim is false if one part is, and the test of that part alone finds it true no more often than its p-value says.
    So the largest one is valid without any correction for the number of parts (an intersection-union test: Berger 1982,
    "Multiparameter hypothesis testing and acceptance sampling").
    """
    return max(p_values)


def p_of_refutation(p_values: Sequence[float]) -> float:
    """The p-value of a claim's being false, which one false part is enough for: the least, times their number."""
    return min(1.0, len(p_values) * min(p_values))
