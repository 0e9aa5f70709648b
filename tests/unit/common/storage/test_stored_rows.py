"""Rows between stages: where they lie, typed facts, the same shards as a plain reader, and damaged indexes."""

import json
from dataclasses import replace

import pyarrow as pa
import pytest

from factories.shards import write_encoded, write_parsed, write_segment_output
from textrnn.common.config.encode import Encode
from textrnn.common.config.pad import Pad
from textrnn.common.config.segment import Segment
from textrnn.common.integrity.arrow_files import open_arrow
from textrnn.common.integrity.json_files import read_json
from textrnn.common.storage.encoded_rows import EncodedRows
from textrnn.common.storage.padded_rows import PaddedFacts, PaddedRows, write_lengths
from textrnn.common.storage.parsed_rows import ParsedFacts, ParsedRows
from textrnn.common.storage.segmented_rows import SegmentedRows
from textrnn.common.storage.shards import Shard, ShardReader, ShardWriter
from textrnn.common.storage.stored_files import write_arrow, write_statistics
from textrnn.common.storage.stored_rows import RowFacts
from textrnn.errors import UserError
from textrnn.preparation.encoding.encode import encode
from textrnn.preparation.padding.pad import pad
from textrnn.preparation.segmentation.segment import segment

LIMITED = {"train": 90, "dev": 10}
PADDED = PaddedFacts("classify", LIMITED, (2, 5), "right", True)


@pytest.fixture
def padded(tmp_path):
    """Rows of two widths, whose facts are PADDED."""
    shards = []
    for width, ids in ((2, [[4, 0], [5, 6]]), (5, [[7, 8, 9, 10, 11]])):
        schema = PaddedRows.schema("classify", width)
        with ShardWriter(tmp_path, "train", schema, width=width) as writer:
            rows = [{"row": at, "ids": row, "length": sum(map(bool, row)), "label": at} for at, row in enumerate(ids)]
            writer.write(pa.RecordBatch.from_pylist(rows, schema=schema))
        shards += writer.shards
    PaddedRows.write_index(tmp_path, shards, PADDED)
    return PaddedRows.read(tmp_path)


def test_rows_lie_where_the_graph_has_them():
    folders = [rows.default_folder("a").as_posix() for rows in (ParsedRows, SegmentedRows, EncodedRows, PaddedRows)]
    assert folders == ["data/parsed/a", "data/segmented/a", "data/encoded/a/ids", "data/padded/a"]


def test_facts_are_read_as_they_were_written(padded, tmp_path):
    assert padded.facts == PADDED
    assert (padded.task, padded.rows_before_limit) == ("classify", {"train": 90, "dev": 10})
    assert (padded.widths, padded.side, padded.truncates) == ((2, 5), "right", True)
    index = json.loads((tmp_path / "index.json").read_text(encoding="utf-8"))
    assert {name: index[name] for name in index if name != "shards"} == {
        "kind": "padded",
        "task": "classify",
        "rows_before_limit": {"train": 90, "dev": 10},
        "widths": [2, 5],
        "side": "right",
        "truncates": True,
    }


def test_rows_are_those_of_a_plain_reader(padded, tmp_path):
    reader = ShardReader(tmp_path, "padded")
    assert padded.folder == reader.folder == tmp_path
    assert padded.shards == reader.shards == padded.of("train")
    assert [(shard.width, shard.rows) for shard in padded.of("train")] == [(2, 2), (5, 1)]
    assert (padded.rows("train"), padded.rows("dev"), padded.of("dev")) == (3, 0, [])
    ids = [[4, 0], [5, 6], [7, 8, 9, 10, 11]]
    assert [row["ids"] for batch in padded.batches("train") for row in batch.to_pylist()] == ids
    narrow = padded.of("train")[0]
    assert padded.open(narrow)["ids"].to_pylist() == ids[:2]
    assert [batch["ids"].to_pylist() for batch in padded.stream(narrow)] == [ids[:2]]


