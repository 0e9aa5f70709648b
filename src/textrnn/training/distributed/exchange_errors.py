"""What an error of torch.distributed means: a process that is gone, settings that do not work, or too little memory.

torch raises RuntimeError for all of it, and gloo has no narrower class, so the message decides. Messages of NCCL have
its error code on the second line and its last warning at the end; those of gloo begin with its source file.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator

import torch
import torch.distributed as dist

from textrnn.errors import ResumableError

AGAIN = "the same command continues from the last checkpoint"
# of NCCL, and of torch when it gives up an exchange over NCCL
LOST_IN_NCCL = re.compile(
    "ncclRemoteError|closed by remote peer|Connection (closed|refused|reset)|Broken pipe|timed out|Connection timeout"
    "|NCCL timeout|collective operation timeout|communicator was aborted",
    re.IGNORECASE,
)
# an exception of gloo's transport; its failed checks of arguments begin with `[enforce fail at`
LOST_IN_GLOO = re.compile(
    r"(Gloo connectFullMesh failed with |ProcessGroupWrapper: .*)?\[[^]]*gloo/transport/[^]]*\] .*"
    r"(closed|reset by peer|refused|Broken pipe|timed? ?out|unreachable|No route to host|failed to connect)",
    re.IGNORECASE | re.DOTALL,
)


class PeerLostError(ResumableError):
    """Another process of the group has ended or cannot be reached."""


@contextlib.contextmanager
def report_exchange_errors() -> Iterator[None]:
    """Turn an error of an exchange into one that says what it is; errors that are none of an exchange pass through.

    Raises PeerLostError if a process is gone, ResumableError for settings and for other errors of NCCL, and
    torch.OutOfMemoryError if memory runs out on a GPU, whether torch or NCCL asked for it.
    """
    try:
        yield
    except RuntimeError as error:
        told = explain(error)
        if told is None:
            raise
        raise told from error


def explain(error: RuntimeError) -> Exception | None:
    """The error that it means, or None if its own message is clear."""
    text = str(error)
    if isinstance(error, torch.OutOfMemoryError):
        return None
    if "have NCCL built in" in text:
        do = "install a build of torch for CUDA on Linux, or set TEXTRNN_DEVICE=cpu"
        return ResumableError("processes", "cannot exchange gradients between GPUs, as this torch has no NCCL", do=do)
    if isinstance(error, dist.DistBackendError) or "NCCL error" in text:
        return _explain_nccl(text)
    if isinstance(error, dist.DistNetworkError) and "EADDRINUSE" in text:
        do = "wait for the program that uses it to end, or choose another one with --master-port"
        return ResumableError("MASTER_PORT", "is in use on this machine", got=_shown(text), do=do)
    if isinstance(error, (dist.DistNetworkError, dist.DistStoreError)) or LOST_IN_GLOO.match(text):
        return _peer_lost(text)
    if "Unable to find address for" in text:
        do = "name one that `ip address` lists with an address, or unset it"
        return ResumableError("GLOO_SOCKET_IFNAME", "names no network interface", got=text.rpartition(" ")[2], do=do)
    return None


def _explain_nccl(text: str) -> Exception:
    if "out of memory" in text:
        return torch.OutOfMemoryError(_shown(text))
    if "Duplicate GPU detected" in text:
        do = "start no more processes on a machine than it has GPUs, and give none of them CUDA_VISIBLE_DEVICES"
        return ResumableError("processes", "two of them use one GPU", got=_last_error(text), do=do)
    if "Mismatched NCCL version" in text:
        do = "install the same version of torch on all machines"
        return ResumableError("processes", "have different versions of NCCL", got=_last_error(text), do=do)
    if "no socket interface found" in text:
        do = "set it to an interface that `ip address` lists with an address, or unset it"
        return ResumableError("NCCL_SOCKET_IFNAME", "names no network interface", got=_last_error(text), do=do)
    if LOST_IN_NCCL.search(text):
        return _peer_lost(text)
    do = f"NCCL_DEBUG=WARN makes NCCL log more; {AGAIN}"
    return ResumableError("NCCL", "cannot exchange gradients", got=_shown(text), do=do)


def _peer_lost(text: str) -> PeerLostError:
    do = AGAIN
    if "connectFullMesh" in text:  # by default gloo listens on the address of the host name, maybe loopback
        do = f"on several machines set GLOO_SOCKET_IFNAME to the interface that reaches the others; {AGAIN}"
    return PeerLostError("processes", "another one has ended or cannot be reached", got=_shown(text), do=do)


def _shown(text: str) -> str:
    """The first line, without gloo's source file and advice; of an error of NCCL its code and its last warning."""
    code = re.search(r"^nccl\w+:.*", text, re.MULTILINE)
    if code is None:
        line = text.partition("\n")[0].partition(". This is typically caused by")[0]
        return re.sub(r"\[[^]]*gloo/[^]]*\] ", "", line)[:200]
    return f"{code[0].strip()} {_last_error(text)}".strip()


def _last_error(text: str) -> str:
    """NCCL's last warning; empty if it has none."""
    found = re.search(r"^Last error: *\n?(.*)", text, re.MULTILINE)
    return found[1].strip() if found else ""
