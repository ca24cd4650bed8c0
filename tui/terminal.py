"""What the framework leaves open about the terminal; whatever touches its private parts is here."""

import signal
from collections.abc import Callable
from types import FrameType
from typing import Any

from textual.app import App
from textual.drivers import _writer_thread

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


class LeavingSignals:
    """Ends an application in good order on SIGTERM and SIGHUP; `restore` puts back what was there before."""

    def __init__(self, app: App[Any]) -> None:
        self._app = app
        self._before: dict[int, Any] = {number: signal.signal(number, self._leave) for number in LEAVING}

    def _leave(self, number: int, _frame: FrameType | None) -> None:
        if number != signal.SIGTERM:
            # A terminal that hangs up sends SIGCONT as well, on which the framework would start it anew.
            signal.signal(signal.SIGCONT, signal.SIG_IGN)
        leave: Callable[[], None] = lambda: self._app.exit(return_code=128 + number)  # noqa: E731
        loop = self._app._loop  # noqa: SLF001 - see above
        if loop is not None:
            loop.call_soon_threadsafe(leave)

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
