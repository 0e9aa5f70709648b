"""Checksums of folders: what they cover, what they refuse, and that folders without them are read."""

import json

import pyarrow as pa
import pytest

from textrnn.common.integrity.arrow_files import open_arrow
from textrnn.common.integrity.checksums import (
    check_file,
    check_sha256,
    checked_folder,
    copy_checked,
    file_sha256,
    map_content,
    read_content,
    write_checksums,
    write_sibling_checksums,
)
from textrnn.common.integrity.json_files import read_csv, read_json, read_json_lines
from textrnn.errors import DamagedFileError, UserError

READERS = (read_content, map_content, check_file)


@pytest.fixture
def folder(tmp_path):
    with checked_folder(tmp_path / "out") as out:
        (out / "a.txt").write_text("a")
        (out / "空.txt").write_bytes(b"")
        (out / ".hidden").write_text("h")
        (out / "inner").mkdir()
    return tmp_path / "out"


def test_they_are_those_of_the_files(folder):
    sums = json.loads((folder / "checksums.json").read_text(encoding="utf-8"))
    assert sums == {name: file_sha256(folder / name) for name in ("a.txt", "空.txt")}
    assert file_sha256(folder / "a.txt") == "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"
    assert read_content(folder / "a.txt") == b"a"
    assert map_content(folder / "空.txt").size == 0


def test_equal_folders_have_equal_checksums_and_a_folder_without_files_none(tmp_path):
    for name, order in (("one", "ab"), ("other", "ba")):
        with checked_folder(tmp_path / name) as out:
            for file in order:
                (out / file).write_text(file)
    assert (tmp_path / "one" / "checksums.json").read_bytes() == (tmp_path / "other" / "checksums.json").read_bytes()
    with checked_folder(tmp_path / "empty"):
        pass
    assert list((tmp_path / "empty").iterdir()) == []


@pytest.mark.parametrize("read", READERS)
def test_other_bytes_are_refused_by_name(folder, read):
    (folder / "a.txt").write_text("b")
    with pytest.raises(DamagedFileError) as caught:
        read(folder / "a.txt")
    wrong = "is damaged; got content that does not fit its checksum in checksums.json; "
    do = "remove that file if this one was edited on purpose; run the stage that writes it"
    assert str(caught.value) == f"{folder / 'a.txt'}: {wrong}{do}"
    (folder / "checksums.json").unlink()
    read(folder / "a.txt")  # as folders of earlier versions are read


@pytest.mark.parametrize("read", READERS)
def test_a_file_that_is_not_listed_is_refused(folder, read):
    (folder / "b.txt").write_text("a")
    with pytest.raises(DamagedFileError, match=r"b\.txt: is damaged; got checksums\.json does not list it; run"):
        read(folder / "b.txt")


@pytest.mark.parametrize("content", [b"", b"[]", b'{"a.txt": 1}', b"\xff", b"[" * 100_000])
def test_damaged_checksums_are_named(folder, content):
    (folder / "checksums.json").write_bytes(content)
    with pytest.raises(DamagedFileError, match=r"out/checksums\.json: is damaged; got ") as caught:
        read_content(folder / "a.txt")
    assert len(str(caught.value)) < 600


def test_shards_are_left_out_and_files_without_a_folder_have_theirs_beside_them(tmp_path):
    for name in ("a.json", "a.arrow", "b.json"):
        (tmp_path / name).write_text("1")
    write_sibling_checksums((tmp_path / "a.json", tmp_path / "a.arrow"))
    assert set(json.loads((tmp_path / "a.checksums.json").read_text())) == {"a.json", "a.arrow"}
    assert read_json(tmp_path / "b.json", int) == 1
    (tmp_path / "a.json").write_text("2")
    with pytest.raises(DamagedFileError, match=r"a\.json: is damaged; got content that does not fit"):
        read_json(tmp_path / "a.json", int)
    (tmp_path / "folder").mkdir()
    for name in ("a.arrow", "b"):
        (tmp_path / "folder" / name).touch()
    write_checksums(tmp_path / "folder", leave_out=["a.arrow"])
    assert set(json.loads((tmp_path / "folder" / "checksums.json").read_text())) == {"b"}


def test_a_checksum_from_elsewhere(tmp_path):
    (tmp_path / "a").write_text("a")
    check_sha256(tmp_path / "a", file_sha256(tmp_path / "a"), "its marker")
    wrong = "a: is damaged; got content that does not fit its checksum in its marker"
    with pytest.raises(DamagedFileError, match=wrong):
        check_sha256(tmp_path / "a", "0" * 64, "its marker")


