"""Encodings of text files: found by the mark, given, or guessed for an error message."""

import bz2
import gzip
import io
import lzma
import tarfile

import numpy as np
import pytest

import textrnn.common.files.lines
from textrnn.common.files.encoding_hint import encoding_hint, likely_encoding
from textrnn.common.files.lines import read_lines
from textrnn.common.files.text_encoding import utf16_without_mark
from textrnn.errors import UserError

TEXT = "今天股市上涨\t0\r\n球队赢得比赛\t1\n😀 é\t0\n"
LINES = [(1, "今天股市上涨\t0".encode()), (2, "球队赢得比赛\t1".encode()), (3, "😀 é\t0".encode())]


@pytest.mark.parametrize("chunk_bytes", [1, 3, 1 << 20])
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-be", "utf-32", "utf-32-be"])
def test_the_mark_says_the_encoding(tmp_path, monkeypatch, encoding, chunk_bytes):
    monkeypatch.setattr(textrnn.common.files.lines, "CHUNK_BYTES", chunk_bytes)
    content = TEXT.encode(encoding)
    if encoding.endswith("be"):
        content = "\ufeff".encode(encoding) + content
    (tmp_path / "a.txt").write_bytes(content)
    (tmp_path / "a.txt.GZ").write_bytes(gzip.compress(content))
    (tmp_path / "a.txt.Bz2").write_bytes(bz2.compress(content))
    for name in ("a.txt", "a.txt.GZ", "a.txt.Bz2"):
        assert list(read_lines(tmp_path / name)) == LINES
        assert list(read_lines(tmp_path / name, "gb18030")) == LINES  # the mark takes precedence


@pytest.mark.parametrize("chunk_bytes", [1, 5, 1 << 20])
@pytest.mark.parametrize("encoding", ["gb18030", "utf-16-le", "utf-8", "UTF8"])
def test_an_encoding_that_is_given(tmp_path, monkeypatch, encoding, chunk_bytes):
    monkeypatch.setattr(textrnn.common.files.lines, "CHUNK_BYTES", chunk_bytes)
    (tmp_path / "a.txt").write_bytes(TEXT.encode(encoding))
    assert list(read_lines(tmp_path / "a.txt", encoding)) == LINES


def test_invalid_bytes_stay_invalid_in_their_line(tmp_path):
    good, bad = "今天\n".encode("gb18030"), b"\xff\xfe\xb8\n"
    (tmp_path / "a.txt").write_bytes(good + bad + good)
    lines = [line for _, line in read_lines(tmp_path / "a.txt", "gb18030")]
    assert (lines[0], lines[2]) == ("今天".encode(), "今天".encode())
    with pytest.raises(UnicodeDecodeError):
        lines[1].decode()
    (tmp_path / "b.txt").write_bytes(b"\xff\xfe" + "ab\n".encode("utf-16-le") + b"\x00\xd8c\x00")
    first, second = (line for _, line in read_lines(tmp_path / "b.txt"))
    assert first == b"ab"
    with pytest.raises(UnicodeDecodeError):
        second.decode()


def test_marks_where_files_were_put_together(tmp_path):
    (tmp_path / "a.txt").write_bytes("\ufeffa\n\ufeffb\ufeff\n\ufeff\ufeffc\n\ufeff\tO\n\ufeff\nd".encode())
    expected = ["a", "b\ufeff", "c", "\ufeff\tO", "", "d"]  # one that stands alone before a tab is a token
    assert [line.decode() for _, line in read_lines(tmp_path / "a.txt")] == expected


