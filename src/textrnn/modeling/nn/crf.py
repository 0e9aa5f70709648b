"""A linear-chain CRF over a tagger's logits: the loss of tag sequences, the best sequence, and tag probabilities.

Sources: Lafferty et al. 2001, "Conditional Random Fields"; the score of a tag sequence is that of Lample et al. 2016,
arXiv:1603.01360, section 2.2.

Shapes: B batch, T steps, C classes. Within the recursions the batch is the last dimension, (T, C, B), because C is
small and B is not.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from textrnn.common.storage.schemas import IGNORED_TAG
from textrnn.modeling.nn.pooling import rotate_rows


class CRF(nn.Module):
    """Scores of adjacent tags: transitions (C, C) from row to column, start (C,) and end (C,) of a sequence.

    A tag sequence scores the sum of its logits, its transitions, its start and its end. Its probability is the
    exponential of that, divided by the sum of the same over all tag sequences. All parameters are initially 0: the loss
    then is the cross-entropy of each token. The CRF computes in the type of the logits, which forward_in_precision
    returns as float32.
    """

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.transitions = nn.Parameter(torch.zeros(classes, classes))
        self.start = nn.Parameter(torch.zeros(classes))
        self.end = nn.Parameter(torch.zeros(classes))

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Negative log-likelihood of targets (B, T) under logits (B, T, C), in nats, summed over the rows: ().

        The tokens of a row are contiguous; padding is on either side and has the target IGNORED_TAG. A row without
        tokens adds 0.
        """
        shifts = _first_valid_step(targets != IGNORED_TAG)
        targets = rotate_rows(targets, shifts).t()
        valid, tags = targets != IGNORED_TAG, targets.clamp(min=0)
        # A constant added to a step's logits changes no probability; log_softmax keeps sums small, and so precise.
        emissions = rotate_rows(logits, shifts).log_softmax(-1).permute(1, 2, 0)
        alphas = _forward_scores(emissions, valid, self.transitions, self.start)
        log_partition = (alphas[-1] + self.end[:, None]).logsumexp(0)  # (B,)
        scores = emissions.gather(1, tags[:, None])[:, 0].masked_fill(~valid, 0).sum(0)
        return (log_partition - scores).masked_fill(~valid[0], 0).sum() - self._score_of_pairs(tags, valid)

    def _score_of_pairs(self, tags: Tensor, valid: Tensor) -> Tensor:
        """The transitions, starts and ends of tags (T, B) where valid (T, B) is true, summed over the rows: ().

        It is the product of the scores and of how often each is taken. Looking the scores up would give the same, but a
        GPU would sort all tags for its gradient.
        """
        classes = torch.arange(len(self.start), device=tags.device)
        taken = ((tags[..., None] == classes) & valid[..., None]).float()  # (T, B, C), 0 at padding
        before, after = taken[:-1].flatten(0, 1), taken[1:].flatten(0, 1)
        pairs = before.t() @ after  # whole numbers, exact in every precision
        follows = torch.cat((valid[1:], torch.zeros_like(valid[:1])))
        ends = (taken * ~follows[..., None]).sum((0, 1))
        pairs, starts, ends = (counts.to(self.start.dtype) for counts in (pairs, taken[0].sum(0), ends))
        return (pairs * self.transitions).sum() + (starts * self.start).sum() + (ends * self.end).sum()

    def log_marginals(self, logits: Tensor, valid: Tensor, temperature: float = 1.0) -> Tensor:
        """Log probability of each tag of each token, over all tag sequences, for logits (B, T, C): (B, T, C).

        valid: (B, T), true at tokens, which are contiguous as in `forward`; elsewhere the result is finite but
        meaningless. All scores are divided by the temperature first. Source: forward-backward algorithm, Rabiner 1989,
        "A Tutorial on Hidden Markov Models", section III.A.
        """
        shifts = _first_valid_step(valid)
        valid = rotate_rows(valid, shifts).t()
        emissions = rotate_rows(logits / temperature, shifts).log_softmax(-1).permute(1, 2, 0)
        transitions, start, end = (scores / temperature for scores in (self.transitions, self.start, self.end))
        alphas = _forward_scores(emissions, valid, transitions, start)
        betas = _backward_scores(emissions, valid, transitions, end)
        marginals = (torch.stack(alphas) + torch.stack(betas)).log_softmax(1).permute(2, 0, 1)
        return rotate_rows(marginals, logits.shape[1] - shifts)

    @torch.no_grad()
    def decode(self, logits: Tensor, valid: Tensor, forbidden: Tensor | None = None) -> Tensor:
        """The best tag sequences (B, T) for logits (B, T, C) at tokens, where valid (B, T) is true; 0 elsewhere.

        forbidden: transitions that are never taken, as `forbidden_transitions` returns them. Among sequences of equal
        score the one with the lowest last tag wins, then the one with the lowest last but one, and so on. Source:
        Viterbi 1967.
        """
        shifts = _first_valid_step(valid)
        emissions, rotated_valid = rotate_rows(logits, shifts).permute(1, 2, 0), rotate_rows(valid, shifts).t()
        transitions: Tensor = self.transitions
        start: Tensor = self.start
        end: Tensor = self.end
        if forbidden is not None:
            forbidden = forbidden.to(logits.device)
            transitions = transitions.masked_fill(forbidden[:-1, :-1], -torch.inf)
            start = start.masked_fill(forbidden[-1, :-1], -torch.inf)
            end = end.masked_fill(forbidden[:-1, -1], -torch.inf)
        best = start[:, None] + emissions[0]  # (C, B)
        same_tag = torch.arange(len(start), device=logits.device)[:, None].expand_as(best)
        backpointers = []
        for emission, is_valid in zip(emissions[1:], rotated_valid[1:], strict=True):
            scores, previous = (best[:, None] + transitions[:, :, None]).max(0)
            best = torch.where(is_valid, scores + emission, best)
            backpointers.append(torch.where(is_valid, previous, same_tag))
        tags = [(best + end[:, None]).argmax(0)]
        for previous in reversed(backpointers):
            tags.append(previous.gather(0, tags[-1][None])[0])
        path = torch.stack(tags[::-1], dim=1)
        return rotate_rows(path, valid.shape[1] - shifts).masked_fill(~valid, 0)


