"""Ways to damage a file: what disks, copies and people do to bytes, and JSON values of another form."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

Damage = Callable[[bytes, random.Random], bytes]

OTHER_VALUES: tuple[Any, ...] = (None, True, [], {}, "", "x", -1, 0, 10**12, 10**400, 1.5, -0.5, [[]], {"a": {}})


def flip(data: bytes, rng: random.Random) -> bytes:
    """One bit."""
    at = rng.randrange(len(data))
    return data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1 :]


def flip_several(data: bytes, rng: random.Random) -> bytes:
    for _ in range(rng.randint(2, 40)):
        data = flip(data, rng)
    return data


def cut(data: bytes, rng: random.Random) -> bytes:
    return data[: rng.randrange(len(data))]


def insert(data: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(data) + 1)
    return data[:at] + rng.randbytes(rng.choice((1, 3, 8, 64))) + data[at:]


def remove(data: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(data))
    return data[:at] + data[at + rng.choice((1, 4, 8, 64)) :]


def zero(data: bytes, rng: random.Random) -> bytes:
    at, size = rng.randrange(len(data)), rng.choice((8, 64, 512, 4096))
    return data[:at] + bytes(len(data[at : at + size])) + data[at + size :]


def repeat(data: bytes, rng: random.Random) -> bytes:
    at, size = rng.randrange(len(data)), rng.choice((8, 64, 512))
    return data[: at + size] + data[at : at + size] + data[at + size :]


def change_number(data: bytes, rng: random.Random) -> bytes:
    """Eight bytes in a row as a large or a negative number, as lengths and offsets are stored."""
    at = 4 * rng.randrange(len(data) // 4 + 1)
    number = rng.choice((2**31 - 1, 2**31, 2**62, 2**64 - 1, 2**40, 1))
    return (data[:at] + number.to_bytes(8, "little") + data[at + 8 :])[: max(len(data), 1)]


BYTES: tuple[Damage, ...] = (flip, flip, flip, flip_several, cut, insert, remove, zero, repeat, change_number)


def change_value(data: bytes, rng: random.Random) -> bytes:
    """A value of a JSON file in place of another one, of any type, or a key that is lost."""
    values = json.loads(data)
    places = list(_places(values))
    if not places:
        return b"[]"
    container, key = rng.choice(places)
    if isinstance(container, dict) and rng.random() < 0.3:
        del container[key]
    else:
        container[key] = rng.choice(OTHER_VALUES)
    return json.dumps(values, ensure_ascii=False).encode()


def _places(value: Any) -> Any:
    """All places of a value: its containers with their keys."""
    if isinstance(value, (dict, list)):
        for key in list(value) if isinstance(value, dict) else range(min(len(value), 20)):
            yield value, key
            yield from _places(value[key])


def damage_file(path: Path, others: list[Path], rng: random.Random) -> str:
    """Damage a file in one way, or put another one in its place; return the way."""
    data = path.read_bytes()
    ways: list[Damage] = [*BYTES] if data else [insert]
    ways += [change_value] * 8 if path.suffix == ".json" else []
    if others and rng.random() < 0.1:
        other = rng.choice(others)
        path.write_bytes(other.read_bytes())
        return f"{other.name} in place of {path.name}"
    way = rng.choice(ways)
    path.write_bytes(way(data, rng))
    return way.__name__
