"""Choose the device that models run on."""

from __future__ import annotations

import os

import torch

from textrnn.errors import ResumableError, plural


def pick_device(local_rank: int | None = None) -> torch.device:
    """TEXTRNN_DEVICE if it is set, else a GPU if there is one, else the CPU.

    local_rank: this process's number among those that train on this machine; each takes the GPU of its number.
    Raises ResumableError if the device cannot be used.
    """
    name = _device_name()
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


def check_device_per_process(processes: int) -> None:
    """Refuse processes of this machine that would share a GPU, on which NCCL fails or hangs.

    Raises ResumableError. A device that cannot be used at all is left to `pick_device`.
    """
    name, gpus = _device_name(), torch.cuda.device_count()
    if processes == 1 or not name.startswith("cuda"):
        return
    if name != "cuda":
        do = "set it to cuda, so that each takes a GPU of its own, and choose GPUs with CUDA_VISIBLE_DEVICES"
        wrong = f"names one GPU for {processes} processes"
        raise ResumableError("TEXTRNN_DEVICE", wrong, got=repr(name), do=do)
    if 0 < gpus < processes:
        got = f"{processes} processes and {plural(gpus, 'GPU')} on this machine"
        do = f"start {gpus}, or set TEXTRNN_DEVICE=cpu"
        raise ResumableError("processes", "each needs a GPU of its own", got=got, do=do)


def _device_name() -> str:
    return os.environ.get("TEXTRNN_DEVICE") or ("cuda" if torch.cuda.is_available() else "cpu")
