"""Opening a store: the engine, its pragmas, and the one writer.

A store is opened by hand, never at import. Reading happens on any thread through `Store.read`, writing through
`Store.write` (waits) or `Store.submit` (gives a future), both on the one writer thread.
"""

import os
import time
from collections.abc import Callable, Generator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path
from sqlite3 import SQLITE_BUSY, OperationalError
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.pool import QueuePool

from store.bulk import as_json
from store.cards import Upgrade
from store.clock import Clock, system_clock
from store.errors import StoreUnreachableError, UnknownKeyError
from store.faults import is_fault, shown_url, unreachable
from store.secrets import Keyring
from store.server_connection import bound_waiting, connecting, make_neighbourly
from store.writer import Writer, Writes

T = TypeVar("T")

CACHE_KIB = 16_384
"""Of pages of the file, for a connection, where it comes to use so many. SQLite's own 2 MiB cost a twentieth of a
letter's CPU: the pages of the indexes of a batch were read and written again."""
BUSY_TIMEOUT_MS = 10_000
"""How long SQLite waits for another program's change to end."""
LOOK_FOR_LOCK_S = 0.001
"""How often it looks whether it has."""
SET_ASIDE = ".before-restore-"
"""What follows the name of a store that a restore has replaced; the time follows that."""
EXAMPLES = "Examples: sqlite:////var/lib/vestnik/vestnik.db, postgresql+psycopg://vestnik@db.example.org/vestnik"


def sqlite_path(url: str) -> Path | None:
    """The file behind an SQLite URL, or `None` for another engine."""
    parsed = make_url(url)
    return Path(parsed.database) if parsed.get_backend_name() == "sqlite" and parsed.database else None


