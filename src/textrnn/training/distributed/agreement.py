"""Check that all processes train the same: on machines without a shared disk, each has a copy of the inputs."""

from __future__ import annotations

import json
from collections.abc import Mapping

import torch

from textrnn.errors import UserError
from textrnn.training.distributed.process_group import ProcessGroup


def check_agreement(group: ProcessGroup, facts: Mapping[str, str]) -> None:
    """Refuse a process whose facts differ from those of process 0; every process calls it.

    facts: a checksum or a value by the name of a file or a setting.
    Raises UserError, the same in all processes, which names one process and what it has that is different.
    """
    if group.world_size == 1:
        return
    first: dict[str, str] = json.loads(group.broadcast_bytes(json.dumps(dict(facts)).encode()))
    names = sorted(first)
    differences = group.all_gather(torch.tensor(_first_difference(names, first, facts))).tolist()
    for rank, index in enumerate(differences):
        if index < 0:
            continue
        what = f"another {names[index]} than" if index < len(names) else "a file that is not among those of"
        do = f"copy params.yaml and data from the machine of process 0 to that of process {rank}"
        do += ", and install the same packages"
        raise UserError(f"process {rank}", f"has {what} process 0", do=do)


def _first_difference(names: list[str], first: Mapping[str, str], facts: Mapping[str, str]) -> int:
    """The index of the first name with another fact; the number of names if there are more facts; -1 if all agree."""
    different = (index for index, name in enumerate(names) if facts.get(name) != first[name])
    return next(different, len(names) if len(facts) > len(names) else -1)
