"""Finds how much memory the pages of a Parquet file need, from their heads, before any of them is unpacked.

A page is unpacked whole: a file of some kilobytes may have one of 2 GB. What the footer says of a column does not show
that, and pyarrow does not show the heads of pages. They are structs of Thrift's compact protocol.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any, NamedTuple

import pyarrow.parquet as pq

UNPACKED_SIZE, PACKED_SIZE, DATA, DICTIONARY, DATA_2 = 2, 3, 5, 7, 8  # fields of a page's head
VALUES = 1  # a field of each of the last three
ENCODING = {DATA: 2, DATA_2: 4}  # the field with the encoding of the values
CODED = (2, 8)  # encodings by a dictionary
STOP, TRUE, FALSE, BYTE, DOUBLE, BINARY, STRUCT = 0, 1, 2, 3, 7, 8, 12  # types of Thrift
INTEGERS = (4, 5, 6)
MAX_DEPTH = 8
MAX_VARINT_BYTES = 10


class Page(NamedTuple):
    """The bytes of a page when it is unpacked, and how many values it has.

    is_dictionary: its values are those that other pages refer to; is_coded: it is such a page.
    """

    size: int
    values: int
    is_dictionary: bool
    is_coded: bool


class UnknownHead(Exception):  # noqa: N818  (pyarrow decides whether the file is damaged)
    """What should be the head of a page is none."""


def read_pages(file: io.BufferedReader, column: pq.ColumnChunkMetaData) -> Iterator[Page]:
    """Yield the pages of a column of a row group, as far as their heads can be read."""
    starts = [column.dictionary_page_offset, column.data_page_offset]
    at = min(start for start in starts if start)
    end = at + column.total_compressed_size
    try:
        while at < end:
            file.seek(at)
            head = _read_struct(file, MAX_DEPTH)
            kind = next((kind for kind in (DATA, DATA_2, DICTIONARY) if kind in head), None)
            if kind is not None:
                encoding = head[kind].get(ENCODING.get(kind))
                yield Page(int(head[UNPACKED_SIZE]), int(head[kind][VALUES]), kind == DICTIONARY, encoding in CODED)
            if head[PACKED_SIZE] < 0:
                return
            at = file.tell() + head[PACKED_SIZE]
    except (UnknownHead, KeyError, TypeError, AttributeError, OverflowError):  # a field is missing or of another type
        return


def _read_struct(file: io.BufferedReader, depth: int) -> dict[int, Any]:
    """The fields of a struct by number: integers and structs; others are left out."""
    if not depth:
        raise UnknownHead
    fields: dict[int, Any] = {}
    number = 0
    while (head := _read_byte(file)) != STOP:
        number = number + (head >> 4) if head >> 4 else _read_integer(file)
        value = _read_value(file, head & 15, depth)
        if value is not None:
            fields[number] = value
    return fields


def _read_value(file: io.BufferedReader, kind: int, depth: int) -> int | dict[int, Any] | None:
    if kind in INTEGERS:
        return _read_integer(file)
    if kind == STRUCT:
        return _read_struct(file, depth - 1)
    if kind == BINARY:
        file.seek(_read_varint(file), io.SEEK_CUR)
    elif kind in (BYTE, DOUBLE):
        file.seek(1 if kind == BYTE else 8, io.SEEK_CUR)
    elif kind not in (TRUE, FALSE):  # no head has a list, a set or a map
        raise UnknownHead
    return None


def _read_integer(file: io.BufferedReader) -> int:
    """A signed number, of which the last bit is the sign."""
    value = _read_varint(file)
    return value >> 1 ^ -(value & 1)


def _read_varint(file: io.BufferedReader) -> int:
    value = 0
    for place in range(MAX_VARINT_BYTES):
        byte = _read_byte(file)
        value |= (byte & 127) << 7 * place
        if byte < 128:
            return value
    raise UnknownHead


def _read_byte(file: io.BufferedReader) -> int:
    byte = file.read(1)
    if not byte:
        raise UnknownHead
    return byte[0]
