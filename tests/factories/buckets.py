"""Buckets of padded rows: numbered, of given rows, or memory-mapped as large splits are."""

from __future__ import annotations

import itertools

import torch

from factories.networks import padded
from textrnn.training.batching.batches import batches
from textrnn.training.batching.buckets import Bucket, MappedBucket, MappedColumn


def bucket(rows, width, side="right"):
    lengths = torch.tensor([len(row) for row in rows])
    return Bucket(torch.arange(len(rows)), padded(rows, width, side).int(), lengths, lengths % 2)


def mapped(whole):
    """The same rows, memory-mapped in two chunks."""
    half = len(whole) // 2
    ids = MappedColumn([whole.ids[:half].numpy(), whole.ids[half:].numpy()])
    row_numbers, lengths, targets = (
        MappedColumn([column.numpy()]) for column in (whole.row_numbers, whole.lengths, whole.targets)
    )
    return MappedBucket(row_numbers, ids, lengths, targets, torch.device("cpu"))


def numbered(*sizes):
    """Buckets of so many rows, of widths 1, 2, ...; rows are numbered from 0 across all buckets."""
    buckets = []
    for width, (first, rows) in enumerate(zip(itertools.accumulate(sizes, initial=0), sizes, strict=False), start=1):
        row_numbers = torch.arange(first, first + rows)
        ids = (10 * row_numbers[:, None] + torch.arange(width)).reshape(rows, width)
        buckets.append(Bucket(row_numbers, ids, torch.full((rows,), width), row_numbers % 3))
    return buckets


def order(buckets, size, **options):
    return [batch.row_numbers.tolist() for batch in batches(buckets, size, **options)]
