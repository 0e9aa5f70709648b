"""Two machines, as two network namespaces with a folder each, that train one recipe by the commands of the docs."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from factories.imports import ROOT
from factories.recipes import SPLITS, prepare

pytestmark = pytest.mark.slow

MACHINES = ("first", "second")  # the name of a namespace, of its folder, and of its end of the cable
ADDRESSES = ("10.213.0.1", "10.213.0.2")
TRAIN = ROOT / "pipeline" / "train.py"
CHANGED = {**SPLITS, "train": [([2, 3, 4], 1), *SPLITS["train"][1:]]}


def ip(*arguments):
    subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True)


@pytest.fixture(scope="module")
def network():
    """Two namespaces that a cable connects; their names by machine."""
    if shutil.which("ip") is None or not hasattr(os, "geteuid") or os.geteuid():
        pytest.skip("needs root and the command `ip`")
    names = {machine: f"textrnn-{os.getpid()}-{machine}" for machine in MACHINES}
    try:
        try:
            for name in names.values():
                ip("netns", "add", name)
            first, second = names.values()
            ip("link", "add", "first", "netns", first, "type", "veth", "peer", "name", "second", "netns", second)
            for (machine, name), address in zip(names.items(), ADDRESSES, strict=True):
                ip("-n", name, "address", "add", f"{address}/24", "dev", machine)
                ip("-n", name, "link", "set", "lo", "up")
                ip("-n", name, "link", "set", machine, "up")
        except subprocess.CalledProcessError as error:
            pytest.skip(f"network namespaces cannot be made here: {error.stderr.strip()}")
        yield names
    finally:
        for name in names.values():
            subprocess.run(["ip", "netns", "delete", name], check=False, capture_output=True)


@pytest.fixture
def start(network, tmp_path):
    """A function that starts torchrun on both machines; the recipe's splits on the second one may be others."""
    started = []

    def start(epochs=2, second=SPLITS, restarts=0):
        for rank, (machine, splits) in enumerate(zip(MACHINES, (SPLITS, second), strict=True)):
            folder = tmp_path / machine
            folder.mkdir()
            params = prepare(folder, splits)
            params["train"]["epochs"] = epochs
            (folder / "params.yaml").write_text(json.dumps(params), encoding="utf-8")
            torchrun = [sys.executable, "-m", "torch.distributed.run", "--nnodes=2", "--nproc-per-node=2"]
            if restarts:
                torchrun += ["--rdzv-backend=c10d", f"--rdzv-endpoint={ADDRESSES[0]}:29400", "--rdzv-id=1"]
                torchrun += [f"--rdzv-conf=is_host={int(not rank)}", f"--local-addr={ADDRESSES[rank]}"]
            else:
                torchrun += [f"--node-rank={rank}", f"--master-addr={ADDRESSES[0]}", "--master-port=29500"]
            command = [*torchrun, f"--max-restarts={restarts}", str(TRAIN), "tiny"]
            command = ["ip", "netns", "exec", network[machine], *command]
            with (folder / "out").open("wb") as out:
                process = subprocess.Popen(command, cwd=folder, env=environment(machine), stdout=out, stderr=out)
            started.append(process)
        return started

    yield start
    for process in started:
        process.terminate()  # torchrun ends its workers
    for process in started:
        process.wait(60)


def environment(machine):
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("TEXTRNN_")}
    own = {"TEXTRNN_DEVICE": "cpu", "TEXTRNN_CHECKPOINT_SECONDS": "0", "OMP_NUM_THREADS": "1"}
    return inherited | own | {"GLOO_SOCKET_IFNAME": machine, "TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1"}


def ends(processes):
    return [process.wait(120) for process in processes]


def output(folder):
    return (folder / "out").read_text(encoding="utf-8")


def errors(folder):
    return [line for line in output(folder).splitlines() if line.startswith("error: ")]


def curves(folder):
    with (folder / "metrics" / "tiny" / "curves.csv").open(encoding="utf-8") as file:
        return [(row["step"], row["split"], float(row["loss"]), float(row["accuracy"])) for row in csv.DictReader(file)]


def curves_of_one_process(folder, epochs):
    """Of one process on the first machine's files."""
    alone = folder / "alone"
    shutil.copytree(folder / "first" / "data", alone / "data")
    shutil.copy(folder / "first" / "params.yaml", alone)
    subprocess.run([sys.executable, TRAIN, "tiny"], cwd=alone, env=environment("first"), check=True, timeout=120)
    assert len(curves(alone)) == 2 * epochs
    return curves(alone)


def close(ours, theirs):
    assert [row[:2] for row in ours] == [row[:2] for row in theirs]
    for row, other in zip(ours, theirs, strict=True):
        assert row[2:] == pytest.approx(other[2:], rel=2e-5, abs=2e-6)


def test_two_machines_train_as_one_process_and_only_the_first_writes(start, tmp_path):
    assert ends(start()) == [0, 0], output(tmp_path / "first") + output(tmp_path / "second")
    close(curves(tmp_path / "first"), curves_of_one_process(tmp_path, 2))
    assert (tmp_path / "first" / "models" / "tiny" / "model.safetensors").is_file()
    assert sorted(path.name for path in (tmp_path / "second").iterdir()) == ["data", "encoded", "out", "params.yaml"]
    assert json.loads((tmp_path / "first" / "logs" / "tiny.json").read_text(encoding="utf-8"))["processes"] == 4


def test_a_machine_with_other_data_is_refused_on_each_machine_in_one_line(start, tmp_path):
    assert ends(start(second=CHANGED)) == [1, 1]
    wanted = "error: process 2: has another data/padded/tiny/index.json than process 0; copy params.yaml and "
    for machine in MACHINES:
        (line,) = errors(tmp_path / machine)
        assert line.startswith(wanted)
    assert not (tmp_path / "first" / "models" / "tiny").exists()


def test_a_machine_without_data_says_so(start, tmp_path):
    processes = start()
    shutil.rmtree(tmp_path / "second" / "data" / "padded")  # long before torch is imported
    assert processes[1].wait(60) == 1
    (line,) = errors(tmp_path / "second")
    assert line.startswith("error: data/padded/tiny/index.json: no such file")
    kill_workers(tmp_path / "first")  # they would wait for the others for ten minutes


def test_training_continues_after_the_processes_of_the_other_machine_were_killed(start, tmp_path):
    processes = start(epochs=60, restarts=3)
    wait_for(lambda: steps_saved(tmp_path / "first") >= 5)  # of 300
    assert kill_workers(tmp_path / "second") == 2
    assert ends(processes) == [0, 0], output(tmp_path / "first") + output(tmp_path / "second")
    assert "resumed from step " in output(tmp_path / "first")
    close(curves(tmp_path / "first"), curves_of_one_process(tmp_path, 60))


def steps_saved(folder):
    names = [path.stem for path in folder.glob("models/.textrnn/tiny.*/.finished/step-*.json")]
    return max((int(name.partition("-")[2]) for name in names), default=0)


def wait_for(condition):
    until = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


def kill_workers(folder):
    """Kill all workers of a machine, but not its torchrun; how many there were."""
    killed = 0
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):  # it has ended
            variables = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
            if os.readlink(f"/proc/{pid}/cwd") == str(folder) and any(name.startswith(b"RANK=") for name in variables):
                os.kill(int(pid), signal.SIGKILL)
                killed += 1
    return killed
