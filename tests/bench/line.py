"""A desk to send from, its dispatchers, and events carried through them: what the benches of the whole line share."""

import signal
import subprocess
import time
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from store import tables
from store.engine import Store
from store.rulebook import list_rules, set_enabled
from store.status import read_status
from store.vocabulary import DeliveryState
from tests.bench.letter import OBJECTS, TEXT
from tests.bench.processes import Memory, cpu_s, ended, until, vestnik
from tests.bench.sink import Sink
from tests.desk import event, furnish, lines, raise_limits

CODE = "request.comment_added.client.email"
"""The one rule that is on: an event makes a letter."""
SETTLING_S = 1.5
"""After so long a dispatcher's start-up is over: the first tick, the first look at an empty queue."""


@dataclass(frozen=True, slots=True)
class Carried:
    """What it took to carry letters through the line.

    Attributes:
        spent_s: From the start of `vestnik emit` until the last letter is settled in the store.
        emit: CPU seconds of the process `vestnik emit`, its start-up included.
        dispatchers: CPU seconds of all dispatchers, without their start-up.
        peak_mb: The most memory emit and dispatchers took at one time.
        size: Bytes of a letter, on average.
    """

    letters: int
    spent_s: float
    emit: float
    dispatchers: float
    peak_mb: float
    size: float

    @property
    def cpu_s(self) -> float:
        """CPU seconds of all processes."""
        return self.emit + self.dispatchers

    @property
    def rate(self) -> float:
        """Letters a second."""
        return self.letters / self.spent_s

    @property
    def cpu_per_1000(self) -> float:
        """CPU seconds of all processes per 1,000 letters."""
        return self.cpu_s * 1000 / self.letters


def events_of(letters: int, first: int = 0) -> Iterator[dict[str, Any]]:
    """So many comments on a thousand objects, each with an id of its own."""
    for number in range(first, first + letters):
        yield event("request.comment_added", number % OBJECTS, key=f"comment-{number}", comment={"text": TEXT})


def write_events(file: Path, letters: int, first: int = 0) -> Path:
    """Events as a file for `vestnik emit`."""
    file.write_text(lines(*events_of(letters, first)), "utf-8")
    return file


def make_desk(store: Store, port: int) -> None:
    """People, settings, one rule on, no limits, mail to a port of this machine."""
    furnish(store, port=port)
    raise_limits(store)
    set_enabled(store, [rule.code for rule in list_rules(store) if rule.code != CODE], False, "bench")


@contextmanager
def desk(url: str, port: int) -> Generator[Store]:
    """A desk on a new store, open."""
    with closing(Store.open(url)) as store:
        make_desk(store, port)
        yield store


@contextmanager
def dispatching(store: Store, url: str, number: int = 1) -> Generator[list[subprocess.Popen[bytes]]]:
    """So many dispatchers, running and idle; stopped at the end, unless somebody has waited for them."""
    processes = [vestnik(url, "dispatch") for _ in range(number)]
    try:
        until(lambda: sum(card.alive for card in read_status(store).dispatchers) == number)
        time.sleep(SETTLING_S)
        yield processes
    finally:
        stop(processes)


def stop(processes: Iterable[subprocess.Popen[bytes]]) -> list[float]:
    """End dispatchers as an administrator would; gives the CPU seconds each has used in its life."""
    running = [process for process in processes if process.returncode is None]
    for process in running:
        process.send_signal(signal.SIGTERM)
    return [ended(process) for process in running]


def carry(store: Store, url: str, events: Path, letters: int, sink: Sink, *, dispatchers: int = 1) -> Carried:
    """Carry a file of events through the line as it is used: emit beside dispatchers that run and are idle.

    Raises:
        RuntimeError: Not every letter arrived, or one arrived twice.
    """
    last = _last(store)
    with dispatching(store, url, dispatchers) as processes, Memory([one.pid for one in processes]) as memory:
        idle_s = sum(cpu_s(process.pid) for process in processes)
        begun = time.perf_counter()
        emit = vestnik(url, "emit", str(events))
        memory.add(emit.pid)
        until(lambda: sink.received() >= letters)  # cheaper to ask than the store
        until(lambda: _sent(store, last) >= letters)
        spent_s = time.perf_counter() - begun
        used = ended(emit)
        total_s = sum(stop(processes))
    size = expect(sink, letters)
    return Carried(letters, spent_s, used, total_s - idle_s, memory.peak_mb, size)


def expect(sink: Sink, letters: int) -> float:
    """Hold the sink to having got each letter once; gives the bytes of a letter, on average.

    Raises:
        RuntimeError: It has not.
    """
    size = sink.size()
    _hold(*sink.counts(), letters)
    return size


def arrivals(sink: Sink, letters: int) -> dict[str, float]:
    """When each letter came, seconds since the epoch, by its Message-ID; each once.

    Raises:
        RuntimeError: It is not so.
    """
    came = sink.letters()
    by_id = dict(came)
    _hold(len(came), len(by_id), letters)
    return by_id


def _hold(received: int, distinct: int, letters: int) -> None:
    if (received, distinct) != (letters, letters):
        msg = f"{received} letters with {distinct} ids arrived instead of {letters}"
        raise RuntimeError(msg)


def _last(store: Store) -> int:
    with store.read() as connection:
        return connection.execute(select(func.coalesce(func.max(tables.delivery.c.id), 0))).scalar_one()


def _sent(store: Store, last: int) -> int:
    d = tables.delivery
    wanted = select(func.count()).where(d.c.state == DeliveryState.SENT.value, d.c.id > last)
    with store.read() as connection:
        return connection.execute(wanted).scalar_one()
