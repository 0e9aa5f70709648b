"""Download the published corpora with pooch: every file is verified by its SHA-256 and appears whole or not at all."""

from __future__ import annotations

import dataclasses
import errno
import logging
import lzma
import os
import re
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Collection, Sequence
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

import pooch
import requests

from textrnn.errors import UserError

TIMEOUT_S = (10.0, 60.0)  # to connect, and between two reads
RETRIES = 3  # after the first attempt; pooch waits 1, 2 and 3 seconds before them
CHUNK_SIZE = 1 << 16  # bytes per read

RETRYABLE = (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError)
RETRYABLE_STATUS = 429  # and 500 or above
POOL_PREFIX = re.compile(r"HTTPS?Connection(Pool)?\([^)]*\): ")  # which urllib3 puts before a reason
BAD_ARCHIVE = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, RuntimeError, ValueError, OSError)
UNWRITABLE = (errno.ENOSPC, errno.EACCES, errno.EPERM, errno.EROFS, errno.EDQUOT)  # of the folder, not of an archive

# pooch reports each download on its own logger; the caller reports instead
pooch.get_logger().setLevel(logging.ERROR)


@dataclasses.dataclass(frozen=True)
class CorpusFile:
    """One published file, stored as `<corpus>/<name>`; `sha256` is the checksum of this file.

    With `member`, `url` is a zip archive and the file is its entry of that name, in any folder of the archive.
    """

    corpus: str
    name: str
    url: str
    sha256: str
    member: str | None


# The address contains a commit where a commit with exactly these files is known.
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
    """Return the corpora that can be downloaded, in the order of CORPUS_FILES."""
    return tuple(dict.fromkeys(file.corpus for file in CORPUS_FILES))


def amazon_by_hand(to: Path) -> UserError:
    """Why the Amazon reviews are not downloaded and what to do instead: raised on request, otherwise printed."""
    wrong = 'needs an account: Kaggle, "Amazon Reviews for Sentiment Analysis" by bittlingmayer'
    return UserError("amazon", wrong, do=f"download {' and '.join(AMAZON_FILES)} by hand into {to / 'amazon'}")


def fetch_corpus(corpus: str, to: Path, mirror: str | None) -> list[Path]:
    """Return the paths of a corpus's files in `<to>/<corpus>/`, downloading what is missing or differs.

    With a mirror, every file comes from `<mirror>/<corpus>/<name>` as a plain file. Raises UserError as `fetch_files`.
    """
    files = [file for file in CORPUS_FILES if file.corpus == corpus]
    if mirror is not None:
        base = f"{mirror.rstrip('/')}/{corpus}"
        files = [dataclasses.replace(file, url=f"{base}/{file.name}", member=None) for file in files]
    return fetch_files(files, to / corpus)


def fetch_files(files: Sequence[CorpusFile], folder: Path) -> list[Path]:
    """Return the path of each file in `folder`; a file that is there with the right SHA-256 is not downloaded again.

    Raises UserError for a server that cannot be reached in 1 + RETRIES attempts, an HTTP error, an invalid address, a
    wrong SHA-256, an archive without the member or that cannot be read, and a folder that cannot be written.
    """
    try:
        for file in files:
            if file.member is None:
                _download(file.url, folder, file.name, file.sha256)
        for url in dict.fromkeys(file.url for file in files if file.member is not None):
            _fetch_members(url, [file for file in files if file.url == url], folder)
    except OSError as error:
        cause = error.__cause__ if isinstance(error.__cause__, OSError) else error  # pooch wraps a PermissionError
        do = "make it writable or choose --to"
        raise UserError(cause.filename or folder, "cannot be written", got=cause.strerror or cause, do=do) from error
    return [folder / file.name for file in files]


def _fetch_members(url: str, files: Sequence[CorpusFile], folder: Path) -> None:
    """Download one archive and move its members into `folder`; the archive is not kept."""
    missing = [file for file in files if not _is_complete(folder / file.name, file.sha256)]
    if not missing:
        return
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".archive-", dir=folder) as temporary:
        archive = _download(url, Path(temporary), PurePosixPath(urlsplit(url).path).name, None)
        entries = _unzip(url, archive, {file.member for file in missing})
        for file in missing:
            os.replace(_find_member(file, entries), folder / file.name)


def _is_complete(path: Path, sha256: str) -> bool:
    return path.is_file() and pooch.file_hash(str(path)) == sha256


