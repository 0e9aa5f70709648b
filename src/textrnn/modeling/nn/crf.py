"""A linear-chain CRF over a tagger's logits: the loss of whole rows of tags, the best one, each token's probabilities.

Sources: Lafferty et al. 2001, "Conditional Random Fields"; Lample et al. 2016, arXiv:1603.01360, section 2.2, whose
score of a row this is.

Shapes: B batch, T steps, C classes. Within the recursions rows come last, (T, C, B): C is small and B is not.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from textrnn.common.storage.schemas import IGNORED_TAG
from textrnn.modeling.nn.pooling import rotate_rows


class CRF(nn.Module):
    """Scores of neighbouring tags: transitions (C, C) from row to column, start (C,) and end (C,) of a row's ends.

    A row of tags scores the sum of its logits, its transitions and its two ends; its probability is the exponential of
    that over the sum of the same for all rows of tags. All scores are 0 at first: the loss is then the cross-entropy
    of each token. It computes in the type of the logits, which precision.forward hands out as float32.
    """

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.transitions = nn.Parameter(torch.zeros(classes, classes))
        self.start = nn.Parameter(torch.zeros(classes))
        self.end = nn.Parameter(torch.zeros(classes))

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Negative log-likelihood of targets (B, T) under logits (B, T, C), in nats, summed over the rows: ().

        A row's tokens are one run of steps, on either side of its padding, whose targets are IGNORED_TAG. A row
        without a token adds 0.
        """
        shifts = _first(targets != IGNORED_TAG)
        targets = rotate_rows(targets, shifts).t()
        valid, tags = targets != IGNORED_TAG, targets.clamp(min=0)
        # what a step's logits have in common changes no probability; without it sums stay small, and keep their digits
        emissions = rotate_rows(logits, shifts).log_softmax(-1).permute(1, 2, 0)
        total = (_forward(emissions, valid, self.transitions, self.start)[-1] + self.end[:, None]).logsumexp(0)  # (B,)
        gold = emissions.gather(1, tags[:, None])[:, 0]
        gold = torch.cat((gold[:1], gold[1:] + self.transitions[tags[:-1], tags[1:]]))
        last = tags.gather(0, (valid.sum(0) - 1).clamp(min=0)[None])[0]
        gold = gold.masked_fill(~valid, 0).sum(0) + self.start[tags[0]] + self.end[last]
        return (total - gold).masked_fill(~valid[0], 0).sum()

    def log_marginals(self, logits: Tensor, valid: Tensor, temperature: float = 1.0) -> Tensor:
        """Log of the probability that a token (B, T) has each tag, over all rows of tags: (B, T, C), as the logits are.

        valid: (B, T), where tokens are, as for `forward`; elsewhere it is finite and means nothing. All scores are
        divided by the temperature first. Source: forward-backward, Rabiner 1989, "A Tutorial on Hidden Markov Models",
        section III.A.
        """
        shifts = _first(valid)
        told = rotate_rows(valid, shifts).t()
        emissions = rotate_rows(logits / temperature, shifts).log_softmax(-1).permute(1, 2, 0)
        transitions, start, end = (each / temperature for each in (self.transitions, self.start, self.end))
        before = _forward(emissions, told, transitions, start)
        after = _backward(emissions, told, transitions, end)
        found = (torch.stack(before) + torch.stack(after)).log_softmax(1).permute(2, 0, 1)
        return rotate_rows(found, logits.shape[1] - shifts)

    @torch.no_grad()
    def decode(self, logits: Tensor, valid: Tensor, barred: Tensor | None = None) -> Tensor:
        """The best rows of tags (B, T) for logits (B, T, C), where tokens are valid (B, T), and 0 elsewhere.

        barred: as `barred_moves` has it; its moves are not taken. Of rows of tags that score the same it is the one
        with the lowest last tag, then the lowest last but one, and so on. Source: Viterbi 1967.
        """
        shifts = _first(valid)
        emissions, told = rotate_rows(logits, shifts).permute(1, 2, 0), rotate_rows(valid, shifts).t()
        transitions: Tensor = self.transitions
        start: Tensor = self.start
        end: Tensor = self.end
        if barred is not None:
            barred = barred.to(logits.device)
            transitions = transitions.masked_fill(barred[:-1, :-1], -torch.inf)
            start = start.masked_fill(barred[-1, :-1], -torch.inf)
            end = end.masked_fill(barred[:-1, -1], -torch.inf)
        best = start[:, None] + emissions[0]  # (C, B)
        stay = torch.arange(len(start), device=logits.device)[:, None].expand_as(best)
        origins = []
        for emission, here in zip(emissions[1:], told[1:], strict=True):
            found, origin = (best[:, None] + transitions[:, :, None]).max(0)
            best = torch.where(here, found + emission, best)
            origins.append(torch.where(here, origin, stay))
        tags = [(best + end[:, None]).argmax(0)]
        for origin in reversed(origins):
            tags.append(origin.gather(0, tags[-1][None])[0])
        path = torch.stack(tags[::-1], dim=1)
        return rotate_rows(path, valid.shape[1] - shifts).masked_fill(~valid, 0)


