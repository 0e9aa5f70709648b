"""A linear-chain CRF over a tagger's logits: the loss of whole rows of tags, and the best row of tags.

Sources: Lafferty et al. 2001, "Conditional Random Fields"; Lample et al. 2016, arXiv:1603.01360, section 2.2, whose
score of a row this is; marginals by forward and backward recursion, Rabiner 1989, "A Tutorial on Hidden Markov
Models", section III.

Shapes: B batch, T steps, C classes. Within the recursions rows come last, (T, C, B): C is small and B is not.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from textrnn.readouts import turn
from textrnn.records import IGNORED_TAG


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
        without a token adds 0. Differentiable once.
        """
        shifts = _first(targets != IGNORED_TAG)
        logits, targets = turn(logits, shifts), turn(targets, shifts)
        loss: Tensor = _Loss.apply(logits.permute(1, 2, 0), targets.t(), self.transitions, self.start, self.end)
        return loss

    @torch.no_grad()
    def decode(self, logits: Tensor, valid: Tensor, barred: Tensor | None = None) -> Tensor:
        """The best rows of tags (B, T) for logits (B, T, C), where tokens are valid (B, T), and 0 elsewhere.

        barred: as `barred_moves` has it; its moves are not taken. Of rows of tags that score the same it is the one
        with the lowest last tag, then the lowest last but one, and so on. Source: Viterbi 1967.
        """
        shifts = _first(valid)
        emissions, told = turn(logits, shifts).permute(1, 2, 0), turn(valid, shifts).t()
        transitions: Tensor = self.transitions
        start: Tensor = self.start
        if barred is not None:
            barred = barred.to(logits.device)
            transitions = transitions.masked_fill(barred[:-1], -torch.inf)
            start = start.masked_fill(barred[-1], -torch.inf)
        best = start[:, None] + emissions[0]  # (C, B)
        stay = torch.arange(len(start), device=logits.device)[:, None].expand_as(best)
        origins = []
        for emission, here in zip(emissions[1:], told[1:], strict=True):
            found, origin = (best[:, None] + transitions[:, :, None]).max(0)
            best = torch.where(here, found + emission, best)
            origins.append(torch.where(here, origin, stay))
        tags = [(best + self.end[:, None]).argmax(0)]
        for origin in reversed(origins):
            tags.append(origin.gather(0, tags[-1][None])[0])
        path = torch.stack(tags[::-1], dim=1)
        return turn(path, valid.shape[1] - shifts).masked_fill(~valid, 0)


class _Loss(torch.autograd.Function):
    """CRF.forward over logits (T, C, B), targets (T, B), rows starting at step 0.

    Its gradient is the tags and moves that the model expects less those that are there. Written out, as a graph of
    autograd over the steps takes longer than the steps.
    """

    @staticmethod
    def forward(ctx: Any, logits: Tensor, targets: Tensor, transitions: Tensor, start: Tensor, end: Tensor) -> Tensor:
        valid = targets != IGNORED_TAG
        # what a step's logits have in common changes no probability; without it sums stay small, and keep their digits
        emissions = logits - logits.logsumexp(1, keepdim=True)
        states = _forward(emissions, valid, transitions, start)
        total = (states[-1] + end[:, None]).logsumexp(0)  # (B,)
        tags = targets.clamp(min=0)
        last = (valid.sum(0) - 1).clamp(min=0)
        gold = emissions.gather(1, tags[:, None])[:, 0]
        gold[1:] += transitions[tags[:-1], tags[1:]]
        gold = gold.masked_fill(~valid, 0).sum(0) + start[tags[0]] + end[tags.gather(0, last[None])[0]]
        ctx.save_for_backward(emissions, targets, transitions, end, states, total, last)
        return (total - gold).masked_fill(~valid[0], 0).sum()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        emissions, targets, transitions, end, states, total, last = ctx.saved_tensors
        valid = targets != IGNORED_TAG
        ends, moves = _backward(emissions, valid, transitions, end, states - total)
        tags = (states + ends - total).masked_fill(~valid[:, None], -torch.inf).exp()
        seen = torch.zeros_like(tags).scatter_(1, targets.clamp(min=0)[:, None], valid[:, None].to(tags.dtype))
        moves -= torch.einsum("tib,tjb->ij", seen[:-1], seen[1:])
        tags -= seen
        at_end = tags.gather(0, last.expand(1, *tags.shape[1:]))[0]
        return tags * gradient, None, moves * gradient, tags[0].sum(-1) * gradient, at_end.sum(-1) * gradient


def _forward(emissions: Tensor, valid: Tensor, transitions: Tensor, start: Tensor) -> Tensor:
    """Log of the summed exponentials of all beginnings of a row, by the tag they end in: (T, C, B).

    Past a row's end its last ones are repeated.
    """
    states = [start[:, None] + emissions[0]]
    for emission, here in zip(emissions[1:], valid[1:], strict=True):
        found = (states[-1][:, None] + transitions[:, :, None]).logsumexp(0) + emission
        states.append(torch.where(here, found, states[-1]))
    return torch.stack(states)


def _backward(
    emissions: Tensor, valid: Tensor, transitions: Tensor, end: Tensor, states: Tensor
) -> tuple[Tensor, Tensor]:
    """The same of all endings after a tag (T, C, B), and how often each move is expected, over all rows (C, C).

    states: those of `_forward` less the log of the whole sum.
    """
    moves = torch.zeros_like(transitions)
    ends = [end[:, None].expand_as(states[0])]
    for at in range(len(emissions) - 1, 0, -1):
        scores = transitions[:, :, None] + (emissions[at] + ends[-1])  # (C, C, B)
        highest = scores.amax(1)
        shares = (scores - highest[:, None]).exp()
        # one exponential is both the sum over endings and the probability of each move
        before = (states[at - 1] + highest).masked_fill(~valid[at], -torch.inf).exp()
        moves += (shares @ before[:, :, None])[:, :, 0]
        ends.append(torch.where(valid[at], highest + shares.sum(1).log(), ends[-1]))
    return torch.stack(ends[::-1]), moves


def _first(valid: Tensor) -> Tensor:
    """The first step of each row of valid (B, T) that is; 0 where none is."""
    return valid.int().argmax(1)


def barred_moves(names: Sequence[str]) -> Tensor:
    """The moves that BIO tags of these names never make: (C + 1, C) bool, from row to column, last from the start.

    I-X follows B-X and I-X alone.
    """
    inside = [(f"B-{name[2:]}", name) if name.startswith("I-") else None for name in names]
    return torch.tensor([[own is not None and before not in own for own in inside] for before in (*names, "")])


def crf_of(network: nn.Module) -> CRF | None:
    """The network's CRF, or None; a CRF alone is its own."""
    found = getattr(network, "crf", network)
    return found if isinstance(found, CRF) else None


def guesses(network: nn.Module, logits: Tensor, valid: Tensor, barred: Tensor | None = None) -> Tensor:
    """What the network's logits (B, C) or (B, T, C) come to: class ids (B,) or (B, T).

    The highest logit's, or the best rows of tags where the network has a CRF; valid and barred: see CRF.decode.
    """
    crf = crf_of(network)
    return logits.argmax(-1) if crf is None else crf.decode(logits, valid, barred)
