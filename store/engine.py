"""Opening a store: the engine, its pragmas, and the one writer.

A store is opened by hand, never at import. Reading happens on any thread through `Store.read`, writing through
`Store.write` (waits) or `Store.submit` (gives a future), both on the one writer thread.
"""

import os
from collections.abc import Callable, Generator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.pool import QueuePool

from store.clock import Clock, system_clock
from store.errors import StoreUnreachableError
from store.secrets import Keyring
from store.writer import Writer

T = TypeVar("T")

BUSY_TIMEOUT_MS = 10_000


def sqlite_path(url: str) -> Path | None:
    """The file behind an SQLite URL, or `None` for another engine."""
    parsed = make_url(url)
    return Path(parsed.database) if parsed.get_backend_name() == "sqlite" and parsed.database else None


def make_engine(url: str, *, foreign_keys: bool = True) -> Engine:
    """An engine with our settings; does not connect yet.

    Args:
        url: `sqlite:///…` or `postgresql+psycopg://…`.
        foreign_keys: Off only for migrations, which rebuild tables.
    """
    # Values of statements may be secrets or personal data: they stay out of every exception.
    engine = create_engine(url, hide_parameters=True, poolclass=QueuePool, pool_size=8, max_overflow=8)
    if engine.dialect.name == "sqlite":
        _use_sqlite(engine, foreign_keys=foreign_keys)
    return engine


def _use_sqlite(engine: Engine, *, foreign_keys: bool) -> None:
    def on_connect(dbapi: Any, _record: Any) -> None:
        dbapi.isolation_level = None  # transactions are begun by us, below
        cursor = dbapi.cursor()
        cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute(f"PRAGMA foreign_keys={'ON' if foreign_keys else 'OFF'}")
        cursor.close()

    def on_begin(connection: Connection) -> None:
        # A deferred transaction that reads and then writes fails with "database is locked" at once.
        deferred = connection.get_execution_options().get("read_only", False)
        connection.exec_driver_sql("BEGIN" if deferred else "BEGIN IMMEDIATE")

    event.listen(engine, "connect", on_connect)
    event.listen(engine, "begin", on_begin)


def prepare_file(path: Path) -> None:
    """Make the folder (0700) and the file (0600) of an SQLite store.

    Raises:
        StoreUnreachableError: The place cannot be written.
    """
    try:
        if not path.parent.exists():
            path.parent.mkdir(mode=0o700, parents=True)
        if not path.exists():
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        msg = f"the store {path} cannot be created: {error.strerror}. Give another place with --store"
        raise StoreUnreachableError(msg) from error
    if not os.access(path, os.W_OK) or not os.access(path.parent, os.W_OK):
        msg = f"the store {path} is not writable. Mend its owner or mode, or give another place with --store"
        raise StoreUnreachableError(msg)


class Store:
    """An open store.

    Attributes:
        url: Where it is, as it was given.
        clock: The clock everything in this store is timed by.
    """

    def __init__(self, url: str, engine: Engine, clock: Clock) -> None:
        self.url = url
        self.clock = clock
        self.engine = engine
        self._reading = engine.execution_options(read_only=True)
        self._writer = Writer(engine)
        self._keyring: Keyring | None = None

    @classmethod
    def open(cls, url: str, *, clock: Clock = system_clock, upgrade: bool = True) -> "Store":
        """Open a store, creating or migrating an SQLite file when `upgrade`.

        Raises:
            StoreUnreachableError: It cannot be opened or written.
            StoreVersionError: Its schema is newer than this program, or older and `upgrade` is off.
        """
        # Imported here: migrations need the engine, and Alembic (250 ms) is loaded only when there is work.
        from store.migrate import make_current

        try:
            path = sqlite_path(url)
            if path is not None:
                prepare_file(path)
            engine = make_engine(url)
        except (ArgumentError, ModuleNotFoundError) as error:
            msg = f"the store URL is not understood ({error}). Example: sqlite:////var/lib/vestnik/vestnik.db"
            raise StoreUnreachableError(msg) from error
        store = cls(url, engine, clock)
        try:
            make_current(store, upgrade=upgrade)
        except DBAPIError as error:
            store.close()
            msg = f"the store cannot be opened: {error.orig}"
            raise StoreUnreachableError(msg) from error
        except BaseException:
            store.close()
            raise
        return store

    @property
    def keyring(self) -> Keyring:
        """The key that seals the secrets of this store; read on first use."""
        if self._keyring is None:
            self._keyring = Keyring.for_store(sqlite_path(self.url))
        return self._keyring

    @contextmanager
    def read(self) -> Generator[Connection]:
        """A connection for reading, in one snapshot."""
        with self._reading.connect() as connection, connection.begin():
            yield connection

    def submit(self, fn: Callable[[Connection], T]) -> "Future[T]":
        """Queue a change; the future resolves once it is committed."""
        return self._writer.submit(fn)

    def write(self, fn: Callable[[Connection], T]) -> T:
        """Make a change and wait until it is committed."""
        return self.submit(fn).result()

    def close(self) -> None:
        """Finish what is queued and let go of the file."""
        self._writer.close()
        self.engine.dispose()
