"""Write the card of a saved model next to its directory, from the metrics of the earlier stages."""

import json
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import checkout  # noqa: F401  (first: puts this checkout's src on the path)
from textrnn.common.params.params_file import read_params
from textrnn.common.params.sections import get_param
from textrnn.common.storage.shards import file_sha256
from textrnn.errors import UserError
from textrnn.evaluation.card.model_card import CardFacts, render
from textrnn.evaluation.outputs.safetensors_header import count_weights
from textrnn.preparation.artifacts.labels import Labels
from textrnn.stage import output_file, run_stage

PACKAGES = ("torch", "numpy", "pyarrow", "safetensors")
SAMPLE = Path("data/sample")  # what the stage `sample` writes


def read_json(path: Path) -> Any:
    if not path.is_file():
        raise UserError(path, "no such file", do="run the stage that writes it")
    return json.loads(path.read_text(encoding="utf-8"))


def main(recipe: str) -> None:
    params, folder, metrics_folder = read_params(), Path("models") / recipe, Path("metrics")
    config, weights = read_json(folder / "config.json"), folder / "model.safetensors"
    encoding, vectors, lexicon = (
        get_param(params, "recipes", recipe, name) for name in ("encoding", "vectors", "lexicon")
    )
    source, seed = (get_param(params, "data", name) for name in ("source", "seed"))
    origin = {"rows are": "generated, none is real"} if Path(source) == SAMPLE else {}
    origin |= {"data.source": source, "data.seed": seed, "word vectors": vectors}
    origin |= {"vectors of words and pairs": lexicon["vectors"]} if lexicon else {}
    installed = {name: version(name) for name in PACKAGES}
    facts = CardFacts(
        folder=folder.as_posix(),
        config=config,
        labels=Labels.load(folder / "labels.json"),
        weights=count_weights(weights),
        size=weights.stat().st_size,
        sha256=file_sha256(weights),
        data={"encoding": encoding, **get_param(params, "encodings", encoding), **origin},
        padded=read_json(metrics_folder / recipe / "pad.json"),
        encoded=read_json(metrics_folder / encoding / "encode.json"),
        trained=read_json(metrics_folder / recipe / "train.json"),
        scores={split: read_json(metrics_folder / recipe / f"{split}.json") for split in ("dev", "test")},
        training={**get_param(params, "train"), **get_param(params, "recipes", recipe, "train")},
        limits=get_param(params, "limits"),
        versions={"textrnn": config["version"], "python": platform.python_version(), **installed},
    )
    with output_file(folder.with_name(f"{recipe}.md")) as temporary:
        temporary.write_text(render(facts), encoding="utf-8")


if __name__ == "__main__":
    run_stage(main, "recipe")
