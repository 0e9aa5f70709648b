"""The web pages in a browser: by keyboard alone, on a phone, with errors shown and none of their own."""

from __future__ import annotations

import asyncio
import json
import re
import shlex
from dataclasses import replace

import pytest
import requests

from factories.browser import SMALLEST_TEXT, browsing, find_browser
from factories.servers import running
from factories.tiny_models import classifier
from textrnn.inference.prediction.model_card import Card
from textrnn.inference.serving.loaded_model import LoadedModel, load_models

# a text for `predict_entities`
SENTENCE = "😀𠮷野 <b>x</b> 北京"


def predict_entities(text):
    """An entity at every fourth character, two characters long, so that the positions are known."""
    spans = [(start, start + 2) for start in range(0, len(text) - 1, 4)]
    return {
        "entities": [
            {"start": start, "end": end, "type": kind, "text": text[start:end]}
            for (start, end), kind in zip(spans, ["LOC", "PER", "<i>ORG</i>", "LOC"], strict=False)
        ]
    }


CARD = """# Model card: finder

A tagger with `<b>` and \\<i\\>, `` `x` ``.

| split | F1 |
|---|---|
| test | a\\|b |

```python
# no heading

print(1)
```

* one
* two
"""


def finder(example=None):
    card = Card(CARD, example)
    about = {
        "name": "finder <b>",
        "task": "tag",
        "labels": ["LOC", "PER", "<i>ORG</i>"],
        "sha256": "",
        "params": {"model": {"cell": "lstm", "hidden_size": 8, "layers": 1, "bidirectional": True}},
    }
    return LoadedModel(about, lambda texts: [json.dumps(predict_entities(text)).encode() for text in texts], card)


def browse(tmp_path, url, visit):
    """Open the page in a tab and run `visit` on it; returns the page's errors and its requests to other hosts."""
    if find_browser() is None:
        pytest.skip("no Chromium is installed")

    async def main():
        async with browsing(find_browser(), tmp_path / "profile") as tab:
            await tab.open(url)
            await visit(tab)
            return tab.errors, {address for address in tab.requests if not address.startswith((url, "data:"))}

    return asyncio.run(main())


async def rows(tab, selector):
    script = f"[...document.querySelectorAll({json.dumps(selector)})].map(each => each.innerText)"
    return await tab.run(script)


@pytest.mark.slow
def test_bars_and_entities_by_keyboard_alone(tmp_path):
    folder = classifier(tmp_path / "made", "chars right last_step").folder
    (model,) = load_models([folder])
    text = "中国股市今日"
    expected = json.loads(model.predict([text])[0])

    async def visit(tab):
        await tab.until("document.querySelectorAll('option').length === 2")
        assert await rows(tab, "option") == ["model", "finder <b>"]
        for _ in range(3):  # past the links
            await tab.press("Tab")
        assert await tab.run("document.activeElement.id") == "model"
        assert await tab.run("document.getElementById('card').hidden")
        await tab.press("Tab")
        assert await tab.run("document.activeElement.labels[0].innerText") == "Text"
        await tab.type(text)
        await tab.until("document.querySelectorAll('.bars tbody tr').length === 2")
        probabilities = sorted(expected["probabilities"].items(), key=lambda item: -item[1])
        assert await rows(tab, ".bars th") == [name for name, _ in probabilities]
        widths = await tab.run("[...document.querySelectorAll('.track div')].map(each => parseFloat(each.style.width))")
        assert widths == pytest.approx([100 * value for _, value in probabilities])
        assert (await rows(tab, "[role=status]"))[0].startswith(f"{expected['label']}, ")
        await tab.run("document.getElementById('model').focus()")
        await tab.press("ArrowDown")
        await tab.until("document.querySelector('mark') !== null")
        for _ in range(2):  # past the link to its card
            await tab.press("Tab")
        await tab.type(SENTENCE)
        entities = predict_entities(SENTENCE)["entities"]
        await tab.until(f"document.querySelectorAll('mark').length === {len(entities)}")
        marks = await tab.run("[...document.querySelectorAll('mark')].map(m => [m.firstChild.data, m.title])")
        assert marks == [[entity["text"], entity["type"]] for entity in entities]
        script = "[...document.querySelector('.text').childNodes].map(n => n.firstChild?.data ?? n.data).join('')"
        assert await tab.run(script) == SENTENCE
        assert await rows(tab, "#details tbody td:first-child") == [entity["text"].strip() for entity in entities]
        assert await tab.run("document.querySelector('.text').lang") == "zh-Hans"
        assert await tab.run("document.querySelectorAll('main b, main i').length") == 0
        colours = await tab.run("[...document.querySelectorAll('mark')].map(m => getComputedStyle(m).backgroundColor)")
        assert len(set(colours)) == len({entity["type"] for entity in entities})

    with running(model, finder()) as server:
        assert browse(tmp_path, server.url, visit) == ([], set())


