"""What a dispatcher costs that has nothing to do: CPU, memory, connections, transactions. A small desk is mostly this.

One dispatcher on each engine, left alone for a while after its start-up; on PostgreSQL the server's share as well.
"""

import time
from collections.abc import Callable

from tests.bench.line import desk, dispatching
from tests.bench.processes import cpu_s, proportional_mb, tree_cpu_s
from tests.bench.sink import Sink
from tests.bench.stores import cluster_in_service, connections, sqlite_stores, transactions
from tests.postgresql import NoServerError

WATCHED_S = 20.0


def measure_idle() -> dict[str, float]:
    """CPU milliseconds a second, megabytes (a shared page divided), and of the server connections and transactions."""
    figures: dict[str, float] = {"watched, s": WATCHED_S}
    with sqlite_stores() as new:
        figures |= _idle("SQLite", new(), {})
    try:
        with cluster_in_service() as cluster:
            figures |= _idle("PostgreSQL", cluster.new_database(), {"server's CPU": lambda: tree_cpu_s(cluster.pid)})
    except NoServerError as error:
        print(f"PostgreSQL is left out: {error}")
    return figures


def _idle(engine: str, url: str, beside: dict[str, Callable[[], float]]) -> dict[str, float]:
    with Sink() as sink, desk(url, sink.port) as store, dispatching(store, url) as (process,):
        readings = {"CPU": lambda: cpu_s(process.pid), **beside}
        before = {name: read() for name, read in readings.items()}
        done = transactions(store) if beside else 0
        time.sleep(WATCHED_S)
        figures = {
            f"{engine}, {name}, ms a second": (read() - before[name]) * 1000 / WATCHED_S
            for name, read in readings.items()
        }
        figures[f"{engine}, MB"] = proportional_mb(process.pid)
        if beside:
            figures[f"{engine}, transactions a second"] = (transactions(store) - done) / WATCHED_S
            figures[f"{engine}, connections"] = connections(store)
    return figures
