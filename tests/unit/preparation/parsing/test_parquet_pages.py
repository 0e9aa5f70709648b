"""Parquet files of few bytes that expand to many: the same rows for whatever is read at once, or an error."""

import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from textrnn.errors import UserError
from textrnn.preparation.parsing.tables import parquet
from textrnn.preparation.parsing.tables.cells import Columns
from textrnn.preparation.parsing.tables.parquet import read_parquet
from textrnn.preparation.parsing.tables.parquet_pages import Page, read_pages

TEXTS = [f"text {at % 700} " + "x" * (at % 50) for at in range(3000)]
LISTS = [[f"t{number}" for number in range(at % 9)] for at in range(3000)]
TABLE = pa.table({"text": TEXTS, "label": [at % 3 for at in range(3000)], "list": LISTS})
WAYS = {
    "default": {},
    "no dictionary": {"use_dictionary": False},
    "small pages": {"data_page_size": 500, "write_batch_size": 50},
    "fallback": {"dictionary_pagesize_limit": 900, "write_batch_size": 20},
    "version 2": {"data_page_version": "2.0", "compression": "zstd", "use_dictionary": False},
    "groups": {"row_group_size": 700, "compression": "gzip"},
    "checksums": {"write_page_checksum": True, "compression": "none"},
}


def write(tmp_path, content=TABLE, **options):
    pq.write_table(content, tmp_path / "a.parquet", **options)
    return tmp_path / "a.parquet"


def rows(path, names=("text", "label", "list"), most=1024):
    return [(row.line, *row.values) for row in read_parquet(path, Columns(names, "here", rows_at_once=most))]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("batch_bytes", [1, 5000, 1 << 27])
def test_what_is_read_at_once_does_not_change_the_rows(way, batch_bytes, tmp_path, monkeypatch):
    monkeypatch.setattr(parquet, "BATCH_BYTES", batch_bytes)
    expected = [(at + 1, text, at % 3, LISTS[at]) for at, text in enumerate(TEXTS)]
    assert rows(write(tmp_path, **WAYS[way])) == expected


@pytest.mark.parametrize("way", WAYS)
def test_the_heads_of_pages_are_those_that_the_file_has(way, tmp_path):
    path = write(tmp_path, **WAYS[way])
    metadata = pq.ParquetFile(path).metadata
    with path.open("rb") as file:
        for group in range(metadata.num_row_groups):
            for at in range(metadata.row_group(group).num_columns):
                column = metadata.row_group(group).column(at)
                pages = list(read_pages(file, column))
                assert sum(page.values for page in pages if not page.is_dictionary) == column.num_values
                heads = column.total_uncompressed_size - sum(page.size for page in pages)
                assert 10 * len(pages) < heads < 200 * len(pages)
                assert any(page.is_dictionary for page in pages) == column.has_dictionary_page
                assert any(page.is_coded for page in pages) == column.has_dictionary_page


def test_fewer_rows_are_read_at_once_if_they_may_be_long(tmp_path, monkeypatch):
    asked = []
    real = pq.ParquetFile.iter_batches
    record = lambda file, size, **options: asked.append(size) or real(file, size, **options)  # noqa: E731
    monkeypatch.setattr(pq.ParquetFile, "iter_batches", record)
    monkeypatch.setattr(parquet, "BATCH_BYTES", 1 << 20)
    once = pa.table({"text": ["y" * 20_000 + str(at) for at in range(30)]})
    coded = pa.DictionaryArray.from_arrays(np.zeros(3000, np.int32), pa.array(["y" * 20_000]))
    rows(write(tmp_path), ("label",))
    rows(
        write(tmp_path, once, dictionary_pagesize_limit=1 << 21), ("text",)
    )  # each text of the dictionary is in one row
    rows(write(tmp_path, pa.table({"text": coded}), store_schema=False), ("text",))
    rows(write(tmp_path, once, use_dictionary=False, write_batch_size=1), ("text",))
    assert asked == [1024, 1024, 52, 52]


def test_a_page_that_is_large_when_it_is_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(parquet, "MAX_PAGE_BYTES", 2 << 20)
    content = pa.table({"text": ["x" * (3 << 20), "y"], "other": ["x" * (3 << 20), "y"], "label": [1, 2]})
    path = write(tmp_path, content, use_dictionary=False, compression="zstd")
    assert path.stat().st_size < 10_000
    message = r'a\.parquet, column "text": has a page of 3 MiB, and 2 is the most; write it again with smaller pages'
    with pytest.raises(UserError, match=message):
        rows(path, ("text", "label"))
    assert rows(path, ("label",)) == [(1, 1), (2, 2)]  # other columns are not read


@pytest.mark.parametrize("values", [["a", "b" * 101, "c"], [["a"], ["b" * 60, "c" * 41], []]])
def test_a_cell_that_is_too_long(values, tmp_path, monkeypatch):
    path = write(tmp_path, pa.table({"text": values}))
    assert [row[1] for row in rows(path, ("text",))] == values
    monkeypatch.setattr(parquet, "MAX_LINE_BYTES", 100)
    with pytest.raises(UserError, match=r'a\.parquet, row 2: "text" has more than 100 characters'):
        rows(path, ("text",), most=2)
    monkeypatch.setattr(parquet, "MAX_LINE_BYTES", 101)
    assert [row[1] for row in rows(path, ("text",))] == values


def test_damaged_heads_end_in_no_traceback(tmp_path):
    path = write(tmp_path, TABLE.slice(0, 50))
    column = pq.ParquetFile(path).metadata.row_group(0).column(0)
    data = path.read_bytes()
    random = np.random.default_rng(1)
    errors = 0
    for _ in range(300):
        changed = bytearray(data)
        for at in random.integers(4, 60, 3):
            changed[at] = random.integers(256)
        assert all(isinstance(page, Page) for page in read_pages(io.BytesIO(changed), column))
        path.write_bytes(changed)
        try:
            rows(path)
        except UserError:
            errors += 1
    assert errors > 100
