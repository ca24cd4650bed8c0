"""Kills under load (`tests.crashes`) on both engines, with one, two and five dispatchers: lost, sent twice, in between.

Nothing may be lost, and nothing come twice but what the server had taken when a dispatcher died before that was
recorded. How many those are says how wide that gap is.
"""

import os
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from tests.bench.sink import Sink
from tests.crashes import crash, outages
from tests.desk import new_store_file
from tests.postgresql import Cluster, NoServerError

KILLS = 60
"""On each engine."""
RESTARTS = 12
DISPATCHERS = (1, 2, 5)
EVENTS = 2_000
"""In a file."""
KEY = "dGVzdHMtdGVzdHMtdGVzdHMtdGVzdHMtdGVzdHMtdGU="


def measure_crash(kills: int = KILLS) -> dict[str, float]:
    """Figures by engine and number of dispatchers.

    Raises:
        RuntimeError: Something was lost, or came twice without an excuse.
    """
    figures: dict[str, float] = {}
    os.environ.setdefault("VESTNIK_KEY", KEY)
    for engine, stores in {"SQLite": _sqlite, "PostgreSQL": _postgresql}.items():
        try:
            with stores() as new_store, Sink() as sink:
                for number in DISPATCHERS:
                    figures |= _one(f"{engine}, {number}", new_store, sink, kills // len(DISPATCHERS), number)
        except NoServerError as error:
            print(f"{engine} is left out: {error}")
    return figures


def measure_restarts(count: int = RESTARTS) -> dict[str, float]:
    """PostgreSQL restarted (fast, immediately) and its sessions ended, under two dispatchers and `emit`.

    Raises:
        RuntimeError: Something was lost or came twice.
    """
    os.environ.setdefault("VESTNIK_KEY", KEY)
    with Cluster() as cluster, Sink() as sink, tempfile.TemporaryDirectory() as folder:

        def restart(*, immediately: bool) -> None:
            cluster.stop(immediately=immediately)
            cluster.start()

        breaks = [partial(restart, immediately=False), partial(restart, immediately=True), cluster.end_sessions]
        todo = [breaks[number % len(breaks)] for number in range(count)]
        found = outages(cluster.new_database(), Path(folder), sink, todo, dispatchers=2, events=EVENTS)
    if found.lost or found.unknown or found.duplicates:
        msg = f"restarts: {found}"
        raise RuntimeError(msg)
    return {"restarts": count, "letters": found.letters, "lost": found.lost, "sent twice": found.duplicates}


def _one(name: str, new_store: "Generator[str]", sink: Sink, kills: int, dispatchers: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        url = next(new_store)
        found = crash(url, Path(folder), sink, kills=kills, dispatchers=dispatchers, events=EVENTS, seed=dispatchers)
    if found.lost or found.unknown or found.unexplained:
        msg = f"{name}: {found}"
        raise RuntimeError(msg)
    return {
        f"{name}: kills": found.kills,
        f"{name}: letters": found.letters,
        f"{name}: lost": found.lost,
        f"{name}: sent twice": found.duplicates,
        f"{name}: sent twice, not in between at a kill": found.unexplained,
        f"{name}: accepted, not recorded, all kills": found.accepted_unrecorded,
        f"{name}: accepted, not recorded, most": found.most_at_one_kill,
        f"{name}: wait of a dead one's letters, most, s": found.late_s,
    }


@contextmanager
def _sqlite() -> "Generator[Generator[str]]":
    with tempfile.TemporaryDirectory() as folder:
        yield (new_store_file(Path(folder) / str(number) / "vestnik.db") for number in DISPATCHERS)


@contextmanager
def _postgresql() -> "Generator[Generator[str]]":
    with Cluster() as cluster:
        yield (cluster.new_database() for _ in DISPATCHERS)
