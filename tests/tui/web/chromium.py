"""Debian's Chromium without a screen, driven by Playwright; no browser is downloaded."""

import asyncio
import os
import shutil
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

from playwright.async_api import Browser, Page, async_playwright

DEADLINE_S = 20
READ_SCREEN = """() => {
  const copied = new ClipboardEvent("copy", { clipboardData: new DataTransfer(), bubbles: true, cancelable: true });
  document.querySelector(".xterm textarea").dispatchEvent(copied);
  return copied.clipboardData.getData("text/plain");
}"""
COUNT_COLOURS = """() => {
  const canvas = document.querySelector("canvas.xterm-text-layer");
  const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  return new Set(new Uint32Array(pixels.buffer)).size;
}"""


class NoChromiumError(Exception):
    """There is no Chromium here; the text is the reason."""


def program() -> str:
    """Where Chromium is.

    Raises:
        NoChromiumError: It is not installed.
    """
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        raise NoChromiumError("Chromium is not installed")
    return found


@asynccontextmanager
async def browser() -> AsyncGenerator[Browser]:
    """A Chromium of our own, closed afterwards."""
    options = ["--disable-gpu", "--disable-dev-shm-usage"] + (["--no-sandbox"] if os.geteuid() == 0 else [])
    async with async_playwright() as playwright:
        opened = await playwright.chromium.launch(executable_path=program(), args=options)
        try:
            yield opened
        finally:
            await opened.close()


class Screen:
    """The terminal in a page, as somebody in front of it sees and uses it."""

    def __init__(self, page: Page) -> None:
        self._page = page

    async def read(self) -> str:
        """The text on it: marked with the mouse from corner to corner (with shift, past the console), and copied."""
        box = await self._page.locator(".xterm-screen").bounding_box()
        assert box is not None
        mouse = self._page.mouse
        await self._page.keyboard.down("Shift")
        await mouse.move(box["x"] + 1, box["y"] + 1)
        await mouse.down()
        await mouse.move(box["x"] + box["width"] - 1, box["y"] + box["height"] - 1)
        await mouse.up()
        await self._page.keyboard.up("Shift")
        return str(await self._page.evaluate(READ_SCREEN))

    async def click(self, text: str) -> None:
        """Click on a text."""
        rows = await self.until(text)
        row = next(row for row, line in enumerate(rows) if text in line)
        box = await self._page.locator(".xterm-screen").bounding_box()
        assert box is not None
        across = (rows[row].index(text) + 0.5) / max(map(len, rows))
        down = (row + 0.5) / len(rows)
        await self._page.mouse.click(box["x"] + across * box["width"], box["y"] + down * box["height"])

    async def type_in(self, text: str) -> None:
        """Type on a keyboard that has these letters; Playwright's own has Latin ones alone, and inserts the others."""
        keyboard = await self._page.context.new_cdp_session(self._page)
        for letter in text:
            key = {"key": letter, "text": letter, "unmodifiedText": letter}
            await keyboard.send("Input.dispatchKeyEvent", {"type": "keyDown", **key})
            await keyboard.send("Input.dispatchKeyEvent", {"type": "keyUp", "key": letter})
        await keyboard.detach()

    async def colours(self) -> int:
        """How many colours are painted: letters have dozens at their edges, an empty screen has one."""
        return int(await self._page.evaluate(COUNT_COLOURS))

    async def until(self, what: str | Callable[[list[str]], bool]) -> list[str]:
        """Wait until a text is on it, or something holds for its lines; gives all of them.

        Raises:
            AssertionError: It does not come.
        """
        ends = asyncio.get_running_loop().time() + DEADLINE_S
        while True:
            shown = await self.read()
            if what in shown if isinstance(what, str) else what(shown.split("\n")):
                return shown.split("\n")
            assert asyncio.get_running_loop().time() < ends, f"{what} is not on the screen:\n{shown}"
            await asyncio.sleep(0.05)
