"""Opening a store, and what is said when it cannot be used."""

import asyncio
import os
import sqlite3
import stat
from concurrent.futures import Future
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Connection, event, insert, select, text
from sqlalchemy.exc import DBAPIError

import store.engine as engine_module
from store import tables
from store.engine import Store
from store.errors import StoreUnreachableError
from tests.desk import open_store
from tests.postgresql import LOCKED, LOCKED_PASSWORD, Cluster


def _put(store: Store, key: str, value: str = "") -> Future[object]:
    return store.submit(lambda connection: connection.execute(insert(tables.meta).values(key=key, value=value)))


def test_pragmas_are_durable(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    with store.read() as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
        assert connection.execute(text("PRAGMA synchronous")).scalar() == 2
        assert connection.execute(text("PRAGMA foreign_keys")).scalar() == 1
    store.close()


def test_files_are_private(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        store = Store.open(f"sqlite:///{tmp_path / 'new' / 'vestnik.db'}")
        _put(store, "one").result()
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in (tmp_path / "new").iterdir()}
        store.close()
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700
    assert modes == dict.fromkeys(["vestnik.db", "vestnik.db-wal", "vestnik.db-shm"], 0o600)


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:////proc/nowhere/vestnik.db", "nonsense", "oracle://x", "postgresql+psycopg2://u:s3cret@h/d",
        "postgresql+psycopg://u:s3cret@h:port/d", "sqlite://", "sqlite:///:memory:",
    ],
)  # fmt: skip
def test_unusable_url_names_the_remedy(url: str) -> None:
    with pytest.raises(StoreUnreachableError, match=r"--store|Example") as caught:
        Store.open(url)
    assert "s3cret" not in str(caught.value)


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "vestnik.db").write_text("this is a letter, not a database" * 200)
    with pytest.raises(StoreUnreachableError, match="no SQLite database"):
        open_store(tmp_path)


def test_a_folder_is_no_store(tmp_path: Path) -> None:
    with pytest.raises(StoreUnreachableError, match="is a folder"):
        Store.open(f"sqlite:///{tmp_path}")