@pytest.mark.parametrize(
    ("content", "encoding", "message"),
    [
        (
            "text and a label\t1\n".encode("utf-16-le") * 9,
            None,
            "looks like utf-16-le without a byte order mark; set t",
        ),
        (
            "text and a label\t1\n".encode("utf-16-be") * 9,
            None,
            "looks like utf-16-be without a byte order mark; set t",
        ),
        ("好\t0\n开心一整天\t1\n".encode("utf-16-le"), None, "looks like utf-16-le without a byte order mark"),
        ("他一开始最需要一个\n".encode("utf-16-be"), None, "looks like utf-16-be without a byte order mark"),
        ("Москва\tO\n".encode("utf-16-be"), None, "looks like utf-16-be without a byte order mark"),
        ("good café\t1\n".encode(), "gb18030", "is UTF-8, and text_encoding is gb18030"),
        ("good – or not\t1\n".encode(), "cp1252", "is UTF-8, and text_encoding is cp1252"),
        ("好\t1\n".encode(), "gbk", "is UTF-8, and text_encoding is gbk"),
        (TEXT.encode(), "gb18030", r"is UTF-8, and text_encoding is gb18030; set text_encoding: null"),
        (b"PAR1 and so on", None, "is a Parquet file, but its name does not end in .parquet; name it .parquet"),
        (bz2.compress(b"a"), None, r"is compressed with bzip2, but its name does not end in .bz2; add \.bz2 to"),
        (b"\x28\xb5\x2f\xfd", None, "is compressed with zstd; unpack it"),
    ],
)
def test_a_file_that_is_no_text_of_its_encoding(tmp_path, content, encoding, message):
    (tmp_path / "a.txt").write_bytes(content)
    with pytest.raises(UserError, match=rf"a\.txt: {message}"):
        list(read_lines(tmp_path / "a.txt", encoding))


@pytest.mark.parametrize("text", ["楼\t1\n", "2楼 4楼\n", "café\n", "T恤\n"])
def test_few_characters_of_gb18030_are_read_as_such(tmp_path, text):
    (tmp_path / "a.txt").write_bytes(text.encode("gb18030"))
    assert [line.decode() for _, line in read_lines(tmp_path / "a.txt", "gb18030")] == text.splitlines()


def test_few_characters_of_utf16_are_read_as_such(tmp_path):
    text = "A\u80c2B\n"  # whose bytes are valid UTF-8
    content = text.encode("utf-16-le")
    assert not content.decode("utf-8").isascii()
    (tmp_path / "a.txt").write_bytes(content)
    assert [line.decode() for _, line in read_lines(tmp_path / "a.txt", "utf-16-le")] == ["A\u80c2B"]


@pytest.mark.parametrize("chunk_bytes", [100, 1 << 20])
@pytest.mark.parametrize("name", ["a.tgz", "a.tar.gz", "a.tbz2", "a.txt", "a.txt.gz", "a.tar.xz"])
def test_a_tar_archive_is_no_text(tmp_path, monkeypatch, name, chunk_bytes):
    monkeypatch.setattr(textrnn.common.files.lines, "CHUNK_BYTES", chunk_bytes)
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("some.txt"))
    pack = {"gz": gzip.compress, "bz": bz2.compress, "xt": bytes, "xz": lzma.compress}[name.replace("bz2", "bz")[-2:]]
    (tmp_path / name).write_bytes(pack(file.getvalue()))
    with pytest.raises(UserError, match=rf"{name}: is a tar archive; unpack it, and name the file of text in it"):
        list(read_lines(tmp_path / name))


def test_bytes_of_0_alone_make_no_utf16(tmp_path):
    texts = [
        "some English words\0 and more\n",
        "Englishwordswithoutablank\0\n",
        "今天\0股市上涨\n",
        "ª²² 0\tª²²0000 \0\n",
    ]
    texts += ["__label__ª²² 0\t__label__0000 \0\n"]
    for text in texts:
        (tmp_path / "a.txt").write_bytes(text.encode())
        assert [line.decode() + "\n" for _, line in read_lines(tmp_path / "a.txt")] == [text]
    random = bytes(np.random.default_rng(1).integers(0, 256, 4000, np.uint8))
    assert utf16_without_mark(random) is None


