"""First paint of the console, as a process in a pseudo-terminal, against a bare Textual app with an empty screen.

The first frame (menu, line on top) is painted before the store is open; when the rows stand in it is told beside it.
"""

import os
import pty
import select
import signal
import statistics
import struct
import sys
import tempfile
import termios
import time
from fcntl import ioctl
from pathlib import Path

from dispatch.intake import emit
from dispatch.planner import Planner
from store.engine import Store
from tests.desk import event, furnish, lines, raise_limits

ROUNDS = 7
BARE = """
from textual.app import App
from textual.widgets import Static
class Bare(App):
    def compose(self):
        yield Static("ready-mark")
Bare().run()
"""
DEADLINE_S = 30


def measure_first_paint() -> dict[str, float]:
    """Median seconds from start to the first paint of each, taken in turns."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'vestnik.db'}"
        store = Store.open(url)
        furnish(store)
        raise_limits(store)
        emit(store, lines(*(event(number=number) for number in range(100))))
        Planner(store).plan_now()
        store.close()
        console = [sys.executable, "-m", "tui", "--store", url]
        bare: list[float] = []
        ours: list[tuple[float, ...]] = []
        for _ in range(ROUNDS):
            bare += _until_marks([sys.executable, "-c", BARE], b"ready-mark")
            ours.append(_until_marks(console, "Доставки".encode(), b"RP-99"))
    one = statistics.median(bare)
    frame, rows = (statistics.median(seconds) for seconds in zip(*ours, strict=True))
    return {
        "bare Textual app, s": one,
        "console, first frame, s": frame,
        "console, rows in it, s": rows,
        "ratio, first frame / bare": frame / one,
        "ratio, rows / bare": rows / one,
    }


def _until_marks(command: list[str], *marks: bytes) -> tuple[float, ...]:
    """Seconds until each of some texts, in this order, appears in the terminal."""
    begun = time.perf_counter()
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ["TERM"] = "xterm-256color"
        os.execv(command[0], command)
    ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    seen = b""
    found: list[float] = []
    try:
        while len(found) < len(marks):
            left = begun + DEADLINE_S - time.perf_counter()
            if left <= 0 or not select.select([terminal], [], [], left)[0]:
                msg = f"{command} did not paint {marks[len(found)].decode()}"
                raise RuntimeError(msg)
            seen = seen[-65536:] + os.read(terminal, 65536)
            while len(found) < len(marks) and marks[len(found)] in seen:
                found.append(time.perf_counter() - begun)
        return tuple(found)
    finally:
        os.kill(pid, signal.SIGTERM)
        _drain(terminal)
        os.waitpid(pid, 0)
        os.close(terminal)


def _drain(terminal: int) -> None:
    """Read until the program ends: a terminal that is not read would stop it."""
    try:
        while select.select([terminal], [], [], 10)[0] and os.read(terminal, 65536):
            pass
    except OSError:
        return