def test_a_damaged_file_is_said_to_be_damaged(tmp_path: Path) -> None:
    open_store(tmp_path).close()
    file = tmp_path / "vestnik.db"
    content = file.read_bytes()
    file.write_bytes(content[:4096] + b"\xff" * (len(content) - 4096))
    with pytest.raises(StoreUnreachableError, match="damaged"):
        open_store(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_file_that_is_read_only_is_named(tmp_path: Path) -> None:
    open_store(tmp_path).close()
    (tmp_path / "vestnik.db").chmod(0o400)
    with pytest.raises(StoreUnreachableError, match="not writable"):
        open_store(tmp_path)


def test_a_store_that_became_read_only_is_named(tmp_path: Path) -> None:
    store = open_store(tmp_path)

    def refuse_writing(raw: sqlite3.Connection, _record: object) -> None:
        raw.execute("PRAGMA query_only=ON")

    event.listen(store.engine, "connect", refuse_writing)
    store.engine.dispose()
    with pytest.raises(StoreUnreachableError, match="read-only"):
        _put(store, "one").result()
    store.close()


def test_a_full_disk_fails_the_group_and_not_the_store(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    room = store.write(lambda connection: connection.exec_driver_sql("PRAGMA page_count").scalar_one()) + 8

    def limit(raw: sqlite3.Connection, _record: object) -> None:
        raw.execute(f"PRAGMA max_page_count={room}").fetchone()

    event.listen(store.engine, "connect", limit)
    store.engine.dispose()
    # The writer keeps the connection it has.
    store.write(lambda connection: connection.exec_driver_sql(f"PRAGMA max_page_count={room}").scalar_one())
    with pytest.raises(StoreUnreachableError, match="disk is full"):
        store.write(_fill_the_disk)
    # What was queued together is acknowledged together or not at all.
    small, big = _put(store, "small"), store.submit(_fill_the_disk)
    with pytest.raises(StoreUnreachableError, match="disk is full"):
        big.result()
    kept = small.exception() is None
    _put(store, "after").result()
    with store.read() as connection:
        keys = set(connection.execute(select(tables.meta.c.key)).scalars())
    assert ("small" in keys) == kept
    assert "after" in keys
    assert not any(key.startswith("big") for key in keys)
    store.close()


def _fill_the_disk(connection: Connection) -> None:
    for number in range(100):
        connection.execute(insert(tables.meta).values(key=f"big{number}", value="x" * 10_000))


def test_a_store_locked_for_too_long_is_said_to_be_locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "BUSY_TIMEOUT_MS", 50)
    store = open_store(tmp_path)
    with closing(sqlite3.connect(tmp_path / "vestnik.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnreachableError, match=r"keeps the store .* locked"):
            _put(store, "one").result()
        other.execute("COMMIT")
    _put(store, "one").result()
    store.close()


def test_a_damaged_page_is_told_to_who_reads_it(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    _put(store, "one", "x" * 10_000).result()
    store.engine.dispose()
    file = tmp_path / "vestnik.db"
    size = file.stat().st_size
    with file.open("r+b") as stream:
        stream.seek(4096)
        stream.write(b"\xff" * (size - 4096))
    with pytest.raises(StoreUnreachableError, match="damaged"), store.read() as connection:
        connection.execute(select(tables.meta)).all()
    store.close()


def test_a_wrong_statement_is_not_blamed_on_the_store(store: Store) -> None:
    with pytest.raises(DBAPIError, match="nowhere"), store.read() as connection:
        connection.execute(text("SELECT * FROM nowhere"))


def test_a_failed_job_leaves_the_others_of_its_group(store: Store) -> None:
    _put(store, "one")
    broken = store.submit(lambda connection: connection.execute(text("SELECT * FROM nowhere")))
    _put(store, "two").result()
    with pytest.raises(DBAPIError, match="nowhere"):
        broken.result()
    with store.read() as connection:
        assert {"one", "two"} <= set(connection.execute(text("SELECT key FROM meta")).scalars())


def test_one_reading_is_one_snapshot(store: Store) -> None:
    with store.read() as connection:
        before = connection.execute(select(tables.meta)).all()
        _put(store, "meanwhile").result()
        assert connection.execute(select(tables.meta)).all() == before


async def test_who_stops_waiting_does_not_stop_the_writer(store: Store) -> None:
    waiting = asyncio.ensure_future(asyncio.wrap_future(_put(store, "one")))
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await asyncio.wrap_future(_put(store, "two"))
    with store.read() as connection:
        assert {"one", "two"} <= set(connection.execute(text("SELECT key FROM meta")).scalars())


def test_writing_to_a_closed_store_is_refused(store: Store) -> None:
    store.close()
    with pytest.raises(StoreUnreachableError, match="closed"):
        store.submit(lambda _connection: None)


@pytest.mark.parametrize(
    ("user", "password", "database", "meaning"),
    [
        (LOCKED, "wr0ng-pass", "vestnik_template", "refuses the user name or the password"),
        (LOCKED, "", "vestnik_template", "asks for a password"),
        ("nobody-we-know", "wr0ng-pass", "vestnik_template", "does not know the user"),
        ("vestnik", "wr0ng-pass", "nowhere", "does not exist. Create it"),
    ],
    ids=["password", "no-password", "user", "database"],
)
def test_a_refusal_of_the_server_names_its_cause(
    postgresql: Cluster, user: str, password: str, database: str, meaning: str
) -> None:
    with pytest.raises(StoreUnreachableError, match=meaning) as caught:
        Store.open(postgresql.url(database, user, password))
    assert "wr0ng-pass" not in str(caught.value)


def test_a_user_without_rights_is_told_so(postgresql: Cluster, postgresql_url: str) -> None:
    url = postgresql_url.replace("//vestnik@", f"//{LOCKED}:{LOCKED_PASSWORD}@")
    with pytest.raises(StoreUnreachableError, match="permission denied"):
        Store.open(url)


def test_the_password_may_be_a_credential_of_systemd(
    postgresql: Cluster, postgresql_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, file = postgresql_url.replace("//vestnik@", f"//{LOCKED}@"), tmp_path / "vestnik.password"
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    for password, meaning in ((LOCKED_PASSWORD, "permission denied"), ("wr0ng-pass", "refuses the user name")):
        file.write_text(f"{password}\n")
        with pytest.raises(StoreUnreachableError, match=meaning) as caught:
            Store.open(url)
        assert password not in str(caught.value)
    file.write_bytes(b"\xff")
    with pytest.raises(StoreUnreachableError, match=r"vestnik\.password cannot be read"):
        Store.open(url)


def test_a_server_that_is_not_there_is_named(tmp_path: Path) -> None:
    pytest.importorskip("psycopg")
    with pytest.raises(StoreUnreachableError, match=r"cannot be reached: .*Is it running") as caught:
        Store.open(f"postgresql+psycopg://u:s3cret@/vestnik?host={tmp_path}")
    assert "s3cret" not in str(caught.value)
    with pytest.raises(StoreUnreachableError, match=r"cannot be reached"):
        Store.open("postgresql+psycopg://u:s3cret@no-such-host.invalid/vestnik")


def test_a_password_in_the_query_of_the_url_is_not_shown(tmp_path: Path) -> None:
    pytest.importorskip("psycopg")
    with pytest.raises(StoreUnreachableError) as caught:
        Store.open(f"postgresql+psycopg://u@/vestnik?host={tmp_path}&password=s3cret")
    assert "s3cret" not in str(caught.value)


def test_a_server_started_anew_is_used_again(postgresql: Cluster, postgresql_url: str) -> None:
    with closing(Store.open(postgresql_url)) as store:
        _put(store, "before").result()
        postgresql.stop()
        try:
            with pytest.raises(StoreUnreachableError, match="cannot be reached"):
                _put(store, "meanwhile").result()
            with pytest.raises(StoreUnreachableError, match="cannot be reached"), store.read() as connection:
                connection.execute(text("SELECT 1"))
        finally:
            postgresql.start()
        _put(store, "after").result()
        with store.read() as connection:
            keys = set(connection.execute(select(tables.meta.c.key)).scalars())
    assert {"before", "after"} <= keys
    assert "meanwhile" not in keys


def test_a_session_ended_by_the_server_fails_its_group_alone(postgresql: Cluster, postgresql_url: str) -> None:
    with closing(Store.open(postgresql_url)) as store:
        ended = store.submit(
            lambda connection: connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())")).all()
        )
        with pytest.raises(StoreUnreachableError, match="cannot be reached"):
            ended.result()
        _put(store, "after").result()
