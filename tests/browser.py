"""A headless Chromium that a test types into, over the DevTools protocol, and what the page complains of."""

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
PORT_FILE = "DevToolsActivePort"  # Chromium writes its port and the path of its socket there


def find_browser() -> str | None:
    return next((found for found in map(shutil.which, NAMES) if found), None)


class Tab:
    """A page in the browser. `complaints`: errors of its scripts, of its policy and of the network."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket, self._numbers = socket, itertools.count(1)
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._session: str | None = None
        self.complaints: list[str] = []
        self.asked: list[str] = []  # URLs

    async def read(self) -> None:
        """Take in what the browser says, until it goes."""
        async for message in self._socket:
            told = json.loads(message.data)
            if "id" in told:
                self._answers.pop(told["id"]).set_result(told)
            elif told["method"] in ("Runtime.exceptionThrown", "Log.entryAdded"):
                self.complaints.append(json.dumps(told["params"]))
            elif told["method"] == "Runtime.consoleAPICalled":
                self.complaints.append(json.dumps(told["params"]["args"]))
            elif told["method"] == "Network.requestWillBeSent":
                self.asked.append(told["params"]["request"]["url"])

    async def send(self, method: str, **params: Any) -> dict[str, Any]:
        number = next(self._numbers)
        self._answers[number] = asyncio.get_running_loop().create_future()
        session = {"sessionId": self._session} if self._session else {}
        await self._socket.send_json({"id": number, "method": method, "params": params, **session})
        told = await asyncio.wait_for(self._answers[number], 60)
        assert "error" not in told, told
        result: dict[str, Any] = told["result"]
        return result

    async def attach(self) -> None:
        target = (await self.send("Target.createTarget", url="about:blank"))["targetId"]
        self._session = (await self.send("Target.attachToTarget", targetId=target, flatten=True))["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            await self.send(f"{domain}.enable")

    async def look_like(self, width: int, height: int, theme: str) -> None:
        """A screen of so many pixels, and what the reader prefers: `light` or `dark`."""
        phone = width < 500
        metrics = {"width": width, "height": height, "deviceScaleFactor": 2 if phone else 1, "mobile": phone}
        await self.send("Emulation.setDeviceMetricsOverride", **metrics)
        await self.send("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": theme}])

    async def open(self, url: str) -> None:
        await self.send("Page.navigate", url=url)
        await self.until("document.readyState === 'complete' && location.href !== 'about:blank'")

    async def run(self, script: str) -> Any:
        """The value of an expression in the page."""
        told = await self.send("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in told, told
        return told["result"].get("value")

    async def until(self, condition: str) -> None:
        for _ in range(600):
            if await self.run(condition):
                return
            await asyncio.sleep(0.05)
        raise AssertionError(f"never: {condition}; the page: {await self.run('document.body.innerText')}")

    async def type(self, text: str) -> None:
        """Text into what has the focus, in place of all that it has."""
        await self.run("document.activeElement.select()")
        await self.send("Input.insertText", text=text)

    async def press(self, key: str) -> None:
        code = {"Tab": 9, "ArrowDown": 40, "ArrowUp": 38}[key]
        for kind in ("keyDown", "keyUp"):
            await self.send("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code)

    async def shoot(self, path: Path) -> None:
        """A picture of the whole page."""
        size = (await self.send("Page.getLayoutMetrics"))["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}
        told = await self.send("Page.captureScreenshot", captureBeyondViewport=True, clip=clip)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(told["data"]))


@contextlib.asynccontextmanager
async def browsing(browser: str, profile: Path) -> AsyncIterator[Tab]:
    """A new tab of a browser of its own; the folder `profile` must be new."""
    switches = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--remote-debugging-port=0",
        f"--user-data-dir={profile}",
    ]
    nowhere = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(browser, *switches, stdout=nowhere, stderr=nowhere)
    try:
        for _ in range(1200):
            lines = (profile / PORT_FILE).read_text().split("\n") if (profile / PORT_FILE).is_file() else []
            if len(lines) == 2:
                break
            await asyncio.sleep(0.05)
        url = f"ws://127.0.0.1:{lines[0]}{lines[1]}"
        async with aiohttp.ClientSession() as session, session.ws_connect(url, max_msg_size=0) as socket:
            tab = Tab(socket)
            reading = asyncio.create_task(tab.read())
            await tab.attach()
            yield tab
            reading.cancel()
    finally:
        process.terminate()
        await process.wait()
