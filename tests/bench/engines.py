"""The whole line on PostgreSQL against SQLite, and with two and four dispatchers on PostgreSQL against one.

As in `whole_line.py`, in turns, medians. PostgreSQL runs as in service (`tests/postgresql.py`), on this machine: so it
takes CPU from the dispatchers, and what it uses is told and counted beside theirs. More dispatchers than there are
processors can bring nothing here.
"""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.bench.line import Carried, carry, desk, write_events
from tests.bench.processes import tree_cpu_s
from tests.bench.sink import Sink
from tests.bench.stores import NewStore, cluster_in_service, database_bytes, sqlite_stores, transactions, wal_bytes
from tests.bench.whole_line import medians
from tests.postgresql import Cluster, NoServerError

ROUNDS = 3
MANY = (2, 4)


def measure_engines(letters: int) -> dict[str, float]:
    """Letters a second and CPU seconds per 1,000 letters of each, and the ratios."""
    figures: dict[str, float] = {"letters": letters, "processors": os.cpu_count() or 1}
    with Sink() as sink, tempfile.TemporaryDirectory() as folder, sqlite_stores() as on_sqlite:
        events = write_events(Path(folder) / "events.jsonl", letters)
        try:
            with cluster_in_service() as cluster:
                rounds: list[dict[str, float]] = []
                for _ in range(ROUNDS):
                    one = _carried("SQLite", on_sqlite, events, letters, sink)
                    for number in (1, *MANY):
                        one |= _on_server(cluster, events, letters, sink, number)
                    rounds.append(one | _ratios(one))
        except NoServerError as error:
            print(f"PostgreSQL is left out: {error}")
            rounds = [_carried("SQLite", on_sqlite, events, letters, sink) for _ in range(ROUNDS)]
    return figures | medians(rounds)


def _carried(name: str, new: NewStore, events: Path, letters: int, sink: Sink) -> dict[str, float]:
    url = new()
    with desk(url, sink.port) as store:
        return _figures(name, carry(store, url, events, letters, sink))


def _on_server(cluster: Cluster, events: Path, letters: int, sink: Sink, dispatchers: int) -> dict[str, float]:
    """The same on PostgreSQL, and what the server has to do for it."""
    url = cluster.new_database()
    name = f"PostgreSQL, {dispatchers} dispatcher{'s' * (dispatchers > 1)}"
    with desk(url, sink.port) as store:
        readings: dict[str, Callable[[], float]] = {
            "server's CPU s per 1,000": lambda: tree_cpu_s(cluster.pid) * 1000,
            "transactions a letter": lambda: transactions(store),
            "bytes of the server's log a letter": lambda: wal_bytes(store),
            "bytes in the store a letter": lambda: database_bytes(store),
        }
        before = {reading: read() for reading, read in readings.items()}
        figures = _figures(name, carry(store, url, events, letters, sink, dispatchers=dispatchers))
        return figures | {
            f"{name}, {reading}": (read() - before[reading]) / letters for reading, read in readings.items()
        }


def _figures(name: str, took: Carried) -> dict[str, float]:
    return {f"{name}, letters/s": took.rate, f"{name}, CPU s per 1,000": took.cpu_per_1000}


def _ratios(one: dict[str, float]) -> dict[str, float]:
    alone = one["PostgreSQL, 1 dispatcher, letters/s"]
    return {"ratio, PostgreSQL / SQLite": alone / one["SQLite, letters/s"]} | {
        f"ratio, {number} dispatchers / 1": one[f"PostgreSQL, {number} dispatchers, letters/s"] / alone
        for number in MANY
    }
