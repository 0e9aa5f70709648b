"""Score a network on all rows of a split, alone or together with the other processes of a group."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

import torch
from torch import Tensor, nn

from textrnn.common.config.train import Precision
from textrnn.common.storage.schemas import IGNORED_TAG
from textrnn.modeling.devices.precision import forward_in_precision
from textrnn.modeling.models.f1_counts import F1Counts
from textrnn.modeling.models.running_metrics import RunningMetrics, Score, score_from_sums
from textrnn.modeling.nn.crf import predict_classes
from textrnn.training.batching.batches import BatchSize, TokenBudget, evaluation_size, selections
from textrnn.training.batching.buckets import AnyBucket
from textrnn.training.distributed.process_group import SINGLE_PROCESS, ProcessGroup


def shared_evaluation_size(device: torch.device, group: ProcessGroup = SINGLE_PROCESS) -> TokenBudget:
    """The size of the batches of an evaluation that the processes share; they need the same one, that of the smallest.

    Every process calls it, with its own device.
    """
    tokens = group.all_gather(torch.tensor(evaluation_size(device).tokens)).min()
    return TokenBudget(int(tokens) // group.world_size)


@torch.no_grad()
def evaluate_loss(
    network: nn.Module,
    buckets: Sequence[AnyBucket],
    size: BatchSize,
    class_weights: Tensor | None,
    precision: Precision = "float32",
    group: ProcessGroup = SINGLE_PROCESS,
    f1: F1Counts | None = None,
) -> Score:
    """Loss and accuracy over all rows, without dropout; in a group of P processes each takes every P-th batch.

    f1: what counts an F1 score of these rows, if there is to be one. With it, a CRF takes none of the transitions that
    it forbids.
    """
    network.eval()
    running_metrics = RunningMetrics.for_network(network, class_weights)
    if f1 is not None:
        f1.reset()
    for selected in islice(selections(buckets, size), group.rank, None, group.world_size):
        batch = selected.gather()
        logits = forward_in_precision(network, batch.ids, batch.lengths, precision)
        valid, forbidden = batch.targets != IGNORED_TAG, None if f1 is None else f1.forbidden
        predictions = predict_classes(network, logits, valid, forbidden)
        if f1 is not None:
            f1.update(batch.row_numbers, batch.targets, predictions)
        running_metrics.update(logits, batch.targets, predictions=predictions)
    network.train()
    score = score_from_sums(group.all_gather(running_metrics.sums).sum(0))
    return score if f1 is None else f1.add_to(score, group.all_gather(f1.counts).sum(0))
