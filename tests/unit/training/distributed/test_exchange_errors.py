"""Errors of exchanges as torch, NCCL and gloo word them, and the messages that they become."""

from __future__ import annotations

import pytest
import torch
import torch.distributed as dist

from textrnn.errors import ResumableError
from textrnn.training.distributed.exchange_errors import PeerLostError, report_exchange_errors
from textrnn.training.trainer.setup import report_out_of_memory

NCCL = "NCCL error in: /pytorch/c10d/NCCLUtils.hpp:268, {}, NCCL version 2.21.5\n{}\nLast error:\n{}\n"
REMOTE = "ncclRemoteError: A call failed possibly due to a network error or a remote process exiting prematurely."
USAGE = "ncclInvalidUsage: This usually reflects invalid usage of NCCL library."
CUDA = "ncclUnhandledCudaError: Call to CUDA function failed."
SYSTEM = "ncclSystemError: System call (e.g. socket, malloc) or external library call failed or device error. "
GLOO = "[/pytorch/third_party/gloo/gloo/transport/tcp/{}] {}"


def nccl(kind, code, last):
    return dist.DistBackendError(NCCL.format(kind, code, last))


def gloo(file, text):
    return RuntimeError(GLOO.format(file, text))


LOST = {
    "nccl remote": (
        nccl("remote process exited or there was a network error", REMOTE, "socketProgressOpt: Call to recv failed"),
        "ncclRemoteError: A call failed possibly due to a network error or a remote process exiting prematurely. "
        "socketProgressOpt: Call to recv failed",
    ),
    "nccl internal": (
        nccl("internal error", "ncclInternalError: Internal check failed.", "Net : Connection closed by remote peer b"),
        "ncclInternalError: Internal check failed. Net : Connection closed by remote peer b",
    ),
    "nccl aborted": (
        dist.DistBackendError("NCCL communicator was aborted on rank 1. "),
        "NCCL communicator was aborted on rank 1. ",
    ),
    "nccl slow": (
        dist.DistBackendError(
            "[Rank 0] Watchdog caught collective operation timeout: WorkNCCL(SeqNum=4) ran for 600081"
        ),
        "[Rank 0] Watchdog caught collective operation timeout: WorkNCCL(SeqNum=4) ran for 600081",
    ),
    "gloo reset": (
        gloo(
            "pair.cc:537",
            "Read error [127.0.0.1]:54987: Connection reset by peer. This is typically caused by a remote worker",
        ),
        "Read error [127.0.0.1]:54987: Connection reset by peer",
    ),
    "gloo closed": (
        gloo("pair.cc:553", "Connection closed by peer [10.0.0.2]:61632"),
        "Connection closed by peer [10.0.0.2]:61632",
    ),
    "gloo slow": (
        gloo("unbound_buffer.cc:78", "Timed out waiting 600000ms for recv operation to complete"),
        "Timed out waiting 600000ms for recv operation to complete",
    ),
    "never came": (
        dist.DistStoreError("wait timeout after 600000ms, keys: /default_pg/0//cpu//0/1"),
        "wait timeout after 600000ms, keys: /default_pg/0//cpu//0/1",
    ),
    "no server": (
        dist.DistNetworkError(
            "The client socket has timed out after 2000ms while trying to connect to (10.0.0.1, 29500)."
        ),
        "The client socket has timed out after 2000ms while trying to connect to (10.0.0.1, 29500).",
    ),
}


@pytest.mark.parametrize("case", LOST)
def test_a_process_that_is_gone_is_told_as_lost(case):
    error, shown = LOST[case]
    with pytest.raises(PeerLostError) as caught, report_exchange_errors():
        raise error
    wanted = f"processes: another one has ended or cannot be reached; got {shown}; the same command continues from "
    assert str(caught.value).startswith(wanted)
    assert caught.value.__cause__ is error


def test_where_gloo_cannot_connect_the_line_names_the_setting_of_its_interface():
    text = "Gloo connectFullMesh failed with " + GLOO.format(
        "pair.cc:152", "timed out connecting: refused, remote=[127.0.0.1]:1"
    )
    message = r"; on several machines set GLOO_SOCKET_IFNAME to the interface that reaches the others; the same"
    with pytest.raises(PeerLostError, match=message), report_exchange_errors():
        raise RuntimeError(text)


DUPLICATE = "Duplicate GPU detected : rank 1 and rank 0 both on CUDA device 10"
VERSIONS = "Mismatched NCCL version detected : rank 1 version 22705 rank 0 version 22703"
SETTINGS = {
    "one GPU": (
        nccl("invalid usage", USAGE, DUPLICATE),
        f"processes: two of them use one GPU; got {DUPLICATE}; start no",
    ),
    "versions": (
        nccl("invalid usage", USAGE, VERSIONS),
        f"processes: have different versions of NCCL; got {VERSIONS}; install the same version",
    ),
    "nccl's interface": (
        nccl("unhandled system error", SYSTEM, "Bootstrap : no socket interface found"),
        "NCCL_SOCKET_IFNAME: names no network interface; got Bootstrap : no socket interface found; set it to",
    ),
    "another error of nccl": (
        nccl("unhandled cuda error", CUDA, "Cuda failure 1 'invalid argument'"),
        f"NCCL: cannot exchange gradients; got {CUDA} Cuda failure 1 'invalid argument'; NCCL_DEBUG=WARN makes",
    ),
    "no nccl": (
        RuntimeError("Distributed package doesn't have NCCL built in"),
        "processes: cannot exchange gradients between GPUs, as this torch has no NCCL; install a build",
    ),
    "port": (
        dist.DistNetworkError("The server socket has failed to listen. port: 29500, code: -98, name: EADDRINUSE"),
        "MASTER_PORT: is in use on this machine; got The server socket has failed",
    ),
    "gloo's interface": (
        RuntimeError(
            "[enforce fail at /gloo/gloo/transport/tcp/device.cc:84] ifa != nullptr. Unable to find address for: eth7"
        ),
        "GLOO_SOCKET_IFNAME: names no network interface; got eth7; name one that `ip address` lists",
    ),
}


@pytest.mark.parametrize("case", SETTINGS)
def test_settings_that_do_not_work_are_told_as_such(case):
    error, line = SETTINGS[case]
    with pytest.raises(ResumableError) as caught, report_exchange_errors():
        raise error
    assert not isinstance(caught.value, PeerLostError)
    assert str(caught.value).startswith(line)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
        nccl("unhandled cuda error", CUDA, "Cuda failure 2 'out of memory'"),
    ],
    ids=["torch", "nccl"],
)
def test_memory_that_runs_out_is_told_as_that(error):
    message = r"^training: memory ran out; got .*out of memory"
    with pytest.raises(ResumableError, match=message) as caught, report_out_of_memory(), report_exchange_errors():
        raise error
    assert not isinstance(caught.value, PeerLostError)


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("Expected all tensors to be on the same device, but found at least two devices, cuda:0 and cpu!"),
        RuntimeError("CUDA error: device-side assert triggered"),
        RuntimeError("Invalid scalar type"),
        RuntimeError("No backend type associated with device type cuda"),
        RuntimeError("[enforce fail at /gloo/gloo/transport/tcp/pair.cc:456] op.preamble.length <= op.nbytes. 8 vs 4."),
        RuntimeError(""),
        ValueError("Connection closed by peer"),
    ],
)
def test_an_error_of_the_code_keeps_its_traceback(error):
    with pytest.raises(type(error)) as caught, report_exchange_errors():
        raise error
    assert caught.value is error
