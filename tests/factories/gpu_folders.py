"""What benchmarks/gpu.py packs, in small: a corpus of headlines, and a stub of the tutorials' loop."""

from __future__ import annotations

from pathlib import Path

# the interface of the tutorials' loop in a few lines; the last two ids are the unknown token and padding
LOOP = """
import json, sys

def read_rows(path, limit):
    rows = [line.split("\\t") for line in path.read_text(encoding="utf-8").splitlines()]
    return [(title, int(label)) for title, label in rows[:limit]]

def build_vocab(rows):
    chars = sorted(set("".join(title for title, _ in rows)))
    return {char: index for index, char in enumerate([*chars, "<UNK>", "<PAD>"])}

def encode(rows, vocab, pad_size):
    padded = [([*title[:pad_size]] + ["<PAD>"] * pad_size)[:pad_size] for title, _ in rows]
    return [([vocab[char] for char in chars], label) for chars, (_, label) in zip(padded, rows)]

if __name__ == "__main__":
    print("a line before")
    print(json.dumps({"samples_per_second": 50.0, "arguments": sys.argv[1:]}))
"""
TITLES = ["ab", "cabba", "", "abcabcab", "b", "cc", "acb", "bbbb", "a", "ca"]


def write_originals(folder: Path) -> None:
    """Write the folders `data` (with 10 classes, some words for each) and `yardstick`."""
    data, yardstick = folder / "data" / "thucnews", folder / "yardstick"
    data.mkdir(parents=True)
    yardstick.mkdir()
    for number, (split, rows) in enumerate({"train": 300, "dev": 40, "test": 40}.items()):
        lines = [
            f"{chr(0x4E00 + row % 10)}新闻{chr(0x5000 + (row * 7 + number) % 300)}标题\t{row % 10}"
            for row in range(rows)
        ]
        (data / f"{split}.txt").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    (data / "class.txt").write_text("".join(f"class{number}\n" for number in range(10)), encoding="utf-8")
    (yardstick / "headlines_loop.py").write_text(LOOP, encoding="utf-8")
