"""A headless Chromium that a test controls over the DevTools protocol, and the errors and requests of its page."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import itertools
import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
# the browser itself requests nothing of any host
OFFLINE = ("--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync")
PORT_FILE = "DevToolsActivePort"  # to which Chromium writes its port and the path of its socket

# The size in pixels of the smallest text that is shown, and the element that has it. A drawing scales its text.
SMALLEST_TEXT = """
[...document.querySelectorAll("body *")]
  .filter((each) => each.checkVisibility() && !["SCRIPT", "STYLE", "NOSCRIPT"].includes(each.tagName))
  .filter((each) => [...each.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim()))
  .map((each) => {
    const drawing = each.closest("svg");
    const scale = drawing ? drawing.getBoundingClientRect().width / drawing.viewBox.baseVal.width : 1;
    return [scale * parseFloat(getComputedStyle(each).fontSize), each.outerHTML.slice(0, 200)];
  })
  .reduce((one, other) => (other[0] < one[0] ? other : one))
"""


def find_browser() -> str | None:
    """The path of an installed Chromium, or None."""
    return next((path for path in map(shutil.which, NAMES) if path), None)


class Tab:
    """A page in the browser.

    errors: what its scripts, its policy and the network reported, as JSON. requests: the URLs that it requested.
    """

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket, self._numbers = socket, itertools.count(1)
        self._replies: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._session: str | None = None
        self.errors: list[str] = []
        self.requests: list[str] = []

    async def read(self) -> None:
        """Receive replies and events until the browser ends."""
        async for message in self._socket:
            event = json.loads(message.data)
            if "id" in event:
                self._replies.pop(event["id"]).set_result(event)
            elif event["method"] in ("Runtime.exceptionThrown", "Log.entryAdded"):
                self.errors.append(json.dumps(event["params"]))
            elif event["method"] == "Runtime.consoleAPICalled":
                self.errors.append(json.dumps(event["params"]["args"]))
            elif event["method"] == "Network.requestWillBeSent":
                self.requests.append(event["params"]["request"]["url"])

    async def send(self, method: str, **params: Any) -> dict[str, Any]:
        """The result of a command of the protocol."""
        number = next(self._numbers)
        self._replies[number] = asyncio.get_running_loop().create_future()
        session = {"sessionId": self._session} if self._session else {}
        await self._socket.send_json({"id": number, "method": method, "params": params, **session})
        reply = await asyncio.wait_for(self._replies[number], 60)
        assert "error" not in reply, reply
        result: dict[str, Any] = reply["result"]
        return result

    async def attach(self) -> None:
        """Open the tab, and receive its events."""
        target = (await self.send("Target.createTarget", url="about:blank"))["targetId"]
        self._session = (await self.send("Target.attachToTarget", targetId=target, flatten=True))["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            await self.send(f"{domain}.enable")

    async def emulate(self, width: int, height: int, theme: str) -> None:
        """Emulate a screen of a size in pixels and the preferred theme, `light` or `dark`; below 500 a phone."""
        phone = width < 500
        metrics = {"width": width, "height": height, "deviceScaleFactor": 2 if phone else 1, "mobile": phone}
        await self.send("Emulation.setDeviceMetricsOverride", **metrics)
        await self.send("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": theme}])

    async def open(self, url: str) -> None:
        """Load a page, and wait until it has loaded."""
        await self.send("Page.navigate", url=url)
        await self.until("document.readyState === 'complete' && location.href !== 'about:blank'")

    async def run(self, script: str) -> Any:
        """The value of an expression in the page."""
        reply = await self.send("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in reply, reply
        return reply["result"].get("value")

    async def until(self, condition: str) -> None:
        """Wait until an expression in the page is true, at most about half a minute."""
        for _ in range(600):
            if await self.run(condition):
                return
            await asyncio.sleep(0.05)
        raise AssertionError(f"never true: {condition}; the page: {await self.run('document.body.innerText')}")

    async def type(self, text: str) -> None:
        """Replace the text of the focused field."""
        await self.run("document.activeElement.select()")
        await self.send("Input.insertText", text=text)

    async def press(self, key: str) -> None:
        """Press and release a key."""
        code = {"Tab": 9, "ArrowDown": 40, "ArrowUp": 38}[key]
        for kind in ("keyDown", "keyUp"):
            await self.send("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code)

    async def screenshot(self, path: Path) -> None:
        """Write a PNG of the whole page."""
        size = (await self.send("Page.getLayoutMetrics"))["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}
        reply = await self.send("Page.captureScreenshot", captureBeyondViewport=True, clip=clip)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(reply["data"]))


@contextlib.asynccontextmanager
async def browsing(browser: str, profile: Path) -> AsyncIterator[Tab]:
    """A tab of a new browser; the folder `profile` must not exist yet."""
    switches = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        *OFFLINE,
        "--remote-debugging-port=0",
        f"--user-data-dir={profile}",
    ]
    silent = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(browser, *switches, stdout=silent, stderr=silent)
    try:
        for _ in range(1200):
            lines = (profile / PORT_FILE).read_text().split("\n") if (profile / PORT_FILE).is_file() else []
            if len(lines) == 2:
                break
            await asyncio.sleep(0.05)
        url = f"ws://127.0.0.1:{lines[0]}{lines[1]}"
        async with aiohttp.ClientSession() as session, session.ws_connect(url, max_msg_size=0) as socket:
            tab = Tab(socket)
            reader = asyncio.create_task(tab.read())
            await tab.attach()
            yield tab
            reader.cancel()
    finally:
        process.terminate()
        await process.wait()