def test_names_of_classes_are_facts(tmp_path):
    parsed = ParsedRows.read(write_parsed(tmp_path / "p", "tag", {"train": []}, ["O", "B-人", "I-人"], {"train": 7}))
    assert (parsed.task, parsed.labels) == ("tag", ("O", "B-人", "I-人"))
    assert parsed.facts == ParsedFacts("tag", {"train": 7}, ("O", "B-人", "I-人"))
    texts = {"train": [(["a"], 0)]}
    segmented = SegmentedRows.read(write_segment_output(tmp_path / "s", "classify", texts, ["no", "yes"]))
    assert segmented.labels == ("no", "yes")
    assert segmented.read_counts().to_pylist() == [{"token": "a", "count": 1}]
    assert segmented.segmentation_file == tmp_path / "s" / "segmentation.json"
    assert EncodedRows.read(write_encoded(tmp_path / "e", "classify", {})).facts == RowFacts("classify", {})


def test_the_checksum_covers_facts_and_shards(padded, tmp_path):
    before = padded.checksum
    PaddedRows.write_index(tmp_path, padded.shards, PADDED)
    assert padded.checksum == before
    PaddedRows.write_index(tmp_path, padded.shards, replace(PADDED, rows_before_limit={}))
    facts_changed = padded.checksum
    PaddedRows.write_index(tmp_path, [*padded.shards, Shard("x", "dev", 1, "ab")], PADDED)
    assert len({before, facts_changed, padded.checksum}) == 3


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"widths": None}, "does not say widths; run the stage that writes it"),
        ({"side": None, "rows_before_limit": None}, "does not say rows_before_limit, side; run the stage that writes"),
        ({"task": None}, "does not say task; run the stage that writes it"),
    ],
)
def test_an_index_without_a_fact_is_refused(padded, tmp_path, changes, message):
    index = json.loads((tmp_path / "index.json").read_text(encoding="utf-8"))
    kept = {name: value for name, value in index.items() if name not in changes}
    (tmp_path / "index.json").write_text(json.dumps(kept), encoding="utf-8")
    with pytest.raises(UserError) as caught:
        PaddedRows.read(tmp_path)
    assert str(caught.value).startswith(f"{tmp_path / 'index.json'}: {message}")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"widths": 5}, r"index\.json\.widths: must be a list; got 5 \(int\)$"),
        ({"widths": [2, "5"]}, r"index\.json\.widths\[1\]: must be a whole number; got '5' \(str\)$"),
        ({"side": "top"}, r"index\.json\.side: must be one of right, left; got 'top' \(str\)$"),
        ({"truncates": 1}, r"index\.json\.truncates: must be true or false; got 1 \(int\)$"),
        ({"task": "translate"}, r"index\.json\.task: must be one of classify, tag; got 'translate' \(str\)$"),
        ({"rows_before_limit": 90}, r"index\.json\.rows_before_limit: must be a mapping; got 90 \(int\)$"),
        ({"rows_before_limit": {"train": "9"}}, r"index\.json\.rows_before_limit\.train: must be a whole number; got"),
    ],
)
def test_an_index_with_a_mistyped_fact_is_refused(padded, tmp_path, changes, message):
    index = json.loads((tmp_path / "index.json").read_text(encoding="utf-8"))
    (tmp_path / "index.json").write_text(json.dumps(index | changes), encoding="utf-8")
    with pytest.raises(UserError, match=message) as caught:
        PaddedRows.read(tmp_path)
    assert "\n" not in str(caught.value)


def test_a_missing_folder_and_another_kind_are_refused(padded, tmp_path):
    with pytest.raises(UserError, match=r"none/index\.json: no such file; run the stage that writes .*none$"):
        PaddedRows.read(tmp_path / "none")
    with pytest.raises(UserError, match=r"index\.json: is not an index of encoded shards; got padded$"):
        EncodedRows.read(tmp_path)


