"""Many consoles on one store: how soon each shows what one does, and what they cost the dispatcher.

Each is a process in a pseudo-terminal. What is done is done by commits of this process, as another console's would be.
The dispatcher sends the same letters beside no console, beside ten that are read, and beside ten whose terminals stall.
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
import threading
import time
from collections.abc import Generator
from contextlib import closing, contextmanager
from fcntl import ioctl
from pathlib import Path

from dispatch.intake import emit
from store import moves
from store.engine import Store
from store.rulebook import list_rules, set_enabled
from store.status import read_status
from tests.bench.line import CODE
from tests.bench.processes import ended, until, vestnik
from tests.bench.sink import Sink
from tests.conftest import KEY
from tests.desk import event, furnish, lines, raise_limits
from tests.postgresql import Cluster, NoServerError
from tests.tui.scripted_desk import add_notice

CONSOLES = 10
ROUNDS = 10
LETTERS = 2_000
DEADLINE_S = 60
PAUSE_S = 0.5
"""Before each deed: what was done to undo the one before is seen meanwhile."""


def measure_consoles() -> dict[str, float]:
    """Seconds until all consoles show it, on each engine; letters a second and CPU of the dispatcher beside them."""
    with tempfile.TemporaryDirectory() as folder:
        figures = _seen(f"sqlite:///{Path(folder) / 'vestnik.db'}", "SQLite")
    try:
        cluster = Cluster()
    except NoServerError:
        pass
    else:
        os.environ["VESTNIK_KEY"] = KEY
        with cluster:
            figures |= _seen(cluster.new_database(), "PostgreSQL")
        del os.environ["VESTNIK_KEY"]
    for name, consoles, read in (("none", 0, True), ("ten", CONSOLES, True), ("ten that stall", CONSOLES, False)):
        figures |= _beside(name, consoles, read=read)
    figures["ratio, rate beside ten that stall / none"] = (
        figures["beside ten that stall, letters/s"] / figures["beside none, letters/s"]
    )
    figures["ratio, CPU of the dispatcher beside ten / none"] = (
        figures["beside ten, dispatcher CPU s per 1,000"] / figures["beside none, dispatcher CPU s per 1,000"]
    )
    return figures


class Consoles:
    """Consoles on a store, and a thread that reads what they write."""

    def __init__(self, url: str, number: int) -> None:
        self._url = url
        self._terminals: dict[int, int] = {}
        self._lock = threading.Lock()
        self._wanted = b""
        self._seen: dict[int, float] = {}
        self._tails: dict[int, bytes] = {}
        self._stop = threading.Event()
        self.reading = threading.Event()
        self.reading.set()
        for _ in range(number):
            self._open()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _open(self) -> None:
        pid, terminal = pty.fork()
        if pid == 0:
            os.environ["TERM"] = "xterm-256color"
            os.execv(sys.executable, [sys.executable, "-m", "tui", "--store", self._url, "--language", "en"])
        ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 120, 0, 0))
        self._terminals[terminal] = pid

    def _read(self) -> None:
        while not self._stop.is_set():
            if not self.reading.wait(0.1) or not self._terminals:
                continue
            for terminal in select.select(list(self._terminals), [], [], 0.05)[0]:
                try:
                    data = os.read(terminal, 65536)
                except OSError:
                    continue
                with self._lock:
                    self._tails[terminal] = self._tails.get(terminal, b"")[-200:] + data
                    if self._wanted and self._wanted in self._tails[terminal]:
                        self._seen.setdefault(terminal, time.perf_counter())

    def look_for(self, text: str) -> None:
        """Note when each shows a text from now on."""
        with self._lock:
            self._wanted, self._tails = text.encode(), {}
            self._seen = {}

    def seen(self) -> list[float]:
        """When each showed it, once all have."""
        until(lambda: len(self._seen) == len(self._terminals))
        return list(self._seen.values())

    def press(self, keys: str) -> None:
        """Type the same in each."""
        for terminal in self._terminals:
            os.write(terminal, keys.encode())

    def close(self) -> None:
        """End them."""
        self.reading.set()
        for pid in self._terminals.values():
            os.kill(pid, signal.SIGTERM)
        for pid in self._terminals.values():
            os.waitpid(pid, 0)
        self._stop.set()
        self._thread.join()
        for terminal in self._terminals:
            os.close(terminal)


def _seen(url: str, engine: str) -> dict[str, float]:
    """Seconds from the commit until a console shows it, of all deeds and consoles."""
    took: list[float] = []
    last: list[float] = []
    with closing(Store.open(url)) as store:
        furnish(store)
        key = add_notice(store, subject="Letter", name="Somebody", number="X-0")
        with closing(Consoles(url, CONSOLES)) as consoles:
            consoles.look_for("X-0")
            consoles.seen()
            consoles.look_for("Subject")
            consoles.press("2")
            consoles.seen()
            for _ in range(ROUNDS):
                moves.carry_out(store, moves.Deed.RETRY, [key], "bench")
                time.sleep(PAUSE_S)
                consoles.look_for("cancelled")
                moves.carry_out(store, moves.Deed.CANCEL, [key], "bench")
                begun = time.perf_counter()
                at = [moment - begun for moment in consoles.seen()]
                took += at
                last.append(max(at))
    took.sort()
    return {
        f"{engine}: seen by one of ten, p50, s": statistics.median(took),
        f"{engine}: seen by one of ten, p99, s": took[int(len(took) * 0.99) - 1],
        f"{engine}: seen by all ten, p50, s": statistics.median(last),
        f"{engine}: seen by all ten, worst, s": max(last),
    }


@contextmanager
def _desk(port: int) -> Generator[tuple[str, Store]]:
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'vestnik.db'}"
        with closing(Store.open(url)) as store:
            furnish(store, port=port)
            raise_limits(store)
            set_enabled(store, [rule.code for rule in list_rules(store) if rule.code != CODE], False, "bench")
            yield url, store


def _beside(name: str, number: int, *, read: bool) -> dict[str, float]:
    """What the dispatcher does beside so many consoles."""
    with Sink() as sink, _desk(sink.port) as (url, store):
        dispatcher = vestnik(url, "dispatch")
        until(lambda: any(card.alive for card in read_status(store).dispatchers))
        with closing(Consoles(url, number)) as consoles:
            consoles.look_for("Nothing has happened")
            if number:
                consoles.seen()
            if not read:
                consoles.reading.clear()
            events = lines(*(event("request.comment_added", key, comment={"text": "x"}) for key in range(LETTERS)))
            begun = time.perf_counter()
            emit(store, events)
            until(lambda: read_status(store).deliveries["sent"] >= LETTERS)
            spent = time.perf_counter() - begun
        dispatcher.send_signal(signal.SIGTERM)
        used = ended(dispatcher)
    return {
        f"beside {name}, letters/s": LETTERS / spent,
        f"beside {name}, dispatcher CPU s per 1,000": used * 1000 / LETTERS,
    }
