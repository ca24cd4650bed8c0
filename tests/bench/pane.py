"""The live pane with few and with many deliveries stored: how soon a key is answered, an arrival seen, what it holds.

The console runs as a process in a pseudo-terminal of 120×40; deliveries are written by another process, as they are
by a dispatcher. What is on the screen is read from the bytes the console writes. Both sizes take turns.
"""

import os
import pty
import re
import select
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Sequence
from datetime import timedelta
from fcntl import ioctl
from pathlib import Path
from typing import Self
from zoneinfo import ZoneInfo

from sqlalchemy import func
from sqlalchemy import select as select_rows

from store import tables
from store.engine import Store
from tests.desk import NOON, furnish
from tests.store.letters import fill

SIZES = tuple(int(size) for size in os.environ.get("PANE_SIZES", "1000,1000000").split(","))
KEYS = 150
ROUNDS, OPENINGS = 2, 5
SECONDS = 8
COLUMNS, ROWS = 120, 40
MOSCOW = ZoneInfo("Europe/Moscow")
"""The company's zone."""
DEADLINE_S = 60
PACE_S = 0.03
"""Between two keys: somebody who holds one down."""
CONSOLE = """
import sys
from functools import partial
from store.engine import Store
from tui import ConsoleApp
ConsoleApp(partial(Store.open, sys.argv[1]), language="en", start_dispatcher=False).run()
"""
WRITER = """
import sys, time
from store.engine import Store
from store.vocabulary import DeliveryState
from tests.store.letters import Letter, write
url, first, rate, seconds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
store, number, begun = Store.open(url), int(sys.argv[2]), time.time()
while time.time() < begun + seconds:
    count = int((time.time() - begun) * rate) - (number - first)
    if count > 0:
        rows = [Letter(subject=f"Новое", number=f"N{number + i}") for i in range(count)]
        store.write(lambda connection: write(connection, rows, number))
        number += count
        print(number - 1, time.time(), flush=True)
    time.sleep(0.005)
"""