def _unzip(url: str, archive: Path, members: Collection[str | None]) -> list[Path]:
    """Unpack the entries of these names next to the archive and return their paths in order."""
    try:
        with zipfile.ZipFile(archive) as file:
            names = file.namelist()
        wanted = [name for name in names if PurePosixPath(name).name in members]
        missing = {str(member) for member in members} - {PurePosixPath(name).name for name in wanted}
        if missing:
            got = ", ".join(names) or "an empty archive"
            raise UserError(
                url, f"holds no {', '.join(sorted(missing))}", got=got, do="fetch another copy with --mirror"
            )
        return sorted(map(Path, pooch.Unzip(members=wanted)(str(archive), "download", None)))
    except BAD_ARCHIVE as error:
        if isinstance(error, OSError) and error.errno in UNWRITABLE:
            raise
        do = "fetch another copy with --mirror"
        raise UserError(url, "is not a readable zip archive", got=_reason(error), do=do) from error


def _find_member(file: CorpusFile, entries: Sequence[Path]) -> Path:
    """Return the entry with the file's name and SHA-256, in whichever folder of the archive."""
    hashes = {pooch.file_hash(str(path)): path for path in entries if path.name == file.member}
    if file.sha256 not in hashes:
        raise _wrong_checksum(file.url, file.name, file.sha256, ", ".join(hashes))
    return hashes[file.sha256]


def _wrong_checksum(url: str, name: str, expected: str, got: str) -> UserError:
    do = "nothing was kept; run the same command again, or fetch another copy with --mirror"
    return UserError(url, f"{name} must have sha256 {expected}", got=got, do=do)


class _Downloader:
    """pooch's HTTP downloader, with readable files, and without retries of errors that a retry cannot mend.

    pooch calls it with the path of a temporary file, verifies the SHA-256 and then renames the file.
    """

    def __init__(self) -> None:
        self.sha256 = ""  # of the last file received

    def __call__(self, url: str, output_file: str, store: pooch.Pooch) -> None:
        # Uncompressed in transit, so that the bar and a broken connection are measured in the file's own bytes.
        headers = {"Accept-Encoding": "identity"}
        bar = sys.stderr.isatty()
        download = pooch.HTTPDownloader(progressbar=bar, chunk_size=CHUNK_SIZE, timeout=TIMEOUT_S, headers=headers)
        self.sha256 = ""
        try:
            download(url, output_file, store)
        except requests.RequestException as error:
            if _is_retryable(error):
                raise
            raise _download_error(url, error) from error
        except ValueError as error:  # an address or a header that cannot be one; pooch would take it for a checksum
            raise UserError(url, "cannot be downloaded", got=_reason(error), do="check the address") from error
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(output_file, 0o666 & ~umask)  # a temporary file is readable by its owner alone
        self.sha256 = pooch.file_hash(output_file)


def _download(url: str, folder: Path, name: str, sha256: str | None) -> Path:
    """Return the path of `name` in `folder`, downloaded unless it is there with this SHA-256; None accepts any."""
    registry: dict[str, str | None] = {name: sha256}
    # absolute: pooch would read a leading `~` as the home folder
    store = pooch.Pooch(folder.absolute(), "", registry=registry, urls={name: url}, retry_if_failed=RETRIES)
    downloader = _Downloader()
    try:
        return Path(store.fetch(name, downloader=downloader))
    except requests.RequestException as error:
        raise _download_error(url, error) from error
    except ValueError as error:  # what pooch raises for a wrong checksum
        raise _wrong_checksum(url, name, str(sha256), downloader.sha256 or str(error)) from error


def _is_retryable(error: requests.RequestException) -> bool:
    if isinstance(error, requests.HTTPError):
        status = error.response.status_code
        return status == RETRYABLE_STATUS or status >= 500
    return isinstance(error, RETRYABLE)


def _download_error(url: str, error: requests.RequestException) -> UserError:
    if isinstance(error, requests.HTTPError):
        got, do = f"HTTP {error.response.status_code}", "try later, or fetch another copy with --mirror"
        return UserError(url, "the server refuses the file", got=got, do=do)
    if isinstance(error, RETRYABLE):
        wrong, do = f"cannot be downloaded in {RETRIES + 1} attempts", "check the network connection, or use --mirror"
        return UserError(url, wrong, got=_reason(error), do=do)
    return UserError(url, "cannot be downloaded", got=error, do="check the address")


def _reason(error: BaseException) -> str:
    """Return the innermost cause: requests and urllib3 nest it in exceptions of their own."""
    while nested := [cause for cause in (getattr(error, "reason", None), *error.args) if isinstance(cause, Exception)]:
        error = nested[0]
    return POOL_PREFIX.sub("", str(error)) or type(error).__name__
