"""The web pages load nothing and parse no markup, and are served with their policy."""

from __future__ import annotations

import base64
import hashlib
import re

import pytest

from factories.servers import Stub, running
from textrnn.inference.serving.pages import CARD, DOCS, TRY, load_page


@pytest.mark.parametrize("name", [TRY, CARD, DOCS])
def test_a_page_loads_nothing_and_parses_no_markup(name):
    page = load_page(name)
    assert "/* style */" not in page.html
    assert "/* script */" not in page.html
    assert re.findall(r"<(?:img|iframe|object|base|form)|\bsrc=|url\(|@import|https?://|\son\w+=", page.html) == []
    assert re.findall(r"innerHTML|outerHTML|insertAdjacent|document\.write|eval\(|Function\(", page.html) == []
    assert re.findall(r'<link [^>]*href="([^"]*)"', page.html) == ["data:,"]
    assert page.html.count("<script>") == page.html.count("<style>") == 1
    policy = dict(directive.strip().split(" ", 1) for directive in page.headers["Content-Security-Policy"].split(";"))
    assert (policy["default-src"], policy["connect-src"]) == ("'none'", "'self'")
    for element in ("script", "style"):
        content = re.search(rf"<{element}>(.*)</{element}>", page.html, re.S).group(1)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert policy[f"{element}-src"] == f"'sha256-{digest}'"


def test_pages_are_served_with_their_policy():
    with running(Stub().loaded()) as server:
        for path, name in (("/", TRY), ("/card", CARD), ("/docs", DOCS)):
            response, page = server.get(path), load_page(name)
            assert (response.text, response.headers["content-type"]) == (page.html, "text/html; charset=utf-8")
            assert page.headers.items() <= response.headers.items()
