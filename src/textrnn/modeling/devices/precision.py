"""Mixed precision, and the GPU settings that make runs reproducible byte for byte."""

from __future__ import annotations

import os

import torch
from torch import Tensor, nn

from textrnn.common.config.model import Cell
from textrnn.common.config.train import Precision
from textrnn.errors import UserError

HALF_PRECISION: dict[Precision, torch.dtype] = {"bfloat16": torch.bfloat16, "float16": torch.float16}


def check_precision(precision: Precision, cell: Cell, device: torch.device, where: str) -> None:
    """Raise UserError, naming the param `where`, for a precision that the device does not have.

    The small range of float16 needs matrix products that are accumulated in float32, as GPUs do. TensorFloat-32 exists
    on GPUs only. On a GPU torch's autocast runs the recurrent layers of cuDNN in float16, whatever type is requested
    (aten/src/ATen/cudnn/AutocastRNN.cpp): bfloat16 would be float16 there, without loss scaling.
    """
    if precision in ("float16", "tf32") and device.type != "cuda":
        raise UserError(where, f"{precision} needs a GPU", got=f"device {device}", do="use bfloat16 or float32")
    if precision == "bfloat16" and device.type == "cuda" and cell != "scratch_gru":
        what = f"a GPU has no bfloat16 for the cell {cell}"
        raise UserError(where, what, got=f"device {device}", do="use tf32, float16 or float32")


def forward_in_precision(network: nn.Module, ids: Tensor, lengths: Tensor, precision: Precision) -> Tensor:
    """The network's logits in float32. Matrix products are computed in `precision`; weights keep their type.

    With float32 and tf32, a process-wide setting (see make_deterministic), this only calls the network.
    Compute the loss and run its backward pass outside of it.
    """
    if precision not in HALF_PRECISION:
        logits: Tensor = network(ids, lengths)
        return logits
    with torch.autocast(ids.device.type, HALF_PRECISION[precision]):
        logits = network(ids, lengths)
    return logits.float()


def make_scaler(precision: Precision, device: torch.device) -> torch.amp.GradScaler:
    """The loss scaler that keeps float16 gradients from vanishing; in other precisions it does nothing.

    With a fused Adam none of its methods waits for the device, so that all can be captured in a CUDA graph. A step
    whose gradients overflow is skipped. `state_dict()` is what a run needs to resume; it is empty when scaling is off.
    Source: Micikevicius et al. 2018, arXiv:1710.03740.
    """
    scaler = torch.amp.GradScaler(device.type, enabled=precision == "float16")
    # This creates the scale at once. The first loss would be too late for a process whose part of the batch is empty.
    scaler.scale(torch.zeros((), device=device))
    return scaler


def make_deterministic(device: torch.device, precision: Precision = "float32") -> None:
    """Make a GPU use deterministic algorithms, in the whole process; call it before the first matrix product.

    The same seed then gives the same bytes on one GPU model with one version of torch, CUDA and cuDNN, and the same
    settings. float32 means float32: TensorFloat-32, which cuDNN uses by default, is on for `tf32` alone. Its numbers
    have 10 bits of mantissa and the range of float32. Source: PyTorch's notes on reproducibility and the documentation
    of nn.LSTM, which give the workspace setting of cuBLAS.
    """
    if device.type == "cuda":
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.backends.cudnn.deterministic = True
        torch.backends.cudnn.benchmark = False
        torch.backends.cudnn.allow_tf32 = precision == "tf32"
        torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"
