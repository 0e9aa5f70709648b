"""Shards: the same bytes however the rows are written, and errors for what is missing or damaged."""

import hashlib
import json

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from textrnn.common.integrity.checksums import file_sha256
from textrnn.common.storage import shards as module
from textrnn.common.storage.padded_rows import PaddedRows
from textrnn.common.storage.parsed_rows import ParsedRows
from textrnn.common.storage.shards import Shard, ShardReader, ShardWriter, write_index
from textrnn.errors import UserError

SCHEMA = ParsedRows.schema("tag")
ROWS = [
    {"row": row, "tokens": [chr(0x4E00 + row + at) for at in range(row % 4)], "tags": [row % 7] * (row % 4)}
    for row in range(23)
]


@pytest.fixture(autouse=True)
def _small_shards(monkeypatch):
    """Shards of 8 rows in batches of 4."""
    monkeypatch.setattr(module, "ROWS_PER_SHARD", 8)
    monkeypatch.setattr(module, "ROWS_PER_BATCH", 4)


def split_rows(rows, sizes):
    """The rows as record batches of the given sizes, repeated until the rows end."""
    start = turn = 0
    while start < len(rows):
        size = sizes[turn % len(sizes)]
        yield pa.RecordBatch.from_pylist(rows[start : start + size], schema=SCHEMA)
        start, turn = start + size, turn + 1


def write(folder, rows=ROWS, sizes=(5,), split="train", **options):
    folder.mkdir(exist_ok=True)
    with ShardWriter(folder, split, SCHEMA, **options) as writer:
        for batch in split_rows(rows, sizes):
            writer.write(batch)
    return writer.shards


def bytes_of(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def read_rows(folder, split="train"):
    return [row for batch in ShardReader(folder, "parsed").batches(split) for row in batch.to_pylist()]


@pytest.fixture
def folder(tmp_path):
    written = write(tmp_path / "out")
    write_index(tmp_path / "out", "parsed", written, task="tag")
    return tmp_path / "out"


def test_rows_come_back_in_order(folder):
    assert read_rows(folder) == ROWS


def test_shards_and_batches_rotate(folder):
    shards = ShardReader(folder, "parsed").shards
    assert [(shard.file, shard.split, shard.rows, shard.width) for shard in shards] == [
        ("train-00000.arrow", "train", 8, None),
        ("train-00001.arrow", "train", 8, None),
        ("train-00002.arrow", "train", 7, None),
    ]
    sizes = [batch.num_rows for batch in ShardReader(folder, "parsed").batches("train")]
    assert sizes == [4, 4, 4, 4, 4, 3]


def test_no_empty_shard_after_a_full_one(tmp_path):
    assert [shard.rows for shard in write(tmp_path / "out", ROWS[:16])] == [8, 8]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 30), min_size=1, max_size=6))
def test_bytes_do_not_depend_on_the_sizes_of_batches(tmp_path_factory, sizes):
    one, other = tmp_path_factory.mktemp("one"), tmp_path_factory.mktemp("other")
    assert write(one, sizes=sizes) == write(other, sizes=(23,))
    assert bytes_of(one) == bytes_of(other)


def test_bytes_do_not_depend_on_slices_filters_and_empty_batches(tmp_path):
    write(tmp_path / "plain")
    (tmp_path / "cut").mkdir()
    doubled = pa.RecordBatch.from_pylist([row for row in ROWS for _ in range(2)], schema=SCHEMA)
    with ShardWriter(tmp_path / "cut", "train", SCHEMA) as writer:
        writer.write(doubled.slice(0, 0))
        writer.write(doubled.slice(0, 20).filter(pa.array([True, False] * 10)))
        writer.write(doubled.slice(20, 26).filter(pa.array([False, True] * 13)))
    assert bytes_of(tmp_path / "cut") == bytes_of(tmp_path / "plain")


def test_checksum_is_that_of_the_file(folder):
    for shard in ShardReader(folder, "parsed").shards:
        assert shard.sha256 == hashlib.sha256((folder / shard.file).read_bytes()).hexdigest()
        assert shard.sha256 == file_sha256(folder / shard.file)


def test_empty_split_has_one_empty_shard(tmp_path):
    shards = write(tmp_path / "out", [], split="dev")
    assert [(shard.file, shard.rows) for shard in shards] == [("dev-00000.arrow", 0)]
    write_index(tmp_path / "out", "parsed", shards)
    reader = ShardReader(tmp_path / "out", "parsed")
    assert read_rows(tmp_path / "out", "dev") == []
    assert reader.rows("dev") == 0
    assert reader.open(shards[0]).schema == SCHEMA


def test_splits_and_widths_are_kept_apart(tmp_path):
    out = tmp_path / "out"
    shards = write(out, ROWS[:9], width=16) + write(out, ROWS[9:], split="test", width=128)
    assert [shard.file for shard in shards] == [
        "train-00016-00000.arrow",
        "train-00016-00001.arrow",
        "test-00128-00000.arrow",
        "test-00128-00001.arrow",
    ]
    write_index(out, "parsed", shards, task="tag", labels=["O", "字"])
    reader = ShardReader(out, "parsed")
    assert (reader.rows("train"), reader.rows("test"), reader.rows("dev")) == (9, 14, 0)
    assert read_rows(out, "test") == ROWS[9:]
    assert [shard.width for shard in reader.of("test")] == [128, 128]
    assert (reader.facts["task"], reader.facts["labels"]) == ("tag", ["O", "字"])


def test_first_number_can_be_given(tmp_path):
    assert [shard.file for shard in write(tmp_path / "out", first=7)] == [f"train-0000{i}.arrow" for i in (7, 8, 9)]


