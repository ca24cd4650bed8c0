"""A console as a process behind one tab: packets in and out by the protocol of Textual's driver for the browser.

A packet is one byte of kind (`D` what a terminal says or is told, `M` a JSON object, `P` a piece of a file), four
bytes of length, big-endian, and that many bytes.
"""

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import Awaitable, Callable
from typing import Any

from store.sanitise import clean_text
from tui.cli.web import TOKEN_NAME

END_WITHIN_S = 15
"""More than the console waits for its dispatcher to finish the letters in hand."""
LAST_WORDS = 2_000
"""Characters kept of what a console says when it fails."""
UNREAD = 4 << 20
"""Bytes a console may have left unread before it is taken to hang."""
LARGEST = 500
"""Columns or rows; beyond them a browser asks for more memory than it could show."""


class ConsoleProcess:
    """Starts a console and speaks with it; `stop` ends it, whatever it does.

    Args:
        store_url: The store it works on.
        language: `ru` or `en`; the company's by default.
    """

    def __init__(self, store_url: str, language: str | None) -> None:
        self._command = [sys.executable, "-m", "tui.web.child", *([language] if language else [])]
        self._store_url = store_url
        self._process: asyncio.subprocess.Process | None = None
        self._listening: asyncio.Task[None] | None = None
        self._began = False
        self.last_words = ""

    def _environment(self, width: int, height: int) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if name not in {TOKEN_NAME, "TMUX"}}
        return kept | {
            "VESTNIK_STORE": self._store_url,  # not on the command line, which everybody may read
            "TEXTUAL_COLOR_SYSTEM": "truecolor",
            "TERM": "xterm-256color",
            "COLUMNS": str(_cells(width)),
            "ROWS": str(_cells(height)),
        }

    async def start(self, width: int, height: int) -> None:
        """Start it, for a terminal of so many columns and rows."""
        self._process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=self._environment(width, height),
            start_new_session=True,  # Ctrl+C at the server is the server's
        )
        self._listening = asyncio.create_task(self._listen())

    async def paint(self, write: Callable[[bytes], Awaitable[None]]) -> int:
        """Hand what it paints to the browser until it ends; gives its exit code.

        Raises:
            ConnectionError: The browser is gone.
        """
        stdout = self._running.stdout
        assert stdout is not None  # noqa: S101
        # What is printed before the first packet is no packet.
        while (line := await stdout.readline()) and line != b"__GANGLION__\n":
            pass
        self._began = True
        with contextlib.suppress(asyncio.IncompleteReadError):
            while True:
                head = await stdout.readexactly(5)
                payload = await stdout.readexactly(int.from_bytes(head[1:], "big"))
                # The other kinds ask the browser to open addresses and to save files.
                if head[:1] == b"D":
                    await write(payload)
        if self._listening is not None:
            await self._listening
        return await self._running.wait()

    async def _listen(self) -> None:
        stderr = self._running.stderr
        assert stderr is not None  # noqa: S101
        while data := await stderr.read(4096):
            self.last_words = (self.last_words + clean_text(data.decode("utf-8", "replace")))[-LAST_WORDS:]

    @property
    def _running(self) -> asyncio.subprocess.Process:
        assert self._process is not None  # noqa: S101
        return self._process

    def type_in(self, text: str) -> None:
        """Keys, clicks and pasted text, as a terminal sends them.

        Raises:
            BufferError: It has not read for long: it hangs.
        """
        self._send(b"D", text.encode("utf-8", "ignore"))

    def resize(self, width: int, height: int) -> None:
        """The tab has another size, in columns and rows."""
        self._send_meta(type="resize", width=_cells(width), height=_cells(height))

    def focus(self, *, gained: bool) -> None:
        """The tab has gained or lost the keyboard."""
        self._send_meta(type="focus" if gained else "blur")

    def _send_meta(self, **values: Any) -> None:
        self._send(b"M", json.dumps(values).encode())

    def _send(self, kind: bytes, payload: bytes) -> None:
        stdin = self._running.stdin
        assert stdin is not None  # noqa: S101
        if stdin.transport.get_write_buffer_size() > UNREAD:
            raise BufferError("the console does not read what is typed")
        if payload and not stdin.is_closing():  # the driver cannot read an empty packet
            stdin.write(kind + len(payload).to_bytes(4, "big") + payload)

    async def stop(self) -> None:
        """End it: by the end of its input, and if that does not help by force. Its own dispatcher ends with it.

        What it paints is read on, and thrown away: a console that nobody reads blocks in its next write and cannot
        end. So nobody may be at `paint` any more.
        """
        process = self._running
        assert process.stdin is not None  # noqa: S101
        process.stdin.close()
        if not self._began and process.returncode is None:
            process.terminate()  # it has nothing to end yet
        try:
            async with asyncio.timeout(END_WITHIN_S):
                await self._end()
        except TimeoutError:
            process.kill()
            await self._end()

    async def _end(self) -> None:
        stdout = self._running.stdout
        assert stdout is not None  # noqa: S101
        while await stdout.read(1 << 16):
            pass
        await self._running.wait()


def _cells(number: int) -> int:
    return max(1, min(number, LARGEST))