def _forward_scores(emissions: Tensor, valid: Tensor, transitions: Tensor, start: Tensor) -> list[Tensor]:
    """For each step and its tag: log-sum-exp of the scores of all sequences that end there; T of (C, B)."""
    states = [start[:, None] + emissions[0]]
    for emission, is_valid in zip(emissions[1:], valid[1:], strict=True):
        scores = (states[-1][:, None] + transitions[:, :, None]).logsumexp(0) + emission
        states.append(torch.where(is_valid, scores, states[-1]))
    return states


def _backward_scores(emissions: Tensor, valid: Tensor, transitions: Tensor, end: Tensor) -> list[Tensor]:
    """For each step and its tag: log-sum-exp of the scores of all continuations, including the end; T of (C, B)."""
    states = [end[:, None].expand_as(emissions[0])]
    for emission, is_valid in zip(emissions[1:].flip(0), valid[1:].flip(0), strict=True):
        scores = (transitions[:, :, None] + (emission + states[-1])[None]).logsumexp(1)
        states.append(torch.where(is_valid, scores, states[-1]))
    return states[::-1]


def _first_valid_step(valid: Tensor) -> Tensor:
    """The first step of each row of valid (B, T) that is true; 0 if none is."""
    return valid.int().argmax(1)


def forbidden_transitions(names: Sequence[str]) -> Tensor:
    """The transitions that BIO or BIOES tags of these names never make, from row to column: (C + 1, C + 1) bool.

    The last row is the start, the last column the end. I-X and E-X follow only B-X and I-X. If the tags include E-X,
    only I-X and E-X follow B-X and I-X.
    """

    known = set(names)

    def is_forbidden(before: str, after: str) -> bool:
        if after[:2] in ("I-", "E-"):
            return before not in (f"B-{after[2:]}", f"I-{after[2:]}")
        return before[:2] in ("B-", "I-") and f"E-{before[2:]}" in known

    all_names = (*names, "")
    return torch.tensor([[is_forbidden(before, after) for after in all_names] for before in all_names])


def find_crf(network: nn.Module) -> CRF | None:
    """The network's CRF, or None; for a CRF itself, that CRF."""
    crf = getattr(network, "crf", network)
    return crf if isinstance(crf, CRF) else None


def predict_classes(network: nn.Module, logits: Tensor, valid: Tensor, forbidden: Tensor | None = None) -> Tensor:
    """The class ids (B,) or (B, T) that the network predicts from its logits (B, C) or (B, T, C).

    These are the classes of the highest logits or, if the network has a CRF, the best tag sequences. See CRF.decode for
    valid and forbidden.
    """
    crf = find_crf(network)
    return logits.argmax(-1) if crf is None else crf.decode(logits, valid, forbidden)


def log_probabilities(crf: CRF | None, logits: Tensor, valid: Tensor, temperature: float) -> Tensor:
    """Log probabilities of the classes, softened by the temperature, in the shape of logits (B, C) or (B, T, C).

    With a CRF they are the marginals of each token; see CRF.log_marginals, also for valid.
    """
    if crf is None:
        return F.log_softmax(logits / temperature, dim=-1)
    return crf.log_marginals(logits, valid, temperature)
