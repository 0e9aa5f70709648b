"""Choose the device that models run on."""

from __future__ import annotations

import os

import torch

from textrnn.errors import ResumableError


def pick_device(local_rank: int | None = None) -> torch.device:
    """TEXTRNN_DEVICE if it is set, else a GPU if there is one, else the CPU.

    local_rank: this process's number among those that train on this machine; each takes the GPU of its number.
    Raises ResumableError if the device cannot be used.
    """
    name = os.environ.get("TEXTRNN_DEVICE") or ("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        if local_rank is not None and device == torch.device("cuda"):
            device = torch.device("cuda", local_rank)
        torch.zeros(1, dtype=torch.float64, device=device).item()  # RunningMetrics sums in float64
    except (RuntimeError, AssertionError, TypeError, ImportError) as error:
        got = f"{name!r}" if local_rank is None else f"{name!r} in process {local_rank}"
        do = "unset it, or set it to cpu"
        raise ResumableError("TEXTRNN_DEVICE", "cannot be used here", got=got, do=do) from error
    if device.index is not None and device.type == "cuda":
        torch.cuda.set_device(device)
    return device
