"""Rows that are held out together, and classes of which training gets none."""

import pytest

from factories.published_files import FASTTEXT
from factories.settings import parse_settings
from textrnn.common.config.parse import HoldOut, Table
from textrnn.common.storage.parsed_rows import ParsedRows
from textrnn.errors import UserError
from textrnn.preparation.parsing.parse import parse


def counts_of(folder, content, write_raw, format, **changes):
    write_raw(folder / "all.csv", content)
    settings = parse_settings(format, files={"train": "all.csv", "test": "all.csv"}, **changes)
    (folder / "out").mkdir()
    return parse(folder, settings, limit=None, out=folder / "out")


def test_the_rows_of_a_line_stay_together(tmp_path, write_raw):
    content = "".join(f"__label__a __label__b text {at}\n__label__a single {at}\n" for at in range(40))
    dev = HoldOut("train", 0.25, 1)
    counts = counts_of(tmp_path, content, write_raw, "fasttext", dev=dev, several_labels="each")
    rows = ParsedRows.read(tmp_path / "out")
    texts = {
        split: [row for batch in rows.batches(split) for row in batch["text"].to_pylist()] for split in ("train", "dev")
    }
    assert not set(texts["train"]) & set(texts["dev"])
    assert counts["also_in_train"]["dev"] == 0
    assert counts["rows"]["train"] + counts["rows"]["dev"] == 120
    assert 20 < counts["rows"]["dev"] < 40
    with pytest.raises(UserError, match="must be 1 if several_labels: each says which rows belong together"):
        parse_settings("fasttext", files=FASTTEXT.files, dev=HoldOut("train", 0.25, 8), several_labels="each").check(
            "x"
        )


def test_classes_without_rows_in_train_are_named(tmp_path, write_raw):
    rows = "".join(f"text {at},{'ab'[at % 2]},{at}\n" for at in range(40)) + "rare,c,one\nseldom,c,one\n"
    table = Table(text="text", label="label", group="by")
    named = []
    for seed in range(6):
        folder = tmp_path / str(seed)
        folder.mkdir()
        dev = HoldOut("train", 0.5, 1)
        counts = counts_of(folder, "text,label,by\n" + rows, write_raw, "table", dev=dev, table=table, seed=seed)
        texts = {row for batch in ParsedRows.read(folder / "out").batches("dev") for row in batch["text"].to_pylist()}
        named.append(counts.get("labels_without_train_rows"))
        assert named[-1] == (["c"] if "rare" in texts else None)
    assert ["c"] in named
    assert None in named


@pytest.mark.parametrize(
    ("types", "missing"), [({"PER": "p", "LOC": "l", "ORG": "o"}, ["l"]), ({"PER": "p", "ORG": "o"}, None)]
)
def test_entity_types_without_rows_in_train_are_named(tmp_path, write_raw, types, missing):
    content = "a\tO\nb\tB-PER\n\nc\tB-ORG\n\n"
    dev = {"files": {"train": "all.csv", "dev": "all.csv", "test": "all.csv"}}
    write_raw(tmp_path / "all.csv", content)
    (tmp_path / "out").mkdir()
    counts = parse(tmp_path, parse_settings("bio", classes=types, **dev), limit=None, out=tmp_path / "out")
    assert counts.get("labels_without_train_rows") == missing