def _forward(emissions: Tensor, valid: Tensor, transitions: Tensor, start: Tensor) -> list[Tensor]:
    """After each step the log of the summed exponentials of all tags up to it, by the tag they end in: T of (C, B)."""
    states = [start[:, None] + emissions[0]]
    for emission, here in zip(emissions[1:], valid[1:], strict=True):
        found = (states[-1][:, None] + transitions[:, :, None]).logsumexp(0) + emission
        states.append(torch.where(here, found, states[-1]))
    return states


def _backward(emissions: Tensor, valid: Tensor, transitions: Tensor, end: Tensor) -> list[Tensor]:
    """The same of all tags behind each step, the row's end among them, by the step's own tag: T of (C, B)."""
    states = [end[:, None].expand_as(emissions[0])]
    for emission, here in zip(emissions[1:].flip(0), valid[1:].flip(0), strict=True):
        found = (transitions[:, :, None] + (emission + states[-1])[None]).logsumexp(1)
        states.append(torch.where(here, found, states[-1]))
    return states[::-1]


def _first(valid: Tensor) -> Tensor:
    """The first step of each row of valid (B, T) that is; 0 where none is."""
    return valid.int().argmax(1)


def forbidden_transitions(names: Sequence[str]) -> Tensor:
    """The moves that BIO or BIOES tags of these names never make, (C + 1, C + 1) bool, from row to column.

    The last row is of moves from the start, the last column of those to the end. I-X and E-X follow B-X and I-X alone;
    where there is an E-X, nothing else follows those.
    """

    known = set(names)

    def barred(before: str, after: str) -> bool:
        if after[:2] in ("I-", "E-"):
            return before not in (f"B-{after[2:]}", f"I-{after[2:]}")
        return before[:2] in ("B-", "I-") and f"E-{before[2:]}" in known

    all_names = (*names, "")
    return torch.tensor([[barred(before, after) for after in all_names] for before in all_names])


def find_crf(network: nn.Module) -> CRF | None:
    """The network's CRF, or None; a CRF alone is its own."""
    found = getattr(network, "crf", network)
    return found if isinstance(found, CRF) else None


def predict_classes(network: nn.Module, logits: Tensor, valid: Tensor, barred: Tensor | None = None) -> Tensor:
    """What the network's logits (B, C) or (B, T, C) come to: class ids (B,) or (B, T).

    The highest logit's, or the best rows of tags where the network has a CRF; valid and barred: see CRF.decode.
    """
    crf = find_crf(network)
    return logits.argmax(-1) if crf is None else crf.decode(logits, valid, barred)


def log_probabilities(crf: CRF | None, logits: Tensor, valid: Tensor, temperature: float) -> Tensor:
    """Log of each class's probability under logits (B, C) or (B, T, C), softened by the temperature; their shape.

    With a CRF those of a token over all rows of tags: see CRF.log_marginals, also for valid.
    """
    if crf is None:
        return F.log_softmax(logits / temperature, dim=-1)
    return crf.log_marginals(logits, valid, temperature)
