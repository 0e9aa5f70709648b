"""The web pages, each assembled into one HTML file with its style and script inline."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from importlib.resources import files

WEB = files("textrnn.inference.serving") / "web"
TRY, CARD, DOCS = "try", "card", "docs"


@dataclass(frozen=True)
class Page:
    """A page's HTML, and the headers of its response."""

    html: str
    headers: dict[str, str]


def load_page(name: str) -> Page:
    """Assemble a page of this package from its HTML, the style sheet and the scripts.

    Its Content-Security-Policy lets the browser run only these, by their hashes, and contact only this server.
    """
    style, script = _read("style.css"), _read("make.js") + _read(f"{name}.js")
    html = _read(f"{name}.html").replace("/* style */", style).replace("/* script */", script)
    policy = (
        f"default-src 'none'; style-src '{_hash_source(style)}'; script-src '{_hash_source(script)}'; "
        "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    headers = {"Content-Security-Policy": policy, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}
    return Page(html, headers)


def _read(name: str) -> str:
    return (WEB / name).read_text(encoding="utf-8")


def _hash_source(content: str) -> str:
    """The hash of an inline style or script, as a Content-Security-Policy names it."""
    return "sha256-" + base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
