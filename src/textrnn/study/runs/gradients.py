"""Norms of the loss's gradient at each token, by distance from the step that the classifier reads.

Shapes: B batch, T steps, E embedding, D distances.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from textrnn.modeling.models.text_rnn import TextRNN
from textrnn.training.batching.buckets import AnyBucket

BATCH_ROWS = 256


def input_gradients(network: TextRNN, ids: Tensor, lengths: Tensor, targets: Tensor) -> Tensor:
    """Return the norm (B, T) of the gradient of each row's loss with respect to its embedded token at each step.

    ids (B, T), lengths (B,), targets (B,). Dropout is off. The gradients stored in the network's parameters do not
    change.
    """
    embedded: list[Tensor] = []

    def capture(_module: object, _inputs: object, output: Tensor) -> Tensor:
        embedded.append(output.detach().requires_grad_())
        return embedded[0]

    # torch's modules read one embedded token per step; `kernels` read each distinct token of the batch only once
    use_kernels, network.recurrent.use_kernels = network.recurrent.use_kernels, False
    training = network.training
    hook = network.embedding.register_forward_hook(capture)
    try:
        network.eval()
        loss = F.cross_entropy(network(ids, lengths), targets, reduction="sum")
        (gradient,) = torch.autograd.grad(loss, embedded[0])  # (T, B, E)
    finally:
        hook.remove()
        network.recurrent.use_kernels = use_kernels
        network.train(training)
    return gradient.norm(dim=-1).t()


def by_distance(network: TextRNN, rows: Sequence[AnyBucket], max_rows: int) -> list[float | None]:
    """Return the mean norm (D,) of `input_gradients` over the tokens at each distance.

    The first `max_rows` rows of each width are used, which must be padded on the right. The distance is the number of
    steps from a token to the step that is read: the row's last token, or for `last_step` the last step of the padded
    row. The mean is None when no row has a token at that distance.
    """
    width = max(bucket.width for bucket in rows)
    sums, counts = np.zeros(width), np.zeros(width, np.int64)
    for bucket in rows:
        for index in torch.arange(min(max_rows, len(bucket))).split(BATCH_ROWS):
            batch = bucket.take(index)
            norms = input_gradients(network, batch.ids, batch.lengths, batch.targets)
            step = torch.arange(batch.width).expand(len(batch), -1)
            padding = step >= batch.lengths[:, None]
            read = batch.width if network.options.readout == "last_step" else batch.lengths[:, None]
            distance = (read - 1 - step)[~padding].numpy()
            sums += np.bincount(distance, norms[~padding].double().numpy(), minlength=width)
            counts += np.bincount(distance, minlength=width)
    return [float(total / count) if count else None for total, count in zip(sums, counts, strict=True)]
