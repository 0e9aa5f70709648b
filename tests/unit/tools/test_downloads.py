"""Downloads from a real server on the loopback address: what arrives, what is requested, what remains on disk."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import re
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from factories.imports import ROOT
from textrnn.errors import UserError
from textrnn.tools import downloads
from textrnn.tools.downloads import CorpusFile, fetch_corpus, fetch_files

SCRIPT = ROOT / "pipeline" / "fetch.py"
DATA = bytes(range(256)) * 400  # 102,400 bytes: several chunks
HALF = len(DATA) // 2


class Web:
    """A server's files and behaviour, and the paths requested from it."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.requests: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.broken = 0  # how many responses stop after HALF bytes
        self.statuses: list[int] = []  # error statuses sent before any file
        self.url = ""

    def respond(self, handler: BaseHTTPRequestHandler) -> None:
        self.requests.append(handler.path)
        self.headers.append(dict(handler.headers))
        body = self.files.get(handler.path)
        if self.statuses or body is None:
            handler.send_error(self.statuses.pop(0) if self.statuses else 404)
            return
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        if self.broken:
            self.broken -= 1
            body = body[:HALF]  # HTTP/1.0: the connection closes after it
        handler.wfile.write(body)


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    monkeypatch.setattr("pooch.core.time.sleep", lambda _: None)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    served = Web()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            served.respond(self)

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield served
    server.shutdown()
    thread.join()
    server.server_close()


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def offer(web: Web, data: bytes = DATA) -> CorpusFile:
    web.files["/d/a.txt"] = data
    return CorpusFile("toy", "a.txt", f"{web.url}/d/a.txt", sha256(data), None)


def fetch(source: CorpusFile, folder: Path) -> Path:
    (path,) = fetch_files([source], folder)
    return path


