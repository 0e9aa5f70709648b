"""Texts on which the fast jieba words are compared with jieba's own, and what differs."""

from __future__ import annotations

import bz2
from itertools import islice

from textrnn.preparation.segmentation.jieba_words import cut_batch

BOUNDS = (
    "㏿㐀\u4dbf\u4dc0\u4dff一龥\u9fa6鿕鿖\u9fff\ua000\uf8ff豈\ufaff\ufb00"
    "\U0001ffff𠀀\U0002a6df\U0002f800\U00030000\U0003ffff"
)


def differing(texts, fast, slow):
    return [text for text in texts if fast(text) != slow(text)]


def frames(char):
    tie = f"闸线闸{char}北京大学"  # 闸线 or 线闸: a tie except for rounding, which depends on the rest of the block
    return char, char * 2, f"中{char}国", f"清华{char}{char}大学", f"a{char}b", f"1{char}{char}2.{char}5%{char}", tie


def by_code_points(points, fast, slow):
    """The groups of 16 code points where the two differ, each point alone, doubled and between others."""
    groups = (points[at : at + 16] for at in range(0, len(points), 16))
    texts = (" ".join(frame for point in group for frame in frames(chr(point))) for group in groups)
    return differing(texts, fast, slow)


def headlines(folder, name):
    with (folder / "thucnews" / name).open(encoding="utf-8", newline="\n") as lines:
        return [line.split("\t")[0] for line in lines]


def sentences(folder, name):
    blocks = (folder / "msra" / name).read_text(encoding="utf-8").split("\n\n")
    return ["".join(line.split("\t")[0] for line in block.splitlines()) for block in blocks]


def reviews(folder, name, count):
    with bz2.open(folder / name, "rt", encoding="utf-8", newline="\n") as lines:
        return list(islice(lines, count))


def check(texts, fast, slow):
    assert differing(texts, fast, slow) == []
    assert cut_batch(texts) == [fast(text) for text in texts]