def check_url(url: str) -> None:
    """Refuse what cannot be the URL of a store; an answer never repeats it, for there may be a password in it.

    Raises:
        StoreUnreachableError: With the remedy.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:
        msg = f"the store URL is not understood. {EXAMPLES}"
        raise StoreUnreachableError(msg) from error
    if parsed.drivername not in {"sqlite", "sqlite+pysqlite", "postgresql", "postgresql+psycopg"}:
        msg = f"a store cannot be on {parsed.drivername!r}. {EXAMPLES}"
        raise StoreUnreachableError(msg)
    if parsed.get_backend_name() == "sqlite" and parsed.database in {None, "", ":memory:"}:
        msg = f"a store on SQLite needs a file. {EXAMPLES}"
        raise StoreUnreachableError(msg)


def make_engine(url: str, *, migrating: bool = False) -> Engine:
    """An engine with our settings; does not connect yet.

    Args:
        url: `sqlite:///…` or `postgresql+psycopg://…`.
        migrating: It rebuilds tables, so that foreign keys are off on SQLite, and statements may take their time.
    """
    parsed = make_url(url)
    on_server = parsed.get_backend_name() == "postgresql"
    engine = create_engine(
        parsed,
        hide_parameters=True,  # values of statements may be secrets or personal data: they stay out of exceptions
        poolclass=QueuePool,
        pool_size=8,
        max_overflow=8,
        json_serializer=as_json,
        pool_pre_ping=on_server,  # the server may have been started anew
        connect_args=connecting(parsed) if on_server else {},
    )
    if not on_server:
        _use_sqlite(engine, foreign_keys=not migrating)
    elif not migrating:
        bound_waiting(engine)
        make_neighbourly(engine)
    return engine


def _use_sqlite(engine: Engine, *, foreign_keys: bool) -> None:
    def on_connect(dbapi: Any, _record: Any) -> None:
        dbapi.isolation_level = None  # transactions are begun by us, below
        cursor = dbapi.cursor()
        cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
        _use_wal(cursor)
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute(f"PRAGMA cache_size=-{CACHE_KIB}")
        cursor.execute(f"PRAGMA foreign_keys={'ON' if foreign_keys else 'OFF'}")
        cursor.close()

    def on_begin(connection: Connection) -> None:
        # A deferred transaction that reads and then writes fails with "database is locked" at once.
        if connection.get_execution_options().get("read_only", False):
            connection.exec_driver_sql("BEGIN")
        else:
            _begin_to_write(connection)

    event.listen(engine, "connect", on_connect)
    event.listen(engine, "begin", on_begin)


def _begin_to_write(connection: Connection) -> None:
    """Wait for the lock and take it.

    SQLite's own waiting looks after 1, 2, 5, 10 … up to 100 ms: who has waited long misses the moments between two
    writers, and of a thousand events a second some took a tenth of a second to be accepted.
    """
    driver: Any = connection.connection.driver_connection
    driver.execute("PRAGMA busy_timeout=0")
    try:
        with suppress(OperationalError):
            _wait_while_busy(lambda: driver.execute("BEGIN IMMEDIATE"), LOOK_FOR_LOCK_S)
            return
        connection.exec_driver_sql("BEGIN IMMEDIATE")  # which tells what is wrong as all other statements do
    finally:
        driver.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")


def _use_wal(cursor: Any) -> None:
    """Switch to write-ahead logging, which a new file needs once; its busy timeout does not hold for that."""
    _wait_while_busy(lambda: cursor.execute("PRAGMA journal_mode=WAL"), 0.01)


def _wait_while_busy(ask: Callable[[], object], every_s: float) -> None:
    """Ask again and again while another program is at it.

    Raises:
        OperationalError: It took too long, or something else is wrong.
    """
    until = time.monotonic() + BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            ask()
        except OperationalError as error:
            if error.sqlite_errorcode & 0xFF != SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(every_s)
        else:
            return


def settle_restore(path: Path) -> None:
    """Clear up after a restore that was killed between its last two steps (`store.backup`).

    A store that has a second name beside its own loses that. Where it has no name of its own any more, nobody is to
    begin with an empty one in its place.

    Raises:
        StoreUnreachableError: The store is there under the name a restore gave it, and under no other.
    """
    try:
        alone = path.stat().st_nlink == 1
    except OSError:
        alone = False
    if alone:
        return
    aside = sorted(path.parent.glob(f"{escape(path.name)}{SET_ASIDE}{'[0-9]' * 8}-{'[0-9]' * 6}"))
    if path.exists():
        for name in aside:
            if name.samefile(path):
                name.unlink()
    elif aside:
        msg = (
            f"the store {path} is not there, but {aside[-1].name} is: a restore was interrupted. Run it again, or give "
            f"the store its name back: mv {aside[-1]} {path}. For a new store, move that file to another folder"
        )
        raise StoreUnreachableError(msg)


def prepare_file(path: Path) -> None:
    """Make the folder (0700) and the file (0600) of an SQLite store.

    Raises:
        StoreUnreachableError: The place cannot be written.
    """
    if path.is_dir():
        msg = f"{path} is a folder. Name a file in it: --store {path / 'vestnik.db'}"
        raise StoreUnreachableError(msg)
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
        upgraded: What opening it did to its schema.
    """

    def __init__(self, url: str, engine: Engine, clock: Clock) -> None:
        self.url = url
        self.clock = clock
        self.engine = engine
        # One snapshot for all statements of a reading, as SQLite gives it of itself.
        snapshot = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        on_server = engine.dialect.name == "postgresql"
        self._reading = engine.execution_options(read_only=True, **(snapshot if on_server else {}))
        self._writer = Writer(engine)
        self._keyring: Keyring | None = None
        self.upgraded: Upgrade | None = None

    @classmethod
    def open(cls, url: str, *, clock: Clock = system_clock, upgrade: bool | None = None) -> "Store":
        """Open a store.

        Args:
            url: `sqlite:///…` or `postgresql+psycopg://…`.
            clock: What the store is timed by.
            upgrade: Whether to create or migrate its schema; `None` does so for an SQLite file only, because a
                database on a server may be in use by others.

        Raises:
            StoreUnreachableError: It cannot be opened or written.
            StoreVersionError: Its schema is newer than this program, or older and was not to be upgraded.
        """
        # Imported here: migrations need the engine, and Alembic (250 ms) is loaded only when there is work.
        from store.migrate import make_current

        check_url(url)
        path = sqlite_path(url)
        if path is not None:
            settle_restore(path)
            prepare_file(path)
        try:
            engine = make_engine(url)
        except ModuleNotFoundError as error:
            msg = "the driver of PostgreSQL is not installed. Run: pip install 'vestnik[postgresql]'"
            raise StoreUnreachableError(msg) from error
        store = cls(url, engine, clock)
        try:
            store.upgraded = make_current(store, upgrade=path is not None if upgrade is None else upgrade)
        except BaseException:
            store.close()
            raise
        return store

    @property
    def shown_url(self) -> str:
        """Where it is, for people: without secrets."""
        return shown_url(self.url)

    @property
    def keyring(self) -> Keyring:
        """The key that seals the secrets of this store; read on first use."""
        if self._keyring is None:
            self._keyring = self.read_keys()
        return self._keyring

    def read_keys(self) -> Keyring:
        """Read the keys anew: another process may have added one."""
        self._keyring = Keyring.for_store(sqlite_path(self.url))
        return self._keyring

    def unseal(self, sealed: bytes | None, place: str) -> str:
        """A secret in clear, empty when there is none.

        Raises:
            SecretError: No key fits, or the secret was changed.
        """
        if not sealed:
            return ""
        try:
            return self.keyring.open(sealed, place)
        except UnknownKeyError:
            return self.read_keys().open(sealed, place)

    @contextmanager
    def read(self) -> Generator[Connection]:
        """A connection for reading, in one snapshot.

        Raises:
            StoreUnreachableError: The store is at fault, here or in a statement of the caller's.
        """
        try:
            with self._reading.connect() as connection, connection.begin():
                yield connection
        except DBAPIError as error:
            if is_fault(error):
                raise unreachable(error, self.engine.url) from error
            raise

    def submit(self, fn: Callable[[Connection], T]) -> "Future[T]":
        """Queue a change; the future resolves once it is committed.

        `fn` may run again, when a change that was to be committed with it fails, and on PostgreSQL when another
        process was quicker or a deadlock was broken: it changes nothing but the store.
        """
        return self._writer.submit(fn)

    def write(self, fn: Callable[[Connection], T]) -> T:
        """Make a change and wait until it is committed."""
        return self.submit(fn).result()

    @property
    def writes(self) -> Writes:
        """What was written since the store was opened."""
        return self._writer.writes

    def close(self) -> None:
        """Finish what is queued and let go of the file."""
        self._writer.close()
        self.engine.dispose()
