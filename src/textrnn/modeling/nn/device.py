"""The device that models run on."""

from __future__ import annotations

import os

import torch

from textrnn.errors import ResumableError


def pick_device(local: int | None = None) -> torch.device:
    """TEXTRNN_DEVICE, or a GPU where there is one, or the CPU.

    local: this process's number where several train on one machine: each takes the GPU of its number.
    """
    name = os.environ.get("TEXTRNN_DEVICE") or ("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        if local is not None and device == torch.device("cuda"):
            device = torch.device("cuda", local)
        torch.zeros(1, dtype=torch.float64, device=device).item()  # the sums of a Score are float64
    except (RuntimeError, AssertionError, TypeError, ImportError) as error:
        got = f"{name!r}" if local is None else f"{name!r} in process {local}"
        raise ResumableError("TEXTRNN_DEVICE", "cannot be used here", got=got, do="unset it, or say cpu") from error
    if device.index is not None and device.type == "cuda":
        torch.cuda.set_device(device)
    return device
