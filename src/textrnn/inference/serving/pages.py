"""The two pages for people, each one file with its style and script inside, which load nothing else."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from importlib.resources import files

WEB = files("textrnn.inference.serving") / "web"
TRY, DOCS = "try", "docs"


@dataclass(frozen=True)
class Page:
    """A page's HTML, and the headers that it goes with."""

    html: str
    headers: dict[str, str]


def load_page(name: str) -> Page:
    """A page of this package: its HTML with the style and the scripts put where it names them.

    Its policy lets the browser run these alone, by their hashes, and ask nobody but this server.
    """
    style, script = _read("style.css"), _read("make.js") + _read(f"{name}.js")
    html = _read(f"{name}.html").replace("/* style */", style).replace("/* script */", script)
    policy = (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; connect-src 'self'; "
        "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    headers = {"Content-Security-Policy": policy, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}
    return Page(html, headers)


def _read(name: str) -> str:
    return (WEB / name).read_text(encoding="utf-8")


def _hash(inside: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
