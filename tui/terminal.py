"""What the framework leaves open about the terminal; whatever touches its private parts is here, and every escape."""

import os
import signal
from collections.abc import Callable
from enum import StrEnum
from functools import partial
from types import FrameType
from typing import Any

from textual.app import App
from textual.drivers import _writer_thread

from store.sanitise import clean_line

LEAVING = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))


class PatientWriter(_writer_thread.WriterThread):
    """Writes what the application paints; goes on emptying the queue when the terminal is gone.

    The framework's own thread ends at the first error, and the next thirty writes of the application then block
    it for ever, its shutdown included.
    """

    def run(self) -> None:
        """Run the thread."""
        gone = False
        while (text := self._queue.get()) is not None:
            if gone:
                continue
            try:
                self._file.write(text)
                if self._queue.qsize() == 0 or self._queue.queue[0] is None:
                    self._file.flush()
            except (OSError, ValueError):
                gone = True


class TerminalSignals:
    """What the terminal's signals do to an application; `restore` puts back what they did before.

    SIGTERM and SIGHUP end it in good order. One that was stopped from outside (SIGSTOP) lets go of the terminal before
    it takes it again: the framework would take it twice, and leave it as it found it the second time, without echo.
    A new size is read on the event loop: the framework reads it in the signal's handler, which another one may
    interrupt, and of a storm of sizes the last but one would stay.
    """

    def __init__(self, app: App[Any]) -> None:
        self._app = app
        self._before: dict[int, Any] = {number: signal.signal(number, self._leave) for number in LEAVING}
        self._sized: Any = None
        if hasattr(signal, "SIGCONT"):
            self._before[signal.SIGCONT] = signal.signal(signal.SIGCONT, self._go_on)
            self._take_sizes()

    def _leave(self, number: int, _frame: FrameType | None) -> None:
        if number != signal.SIGTERM:
            # A terminal that hangs up sends SIGCONT as well, on which the framework would start it anew.
            signal.signal(signal.SIGCONT, signal.SIG_IGN)
        self._on_loop(lambda: self._app.exit(return_code=128 + number))

    def _go_on(self, number: int, frame: FrameType | None) -> None:
        driver = self._app._driver  # noqa: SLF001 - see above
        if driver is not None and not getattr(driver, "_must_signal_resume", True):
            driver.suspend_application_mode()
        framework = self._before[signal.SIGCONT]
        if callable(framework):
            framework(number, frame)
        self._take_sizes()

    def _take_sizes(self) -> None:
        """Handle SIGWINCH in place of the framework, which sets its handler whenever it takes the terminal."""
        if signal.getsignal(signal.SIGWINCH) != self._size:
            self._sized = signal.signal(signal.SIGWINCH, self._size)

    def _size(self, number: int, _frame: FrameType | None) -> None:
        if callable(self._sized):
            self._on_loop(partial(self._sized, number, None))

    def _on_loop(self, call: Callable[[], object]) -> None:
        loop = self._app._loop  # noqa: SLF001 - see above
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(call)

    def restore(self) -> None:
        """Put the handlers back."""
        for number, handler in self._before.items():
            signal.signal(number, handler)


def install_patient_writer() -> None:
    """Have the terminal driver use `PatientWriter`; where it does not run (Windows) nothing is done."""
    try:
        from textual.drivers import linux_driver
    except ImportError:
        return
    linux_driver.WriterThread = PatientWriter  # pyright: ignore[reportPrivateImportUsage]


MOST = 120
"""Characters of a title or a notification: some terminals drop a longer sequence whole."""
BELL = "\a"
_OSC, _ST = "\x1b]", "\x1b\\"
_KEEP_TITLE, _TITLE_BACK = "\x1b[22;2t", "\x1b[23;2t"


class Desktop(StrEnum):
    """Sequences by which a terminal is asked for a notification of the desktop; each knows one or two of them."""

    OSC9 = "osc9"
    OSC777 = "osc777"
    OSC99 = "osc99"


def escaped(text: str) -> str:
    """Text from outside, fit to stand in a sequence: nothing ends it, and no semicolon begins another field."""
    return clean_line(text).replace(";", ",").strip()[:MOST]


def title_sequence(text: str) -> str:
    """Sets the title of the window."""
    return f"{_OSC}2;{escaped(text)}{_ST}"


def notification_sequence(kind: Desktop, heading: str, text: str) -> str:
    """Shows a notification of the desktop. Only OSC 777 has a place for a heading; elsewhere it stands before."""
    if kind is Desktop.OSC777:
        return f"{_OSC}777;notify;{escaped(heading)};{escaped(text)}{_ST}"
    both = escaped(f"{heading}: {text}")
    return f"{_OSC}9;{both}{_ST}" if kind is Desktop.OSC9 else f"{_OSC}99;;{both}{_ST}"


def through_tmux(sequence: str) -> str:
    """A sequence as tmux hands it on to the terminal outside, where its `allow-passthrough` is on."""
    return f"\x1bPtmux;{sequence.replace(chr(27), chr(27) * 2)}{_ST}"


def in_tmux() -> bool:
    """Whether the terminal is one of tmux's."""
    return bool(os.environ.get("TMUX"))


class Terminal:
    """Calls the operator. Does nothing where there is no terminal, nor in the browser, nor what it cannot do."""

    def __init__(self, app: App[Any]) -> None:
        self._app = app
        self._titled = False

    @property
    def there(self) -> bool:
        """Whether there is a terminal."""
        return not self._app.is_headless and not self._app.is_web

    @property
    def knows_titles(self) -> bool:
        """Whether it takes sequences with text; one that does not may print them, or wait for their end."""
        return self.there and not os.environ.get("TERM", "").startswith(("linux", "vt", "dumb"))

    def ring(self) -> None:
        """The bell."""
        if self.there:
            self._write(BELL)

    def title(self, text: str) -> None:
        """Set the title of the window; an empty one gives back the one from before."""
        if not self.knows_titles or not (text or self._titled):
            return
        if text and not self._titled:
            self._write(_KEEP_TITLE)
        self._write(title_sequence(text) if text else f"{title_sequence('')}{_TITLE_BACK}")
        self._titled = bool(text)

    def notify(self, kind: Desktop, heading: str, text: str, *, tmux: bool) -> None:
        """Have the desktop show a notification; inside tmux only if `tmux` says that it hands them on."""
        if not self.knows_titles or (in_tmux() and not tmux):
            return
        sequence = notification_sequence(kind, heading, text)
        self._write(through_tmux(sequence) if in_tmux() else sequence)

    def _write(self, sequence: str) -> None:
        driver = self._app._driver  # noqa: SLF001 - see above
        if driver is not None:
            driver.write(sequence)