@pytest.mark.parametrize("task", ["classify", "tag"])
def test_schemas_of_a_task_agree(task):
    parsed, segmented, encoded = (rows.schema(task) for rows in (ParsedRows, SegmentedRows, EncodedRows))
    padded = PaddedRows.schema(task, 3)
    assert parsed.names == {"classify": ["row", "text", "label"], "tag": ["row", "tokens", "tags"]}[task]
    assert segmented.names == ["row", "tokens", *parsed.names[2:]]
    assert encoded.names == ["row", "ids", *({"classify": ["label"], "tag": ["tags", "spans"]}[task])]
    assert padded.names == [*encoded.names[:2], "length", *encoded.names[2:]]
    assert padded.field("ids").type == pa.list_(pa.int32(), 3)
    assert {schema.field("row").type for schema in (parsed, segmented, encoded, padded)} == {pa.int64()}


def test_what_a_limit_removed_is_passed_on_to_the_padded_rows(tmp_path):
    rows = {split: [("a b", 0), ("c", 1)] for split in ("train", "dev", "test")}
    parsed = ParsedRows.read(write_parsed(tmp_path / "parsed", "classify", rows, rows_before_limit=LIMITED))
    segmented, encoded, padded = (tmp_path / name for name in ("segmented", "encoded", "padded"))
    for folder in (segmented, encoded, padded):
        folder.mkdir()
    segment(parsed, Segment("tokens", (), None, 0.0, 1, None), punkt_folder=tmp_path, out=segmented)
    settings = Encode(1, None, None)
    encode(SegmentedRows.read(segmented), settings, where="e", ids=encoded, preparation=tmp_path)
    pad(EncodedRows.read(encoded), Pad(2, "left", None), padded)
    assert SegmentedRows.read(segmented).facts == ParsedFacts("classify", LIMITED, ("down", "up"))
    assert EncodedRows.read(encoded).facts == RowFacts("classify", LIMITED)
    assert PaddedRows.read(padded).facts == PaddedFacts("classify", LIMITED, (2,), "left", True)


# single files


def test_statistics_are_read_as_rounded(tmp_path):
    write_statistics(tmp_path, {"width": 3, "share": 1 / 3, "lexicon": {"vectors": None}, "names": ("一", "b")})
    text = (tmp_path / "statistics.json").read_text(encoding="utf-8")
    assert text.startswith('{\n  "width": 3,\n  "share": 0.333333,\n')
    assert read_json(tmp_path / "statistics.json", dict) == {
        "width": 3,
        "share": 0.333333,
        "lexicon": {"vectors": None},
        "names": ["一", "b"],
    }
    with pytest.raises(UserError, match=r"none/statistics\.json: no such file; run the stage that writes it$"):
        read_json(tmp_path / "none" / "statistics.json", dict)


def test_lengths_are_a_table_of_two_columns(tmp_path):
    write_lengths(tmp_path, [(0, 1), (3, 74)])
    assert (tmp_path / "lengths.csv").read_bytes() == b"length,rows\n0,1\n3,74\n"


def test_a_json_file_is_read_whole(tmp_path):
    (tmp_path / "a.json").write_text('{"text": ["字", null]}', encoding="utf-8")
    assert read_json(tmp_path / "a.json", dict) == {"text": ["字", None]}
    with pytest.raises(UserError, match=r"b\.json: no such file; run the stage that writes it$"):
        read_json(tmp_path / "b.json", dict)


def test_arrow_files_are_opened_by_schema(tmp_path):
    table = pa.table({"token": ["a", "b"], "count": [2, 1]})
    path = tmp_path / "t.arrow"
    with pytest.raises(UserError, match=r"t\.arrow: no such file; run the stage that writes it$"):
        open_arrow(path, None, "counts")
    path.write_bytes(b"not arrow")
    with pytest.raises(UserError, match=r"t\.arrow: is not an Arrow file; got .*; run the stage that writes it$"):
        open_arrow(path, table.schema, "counts")
    write_arrow(path, table)
    assert open_arrow(path, table.schema, "counts").equals(table)
    assert open_arrow(path, None, "anything").equals(table)
    with pytest.raises(UserError, match=r"t\.arrow: does not contain numbers; got \['token', 'count'\]$"):
        open_arrow(path, pa.schema([("number", pa.int64())]), "numbers")
