"""New stores on the engines there are, and what fills them."""

import os
import tempfile
from collections.abc import Callable, Generator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from sqlalchemy.pool import QueuePool

from store.engine import Store
from tests.conftest import KEY
from tests.postgresql import Cluster, NoServerError

SQLITE, POSTGRESQL = "SQLite", "PostgreSQL"
NewStore = Callable[[], str]
"""Gives the URL of a new store, which is gone at the end."""


@contextmanager
def sqlite_stores() -> Generator[NewStore]:
    """Stores on SQLite, in a temporary folder."""
    numbers = count(1)
    with tempfile.TemporaryDirectory() as folder:

        def new() -> str:
            place = Path(folder) / str(next(numbers))
            place.mkdir()
            return f"sqlite:///{place / 'vestnik.db'}"

        yield new


@contextmanager
def cluster_in_service() -> Generator[Cluster]:
    """A PostgreSQL server as in service, and a key for the stores on it.

    Raises:
        NoServerError: There is none.
    """
    before = os.environ.get("VESTNIK_KEY")
    with Cluster(in_service=True) as cluster:
        os.environ["VESTNIK_KEY"] = before or KEY
        try:
            yield cluster
        finally:
            if before is None:
                del os.environ["VESTNIK_KEY"]


def on_each_engine(measure: Callable[[str, NewStore], dict[str, float]]) -> dict[str, float]:
    """Measure on SQLite, and on PostgreSQL where there is one; `measure` gets the engine's name."""
    with sqlite_stores() as new:
        figures = measure(SQLITE, new)
    try:
        with cluster_in_service() as cluster:
            return figures | measure(POSTGRESQL, cluster.new_database)
    except NoServerError as error:
        print(f"PostgreSQL is left out: {error}")
    return figures


def vacuum(store: Store) -> None:
    """Do what a server does by itself before long to a table that was filled in one go."""
    if store.engine.dialect.name == "postgresql":
        with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM ANALYZE")
            connection.exec_driver_sql("CHECKPOINT")


def transactions(store: Store) -> int:
    """How many transactions a database on a server has had; what it counts may be a second old."""
    return _number(store, "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = current_database()")


def wal_bytes(store: Store) -> int:
    """How much a server has written to its log, of all its databases: what a replica has to be sent."""
    return _number(store, "SELECT CAST(pg_current_wal_lsn() - '0/0' AS BIGINT)")


def database_bytes(store: Store) -> int:
    """How much room a database takes on a server."""
    return _number(store, "SELECT pg_database_size(current_database())")


def connections(store: Store) -> int:
    """Connections to a database on a server but those of this process."""
    total = _number(store, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
    pool = store.engine.pool
    assert isinstance(pool, QueuePool)
    return total - pool.checkedin() - pool.checkedout()


def _number(store: Store, query: str) -> int:
    with store.read() as connection:
        return connection.exec_driver_sql(query).scalar_one()