def test_opened_without_copying(tmp_path):
    schema = PaddedRows.schema("classify", 3)
    rows = [{"row": row, "ids": [row, row + 1, 0], "length": 2, "label": row % 2} for row in range(6)]
    with ShardWriter(tmp_path, "train", schema) as writer:
        writer.write(pa.RecordBatch.from_pylist(rows, schema=schema))
    write_index(tmp_path, "padded", writer.shards)
    reader = ShardReader(tmp_path, "padded")
    before = pa.total_allocated_bytes()
    table = reader.open(reader.shards[0])
    ids = [chunk.flatten().to_numpy(zero_copy_only=True) for chunk in table["ids"].chunks]
    assert pa.total_allocated_bytes() == before
    assert [row for chunk in ids for row in chunk.reshape(-1, 3).tolist()] == [row["ids"] for row in rows]
    assert table.to_pylist() == rows


def test_failed_block_closes_its_file_and_lists_nothing(tmp_path):
    def fail():
        with writer:
            writer.write(next(split_rows(ROWS, (5,))))
            raise ValueError("stop")

    writer = ShardWriter(tmp_path, "train", SCHEMA)
    with pytest.raises(ValueError, match="stop"):
        fail()
    assert writer.shards == []


def test_missing_index(tmp_path):
    with pytest.raises(UserError, match=r"index\.json: no such file; run the stage that writes .*nowhere$"):
        ShardReader(tmp_path / "nowhere", "parsed")


def test_another_kind(folder):
    with pytest.raises(UserError, match=r"index\.json: is not an index of padded shards; got parsed$"):
        ShardReader(folder, "padded")


def test_another_kind_with_other_fields(folder):
    (folder / "index.json").write_text(json.dumps({"kind": "other", "shards": [{"a": 1}]}))
    with pytest.raises(UserError, match=r"index\.json: is not an index of parsed shards; got other$"):
        ShardReader(folder, "parsed")


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "3",
        "{}",
        '{"kind": "parsed"}',
        '{"kind": "parsed", "shards": 3}',
        '{"kind": "parsed", "shards": [{}]}',
    ],
)
def test_damaged_index(folder, content):
    (folder / "index.json").write_text(content)
    with pytest.raises(UserError, match=r"index\.json: is damaged; got .*; run the stage that writes it$"):
        ShardReader(folder, "parsed")


def test_missing_shard(folder):
    (folder / "train-00001.arrow").unlink()
    with pytest.raises(UserError, match=r"train-00001\.arrow: is listed in the index but missing; run"):
        read_rows(folder)


@pytest.mark.parametrize(
    "damage", [lambda data: data[:-1], lambda data: data + b"\0", lambda data: b"x" + data[1:], None]
)
def test_damaged_shard(folder, damage):
    path = folder / "train-00002.arrow"
    data = path.read_bytes()
    middle = len(data) // 2
    path.write_bytes(damage(data) if damage else data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :])
    reader = ShardReader(folder, "parsed")
    assert reader.open(reader.shards[1]).num_rows == 8
    with pytest.raises(
        UserError, match=r"train-00002\.arrow: is damaged: the shard does not have the index's checksum; run"
    ):
        reader.open(reader.shards[2])


def test_index_is_readable_text(tmp_path):
    write_index(tmp_path, "parsed", [Shard("train-00000.arrow", "train", 2, "ab")], task="tag")
    assert json.loads((tmp_path / "index.json").read_text()) == {
        "kind": "parsed",
        "task": "tag",
        "shards": [{"file": "train-00000.arrow", "split": "train", "rows": 2, "sha256": "ab", "width": None}],
    }


def test_a_stream_has_the_rows_of_the_opened_shard_and_stays_readable(folder):
    reader = ShardReader(folder, "parsed")
    assert len(reader.shards) > 1
    for shard in reader.shards:
        batches = list(reader.stream(shard))  # the pages of the first ones have been released by now
        assert [batch.num_rows for batch in batches] == [len(batch) for batch in reader.open(shard).to_batches()]
        assert pa.Table.from_batches(batches).equals(reader.open(shard))


def sizes_of_batches(folder, shards):
    readers = (pa.ipc.open_file(str(folder / shard.file)) for shard in shards)
    return [[reader.get_batch(at).num_rows for at in range(reader.num_record_batches)] for reader in readers]


LONG = [{"row": row, "tokens": ["x" * (90 if row in (3, 4, 17) else 1)], "tags": [0]} for row in range(23)]


@pytest.mark.parametrize("sizes", [(1,), (3,), (23,), (2, 7)])
def test_batches_of_long_rows_have_fewer_rows(sizes, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "MAX_BATCH_BYTES", 160)
    shards = write(tmp_path / "out", LONG, sizes)
    write_index(tmp_path / "out", "parsed", shards)
    assert read_rows(tmp_path / "out") == LONG
    assert [shard.rows for shard in shards] == [8, 8, 7]  # as of short rows
    assert sizes_of_batches(tmp_path / "out", shards) == [[3, 1, 3, 1], [4, 4], [3, 4]]


def test_a_row_that_is_too_long_has_a_batch_of_its_own(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "MAX_BATCH_BYTES", 1)
    shards = write(tmp_path / "out", LONG)
    assert sizes_of_batches(tmp_path / "out", shards) == [[1] * 8, [1] * 8, [1] * 7]
    monkeypatch.setattr(module, "MAX_BATCH_BYTES", 1 << 28)
    assert sizes_of_batches(tmp_path / "b", write(tmp_path / "b", LONG)) == [[4, 4], [4, 4], [4, 3]]
