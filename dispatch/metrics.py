"""The page `/metrics`: what a dispatcher has done and what its store holds, as Prometheus reads it.

What the dispatcher counts is read from its own memory, what the store holds by one reading of a few milliseconds,
which is kept for a moment, so that asking oftener costs nothing. Only this module knows the client library.
"""

import asyncio
import os
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector, CollectorRegistry
from sqlalchemy import func, select, text

from dispatch.figures import Figures
from dispatch.probe import Page
from dispatch.sender import Sender
from store import tables
from store.cards import Status
from store.engine import Store
from store.errors import StoreError
from store.histogram import Histogram
from store.migrations import HEAD
from store.status import oldest_unsent_in, read_status
from store.types import from_micros
from store.vocabulary import DeliveryState

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
KEPT_S = 1.0
"""How long a reading of the store is good for."""
CIRCUITS = ("closed", "half_open", "open")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Counted:
    """What a dispatcher has counted, when it is asked; the same objects go on counting."""

    planned: int
    ticked: int
    lateness: Histogram
    sender: Sender


@dataclass(frozen=True, slots=True)
class Reading:
    """What the store holds; `None` where it cannot be read."""

    status: Status
    oldest_unplanned_at: datetime | None
    oldest_unsent_at: datetime | None
    next_look_at: datetime | None
    now: datetime


def read(store: Store) -> Reading | None:
    """Read what the store holds. Blocking, some milliseconds."""
    e, d = tables.event, tables.deadline
    try:
        status, now = read_status(store), store.clock()
        with store.read() as connection:
            waiting = select(e.c.accepted_at).where(e.c.planned_at.is_(None)).order_by(e.c.id).limit(1)
            unplanned = connection.execute(waiting).scalar()
            query = select(func.min(d.c.next_at)).where(text("next_at IS NOT NULL"))
            look = connection.execute(query).scalar()
            unsent = oldest_unsent_in(connection)
    except StoreError:
        return None
    return Reading(status, unplanned, unsent, None if look is None else from_micros(look), now)


class Metrics:
    """Makes the page for one dispatcher, which counts its own life from when this was made."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._began_at = store.clock()
        self._reading: Reading | None = None
        self._read_at = float("-inf")
        self._one_reads = asyncio.Lock()

    async def page(self, counted: Counted) -> Page:
        """The page as it is now. The store is read in a thread: it may be slow, and letters do not wait for it."""
        async with self._one_reads:
            if time.monotonic() - self._read_at > KEPT_S:
                self._reading = await asyncio.to_thread(read, self._store)
                self._read_at = time.monotonic()
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Families(self._families(counted, self._reading)))
        return Page(generate_latest(registry), CONTENT_TYPE)

    def _families(self, counted: Counted, reading: Reading | None) -> list[Metric]:
        found = [*_of_dispatcher(counted), *_of_connections(counted.sender), *_of_writes(self._store)]
        found.append(_gauge("vestnik_store_up", "Whether the store could be read.", reading is not None))
        if reading is not None:
            found += _of_store(reading)
        return [*found, *_of_process(self._began_at)]


class _Families(Collector):
    """Families that are ready, in the form the library asks for."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families

    def describe(self) -> Iterable[Metric]:
        return ()


def _of_dispatcher(counted: Counted) -> Iterator[Metric]:
    tally, figures = counted.sender.tally, counted.sender.figures
    letters = CounterMetricFamily(
        "vestnik_letters", "Letters that got into a state, by this dispatcher.", None, ["state"]
    )
    for state, count in ((DeliveryState.SENT, tally.sent), (DeliveryState.DEAD, tally.dead)):
        letters.add_metric([state.word], count)
    letters.add_metric([DeliveryState.HELD.word], tally.held)
    yield letters
    yield _counter("vestnik_letters_released", "Letters whose cause to be held was gone.", tally.released)
    yield _counter("vestnik_events_planned", "Events this dispatcher looked at to plan them.", counted.planned)
    yield _counter("vestnik_clock_events", "Events the clock made of thresholds that were reached.", counted.ticked)
    yield _attempts(figures)
    yield _histogram(
        "vestnik_letter_seconds", "From the commit of an event to the server's acceptance of a letter.", figures.road
    )
    yield _histogram("vestnik_submission_seconds", "Giving a letter to a server that took it.", figures.transaction)
    yield _histogram(
        "vestnik_clock_lateness_seconds", "From reaching a threshold to the clock's telling of it.", counted.lateness
    )


def _attempts(figures: Figures) -> Metric:
    words = "Attempts; one that failed with its connection does not count against the letter."
    found = CounterMetricFamily("vestnik_attempts", words, None, ["connection", "outcome", "error_class"])
    for labels, count in sorted(figures.attempts.items()):
        found.add_metric(labels, count)
    return found


