"""A store on SQLite that cannot be written for a while: the disk is full, it is read-only, another program locks it."""

import asyncio
import sqlite3
import time
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Connection, func, select
from sqlalchemy import event as sql_event

from dispatch import daemon, sender, settler
from dispatch.daemon import run
from dispatch.intake import emit
from dispatch.settler import MOST_UNRECORDED
from dispatch.workers import SESSIONS
from store import tables
from store.engine import Store
from store.errors import StoreUnreachableError
from store.status import read_status
from tests.desk import furnish, open_store, raise_limits
from tests.dispatch.test_outages import once_each, requests, until
from tests.mail_server import MailServer
from tests.small_disk import NoMountError, SmallDisk

LETTERS = 100


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    try:
        disk = SmallDisk(tmp_path / "disk", 3)
    except NoMountError as error:
        pytest.skip(str(error))
    with disk:
        yield disk


@pytest.fixture
def server(tmp_path: Path) -> Iterator[MailServer]:
    with MailServer(tmp_path) as server:
        server.delay_s = 0.02
        yield server


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits for the store tries again soon."""
    for module in (daemon, sender, settler):
        monkeypatch.setattr(module, "STORE_RETRY_S", 0.05)


@contextmanager
def read_only(store: Store) -> Generator[None]:
    """As if the file system had become read-only under an open store."""
    word = "ON"

    def apply(connection: Connection) -> None:
        connection.exec_driver_sql(f"PRAGMA query_only={word}")

    sql_event.listen(store.engine, "begin", apply)
    try:
        yield
    finally:
        word = "OFF"  # the listener stays: which connections it has been at nobody knows


@contextmanager
def locked(store: Store) -> Generator[None]:
    """Another program has begun to write, and takes its time."""
    with closing(sqlite3.connect(store.url.removeprefix("sqlite:///"), isolation_level=None, timeout=5)) as other:
        other.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            other.execute("ROLLBACK")


@contextmanager
def full(disk: SmallDisk) -> Generator[None]:
    """There is no room on the disk."""
    disk.fill()
    try:
        yield
    finally:
        disk.clear()


@pytest.mark.parametrize("trouble", ["full", "read-only", "locked"])
async def test_what_was_sent_is_kept_until_it_can_be_recorded_and_nothing_more_is_sent(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    server: MailServer,
    impatient: None,
    monkeypatch: pytest.MonkeyPatch,
    trouble: str,
) -> None:
    monkeypatch.setattr(settler, "WRITTEN_WITHIN_S", 0.1)
    folder = request.getfixturevalue("disk").folder if trouble == "full" else tmp_path
    with closing(open_store(folder / "store")) as store:
        furnish(store, port=server.port)
        raise_limits(store)
        emit(store, requests(LETTERS))
        stop = asyncio.Event()
        task = asyncio.create_task(run(store, stop=stop))
        await asyncio.to_thread(until, lambda: len(server.letters) >= LETTERS // 4)
        hold = {"full": lambda: full(request.getfixturevalue("disk")), "read-only": lambda: read_only(store)}
        with hold.get(trouble, lambda: locked(store))():
            await asyncio.to_thread(until, lambda: _at_rest(server))
            with store.read() as connection:
                recorded = connection.execute(select(func.count()).select_from(tables.attempt)).scalar_one()
            assert 0 < len(server.letters) - recorded <= MOST_UNRECORDED + SESSIONS
            assert len(server.letters) < LETTERS
        await asyncio.to_thread(until, lambda: read_status(store).deliveries["pending"] == 0)
        await asyncio.to_thread(until, lambda: read_status(store).deliveries["sending"] == 0)
        stop.set()
        await task
        once_each(store, server, LETTERS)


def _at_rest(server: MailServer) -> bool:
    """Whether no letter has come for a while."""
    before = len(server.letters)
    time.sleep(0.25)
    return len(server.letters) == before


def test_what_a_full_disk_has_no_room_for_is_not_accepted_and_said_so(disk: SmallDisk) -> None:
    with closing(open_store(disk.folder / "store")) as store:
        disk.fill()
        with pytest.raises(StoreUnreachableError, match="disk is full"):
            emit(store, requests(2_000))
        disk.clear()
        with store.read() as connection:
            kept = connection.execute(select(func.count()).select_from(tables.event)).scalar_one()
            objects = connection.execute(select(func.count()).select_from(tables.object_)).scalar_one()
        assert kept == objects < 2_000
        outcomes = [receipt.outcome for receipt in emit(store, requests(2_000))]
        assert outcomes.count("duplicate") == kept
        assert outcomes.count("accepted") == 2_000 - kept


def test_a_store_on_a_disk_that_is_full_is_not_opened_and_the_disk_named(disk: SmallDisk) -> None:
    open_store(disk.folder / "store").close()
    disk.fill()
    with pytest.raises(StoreUnreachableError, match="disk is full"):
        open_store(disk.folder / "store")
    disk.clear()
    open_store(disk.folder / "store").close()
