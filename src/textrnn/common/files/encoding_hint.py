"""Says what a file is probably encoded in if its bytes are not UTF-8, and the command that converts it."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from textrnn.common.files.latin_encodings import latin_encoding
from textrnn.common.files.lines import compression, read_start
from textrnn.common.files.text_encoding import utf16_without_mark

SAMPLE_BYTES = 1 << 20
GUESS_BYTES = 1 << 16
SAMPLE_WORDS, SAMPLE_LENGTH = 5, 20
WORD = re.compile(r"[^\s,;|:.!?\"()\[\]]+")
FEWEST_BYTES = 4  # that are not ASCII: fewer say nothing
CHINESE = ("gb2312", "gbk", "hz", "gb18030")  # the last one has all of the others, and more of the file may need it
# what short texts of Latin letters that are of no known language are taken for as well
WESTERN = (
    *("cp1252", "cp1254", "cp1257", "cp1258", "cp437", "cp850", "cp858", "hp_roman8", "latin_1", "mac_roman"),
    *("iso8859_9", "iso8859_10", "iso8859_13", "iso8859_14", "iso8859_15", "iso8859_16"),
    *("mac_croatian", "mac_iceland", "mac_romanian", "mac_turkish"),
)
JAPANESE = ("euc_jp", "euc_jis_2004", "euc_jisx0213")
# `utf16_without_mark` knows UTF-16, which short texts of other encodings look like
NEVER_GUESSED = ["utf_16", "utf_16_le", "utf_16_be", "utf_32", "utf_32_le", "utf_32_be", "utf_7"]
UNPACK = {"gz": "gzip -dc", "bz2": "bzip2 -dc"}


def encoding_hint(path: Path, param: str = "text_encoding: ") -> str:
    """What to do if the lines of a file are mostly not UTF-8; empty if they are, or if no guess is good.

    param: how the user sets an encoding, in front of its name.
    """
    text = lines_not_utf8(read_start(path, SAMPLE_BYTES))
    name = likely_encoding(text) if sum(byte > 127 for byte in text) >= FEWEST_BYTES else None
    if name is None:
        return ""
    return f"it is probably {name}: set {param}{name}, or convert it with `{conversion_command(path, name)}`"


def conversion_command(path: Path, encoding: str) -> str:
    """The command that writes a file in UTF-8, beside it."""
    name, packed = path.name, compression(path)
    target = shlex.quote(f"utf8-{name[: -len(packed) - 1] if packed else name}")
    convert = f"iconv -f {encoding} -t utf-8"
    if packed:
        return f"{UNPACK[packed]} {shlex.quote(name)} | {convert} > {target}"
    return f"{convert} {shlex.quote(name)} > {target}"


def lines_not_utf8(start: bytes) -> bytes:
    """The lines of a file's start that are not UTF-8, up to GUESS_BYTES; none if most lines beyond ASCII are."""
    lines = [line for line in start.split(b"\n") if not line.isascii()]
    invalid = [line for line in lines if not _is_utf8(line)]
    return b"".join(line + b"\n" for line in invalid)[:GUESS_BYTES] if 2 * len(invalid) >= len(lines) else b""


def sample_words(text: bytes, encoding: str) -> str:
    """The first few words that an encoding makes of the bytes beyond ASCII, by which a reader sees whether it fits."""
    words = [word[:SAMPLE_LENGTH] for word in WORD.findall(text.decode(encoding, "replace"))]
    return ", ".join(list(dict.fromkeys(word for word in words if not word.isascii()))[:SAMPLE_WORDS])


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def likely_encoding(text: bytes) -> str | None:
    """The encoding that some text is probably in; None if no guess is good."""
    if utf16 := utf16_without_mark(text):
        return utf16
    if _is_chinese(text):
        return "gb18030"
    if latin := latin_encoding(text):
        return latin
    from charset_normalizer import from_bytes  # imports for a tenth of a second what only this error needs

    best = from_bytes(text, steps=10, chunk_size=1024, cp_exclusion=NEVER_GUESSED).best()
    if best is None or best.encoding in ("utf_8", "ascii"):
        return None
    families = ((CHINESE, "gb18030"), (WESTERN, "cp1252"), (JAPANESE, "euc-jp"))
    return next((name for members, name in families if best.encoding in members), best.encoding.replace("_", "-"))


def _is_chinese(text: bytes) -> bool:
    """Whether the bytes are pairs of GB2312: too few characters for statistics are recognised as Chinese too.

    Korean has the same pairs, but only those up to C8; Japanese has kana, which are A4 and A5.
    """
    whole = text[: text.rfind(b"\n") + 1] or text  # the last character may be cut
    try:
        leads = {character.encode("gb2312")[0] for character in whole.decode("gb2312") if not character.isascii()}
    except UnicodeError:
        return False
    return any(0xC8 < lead < 0xD8 for lead in leads) and not leads & {0xA4, 0xA5}
