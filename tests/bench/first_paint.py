"""First paint of the console, as a process in a pseudo-terminal, against a bare Textual app with an empty screen."""

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

from store.engine import Store
from tests.desk import furnish

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
        store.close()
        bare: list[float] = []
        ours: list[float] = []
        for _ in range(ROUNDS):
            bare.append(_until_mark([sys.executable, "-c", BARE], b"ready-mark"))
            ours.append(_until_mark([sys.executable, "-m", "tui", "--store", url, "--language", "en"], b"Deliveries"))
    one, other = statistics.median(bare), statistics.median(ours)
    return {"bare Textual app, s": one, "console, s": other, "ratio, console / bare": other / one}


def _until_mark(command: list[str], mark: bytes) -> float:
    """Seconds until a text appears in the terminal."""
    begun = time.perf_counter()
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ["TERM"] = "xterm-256color"
        os.execv(command[0], command)
    ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    seen = b""
    try:
        while mark not in seen:
            left = begun + DEADLINE_S - time.perf_counter()
            if left <= 0 or not select.select([terminal], [], [], left)[0]:
                msg = f"{command} painted nothing"
                raise RuntimeError(msg)
            seen = seen[-4096:] + os.read(terminal, 65536)
        return time.perf_counter() - begun
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
