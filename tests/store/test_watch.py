"""The watch: a commit is noticed, by whatever process it was made."""

import time
from collections.abc import Iterator
from contextlib import closing

import pytest
from sqlalchemy import insert, text

from dispatch.intake import emit
from dispatch.planner import Planner
from store import feed, tables
from store.engine import Store
from store.feed import Watch
from store.wakeups import CHANNEL
from tests.desk import event, lines
from tests.postgresql import Cluster

PATIENCE_S = 30


@pytest.fixture
def watch(store: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[Watch]:
    """A watch that is told of commits, or never."""
    monkeypatch.setattr(feed, "LOOK_S", 3600.0)
    with closing(Watch(store)) as watch:
        assert watch.changed(), "the first time, one looks"
        until_listening(watch)
        yield watch


def until_listening(watch: Watch) -> None:
    ends = time.monotonic() + PATIENCE_S
    while not watch.listening:
        assert time.monotonic() < ends
        watch.changed()
        time.sleep(0.01)
    while watch.changed():
        pass


def until_changed(watch: Watch) -> bool:
    ends = time.monotonic() + PATIENCE_S
    while not watch.changed():
        if time.monotonic() > ends:
            return False
        time.sleep(0.01)
    return True


def write(store: Store, key: str) -> None:
    store.write(lambda connection: connection.execute(insert(tables.meta).values(key=key, value="")))


def test_a_commit_of_another_process_is_noticed(store: Store, watch: Watch) -> None:
    with closing(Store.open(store.url)) as other:
        assert not watch.changed()
        write(other, "one")
        assert until_changed(watch)
        assert not watch.changed()


def test_a_commit_of_our_own_writer_is_noticed(store: Store, watch: Watch) -> None:
    write(store, "one")
    assert until_changed(watch)


def test_who_plans_is_woken_by_events_alone(store: Store, watch: Watch) -> None:
    while watch.unplanned():
        pass  # on PostgreSQL there may be some until it is known that it listens
    write(store, "one")
    assert until_changed(watch)
    assert not watch.unplanned()
    emit(store, lines(event()))
    assert until_changed(watch)
    assert watch.unplanned()
    assert Planner(store).plan_now() == 1
    emit(store, lines(event()))
    write(store, "two")
    assert until_changed(watch)
    assert not watch.unplanned(), "a duplicate brings nothing"


def test_a_transaction_that_wrote_nothing_wakes_nobody(postgresql_url: str) -> None:
    psycopg = pytest.importorskip("psycopg")
    with closing(Store.open(postgresql_url)) as store:
        dsn = postgresql_url.replace("+psycopg", "")
        with psycopg.connect(dsn, autocommit=True) as listener:
            listener.execute(f"LISTEN {CHANNEL}")
            store.write(lambda connection: connection.exec_driver_sql("SELECT 1"))
            write(store, "one")
            heard = list(listener.notifies(timeout=PATIENCE_S, stop_after=1))
            assert len(heard + list(listener.notifies(timeout=0))) == 1


def test_a_server_started_anew_is_listened_to_again(
    postgresql: Cluster, postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(Store.open(postgresql_url)) as store, closing(Watch(store)) as watch:
        until_listening_with(watch, monkeypatch)
        postgresql.stop()
        try:
            assert until_changed(watch), "one looks, and finds that the server is gone"
            assert not watch.listening
        finally:
            postgresql.start()
        until_listening_with(watch, monkeypatch)
        write(store, "one")
        assert until_changed(watch)


def until_listening_with(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    """Look often until it listens, and from then on only when told."""
    monkeypatch.setattr(feed, "LOOK_S", 0.05)
    ends, changed = time.monotonic() + PATIENCE_S, False
    while not watch.listening:
        assert time.monotonic() < ends
        time.sleep(0.01)
        changed = watch.changed()
    assert changed, "what was missed meanwhile is looked for"
    monkeypatch.setattr(feed, "LOOK_S", 3600.0)
    while watch.changed():
        pass


def test_without_being_told_one_looks_all_the_same(postgresql_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "LOOK_S", 0.0)
    with closing(Store.open(postgresql_url)) as store, closing(Watch(store)) as watch:
        assert all(watch.changed() for _ in range(5))


def test_a_watch_closed_while_it_connects_leaves_nothing_open(postgresql_url: str) -> None:
    with closing(Store.open(postgresql_url)) as store:
        watch = Watch(store)
        watch.changed()
        watch.close()
        watch.close()
        write(store, "one")
        with store.read() as connection:
            count = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'"
            assert connection.execute(text(count)).scalar_one() == 0
