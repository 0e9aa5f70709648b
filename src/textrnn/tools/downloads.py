"""Where the published corpora are, and how a file of them comes: resumed, checked by sha256, whole or not at all."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import shutil
import sys
import time
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

import requests
from tqdm import tqdm

from textrnn.errors import UserError

TIMEOUT_S = (10.0, 60.0)  # to connect, and between two pieces
PAUSE_S = 1.0  # before the second attempt; doubled before each further one
PIECE = 1 << 14  # bytes; what a broken connection loses at most

BROKEN = (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError)
BAD_ARCHIVE = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError)  # the last: a password or an unknown method


@dataclasses.dataclass(frozen=True)
class CorpusFile:
    """One published file: kept as `<corpus>/<name>`, whose bytes have this sha256.

    With `member`, `url` is a zip archive and the file is its entry of that name, in whichever folder of the archive.
    """

    corpus: str
    name: str
    url: str
    sha256: str
    member: str | None


# The commit is part of the address where one that holds the very files is known.
_THUCNEWS = "https://raw.githubusercontent.com/649453932/Chinese-Text-Classification-Pytorch/master/THUCNews/data"
_NAMES = "https://raw.githubusercontent.com/hunkim/PyTorchZeroToAll/8440894e621e3922a394da25b4a0806bdabee21c/data"
_MSRA = "https://raw.githubusercontent.com/zhooufeng/Data/8994cd154fded0ae3ba9a9749f904aa644949e2e/MSRA.zip"


def _plain(corpus: str, base: str, name: str, sha256: str) -> CorpusFile:
    return CorpusFile(corpus, name, f"{base}/{name}", sha256, None)


def _msra(name: str, sha256: str) -> CorpusFile:
    return CorpusFile("msra", name, _MSRA, sha256, name)


CORPUS_FILES: tuple[CorpusFile, ...] = (
    _plain("thucnews", _THUCNEWS, "train.txt", "ba6fcbbb8fb809a9eb2be443b6b4db533c147861d94ebe0931b8c6092d8abe94"),
    _plain("thucnews", _THUCNEWS, "dev.txt", "6ed73aa2c57ee1560c8f76570d48735c4b1c29ae4983fe3523d56e115813e175"),
    _plain("thucnews", _THUCNEWS, "test.txt", "ebecc8c896635ad69730083ca7b81d37c42c9a5779bc05c9d2479d894e34f026"),
    _plain("thucnews", _THUCNEWS, "class.txt", "005e8813ad639c219e5902dc84889202b4a717b4238497d26c3fbd5e43927a86"),
    _plain("names", _NAMES, "names_train.csv.gz", "49b4bf41dce5bfeac989b46ca37cf7baccd9a0d2a855df82f86de67a9376268f"),
    _plain("names", _NAMES, "names_test.csv.gz", "57d7758db533a42c99d513b2341a7e7b0f55c1e0e7d233b1ef6a4fa2f1adf753"),
    _msra("msra_train_bio.txt", "4f7f24a28b6a5377a768eb740f6e4cc8df37cd5fe06777d0279c7180948d233b"),
    _msra("msra_test_bio.txt", "2be8e580bcb22e9086e4403d82a7ec0f6e18019ebef35b0fd52941724bdf89a3"),
)

AMAZON_FILES = ("train.ft.txt.bz2", "test.ft.txt.bz2")


def corpora() -> tuple[str, ...]:
    """The corpora that can be fetched, in the order of SOURCES."""
    return tuple(dict.fromkeys(source.corpus for source in CORPUS_FILES))


def amazon_by_hand(to: Path) -> UserError:
    """Why the Amazon reviews are not fetched and what to do instead: raised when asked for, else printed as a note."""
    wrong = 'needs an account: Kaggle, "Amazon Reviews for Sentiment Analysis" by bittlingmayer'
    return UserError("amazon", wrong, do=f"download {' and '.join(AMAZON_FILES)} by hand into {to / 'amazon'}")


def fetch_corpus(corpus: str, to: Path, mirror: str | None) -> list[Path]:
    """Every file of a corpus in `<to>/<corpus>/`; with a mirror, from `<mirror>/<corpus>/<name>` as plain files.

    Raises UserError as `fetch` does.
    """
    folder = to / corpus
    sources = [source for source in CORPUS_FILES if source.corpus == corpus]
    if mirror is not None:
        base = f"{mirror.rstrip('/')}/{corpus}"
        sources = [dataclasses.replace(each, url=f"{base}/{each.name}", member=None) for each in sources]
    fetched = [fetch(source, folder) for source in sources]
    for source in sources:
        if source.member is not None:
            _archive(source, folder).unlink(missing_ok=True)
    return fetched


def fetch(source: CorpusFile, folder: Path, *, attempts: int = 4) -> Path:
    """The path of the source's file in `folder`, downloaded unless it is there with the right sha256.

    What has come of a broken download stays as `<name>.part` and is continued. An archive stays beside its member,
    for the other members to come from. Raises UserError for a connection broken `attempts` times, an HTTP error, an
    archive without the member, a wrong sha256 (nothing is kept then) or a folder that cannot be written.
    """
    target = folder / source.name
    try:
        if target.is_file() and _sha256(target) == source.sha256:
            return target
        folder.mkdir(parents=True, exist_ok=True)
        part = _part(target)
        if source.member is None:
            _download(source.url, target, attempts)
        else:
            archive = _archive(source, folder)
            if not archive.is_file():
                _download(source.url, archive, attempts)
                os.replace(_part(archive), archive)
            _extract(archive, source.member, part)
        _accept(source, part, target)
    except OSError as error:
        wrong = "cannot be written"
        raise UserError(error.filename or folder, wrong, got=error.strerror, do="mend it or choose --to") from error
    return target


def _accept(source: CorpusFile, part: Path, target: Path) -> None:
    got = _sha256(part)
    if got != source.sha256:
        part.unlink()
        if source.member is not None:
            _archive(source, target.parent).unlink()
        do = "what came was removed; run the same command again, or fetch another copy with --mirror"
        raise UserError(source.url, f"{source.name} must have sha256 {source.sha256}", got=got, do=do)
    os.replace(part, target)


def _part(target: Path) -> Path:
    return target.with_name(f"{target.name}.part")


def _archive(source: CorpusFile, folder: Path) -> Path:
    return folder / PurePosixPath(urlsplit(source.url).path).name


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _download(url: str, target: Path, attempts: int) -> None:
    for attempt in range(attempts):
        if attempt:
            time.sleep(PAUSE_S * 2 ** (attempt - 1))
        try:
            broken = _receive(url, target)
        except requests.RequestException as error:
            raise UserError(url, "cannot be fetched", got=error, do="check the address") from error
        if broken is None:
            return
    part = _part(target)
    size = part.stat().st_size if part.exists() else 0
    do = f"{part} holds {size:,} bytes; the same command continues from there"
    raise UserError(url, f"connection broken {attempts} times", got=broken, do=do)


def _receive(url: str, target: Path) -> str | None:
    """One request, its bytes added to the `.part` file: None when that is whole, else why to ask again."""
    part = _part(target)
    start = part.stat().st_size if part.exists() else 0
    # Not compressed on the way: a range must count the file's own bytes.
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={start}-"} if start else {})
    try:
        with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT_S) as response:
            status, served = response.status_code, response.headers.get("Content-Range", "")
            if start and status == 416 and served == f"bytes */{start}":
                return None
            if start and status in (206, 416) and not served.startswith(f"bytes {start}-"):
                part.unlink()
                return f"another range than asked for ({served or 'none'})"
            if status not in (200, 206):
                do = f"try later, fetch another copy with --mirror, or put it at {target} by hand"
                raise UserError(url, "the server refuses the file", got=f"HTTP {status}", do=do)
            _write(response, part, start if status == 206 else 0)
    except BROKEN as error:
        return _reason(error)
    return None


def _write(response: requests.Response, part: Path, start: int) -> None:
    length = response.headers.get("Content-Length", "")
    total = start + int(length) if length.isdigit() else None
    bar = tqdm(
        desc=part.stem,
        total=total,
        initial=start,
        unit="B",
        unit_scale=True,
        dynamic_ncols=True,
        leave=False,
        disable=not sys.stderr.isatty(),
    )
    with part.open("ab" if start else "wb") as file, bar:
        for piece in response.iter_content(PIECE):
            file.write(piece)
            bar.update(len(piece))


def _reason(error: Exception) -> str:
    # The text wraps the cause in the library's own objects; the cause comes last.
    return str(error).rsplit(": ", 1)[-1].strip("'\")> ") or type(error).__name__


def _extract(archive: Path, member: str, part: Path) -> None:
    try:
        with zipfile.ZipFile(archive) as files:
            names = files.namelist()
            found = next((name for name in names if PurePosixPath(name).name == member), None)
            if found is not None:
                with files.open(found) as packed, part.open("wb") as file:
                    shutil.copyfileobj(packed, file)
                return
        wrong, got = f"holds no {member}", ", ".join(names)
    except BAD_ARCHIVE as error:
        part.unlink(missing_ok=True)
        wrong, got = "is no readable zip archive", str(error)
    archive.unlink()
    raise UserError(archive, wrong, got=got, do="it was removed; fetch another copy with --mirror")
