"""The pages of the repository, and the parts of a page that its translation must share."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from factories.imports import ROOT

CHINESE = ".zh-CN.md"
PAGES = [ROOT / "README.md", ROOT / f"README{CHINESE}", *sorted((ROOT / "docs").glob("*.md"))]
FENCE = re.compile(r"(?ms)^```.*?^```$")


class Skeleton(NamedTuple):
    """What a page and its translation share: all but prose and comments in code.

    commands: indented lines. code: fenced blocks. names: what is in backquotes, sorted. links: targets, sorted; each is
    the path of the English page, or a URL, with the position of the heading. headings: their depths. rows: the vertical
    bars of each line of a table.
    """

    commands: list[str]
    code: list[str]
    names: list[str]
    links: list[tuple[str, int]]
    headings: list[str]
    rows: list[int]


def english(page: Path) -> Path:
    """The English version of a page, the page itself if it is English."""
    return page.with_name(page.name.removesuffix(CHINESE) + ".md") if page.name.endswith(CHINESE) else page


def chinese(page: Path) -> Path:
    """The Chinese version of an English page, whether it exists or not."""
    return page.with_name(page.name.removesuffix(".md") + CHINESE)


def prose(page: Path) -> str:
    """The text of a page without its fenced blocks."""
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def anchors(page: Path) -> list[str]:
    """The anchors of a page, in order: those that GitHub makes of headings, and those that the page has itself."""
    found = re.findall(r'(?m)^#+ (.*)$|^<a id="(\w+)"></a>$', prose(page))
    return [own or re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading, own in found]


def links(page: Path) -> list[str]:
    """The targets of a page's links, in order."""
    return re.findall(r"\]\(([^)]+)\)", prose(page))


def skeleton(page: Path) -> Skeleton:
    """What a page shares with its translation."""
    text = prose(page)
    fences = FENCE.findall(page.read_text(encoding="utf-8"))
    return Skeleton(
        commands=[_without_comment(line) for line in re.findall(r"(?m)^ {4}(\S.*)$", text)],
        code=[_without_comment(fence) for fence in fences],
        names=sorted(" ".join(name.split()) for name in re.findall(r"`([^`]+)`", text)),
        links=sorted(_target(page, link) for link in links(page)),
        headings=re.findall(r"(?m)^#+(?= )", text),
        rows=[line.count("|") for line in re.findall(r"(?m)^\|.*$", text)],
    )


def _without_comment(code: str) -> str:
    return re.sub(r"(?m) +# .*$", "", code).strip()


def _target(page: Path, link: str) -> tuple[str, int]:
    """The English version of the page that a link leads to, and the position of the heading; -1 without an anchor."""
    if link.startswith(("http:", "https:")):
        return link, -1
    name, _, anchor = link.partition("#")
    path = (page.parent / name).resolve() if name else page
    shared = english(path).relative_to(ROOT).as_posix().replace("study/zh/", "study/en/")  # a figure in its language
    return shared, anchors(path).index(anchor) if anchor else -1
