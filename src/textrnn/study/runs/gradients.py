"""How much of a loss's gradient reaches each token, by its distance from the step that the classifier reads.

Shapes: B batch, T steps, E embedding, D distances.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from textrnn.modeling.models.text_rnn import TextRNN
from textrnn.training.batching.buckets import Bucket

BATCH_ROWS = 256


def input_gradients(network: TextRNN, ids: Tensor, lengths: Tensor, targets: Tensor) -> Tensor:
    """The norm (B, T) of the gradient of each row's own loss with respect to its embedded token at each step.

    Without dropout. ids (B, T), lengths (B,), targets (B,). The network's own gradients are left alone.
    """
    found: list[Tensor] = []

    def keep(_module: object, _inputs: object, output: Tensor) -> Tensor:
        found.append(output.detach().requires_grad_())
        return found[0]

    # torch's modules read one embedded token a step; the loops of `kernels` read each distinct token of the batch
    was, network.recurrent.kernels = network.recurrent.kernels, False
    training = network.training
    hook = network.embedding.register_forward_hook(keep)
    try:
        network.eval()
        loss = F.cross_entropy(network(ids, lengths), targets, reduction="sum")
        (gradient,) = torch.autograd.grad(loss, found[0])  # (T, B, E)
    finally:
        hook.remove()
        network.recurrent.kernels = was
        network.train(training)
    return gradient.norm(dim=-1).t()


def by_distance(network: TextRNN, rows: Sequence[Bucket], most: int) -> list[float | None]:
    """The mean norm (D,) of `input_gradients` over tokens at each distance, in the first `most` rows of each width.

    A distance is the steps from a token to the one that is read: the row's last token, or for `last_step` the last
    step of the padded row. Rows are padded on the right. None where no row has a token at that distance.
    """
    width = max(bucket.width for bucket in rows)
    sums, counts = np.zeros(width), np.zeros(width, np.int64)
    for bucket in rows:
        for index in torch.arange(min(most, len(bucket))).split(BATCH_ROWS):
            batch = bucket.take(index)
            norms = input_gradients(network, batch.ids, batch.lengths, batch.targets)
            step = torch.arange(batch.width).expand(len(batch), -1)
            past = step >= batch.lengths[:, None]
            read = batch.width if network.config.readout == "last_step" else batch.lengths[:, None]
            distance = (read - 1 - step)[~past].numpy()
            sums += np.bincount(distance, norms[~past].double().numpy(), minlength=width)
            counts += np.bincount(distance, minlength=width)
    return [float(total / count) if count else None for total, count in zip(sums, counts, strict=True)]