def zipped(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return packed.getvalue()


def listing(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# plain files


def test_a_good_file_arrives_whole_and_alone(
    web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    path = fetch(offer(web), Path("deep/toy"))
    assert path == Path("deep/toy/a.txt")  # as it was given, to be printed
    assert path.read_bytes() == DATA
    assert path.stat().st_mode & 0o777 == 0o644
    assert listing(path.parent) == ["a.txt"]
    assert web.requests == ["/d/a.txt"]
    assert web.headers[0]["Accept-Encoding"] == "identity"
    assert capfd.readouterr() == ("", "")  # neither pooch's log nor a bar


def test_a_terminal_gets_a_progress_bar(
    web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    assert fetch(offer(web), tmp_path).read_bytes() == DATA
    assert "102k/102k" in capsys.readouterr().err


def test_an_empty_file_is_a_file(web: Web, tmp_path: Path) -> None:
    assert fetch(offer(web, b""), tmp_path).read_bytes() == b""


def test_a_file_that_differs_is_replaced_and_a_right_one_is_not_requested(web: Web, tmp_path: Path) -> None:
    source = offer(web)
    (tmp_path / "a.txt").write_bytes(DATA)
    assert fetch(source, tmp_path) == tmp_path / "a.txt"
    assert web.requests == []
    (tmp_path / "a.txt").write_bytes(b"edited")
    assert fetch(source, tmp_path).read_bytes() == DATA
    assert web.requests == ["/d/a.txt"]


def test_a_wrong_checksum_leaves_nothing_behind(web: Web, tmp_path: Path) -> None:
    source = dataclasses.replace(offer(web), sha256="0" * 64)
    with pytest.raises(UserError) as caught:
        fetch(source, tmp_path)
    wanted = f"{source.url}: a.txt must have sha256 {'0' * 64}; got {sha256(DATA)}; nothing was kept; run the same"
    assert str(caught.value).startswith(wanted)
    assert listing(tmp_path) == []
    assert len(web.requests) == 4


def test_a_wrong_download_leaves_the_file_that_is_there(web: Web, tmp_path: Path) -> None:
    source = dataclasses.replace(offer(web), sha256="0" * 64)
    (tmp_path / "a.txt").write_bytes(b"older")
    with pytest.raises(UserError, match="must have sha256"):
        fetch(source, tmp_path)
    assert (tmp_path / "a.txt").read_bytes() == b"older"
    assert listing(tmp_path) == ["a.txt"]


# connections


def test_a_broken_connection_is_tried_again_from_the_start(web: Web, tmp_path: Path) -> None:
    source = offer(web)
    web.broken = 3
    assert fetch(source, tmp_path).read_bytes() == DATA
    assert web.requests == ["/d/a.txt"] * 4
    assert all("Range" not in headers for headers in web.headers)
    assert listing(tmp_path) == ["a.txt"]


def test_a_connection_that_always_breaks(web: Web, tmp_path: Path) -> None:
    source = offer(web)
    web.broken = 4
    with pytest.raises(UserError) as caught:
        fetch(source, tmp_path)
    got = f"IncompleteRead({HALF} bytes read, {HALF} more expected)"
    assert str(caught.value).startswith(f"{source.url}: cannot be downloaded in 4 attempts; got {got}; check the")
    assert listing(tmp_path) == []


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("http://127.0.0.1:1/a.txt", r"Failed to establish a new connection: \[Errno 111\] Connection refused"),
        ("http://no-such-host.invalid/a.txt", r"Failed to resolve 'no-such-host\.invalid' \(\[Errno -\d\] .*\)"),
    ],
    ids=["no server", "offline"],
)
def test_a_server_that_cannot_be_reached(
    web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str, reason: str
) -> None:
    monkeypatch.setenv("NO_PROXY", "*")
    line = rf"{re.escape(address)}: cannot be downloaded in 4 attempts; got {reason}; check the network connection, .*"
    with pytest.raises(UserError) as caught:
        fetch(dataclasses.replace(offer(web), url=address), tmp_path)
    assert re.fullmatch(line, str(caught.value))
    assert listing(tmp_path) == []


def test_a_missing_file_is_requested_once(web: Web, tmp_path: Path) -> None:
    source = dataclasses.replace(offer(web), url=f"{web.url}/gone.txt")
    with pytest.raises(UserError) as caught:
        fetch(source, tmp_path)
    assert str(caught.value).startswith(f"{web.url}/gone.txt: the server refuses the file; got HTTP 404; try later, ")
    assert len(web.requests) == 1
    assert listing(tmp_path) == []


def test_a_busy_server_is_asked_again(web: Web, tmp_path: Path) -> None:
    source = offer(web)
    web.statuses = [503, 429, 500]
    assert fetch(source, tmp_path).read_bytes() == DATA
    assert len(web.requests) == 4
    (tmp_path / "a.txt").unlink()
    web.statuses = [503] * 4
    with pytest.raises(UserError, match="the server refuses the file; got HTTP 503; "):
        fetch(source, tmp_path)
    assert listing(tmp_path) == []


@pytest.mark.parametrize("address", ["nowhere/a.txt", "http://[::1/a.txt", "file:///a.txt", "http:///a.txt"])
def test_an_invalid_address(web: Web, tmp_path: Path, address: str) -> None:
    with pytest.raises(UserError, match=rf"^{re.escape(address)}: cannot be downloaded; got .*; check the address$"):
        fetch(dataclasses.replace(offer(web), url=address), tmp_path)


# folders


def test_a_folder_that_cannot_be_made(web: Web, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for source in (offer(web), member(web, "a.txt", DATA)):
        with pytest.raises(UserError, match=r"file/toy: cannot be written; got Not a directory; make it writable or"):
            fetch(source, tmp_path / "file" / "toy")
    assert web.requests == []


def test_a_folder_in_place_of_the_file(web: Web, tmp_path: Path) -> None:
    (tmp_path / "a.txt").mkdir()
    with pytest.raises(UserError, match=r"a\.txt: cannot be written; got Is a directory"):
        fetch(offer(web), tmp_path)


def test_a_folder_without_permission(web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # permissions do not stop root, so the error is raised by hand, as pooch wraps it
    def refuse(path: str) -> None:
        try:
            raise PermissionError(13, "Permission denied", path)
        except PermissionError as error:
            raise PermissionError("Pooch could not write to the folder") from error

    monkeypatch.setattr("pooch.core.make_local_storage", refuse)
    with pytest.raises(UserError) as caught:
        fetch(offer(web), tmp_path)
    assert str(caught.value) == f"{tmp_path}: cannot be written; got Permission denied; make it writable or choose --to"


# members of archives


def member(web: Web, name: str, data: bytes) -> CorpusFile:
    return CorpusFile("toy", name, f"{web.url}/toy.zip", sha256(data), name)


def test_members_come_from_one_archive_which_is_not_kept(
    web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    entries = {"Toy/": b"", "__MACOSX/Toy/._a.txt": b"fork", "Toy/deep/a.txt": DATA, "b.txt": b"b", "old/b.txt": b"c"}
    web.files["/toy.zip"] = zipped(entries)
    table = (member(web, "a.txt", DATA), member(web, "b.txt", b"b"), offer(web, b"plain"))
    monkeypatch.setattr(downloads, "CORPUS_FILES", (*table[:2], dataclasses.replace(table[2], name="c.txt")))
    paths = fetch_corpus("toy", tmp_path, None)
    assert [path.read_bytes() for path in paths] == [DATA, b"b", b"plain"]
    assert sorted(web.requests) == ["/d/a.txt", "/toy.zip"]
    assert listing(tmp_path / "toy") == ["a.txt", "b.txt", "c.txt"]
    fetch_corpus("toy", tmp_path, None)
    assert len(web.requests) == 2
    (tmp_path / "toy" / "b.txt").write_bytes(b"edited")
    assert fetch_corpus("toy", tmp_path, None)[1].read_bytes() == b"b"
    assert web.requests[2:] == ["/toy.zip"]
    assert capfd.readouterr() == ("", "")


def test_a_member_with_a_wrong_checksum(web: Web, tmp_path: Path) -> None:
    web.files["/toy.zip"] = zipped({"Toy/a.txt": b"other"})
    source = member(web, "a.txt", DATA)
    with pytest.raises(UserError) as caught:
        fetch(source, tmp_path)
    wanted = f"{source.url}: a.txt must have sha256 {sha256(DATA)}; got {sha256(b'other')}; nothing was kept"
    assert str(caught.value).startswith(wanted)
    assert listing(tmp_path) == []


@pytest.mark.parametrize(
    ("archive", "wrong"),
    [
        (zipped({"Toy/b.txt": b"b", "a": b""}), "holds no a.txt; got Toy/b.txt, a;"),
        (zipped({}), "holds no a.txt; got an empty archive;"),
        (b"<html>sign in</html>", "is not a readable zip archive; got File is not a zip file;"),
        (
            zipped({"a.txt": DATA}).replace(b"a.txt", b"b.txt", 1),
            "is not a readable zip archive; got File name in directory",
        ),
        (
            zipped({"a.txt": DATA}, zipfile.ZIP_STORED).replace(DATA[:9], b"123456789", 1),
            "is not a readable zip archive; got Bad CRC-32",
        ),
    ],
    ids=["no such member", "empty", "no archive", "damaged directory", "damaged bytes"],
)
def test_an_archive_that_cannot_be_used(web: Web, tmp_path: Path, archive: bytes, wrong: str) -> None:
    web.files["/toy.zip"] = archive
    with pytest.raises(UserError) as caught:
        fetch(member(web, "a.txt", DATA), tmp_path)
    assert str(caught.value).startswith(f"{web.url}/toy.zip: {wrong}")
    assert str(caught.value).endswith("; fetch another copy with --mirror")
    assert listing(tmp_path) == []


def test_an_archive_that_cannot_be_reached(web: Web, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"/toy\.zip: the server refuses the file; got HTTP 404"):
        fetch(member(web, "a.txt", DATA), tmp_path)
    assert listing(tmp_path) == []


@pytest.mark.parametrize("packed", [False, True])
def test_an_interrupt_leaves_nothing_behind(
    web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, packed: bool
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    web.files["/toy.zip"] = zipped({"a.txt": DATA})
    monkeypatch.setattr("pooch.file_hash" if packed else "pooch.core.hash_matches", interrupt)
    with pytest.raises(KeyboardInterrupt):
        fetch(member(web, "a.txt", DATA) if packed else offer(web), tmp_path)
    assert len(web.requests) == 1
    assert listing(tmp_path) == []


# the table and the script


def test_the_table_is_well_formed() -> None:
    places = [(source.corpus, source.name) for source in downloads.CORPUS_FILES]
    assert len(set(places)) == len(places) == 8
    assert len({source.sha256 for source in downloads.CORPUS_FILES}) == 8
    assert all(re.fullmatch("[0-9a-f]{64}", source.sha256) for source in downloads.CORPUS_FILES)
    assert all(source.url.startswith("https://") for source in downloads.CORPUS_FILES)
    assert downloads.corpora() == ("thucnews", "names", "msra")


def script(
    folder: Path, *arguments: str, table: tuple[CorpusFile, ...] = downloads.CORPUS_FILES
) -> subprocess.CompletedProcess[str]:
    """Run the script as it is, with this table of files and without pauses between attempts."""
    wrapper = folder.parent / "wrapper.py"
    wrapper.write_text(
        f"import runpy, sys\nsys.path[:0] = [{str(SCRIPT.parent)!r}, {str(SCRIPT.parent.parent / 'src')!r}]\n"
        "import pooch.core\npooch.core.time.sleep = lambda _: None\n"
        "from textrnn.tools import downloads\nfrom textrnn.tools.downloads import CorpusFile\n"
        f"downloads.CORPUS_FILES = {table!r}\n"
        f"runpy.run_path({str(SCRIPT)!r}, run_name='__main__')\n",
        encoding="utf-8",
    )
    folder.mkdir(exist_ok=True)
    command = [sys.executable, str(wrapper), *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)


def test_the_script_refuses_wrong_files_of_a_mirror_in_one_line(web: Web, tmp_path: Path) -> None:
    web.files["/m/names/names_train.csv.gz"] = b"not the published file"
    run = script(tmp_path / "run", "names", "--to", "here", "--mirror", f"{web.url}/m/")
    assert run.returncode == 1
    assert set(web.requests) == {"/m/names/names_train.csv.gz"}
    assert run.stdout == ""
    assert run.stderr.startswith(f"error: {web.url}/m/names/names_train.csv.gz: names_train.csv.gz must have sha256")
    assert f"; got {sha256(b'not the published file')}; " in run.stderr
    assert run.stderr.count("\n") == 1
    assert listing(tmp_path / "run" / "here" / "names") == []


def test_the_script_fetches_all_from_a_mirror_and_mentions_amazon(web: Web, tmp_path: Path) -> None:
    table = tuple(dataclasses.replace(source, sha256=sha256(source.name.encode())) for source in downloads.CORPUS_FILES)
    for source in table:
        web.files[f"/{source.corpus}/{source.name}"] = source.name.encode()
    run = script(tmp_path / "run", "--mirror", web.url, table=table)
    assert (run.returncode, run.stderr) == (0, "")
    lines = run.stdout.splitlines()
    assert lines[0] == "data/web/thucnews/train.txt: 9 bytes, sha256 as expected"
    assert len(lines) == 9
    assert lines[8].startswith("note: amazon: needs an account: Kaggle")
    assert web.requests == [f"/{source.corpus}/{source.name}" for source in table]
    msra = tmp_path / "run" / "data" / "web" / "msra"
    assert {path.name: path.read_text() for path in msra.iterdir()} == {name: name for name in listing(msra)}
    assert listing(msra) == ["msra_test_bio.txt", "msra_train_bio.txt"]


@pytest.mark.parametrize(
    ("corpus", "line"),
    [
        ("amazon", r"error: amazon: needs an account: Kaggle.*test\.ft\.txt\.bz2 by hand into data/web/amazon\n"),
        ("nmaes", r"error: corpus: no such corpus to download; got nmaes; known: thucnews, names, msra\n"),
    ],
)
def test_the_script_names_what_it_cannot_fetch(tmp_path: Path, corpus: str, line: str) -> None:
    run = script(tmp_path / "run", "names", corpus)
    assert run.returncode == 1
    assert re.fullmatch(line, run.stderr)
    assert listing(tmp_path / "run") == []
