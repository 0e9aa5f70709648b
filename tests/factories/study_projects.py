"""A folder with the settings and the inputs of a study of one variant, of the recipe `tiny`."""

from __future__ import annotations

from factories.recipes import prepare
from textrnn.study.plan.json_files import write_results
from textrnn.study.plan.settings import run_settings, write_settings
from textrnn.study.plan.variants import read_study


def tiny_study(project, splits, **limits):
    """A project with the variant `wide` of the recipe `tiny`, its settings and its inputs."""
    params = prepare(project, splits, **limits)
    values = {
        "evaluate_rows": 6,
        "gradient_rows": 5,
        "cells": {"steps": 1, "batch_size": 1, "input_size": 1, "hidden_size": 1, "repeats": 1, "seeds": 1},
        "small": {"variants": ["wide"], "seeds": 1},
        "variants": {"wide": {"recipe": "tiny", "model": {"hidden_size": 7}, "train": {"epochs": 3}, "seeds": 1}},
    }
    study = read_study(values)
    params["encodings"] = {"letters": {}}
    folder = project / "data" / "study"
    write_settings(make(folder / "settings"), "wide", run_settings(study, params, "wide"))
    inputs = make(folder / "inputs" / "tiny")
    (project / "data" / "padded" / "tiny").rename(inputs / "padded")
    (project / "data" / "embedded" / "tiny").rename(inputs / "embedded")
    write_results(inputs / "inputs.json", {"kept_share": 0.5, "covered_text": 0.0})
    return study, params


def make(folder):
    folder.mkdir(parents=True)
    return folder