def test_a_missing_file_and_a_folder_in_its_place_are_no_files(tmp_path):
    for path in (tmp_path / "no", tmp_path):
        with pytest.raises(UserError, match=r"no such file; run the stage that writes it$"):
            read_content(path)
    with pytest.raises(UserError, match=r"cannot be read; got .*File name too long"):
        read_content(tmp_path / ("x" * 300))


def test_json_lines_and_tables(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"a": "\u2028"}\n{"a": "b"}\n', encoding="utf-8")
    assert read_json_lines(tmp_path / "a.jsonl", dict[str, str]) == [{"a": "\u2028"}, {"a": "b"}]
    with pytest.raises(DamagedFileError, match=r"a\.jsonl: is damaged; got line 1\.a must be a whole number"):
        read_json_lines(tmp_path / "a.jsonl", dict[str, int])
    (tmp_path / "a.csv").write_text('a,"b\nc"\n', encoding="utf-8")
    assert read_csv(tmp_path / "a.csv") == [["a", "b\nc"]]
    (tmp_path / "a.csv").write_bytes(b"\xff")
    with pytest.raises(DamagedFileError, match=r"a\.csv: is damaged; got 'utf-8'"):
        read_csv(tmp_path / "a.csv")


@pytest.mark.parametrize("text", ["NaN", "[Infinity]", '{"a": -Infinity}', "1e999", "{", "[" * 100_000, "9" * 5_000])
def test_what_is_no_json_or_no_finite_number_is_refused(tmp_path, text):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(DamagedFileError, match=r"a\.json: is damaged; got ") as caught:
        read_json(tmp_path / "a.json", dict)
    assert len(str(caught.value)) < 600


def test_arrow_values_are_validated_in_full(tmp_path):
    path, schema = tmp_path / "a.arrow", pa.schema([("token", pa.string())])

    def write(array):
        with pa.ipc.new_file(str(path), pa.schema([("token", array.type)])) as file:
            file.write_table(pa.table([array], names=["token"]))

    def offsets(*numbers):
        return b"".join(number.to_bytes(4, "little") for number in numbers)

    write(pa.array(["ab", "cd"]))
    sound = path.read_bytes()
    for damage in (
        (offsets(0, 2, 4), offsets(0, 2, 10**9)),
        (offsets(0, 2, 4), offsets(0, 5, 4)),
        (b"abcd", b"a\xffcd"),
    ):
        assert sound.count(damage[0]) == 1
        path.write_bytes(sound.replace(*damage))
        with pytest.raises(DamagedFileError, match=r"a\.arrow: is damaged; got "):
            open_arrow(path, schema, "tokens")
    write(pa.array([None, "a"]))
    with pytest.raises(DamagedFileError, match=r"a\.arrow: is damaged; got the column token has nulls"):
        open_arrow(path, schema, "tokens")
    assert open_arrow(path, schema, "tokens", nullable=("token",)).to_pylist() == [{"token": None}, {"token": "a"}]
    write(pa.array([1]))
    with pytest.raises(UserError, match=r"a\.arrow: does not contain tokens; got \['token'\]"):
        open_arrow(path, schema, "tokens")


def test_a_damaged_file_is_not_copied(folder, tmp_path):
    copy_checked(folder / "a.txt", tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == b"a"
    (folder / "a.txt").write_text("b")
    with pytest.raises(DamagedFileError, match=r"a\.txt: is damaged"):
        copy_checked(folder / "a.txt", tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_files_may_be_called_checksums(tmp_path):
    for name in ("checksums", "other"):
        (tmp_path / f"{name}.json").write_text(f'"{name}"')
        write_sibling_checksums([tmp_path / f"{name}.json"])
    assert [read_json(tmp_path / f"{name}.json", str) for name in ("checksums", "other")] == ["checksums", "other"]
    (tmp_path / "other.json").write_text('"changed"')
    with pytest.raises(DamagedFileError, match=r"other\.json: is damaged; got content that does not fit"):
        read_json(tmp_path / "other.json", str)


@pytest.mark.parametrize("target", ["nowhere", "checksums.json"])
def test_checksums_that_are_a_link_to_no_file_are_no_missing_ones(folder, target):
    (folder / "checksums.json").unlink()
    (folder / "checksums.json").symlink_to(target)
    with pytest.raises(DamagedFileError, match=r"checksums\.json: is damaged; got no file, or a link to none"):
        read_content(folder / "a.txt")


def test_half_of_a_surrogate_pair_is_no_text(tmp_path):
    path = tmp_path / "a.json"
    for text, form in (('["\\ud800"]', list[str]), ('{"\\udfff": 1}', dict[str, int])):
        path.write_text(text)
        with pytest.raises(DamagedFileError, match="half of a surrogate pair"):
            read_json(path, form)
    path.write_text('["\\ud83d\\ude00"]')
    assert read_json(path, list[str]) == ["\U0001f600"]
