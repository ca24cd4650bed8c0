"""What Textual's driver for the browser leaves open: the end of the server, and what the browser must not be told."""

import os
from pathlib import Path
from typing import Any, BinaryIO, Literal, TextIO

from textual import events, messages
from textual.app import App
from textual.drivers.web_driver import WebDriver


class PipeDriver(WebDriver):
    """Paints into a pipe and reads packets from another; the end of either ends the console.

    Textual's own goes on for ever when its input ends, so a console would outlive a server that was killed.
    """

    def __init__(
        self, app: App[Any], *, debug: bool = False, mouse: bool = True, size: tuple[int, int] | None = None
    ) -> None:
        super().__init__(app, debug=debug, mouse=mouse, size=size)
        self._write = self._write_while_read

    def start_application_mode(self) -> None:
        """Begin; the page has the keyboard, and what the driver says of that at its beginning may overtake the page."""
        super().start_application_mode()
        self._app.call_later(self._app.post_message, events.AppFocus())

    def _write_while_read(self, data: bytes) -> int:
        """Write a packet. When nobody reads any more it is dropped: the end of the input ends the console."""
        try:
            return os.write(self.fileno, data)
        except OSError:
            return len(data)

    def run_input_thread(self) -> None:
        """Read until the server closes the pipe, or what comes cannot be read."""
        super().run_input_thread()
        if not self.exit_event.is_set():
            self._app.post_message(messages.ExitApp())

    def open_url(self, url: str, new_tab: bool = True) -> None:  # noqa: FBT001, FBT002 - Textual's signature
        """Nothing is opened: an address may come from outside."""

    def deliver_binary(
        self,
        binary: BinaryIO | TextIO,
        *,
        delivery_key: str,
        save_path: Path,  # noqa: ARG002 - Textual's signature
        open_method: Literal["browser", "download"] = "download",  # noqa: ARG002
        encoding: str | None = None,  # noqa: ARG002
        mime_type: str | None = None,  # noqa: ARG002
        name: str | None = None,
    ) -> None:
        """No file goes to the browser; the application is told that it failed."""
        from threading import Thread

        binary.close()
        refused = PermissionError("no downloads in the browser")
        # It waits for the application, whose thread this is.
        Thread(target=self._delivery_failed, args=(delivery_key, refused, name), daemon=True).start()
