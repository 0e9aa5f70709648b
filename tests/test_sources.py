"""Fetching against a real server on the loopback address: what arrives, what is asked for, what stays on disk."""

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

from textrnn.errors import UserError
from textrnn.tools import downloads as sources
from textrnn.tools.downloads import CorpusFile, fetch, fetch_corpus

SCRIPT = Path(__file__).resolve().parent.parent / "pipeline" / "fetch.py"
DATA = bytes(range(256)) * 400  # 102,400 bytes: several pieces
HALF = len(DATA) // 2


class Web:
    """A server's files and manners, and the requests it met as (path, Range header)."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.requests: list[tuple[str, str | None]] = []
        self.ranges = True
        self.shift = 0  # added to the start of the range that is served
        self.breaks = 0  # how many answers stop after HALF bytes
        self.url = ""

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        asked = handler.headers.get("Range")
        self.requests.append((handler.path, asked))
        body = self.files.get(handler.path)
        if body is None:
            handler.send_error(404)
            return
        start = 0
        if asked and self.ranges:
            start = int(re.fullmatch(r"bytes=(\d+)-", asked)[1]) + self.shift
            if start >= len(body):
                handler.send_response(416)
                handler.send_header("Content-Range", f"bytes */{len(body)}")
                handler.send_header("Content-Length", "0")
                handler.end_headers()
                return
            handler.send_response(206)
            handler.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        else:
            handler.send_response(200)
        handler.send_header("Content-Length", str(len(body) - start))
        handler.end_headers()
        if self.breaks:
            self.breaks -= 1
            handler.wfile.write(body[start : start + HALF])
            return  # HTTP/1.0: the connection closes here
        handler.wfile.write(body[start:])


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    monkeypatch.setattr(sources, "PAUSE_S", 0.0)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    served = Web()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            served.answer(self)

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


def zipped(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return packed.getvalue()


def listing(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_good_file_comes_whole_and_alone(web: Web, tmp_path: Path) -> None:
    path = fetch(offer(web), tmp_path / "deep" / "toy")
    assert path == tmp_path / "deep" / "toy" / "a.txt"
    assert path.read_bytes() == DATA
    assert listing(path.parent) == ["a.txt"]
    assert web.requests == [("/d/a.txt", None)]


def test_an_empty_file_is_a_file(web: Web, tmp_path: Path) -> None:
    assert fetch(offer(web, b""), tmp_path).read_bytes() == b""


def test_a_wrong_sum_leaves_nothing_behind(web: Web, tmp_path: Path) -> None:
    source = dataclasses.replace(offer(web), sha256="0" * 64)
    with pytest.raises(UserError) as caught:
        fetch(source, tmp_path)
    assert f"must have sha256 {'0' * 64}; got {sha256(DATA)}" in str(caught.value)
    assert source.url in str(caught.value)
    assert listing(tmp_path) == []


def test_a_broken_connection_is_resumed_where_it_broke(web: Web, tmp_path: Path) -> None:
    source = offer(web)
    web.breaks = 1
    assert fetch(source, tmp_path).read_bytes() == DATA
    assert [path for path, _ in web.requests] == ["/d/a.txt"] * 2
    assert web.requests[0][1] is None
    resumed = int(web.requests[1][1].removeprefix("bytes=").removesuffix("-"))
    assert HALF - sources.PIECE < resumed <= HALF
    assert listing(tmp_path) == ["a.txt"]


def test_a_connection_broken_too_often_says_how_far_it_came(web: Web, tmp_path: Path) -> None:
    source = offer(web, DATA * 4)
    web.breaks = 3
    with pytest.raises(UserError, match="connection broken 2 times") as caught:
        fetch(source, tmp_path, attempts=2)
    part = tmp_path / "a.txt.part"
    came = part.stat().st_size
    assert 2 * (HALF - sources.PIECE) < came <= 2 * HALF
    assert (DATA * 4).startswith(part.read_bytes())
    assert f"{part} holds {came:,} bytes; the same command continues" in str(caught.value)
    assert listing(tmp_path) == ["a.txt.part"]
    web.breaks = 0
    assert fetch(source, tmp_path).read_bytes() == DATA * 4
    assert web.requests[-1] == ("/d/a.txt", f"bytes={came}-")


def test_no_server_is_a_broken_connection(web: Web, tmp_path: Path) -> None:
    source = dataclasses.replace(offer(web), url="http://127.0.0.1:1/a.txt")
    with pytest.raises(UserError, match=r"broken 2 times; got .*[Rr]efused.* holds 0 bytes"):
        fetch(source, tmp_path, attempts=2)


def test_a_server_without_ranges_starts_over(web: Web, tmp_path: Path) -> None:
    source = offer(web)
    web.ranges, web.breaks = False, 1
    assert fetch(source, tmp_path).read_bytes() == DATA
    assert web.requests[1][1] is not None


def test_what_an_earlier_run_left_is_continued(web: Web, tmp_path: Path) -> None:
    (tmp_path / "a.txt.part").write_bytes(DATA[:777])
    assert fetch(offer(web), tmp_path).read_bytes() == DATA
    assert web.requests == [("/d/a.txt", "bytes=777-")]
    assert listing(tmp_path) == ["a.txt"]


def test_a_part_of_something_else_is_refused_then_forgotten(web: Web, tmp_path: Path) -> None:
    (tmp_path / "a.txt.part").write_bytes(b"x" * 777)
    source = offer(web)
    with pytest.raises(UserError, match="must have sha256"):
        fetch(source, tmp_path)
    assert fetch(source, tmp_path).read_bytes() == DATA


@pytest.mark.parametrize(("part", "asked"), [(DATA, 1), (DATA + b"more", 2)], ids=["whole", "too long"])
def test_a_part_with_nothing_left_to_ask_for(web: Web, tmp_path: Path, part: bytes, asked: int) -> None:
    (tmp_path / "a.txt.part").write_bytes(part)
    assert fetch(offer(web), tmp_path).read_bytes() == DATA
    assert web.requests == [("/d/a.txt", f"bytes={len(part)}-"), ("/d/a.txt", None)][:asked]


def test_another_range_than_asked_for_starts_over(web: Web, tmp_path: Path) -> None:
    (tmp_path / "a.txt.part").write_bytes(DATA[:777])
    web.shift = 256
    assert fetch(offer(web), tmp_path).read_bytes() == DATA
    assert web.requests == [("/d/a.txt", "bytes=777-"), ("/d/a.txt", None)]


def test_404_names_address_status_and_place(web: Web, tmp_path: Path) -> None:
    source = dataclasses.replace(offer(web), url=f"{web.url}/gone.txt")
    with pytest.raises(UserError) as caught:
        fetch(source, tmp_path)
    assert str(caught.value).startswith(f"{web.url}/gone.txt: the server refuses the file; got HTTP 404; ")
    assert str(tmp_path / "a.txt") in str(caught.value)
    assert len(web.requests) == 1
    assert listing(tmp_path) == []


def test_an_address_that_is_none(web: Web, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^nowhere/a\.txt: cannot be fetched"):
        fetch(dataclasses.replace(offer(web), url="nowhere/a.txt"), tmp_path)


def test_a_folder_that_cannot_be_made(web: Web, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"file.*cannot be written"):
        fetch(offer(web), tmp_path / "file" / "toy")


def test_a_right_file_is_not_asked_for_and_a_wrong_one_replaced(web: Web, tmp_path: Path) -> None:
    source = offer(web)
    (tmp_path / "a.txt").write_bytes(DATA)
    assert fetch(source, tmp_path) == tmp_path / "a.txt"
    assert web.requests == []
    (tmp_path / "a.txt").write_bytes(b"edited")
    assert fetch(source, tmp_path).read_bytes() == DATA
    assert web.requests == [("/d/a.txt", None)]


def member(web: Web, name: str, data: bytes) -> CorpusFile:
    return CorpusFile("toy", name, f"{web.url}/toy.zip", sha256(data), name)


def test_members_come_from_one_archive_which_is_then_removed(
    web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    web.files["/toy.zip"] = zipped({"Toy/": b"", "__MACOSX/Toy/._a.txt": b"fork", "Toy/a.txt": DATA, "Toy/b.txt": b"b"})
    monkeypatch.setattr(sources, "CORPUS_FILES", (member(web, "a.txt", DATA), member(web, "b.txt", b"b")))
    paths = fetch_corpus("toy", tmp_path, None)
    assert [path.read_bytes() for path in paths] == [DATA, b"b"]
    assert web.requests == [("/toy.zip", None)]
    assert listing(tmp_path / "toy") == ["a.txt", "b.txt"]
    fetch_corpus("toy", tmp_path, None)
    assert len(web.requests) == 1


def test_a_member_with_a_wrong_sum_takes_its_archive_along(web: Web, tmp_path: Path) -> None:
    web.files["/toy.zip"] = zipped({"Toy/a.txt": b"other"})
    with pytest.raises(UserError, match=f"got {sha256(b'other')}"):
        fetch(member(web, "a.txt", DATA), tmp_path)
    assert listing(tmp_path) == []


@pytest.mark.parametrize(
    ("archive", "wrong"),
    [
        (zipped({"Toy/b.txt": b"b"}), "holds no a.txt; got Toy/b.txt;"),
        (b"<html>sign in</html>", "is no readable zip archive; got File is not a zip file;"),
        (
            zipped({"a.txt": DATA}).replace(b"a.txt", b"b.txt", 1),
            "is no readable zip archive; got File name in directory",
        ),
        (
            zipped({"a.txt": DATA}, zipfile.ZIP_STORED).replace(DATA[:9], b"123456789", 1),
            "is no readable zip archive; got Bad CRC-32",
        ),
    ],
    ids=["no such member", "no archive", "damaged folder", "damaged bytes"],
)
def test_an_archive_that_does_not_serve(web: Web, tmp_path: Path, archive: bytes, wrong: str) -> None:
    web.files["/toy.zip"] = archive
    with pytest.raises(UserError) as caught:
        fetch(member(web, "a.txt", DATA), tmp_path)
    assert wrong in str(caught.value)
    assert listing(tmp_path) == []


def test_the_table_is_well_formed() -> None:
    places = [(source.corpus, source.name) for source in sources.CORPUS_FILES]
    assert len(set(places)) == len(places) == 8
    assert len({source.sha256 for source in sources.CORPUS_FILES}) == 8
    assert all(re.fullmatch("[0-9a-f]{64}", source.sha256) for source in sources.CORPUS_FILES)
    assert all(source.url.startswith("https://") for source in sources.CORPUS_FILES)
    assert sources.corpora() == ("thucnews", "names", "msra")


def script(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)


def test_the_script_takes_right_files_from_a_mirror_or_refuses_in_one_line(web: Web, tmp_path: Path) -> None:
    web.files["/m/names/names_train.csv.gz"] = b"not the published file"
    done = script(tmp_path, "names", "--to", "here", "--mirror", f"{web.url}/m/")
    assert done.returncode == 1
    assert web.requests == [("/m/names/names_train.csv.gz", None)]
    assert done.stdout == ""
    assert done.stderr.startswith(f"error: {web.url}/m/names/names_train.csv.gz: names_train.csv.gz must have")
    assert done.stderr.count("\n") == 1
    assert listing(tmp_path / "here" / "names") == []


def test_the_script_fetches_all_and_notes_amazon(web: Web, tmp_path: Path) -> None:
    toy = tmp_path / "toy.py"  # the script as it stands, with a table whose files are here
    table = tuple(dataclasses.replace(source, sha256=sha256(source.name.encode())) for source in sources.CORPUS_FILES)
    for source in table:
        web.files[f"/{source.corpus}/{source.name}"] = source.name.encode()
    toy.write_text(
        f"import runpy, sys\nsys.path[:0] = [{str(SCRIPT.parent)!r}, {str(SCRIPT.parent.parent / 'src')!r}]\n"
        f"from textrnn import sources\nfrom textrnn.tools.downloads import Source\nsources.SOURCES = {table!r}\n"
        f"runpy.run_path({str(SCRIPT)!r}, run_name='__main__')\n",
        encoding="utf-8",
    )
    command = [sys.executable, str(toy), "--mirror", web.url]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == "data/web/thucnews/train.txt: 9 bytes, sha256 as expected"
    assert len(lines) == 9
    assert lines[8].startswith("note: amazon: needs an account: Kaggle")
    assert [path for path, _ in web.requests] == [f"/{source.corpus}/{source.name}" for source in table]
    msra = tmp_path / "data" / "web" / "msra"
    assert {path.name: path.read_text() for path in msra.iterdir()} == {name: name for name in listing(msra)}
    assert listing(msra) == ["msra_test_bio.txt", "msra_train_bio.txt"]


@pytest.mark.parametrize(
    ("corpus", "line"),
    [
        ("amazon", r"error: amazon: needs an account: Kaggle.*test\.ft\.txt\.bz2 by hand into data/web/amazon\n"),
        ("nmaes", r"error: corpus: no such corpus to fetch; got nmaes; known: thucnews, names, msra\n"),
    ],
)
def test_the_script_says_what_it_cannot_fetch(tmp_path: Path, corpus: str, line: str) -> None:
    done = script(tmp_path, "names", corpus)
    assert done.returncode == 1
    assert re.fullmatch(line, done.stderr)
    assert listing(tmp_path) == []