@pytest.mark.slow
def test_the_page_opens_with_an_example_and_leads_to_api_and_card(tmp_path):
    text = "it's 北京"
    plain = replace(finder(), about=finder().about | {"name": "plain"}, card=None)

    async def visit(tab):
        await tab.until("document.querySelector('mark') !== null")
        assert await tab.run("document.getElementById('text').value") == text
        assert (await tab.run("document.getElementById('about').textContent")).endswith(
            "Bidirectional LSTM, 1 × 8 units."
        )
        assert (await rows(tab, "#hint"))[
            0
        ] == "An example from test that the model predicts correctly. Predictions update as you type."
        (command,) = await rows(tab, "#command")
        words = shlex.split(command.replace("\\\n", ""))
        assert words[:1] + words[2:] == [
            "curl",
            *("-H", "Content-Type: application/json", "-d"),
            json.dumps({"texts": [text]}, ensure_ascii=False, separators=(",", ":")),
        ]
        assert words[1].endswith("/v1/models/finder%20%3Cb%3E/predict")
        assert requests.post(words[1], json=json.loads(words[5]), timeout=60).json()["predictions"] == [
            predict_entities(text)
        ]
        # another text stays when another model is chosen, and the button brings the example back
        await tab.run("document.getElementById('text').focus()")
        await tab.type("abcdef")
        await tab.until("document.getElementById('command').innerText.includes('abcdef')")
        await tab.run("document.getElementById('example').click()")
        assert await tab.run("[text.value, document.getElementById('example').hidden]") == [text, True]
        await tab.run("(model.selectedIndex = 1, model.dispatchEvent(new Event('change')))")
        assert await tab.run("[text.value, card.hidden]") == ["", True]
        await tab.run("(model.selectedIndex = 0, model.dispatchEvent(new Event('change')))")
        await tab.run("document.getElementById('copy').click()")
        await tab.until("document.getElementById('copied').innerText !== ''")
        await tab.run("document.getElementById('card').click()")
        await tab.until("document.querySelector('h1') !== null && document.title.includes('finder <b>')")
        assert await rows(tab, "h1") == ["Model card: finder"]
        assert await rows(tab, "main p:not(.error)") == ["A tagger with <b> and <i>, `x`."]
        assert await rows(tab, "code") == ["<b>", "`x`", "# no heading\n\nprint(1)"]
        assert await rows(tab, "td") == ["test", "a|b"]
        assert await rows(tab, "li") == ["one", "two"]
        assert await tab.run("document.querySelectorAll('main b, main i').length") == 0

    with running(finder(text), plain) as server:
        assert browse(tmp_path, server.url, visit) == ([], set())


@pytest.mark.slow
def test_the_page_shows_an_error_and_recovers(tmp_path):
    async def visit(tab):
        await tab.until("document.querySelectorAll('option').length === 1")
        await tab.run("document.getElementById('text').focus()")
        await tab.type("a" * 6)
        await tab.until("!document.getElementById('error').hidden")
        alert = "texts[0] is longer than 5 characters; got 6 characters; split it into several texts"
        assert await rows(tab, "[role=alert]") == [alert]
        assert await rows(tab, "mark") == []
        await tab.type("ab")
        await tab.until("document.querySelectorAll('mark').length === 1")
        assert await tab.run("document.getElementById('error').hidden")
        await tab.type("")
        await tab.send("Input.insertText", text="")
        await tab.run("document.getElementById('text').value = ''")
        await tab.run("document.getElementById('text').dispatchEvent(new Event('input'))")
        await tab.until("document.querySelectorAll('mark').length === 0")

    with running(finder(), characters=5) as server:
        complaints, others = browse(tmp_path, server.url, visit)
    assert others == set()
    assert len(complaints) == 1  # the browser's own line on an answer of 422
    assert "422" in complaints[0]


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_pages_fit_a_phone_and_are_readable_in_both_themes(tmp_path, theme):
    async def visit(tab):
        page = tab.requests[0]
        await tab.emulate(390, 844, theme)
        for path, selector in (("", "option"), ("docs", "section + section"), ("card?model=finder%20%3Cb%3E", "h1")):
            await tab.open(page + path)
            await tab.until(f"document.querySelector('{selector}') !== null")
            if not path:
                await tab.run("document.getElementById('text').focus()")
                await tab.type("x" * 200)
                await tab.until("document.querySelectorAll('mark').length > 1")
            assert await tab.run("document.documentElement.scrollWidth") == 390
            size, smallest = await tab.run(SMALLEST_TEXT)
            assert size >= 15, smallest
            ink, background = await tab.run(
                "['color', 'backgroundColor'].map(name => getComputedStyle(document.body)[name])"
            )
            bright = [sum(map(int, re.findall(r"\d+", colour)[:3])) for colour in (ink, background)]
            assert (bright[0] < 200 < 650 < bright[1]) if theme == "light" else (bright[1] < 200 < 650 < bright[0])
            names = await tab.run("[...document.querySelectorAll('select, textarea')].map(each => each.labels.length)")
            assert all(names)

    with running(finder()) as server:
        assert browse(tmp_path, f"{server.url}/", visit) == ([], set())


@pytest.mark.slow
def test_the_docs_page_shows_the_whole_schema(tmp_path):
    async def visit(tab):
        await tab.until("document.querySelectorAll('section').length > 5")
        titles = await rows(tab, "h2")
        schema = await tab.run("fetch('openapi.json').then(response => response.json())")
        operations = [f"{method.upper()}{path}" for path, methods in schema["paths"].items() for method in methods]
        assert [re.sub(r"\s", "", title) for title in titles] == [*operations, *schema["components"]["schemas"]]
        links = await tab.run("[...document.querySelectorAll('main a')].map(each => each.hash.slice(1))")
        assert set(links) <= set(schema["components"]["schemas"])
        assert len(links) > 10
        (example,) = await rows(tab, "pre")
        sent = "-H 'Content-Type: application/json' \\\n  -d '{"
        assert example.startswith(f"curl {server.url}/v1/models/finder%20%3Cb%3E/predict \\\n  {sent}")

    with running(finder()) as server:
        assert browse(tmp_path, f"{server.url}/docs", visit)[0] == []


@pytest.mark.slow
def test_an_error_in_a_script_is_detected(tmp_path):
    async def visit(tab):
        await tab.run("setTimeout(() => missing()); new Promise(done => setTimeout(done, 200))")

    with running(finder()) as server:
        complaints, _ = browse(tmp_path, server.url, visit)
    assert any("missing is not defined" in complaint for complaint in complaints)
