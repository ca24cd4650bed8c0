"""The status and the board with few and with many deliveries: what the console reads every second, and the chart.

The sizes take turns, so that a machine that is slow for a while is slow for all, and the fastest round of each counts.
"""

import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from dispatch.forecast import forecast
from store import bulk, tables
from store.engine import Store
from store.rates import COUNTED, SPANS, count_in, slots_in
from store.status import read_status
from store.types import to_micros
from store.vocabulary import DeliveryState
from tests.desk import furnish
from tests.postgresql import Cluster, NoServerError
from tui.screens.board import AHEAD, LOOKED_AT

SIZES = (1_000, 1_000_000)
ROUNDS = 20
CHUNK = 20_000
DAY = 86_400_000_000
ZONE = ZoneInfo("Europe/Moscow")
LETTERS = 10
"""Of an event."""
WAITING = {DeliveryState.PENDING: 150, DeliveryState.SENDING: 50, DeliveryState.HELD: 100}
"""The same at each size: what an operator has before them does not grow with what was sent."""
FAILED_EVERY, WITHDRAWN_EVERY = 200, 201
"""One of so many is dead, one cancelled."""


def measure_board() -> dict[str, float]:
    """Milliseconds of each reading at each size, and the ratio of most to fewest, on both engines."""
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        urls = {size: f"sqlite:///{Path(folder) / f'{size}.db'}" for size in SIZES}
        figures |= _measure("SQLite", urls)
    try:
        with Cluster() as cluster:
            figures |= _measure("PostgreSQL", {size: cluster.new_database() for size in SIZES})
    except NoServerError:
        pass
    return figures


def _measure(engine: str, urls: dict[int, str]) -> dict[str, float]:
    stores = {size: Store.open(url) for size, url in urls.items()}
    for size, store in stores.items():
        furnish(store)
        fill(store, size)
    readings: dict[str, Callable[[Store], object]] = {"status": read_status, "chart": _chart, "what is next": _next}
    figures: dict[str, float] = {}
    for name, read in readings.items():
        best: dict[int, float] = {size: float("inf") for size in SIZES}
        for _ in range(ROUNDS):
            for size, store in stores.items():
                begun = time.perf_counter()
                read(store)
                best[size] = min(best[size], time.perf_counter() - begun)
        for size in SIZES:
            figures[f"{engine}, {size:,} deliveries, {name}, ms"] = best[size] * 1000
        figures[f"{engine}, ratio, {name}, 1 M : 1 k"] = best[SIZES[-1]] / best[SIZES[0]]
    for store in stores.values():
        store.close()
    return figures


def _chart(store: Store) -> object:
    with store.read() as connection:
        return slots_in(connection, store.clock(), ZONE, SPANS[-1])


def _next(store: Store) -> object:
    return forecast(store, to_micros(store.clock() + AHEAD), limit=LOOKED_AT)


def fill(store: Store, size: int) -> None:
    """Letters of a month, written straight into the tables: a million events would take too long."""
    for start in range(0, size, CHUNK):
        numbers = range(start, min(start + CHUNK, size))
        store.write(lambda connection, numbers=numbers: _fill(connection, store, size, numbers))
    store.write(lambda connection: _flow(connection, store))
    if store.engine.dialect.name == "postgresql":
        with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM ANALYZE")  # as the server does by itself before long


def _flow(connection: Connection, store: Store) -> None:
    flow = dict.fromkeys(COUNTED, 1_000)
    for minutes in range(24 * 60):
        count_in(connection, store.clock() - timedelta(minutes=minutes), flow)


def _fill(connection: Connection, store: Store, size: int, numbers: range) -> None:
    now = to_micros(store.clock())
    events, notes, letters = list[tuple[object, ...]](), list[tuple[object, ...]](), list[tuple[object, ...]]()
    for number in numbers:
        at, event = now - (size - number) * 30 * DAY // size, number // LETTERS
        if number % LETTERS == 0:
            thing = (f"{event}", f"RP-{event}", "Не печатает принтер")
            events.append((event, "bench", f"e{event}", "request", "added", *thing, at, at, at, "{}"))
            notes.append((event, event, "request.added.client.email", "ru", "Заявка", "Принята", ""))
        state = _state(size - 1 - number)
        reason = "silent_mode" if state is DeliveryState.HELD else ""
        sent = at if state is DeliveryState.SENT else None
        person = ("email", "Ольга", "olga@example.org")
        letters.append((event, event, *person, state.value, reason, 1, at, at, sent, "main", ""))
    columns = (
        "id", "source", "external_id", "object_type", "event_type", "object_id", "object_number", "title", "at",
        "accepted_at", "planned_at", "data",
    )  # fmt: skip
    bulk.insert_rows(connection, tables.event, columns, events)
    columns = ("id", "event_id", "rule_code", "language", "subject", "text", "html")
    bulk.insert_rows(connection, tables.notification, columns, notes)
    columns = (
        "notification_id", "event_id", "channel", "recipient_name", "recipient_address", "state", "reason", "attempts",
        "next_at", "created_at", "sent_at", "connection", "answer",
    )  # fmt: skip
    bulk.insert_rows(connection, tables.delivery, columns, letters)


def _state(age: int) -> DeliveryState:
    """The state of the letter that so many are newer than."""
    for state, count in WAITING.items():
        if age < count:
            return state
        age -= count
    if age % FAILED_EVERY == 0:
        return DeliveryState.DEAD
    return DeliveryState.CANCELLED if age % WITHDRAWN_EVERY == 0 else DeliveryState.SENT