def _of_connections(sender: Sender) -> Iterator[Metric]:
    words = "The circuit of a connection, as this dispatcher sees it: closed is well; 1 where it is so."
    circuits = GaugeMetricFamily("vestnik_connection_circuit", words, None, ["connection", "state"])
    sessions = GaugeMetricFamily("vestnik_connection_sessions", "Sessions that are open.", None, ["connection"])
    for route in sender.routes:
        for state in CIRCUITS:
            circuits.add_metric([route.card.name, state], float(route.circuit.state == state))
        sessions.add_metric([route.card.name], len(route.seats))
    yield circuits
    yield sessions


def _of_writes(store: Store) -> Iterator[Metric]:
    writes = store.writes
    yield _histogram("vestnik_store_write_seconds", "A group of changes, from its start to its commit.", writes.seconds)
    yield _histogram("vestnik_store_write_jobs", "Changes committed in one group.", writes.jobs)
    yield _counter("vestnik_store_write_failures", "Groups of changes that could not be committed.", writes.failed)


def _of_store(reading: Reading) -> Iterator[Metric]:
    status, now = reading.status, reading.now
    yield _labelled("vestnik_deliveries", "Deliveries in the store.", "state", status.deliveries)
    queue = {"due": status.queue.due, "later": status.queue.later, "in_hand": status.queue.in_hand}
    yield _labelled("vestnik_queue_letters", "Letters that are still to go.", "state", queue)
    yield _labelled("vestnik_held_letters", "Letters on hold.", "reason", status.queue.held)
    yield _gauge("vestnik_oldest_due_seconds", "How long the oldest due letter waits.", _age(status.oldest_due_at, now))
    words = "How long the oldest letter waits that is still to go: due, for later, or in hand."
    yield _gauge("vestnik_oldest_unsent_seconds", words, _age(reading.oldest_unsent_at, now))
    yield _gauge("vestnik_unplanned_events", "Events that wait for a planner.", status.unplanned)
    age = _age(reading.oldest_unplanned_at, now)
    yield _gauge("vestnik_oldest_unplanned_seconds", "How long the oldest of them waits.", age)
    words = "How long the deadline waits that the clock should have looked at first."
    yield _gauge("vestnik_clock_behind_seconds", words, _age(reading.next_look_at, now))
    yield _gauge(
        "vestnik_dispatchers", "Dispatchers alive on this store.", sum(one.alive for one in status.dispatchers)
    )
    yield _gauge("vestnik_silent_mode", "Whether silent mode is in force.", status.silent.in_force(now))
    yield _gauge("vestnik_settings_missing", "Settings without which nothing is sent.", len(status.missing))


def _of_process(began_at: datetime) -> Iterator[Metric]:
    """The usual figures of a process. The library's own need the boot time, which our unit for systemd hides."""
    names = ["version", "schema", "python"]
    about = GaugeMetricFamily("vestnik_build_info", "What runs here.", None, names)
    about.add_metric([version("vestnik"), HEAD, ".".join(map(str, sys.version_info[:3]))], 1)
    yield about
    yield _counter("process_cpu_seconds", "User and system CPU time.", time.process_time())
    yield _gauge("process_start_time_seconds", "When it started, since the epoch.", began_at.timestamp())
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1]) if Path("/proc/self/statm").exists() else 0
    yield _gauge("process_resident_memory_bytes", "Resident memory.", pages * PAGE_BYTES)
    if Path("/proc/self/fd").is_dir():
        yield _gauge("process_open_fds", "Open file descriptors.", sum(1 for _ in Path("/proc/self/fd").iterdir()))


def _age(since: datetime | None, now: datetime) -> float:
    """Seconds since a moment; 0 where there is none, or it is to come."""
    return 0.0 if since is None else max((now - since).total_seconds(), 0.0)


def _counter(name: str, words: str, value: float) -> Metric:
    return CounterMetricFamily(name, words, value)


def _gauge(name: str, words: str, value: float) -> Metric:
    return GaugeMetricFamily(name, words, float(value))


def _labelled(name: str, words: str, label: str, values: dict[str, int]) -> Metric:
    found = GaugeMetricFamily(name, words, None, [label])
    for word, value in values.items():
        found.add_metric([word], value)
    return found


def _histogram(name: str, words: str, values: Histogram) -> Metric:
    reached = values.cumulative()
    bounds = [*(f"{bound:g}" for bound in values.bounds), "+Inf"]
    found = HistogramMetricFamily(name, words)
    found.add_metric([], [(bound, float(count)) for bound, count in zip(bounds, reached, strict=True)], values.total)
    return found
