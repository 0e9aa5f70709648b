"""The type that matrix products are computed in, and what a GPU has to be told so that a seed gives the same bytes."""

from __future__ import annotations

import os

import torch
from torch import Tensor, nn

from textrnn.common.config.train import Precision
from textrnn.errors import UserError

HALF_PRECISION: dict[Precision, torch.dtype] = {"bfloat16": torch.bfloat16, "float16": torch.float16}


def check_precision(precision: Precision, device: torch.device, where: str) -> None:
    """Refuse, by the dotted name `where`, float16 off the GPU: its small range needs products summed in float32."""
    if precision == "float16" and device.type != "cuda":
        raise UserError(where, "float16 needs a GPU", got=f"device {device}", do="use bfloat16 or float32")


def forward_in_precision(network: nn.Module, ids: Tensor, lengths: Tensor, precision: Precision) -> Tensor:
    """The network's logits in float32, its matrix products in `precision` and its weights as they are.

    With float32 that is the network's own call and nothing else. The loss and its backward pass belong outside.
    """
    if precision == "float32":
        logits: Tensor = network(ids, lengths)
        return logits
    with torch.autocast(ids.device.type, HALF_PRECISION[precision]):
        logits = network(ids, lengths)
    return logits.float()


def make_scaler(precision: Precision, device: torch.device) -> torch.amp.GradScaler:
    """What keeps float16 gradients from vanishing (Micikevicius et al. 2018, arXiv:1710.03740); else it does nothing.

    With a fused Adam none of its methods waits for the device, so that all may be captured in a CUDA graph. A step
    whose gradients overflow is left out. `state_dict()` is what a run needs to go on, and empty when off.
    """
    scaler = torch.amp.GradScaler(device.type, enabled=precision == "float16")
    # its scale is made now and not with the first loss, which a process whose part of a batch is empty has not
    scaler.scale(torch.zeros((), device=device))
    return scaler


def make_deterministic(device: torch.device) -> None:
    """Choose a GPU's algorithms for the same bytes each time; for the whole process, before its first product.

    Promised for one GPU model with one version of torch, CUDA and cuDNN, and the same settings: the same seed gives
    the same bytes. float32 is float32: TensorFloat-32, on in cuDNN by default, is switched off. Source: PyTorch's
    notes on reproducibility and its nn.LSTM, which name the workspace of cuBLAS.
    """
    if device.type == "cuda":
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.backends.cudnn.deterministic = True
        torch.backends.cudnn.benchmark = False
        torch.backends.cudnn.allow_tf32 = False
        torch.backends.cuda.matmul.allow_tf32 = False