class Console:
    """The console on a store, in a terminal of its own."""

    def __init__(self, url: str) -> None:
        self.begun = time.perf_counter()
        self.pid, self._terminal = pty.fork()
        if self.pid == 0:
            os.environ["TERM"] = "xterm-256color"
            os.execv(sys.executable, [sys.executable, "-c", CONSOLE, url])
        ioctl(self._terminal, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        self.written = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.kill(self.pid, signal.SIGTERM)
        try:
            while self.read(10):
                pass
        except OSError:
            pass
        os.waitpid(self.pid, 0)
        os.close(self._terminal)

    def read(self, seconds: float) -> bytes:
        """What it writes next; nothing when it writes nothing for so long."""
        if not select.select([self._terminal], [], [], seconds)[0]:
            return b""
        return os.read(self._terminal, 65536)

    def until(self, mark: bytes) -> float:
        """Seconds until it has written something."""
        begun, seen = time.perf_counter(), b""
        while mark not in seen:
            data = self.read(DEADLINE_S)
            if not data or time.perf_counter() - begun > DEADLINE_S:
                msg = f"the console did not write {mark!r}"
                raise RuntimeError(msg)
            seen = seen[-len(mark) :] + data
        return time.perf_counter() - begun

    def press(self, key: bytes, mark: bytes) -> float:
        """Seconds from a key until something is written that was not there before it."""
        while self.read(0):
            pass
        os.write(self._terminal, key)
        return self.until(mark)

    @property
    def resident(self) -> float:
        """Its memory in MB."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        found = re.search(r"VmRSS:\s+(\d+)", status)
        return int(found[1]) / 1024 if found else 0.0


class Desk:
    """A store with so many deliveries."""

    def __init__(self, folder: Path, size: int) -> None:
        self.url = f"sqlite:///{folder / f'{size}.db'}"
        store = Store.open(self.url)
        furnish(store)
        if size:
            store.write(lambda connection: fill(connection, size))
        store.close()
        self.size = size

    def mark(self, number: int) -> bytes:
        """What stands in the line of a delivery and in no line near it: its time, or the number it arrived with."""
        if number > self.size:
            return f"N{number}".encode()
        return (NOON + timedelta(seconds=number)).astimezone(MOSCOW).strftime("%H:%M:%S").encode()

    @property
    def last(self) -> int:
        """The newest delivery."""
        store = Store.open(self.url)
        try:
            with store.read() as connection:
                return connection.execute(select_rows(func.max(tables.delivery.c.id))).scalar_one()
        finally:
            store.close()

    def writer(self, rate: int, seconds: float) -> "subprocess.Popen[str]":
        """A process that writes so many deliveries a second, and says what it has committed, and when."""
        words = [sys.executable, "-c", WRITER, self.url, str(self.last + 1), str(rate), str(seconds)]
        return subprocess.Popen(words, stdout=subprocess.PIPE, text=True)


def measure_pane() -> dict[str, float]:
    """Key to repaint, commit to sight, memory, opening; p50 and p99 in ms, MB, and ratios of many to few."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        desks = [Desk(folder, size) for size in SIZES]
        few, many = desks[0], desks[-1]
        empty = Desk(folder, 0)
        figures = _opening(empty, many)
        keys: dict[tuple[str, int], list[float]] = {}
        memory: dict[int, float] = {}
        for _ in range(ROUNDS):
            for desk in desks:
                with Console(desk.url) as console:
                    newest = desk.last
                    console.until(desk.mark(newest))
                    keys.setdefault(("idle", desk.size), []).extend(_walk(console, desk, newest))
                with Console(desk.url) as console:
                    newest = desk.last
                    console.until(desk.mark(newest))
                    console.press(b"\x1b[B", desk.mark(newest - 1))  # it stays, and counts what arrives
                    writer = desk.writer(1_000, 3_600)
                    try:
                        time.sleep(1)
                        keys.setdefault(("1,000/s", desk.size), []).extend(_walk(console, desk, newest - 1))
                    finally:
                        writer.kill()
                        writer.wait()
                    memory[desk.size] = console.resident
        for (what, size), seconds in keys.items():
            figures |= _quantiles(f"key to repaint, {size:,} stored, {what}", seconds)
        for what in ("idle", "1,000/s"):
            p99 = [figures[f"key to repaint, {size:,} stored, {what}, p99 ms"] for size in SIZES]
            figures[f"ratio, key to repaint p99, {what}"] = p99[-1] / p99[0]
        for rate in (100, 1_000):
            figures |= _quantiles(f"commit to sight at {rate:,}/s, {many.size:,} stored", _sight(many, rate))
        for size in SIZES:
            figures[f"memory, {size:,} stored, MB"] = memory[size]
        figures["ratio, memory"] = memory[many.size] / memory[few.size]
    return figures


def _walk(console: Console, desk: Desk, here: int) -> list[float]:
    """Seconds to each repaint while one goes down, row by row."""
    found: list[float] = []
    for number in range(here - 1, here - 1 - KEYS, -1):
        time.sleep(PACE_S)
        found.append(console.press(b"\x1b[B", desk.mark(number)))
    return found


def _opening(empty: Desk, many: Desk) -> dict[str, float]:
    """Seconds from start until the rows stand there, against an empty store until it says that it is empty."""
    nothing: list[float] = []
    rows: list[float] = []
    for _ in range(OPENINGS):
        for desk, mark, found in ((empty, b"Nothing has happened", nothing), (many, many.mark(many.last), rows)):
            with Console(desk.url) as console:
                console.until(mark)
                found.append(time.perf_counter() - console.begun)
    one, other = statistics.median(nothing), statistics.median(rows)
    return {
        "opening, empty store, s": one,
        f"opening, {many.size:,} stored, s": other,
        "ratio, opening": other / one,
    }


def _sight(desk: Desk, rate: int) -> list[float]:
    """Seconds from each commit until a line at least as new stands on the screen."""
    seen: list[tuple[int, float]] = []
    with Console(desk.url) as console:
        console.until(b"following")
        time.sleep(1)
        writer = desk.writer(rate, SECONDS)
        tail, ends = b"", time.time() + SECONDS + 2
        while time.time() < ends:
            data = console.read(0.5)
            tail = tail[-16:] + data
            if numbers := [int(number) for number in re.findall(rb"N(\d{4,})\b", tail)]:
                seen.append((max(numbers), time.time()))
        said = writer.communicate()[0].splitlines()
    found: list[float] = []
    for line in said:
        number, at = line.split()
        shown = next((when for newest, when in seen if newest >= int(number)), None)
        if shown is None:
            msg = f"delivery {number} was never seen"
            raise RuntimeError(msg)
        found.append(max(0.0, shown - float(at)))
    return found


def _quantiles(name: str, seconds: Sequence[float]) -> dict[str, float]:
    cuts = statistics.quantiles(seconds, n=100)
    return {f"{name}, p50 ms": 1000 * statistics.median(seconds), f"{name}, p99 ms": 1000 * cuts[98]}