GUESSES = {
    "gb18030": "今天股市上涨，投资者信心恢复，球队赢得比赛。",
    "big5": "今天股市上漲，投資者信心恢復，球隊贏得比賽。",
    "cp932": "今日は株価が上がり、投資家の自信が回復しました。カタカナ",
    "euc-jp": "今日は株価が上がり、投資家の自信が回復しました。カタカナ",
    "cp949": "오늘 주식 시장이 상승했습니다. 팀이 경기에서 이겼다",
    "cp1252": "The café was déjà vu, naïve “quotes” – très bien, Müller & Söhne",
    "cp1251": "Сегодня рынок вырос, команда победила",
    "utf-16-le": "some Latin letters, and more of them",
}


@pytest.mark.parametrize("encoding", GUESSES)
@pytest.mark.parametrize("times", [1, 60])
def test_guesses(encoding, times):
    assert likely_encoding(f"{GUESSES[encoding]}\t1\n".encode(encoding) * times) == encoding


def test_a_hint_has_the_command_that_converts(tmp_path):
    content = "体育新闻\n财经新闻\n".encode("gbk")
    names = {
        "a.txt": "iconv -f gb18030 -t utf-8 a.txt > utf8-a.txt",
        "my a.csv.gz": "gzip -dc 'my a.csv.gz' | iconv -f gb18030 -t utf-8 > 'utf8-my a.csv'",
    }
    for name, command in names.items():
        (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
        expected = f"it is probably gb18030: set text_encoding: gb18030, or convert it with `{command}`"
        assert encoding_hint(tmp_path / name) == expected
    (tmp_path / "a.txt").write_bytes("新闻\n".encode() * 3 + content[:9])
    assert encoding_hint(tmp_path / "a.txt") == ""  # most of it is UTF-8
    (tmp_path / "a.txt").write_bytes(b"a\xff\n")
    assert encoding_hint(tmp_path / "a.txt") == ""  # one byte says nothing


CHINESE = "今天股市上涨，投资者信心恢复\t1\n球队赢得比赛。\t0\n"


@pytest.mark.parametrize("order", ["le", "be"])
def test_an_order_of_bytes_that_no_mark_says(tmp_path, order):
    expected = list(enumerate(CHINESE.encode().splitlines(), start=1))
    for encoding in ("utf-16", "UTF_32"):
        (tmp_path / "a.txt").write_bytes(CHINESE.encode(f"{encoding}-{order}"))
        assert list(read_lines(tmp_path / "a.txt", encoding)) == expected
    (tmp_path / "a.txt").write_bytes(CHINESE.encode(f"utf-16-{order}"))
    with pytest.raises(UserError, match=f"looks like utf-16-{order} without a byte order mark; set text_encoding"):
        list(read_lines(tmp_path / "a.txt"))


def test_bytes_that_are_text_in_no_order(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"plain\t1\n" * 9)
    for encoding in ("utf-16", "utf-32"):
        message = f"has no byte order mark, and text_encoding is {encoding}; set text_encoding: {encoding}-le or"
        with pytest.raises(UserError, match=message):
            list(read_lines(tmp_path / "a.txt", encoding))


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "big5", "euc-jp", "utf-16"])
def test_no_other_encoding_is_taken_for_one_without_a_mark(tmp_path, encoding):
    (tmp_path / "a.txt").write_bytes(CHINESE.encode(encoding, "replace"))
    assert len(list(read_lines(tmp_path / "a.txt"))) == 2


@pytest.mark.parametrize("content", ["今\n", "plain text of many words\n" * 4 + "café\n", "one “quote”\n"])
def test_few_characters_show_that_a_file_is_utf8(tmp_path, content):
    (tmp_path / "a.txt").write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match="is UTF-8, and text_encoding is gb18030"):
        list(read_lines(tmp_path / "a.txt", "gb18030"))


@pytest.mark.parametrize("content", ["茅\n", "no one\n", "股市\n"])
def test_few_characters_of_another_encoding(tmp_path, content):
    (tmp_path / "a.txt").write_bytes(content.encode("gb18030"))
    assert list(read_lines(tmp_path / "a.txt", "gb18030")) == [(1, content.strip().encode())]
