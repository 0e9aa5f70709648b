"""The sections `parse` and `train` with everything optional switched off."""

from __future__ import annotations

import dataclasses

from textrnn.common.config.parse import Parse, Table, TagColumns
from textrnn.common.config.train import Train

SETTINGS = Train(
    seed=1,
    batch_size=4,
    batch_tokens=None,
    epochs=1,
    min_steps=None,
    learning_rate=0.01,
    embedding_rate=None,
    weight_decay=0.0,
    decoupled_decay=0.0,
    schedule=None,
    clip_norm=None,
    class_weights=None,
    label_smoothing=0.0,
    sampling=None,
    average=None,
    distill=None,
    adversarial=None,
    evaluate_every=None,
    monitor="loss",
    patience=None,
    time_limit_seconds=None,
    precision="float32",
    shuffle=True,
    drop_last=False,
    refit=False,
)


def settings(**changes):
    return dataclasses.replace(SETTINGS, **changes)


def parse_settings(format, **changes):
    """A corpus of one format without files; dev and test have files of their own."""
    corpus = Parse(
        format=format,
        files={},
        seed=1,
        classes=None,
        rows={},
        dev=None,
        test=None,
        max_rejects=0,
        text_encoding=None,
        table=Table(text="text", label="label"),
        order="text_label",
        several_labels="refuse",
        columns=TagColumns(0, -1),
        scheme=None,
    )
    return dataclasses.replace(corpus, **changes)
