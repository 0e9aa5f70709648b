"""Write the card of a saved model beside its directory, from what the stages before have measured."""

import json
import math
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

from safetensors import safe_open

import checkout  # noqa: F401  (first: puts this checkout's src on the path)
from textrnn.card import Facts, render
from textrnn.errors import UserError
from textrnn.labels import Labels
from textrnn.params import pick, read_params
from textrnn.shards import file_sha256
from textrnn.stage import output_file, run_stage

PACKAGES = ("torch", "numpy", "pyarrow", "safetensors")


def read(path: Path) -> Any:
    if not path.is_file():
        raise UserError(path, "no such file", do="run the stage that writes it")
    return json.loads(path.read_text(encoding="utf-8"))


def count_weights(path: Path) -> int:
    with safe_open(path, framework="numpy") as weights:
        parts = [weights.get_slice(name) for name in weights.keys()]  # noqa: SIM118  (no mapping)
        return sum(math.prod(part.get_shape()) for part in parts if part.get_dtype() == "F32")


def main(key: str) -> None:
    params, folder, metrics = read_params(), Path("models") / key, Path("metrics")
    config, weights = read(folder / "config.json"), folder / "model.safetensors"
    encoding = pick(params, "recipes", key, "encoding")
    own = metrics / key
    facts = Facts(
        folder=folder.as_posix(),
        config=config,
        labels=Labels.load(folder / "labels.json"),
        weights=count_weights(weights),
        size=weights.stat().st_size,
        sha256=file_sha256(weights),
        data={"encoding": encoding, **pick(params, "encodings", encoding), "data.seed": pick(params, "data", "seed")},
        padded=read(own / "pad.json"),
        encoded=read(metrics / encoding / "encode.json"),
        trained=read(own / "train.json"),
        scores={split: read(own / f"{split}.json") for split in ("dev", "test")},
        training={**pick(params, "train"), **pick(params, "recipes", key, "train")},
        limits=pick(params, "limits"),
        versions={"textrnn": config["version"], "python": platform.python_version()}
        | {name: version(name) for name in PACKAGES},
    )
    with output_file(folder.with_name(f"{key}.md")) as made:
        made.write_text(render(facts), encoding="utf-8")


if __name__ == "__main__":
    run_stage(main, "recipe")
