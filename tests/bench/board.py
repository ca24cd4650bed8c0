"""The status and the board with few and with many deliveries: what the console reads every second, and the chart.

The sizes take turns, so that a machine that is slow for a while is slow for all, and the fastest round of each counts.
"""

import os
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from dispatch.forecast import forecast
from store.engine import Store
from store.rates import COUNTED, SPANS, count_in, slots_in
from store.status import read_status
from store.types import to_micros
from tests.conftest import KEY
from tests.desk import furnish
from tests.postgresql import Cluster, NoServerError
from tests.store.letters import fill
from tui.screens.board import AHEAD, LOOKED_AT

SIZES = (1_000, 1_000_000)
ROUNDS = 20
MOSCOW = ZoneInfo("Europe/Moscow")


def measure_board() -> dict[str, float]:
    """Milliseconds of each reading at each size, and the ratio of most to fewest, on both engines."""
    with tempfile.TemporaryDirectory() as folder:
        figures = _measure("SQLite", {size: f"sqlite:///{Path(folder) / f'{size}.db'}" for size in SIZES})
    try:
        with Cluster() as cluster:
            os.environ.setdefault("VESTNIK_KEY", KEY)
            figures |= _measure("PostgreSQL", {size: cluster.new_database() for size in SIZES})
    except NoServerError as error:
        print(f"PostgreSQL is not measured: {error}")
    return figures


def _measure(engine: str, urls: dict[int, str]) -> dict[str, float]:
    stores = {size: Store.open(url) for size, url in urls.items()}
    for size, store in stores.items():
        _furnish(store, size)
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


def _furnish(store: Store, size: int) -> None:
    """Deliveries, and the counts of a day."""

    def count(connection: Connection) -> None:
        for minutes in range(24 * 60):
            count_in(connection, store.clock() - timedelta(minutes=minutes), dict.fromkeys(COUNTED, 1_000))

    furnish(store)
    store.write(lambda connection: fill(connection, size))
    store.write(count)
    if store.engine.dialect.name == "postgresql":
        with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM ANALYZE")  # as the server does by itself before long


def _chart(store: Store) -> object:
    with store.read() as connection:
        return slots_in(connection, store.clock(), MOSCOW, SPANS[-1])


def _next(store: Store) -> object:
    return forecast(store, to_micros(store.clock() + AHEAD), limit=LOOKED_AT)
