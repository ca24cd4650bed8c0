"""How large a store is, how it grows, and when there is no room any more."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, select

from store import store_size, tables
from store.engine import Store
from store.store_size import KEPT_DAYS, Outgrowth, Size, growth_in, note_in, outgrowth, size_in
from tests.desk import HandClock
from tests.store.letters import fill

MB = 1_000_000


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


def test_a_store_is_as_large_as_its_file(store: Store, tmp_path: Path) -> None:
    with store.read() as connection:
        found = size_in(connection)
    assert 0 < found.used <= found.size
    if store.engine.dialect.name == "sqlite":
        store.write(lambda connection: fill(connection, 100))
        store.write(lambda connection: connection.exec_driver_sql("DELETE FROM event"))
        with store.read() as connection:
            found = size_in(connection)
        store.close()
        assert found.size == (tmp_path / "vestnik.db").stat().st_size
        assert found.free > 100_000


def test_growth_is_that_of_the_days_that_are_known(
    store: Store, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = [Size(100 * MB, 90 * MB), Size(101 * MB, 91 * MB), Size(101 * MB, 100 * MB), Size(140 * MB, 130 * MB)]

    def note(size: Size) -> int | None:
        def now(_: Connection) -> Size:
            return size

        monkeypatch.setattr(store_size, "size_in", now)
        store.write(lambda connection: note_in(connection, clock.now))
        with store.read() as connection:
            return growth_in(connection, clock.now)

    assert note(sizes[0]) is None
    clock.forward(hours=3)
    assert note(sizes[1]) is None, "it is the same day"
    clock.forward(days=3)
    assert note(sizes[2]) == 3 * MB
    clock.forward(days=29)
    assert note(sizes[3]) == 30 * MB // 29, "the first is older than a month by now"
    clock.forward(days=KEPT_DAYS + 1)
    note(sizes[3])
    with store.read() as connection:
        assert len(connection.execute(select(tables.store_size)).all()) == 1


@pytest.mark.parametrize(
    ("per_day", "used", "full_in", "at_limit_in"),
    [
        (10 * MB, 90 * MB, timedelta(days=51), timedelta(days=11)),
        (10 * MB, 250 * MB, timedelta(days=51), timedelta()),
        (0, 90 * MB, None, None),
        (-5, 90 * MB, None, None),
        (None, 90 * MB, None, None),
        (1, 90 * MB, timedelta(days=timedelta.max.days / 2), timedelta(days=110 * MB)),
    ],
)
def test_when_it_is_full_follows_from_how_it_grows(
    per_day: int | None, used: int, full_in: timedelta | None, at_limit_in: timedelta | None
) -> None:
    found = Outgrowth(Size(used + 10 * MB, used), per_day, 500 * MB, 200 * MB)
    assert (found.full_in, found.at_limit_in) == (full_in, at_limit_in)


def test_the_room_is_that_of_the_disk_where_there_is_one(store: Store) -> None:
    found = outgrowth(store, None)
    on_server = store.engine.dialect.name == "postgresql"
    assert (found.disk_free is None, found.limit, found.at_limit_in) == (on_server, None, None)


def test_what_a_server_has_removed_counts_at_once(store: Store) -> None:
    if store.engine.dialect.name != "postgresql":
        return
    store.write(lambda connection: fill(connection, 2_000))

    def used() -> Size:
        with store.read() as connection:
            return size_in(connection)

    assert used().free == 0, "a server that has not looked at its tables yet tells nothing"
    store.write(lambda connection: connection.exec_driver_sql("ANALYZE"))
    full = used()
    assert full.used > 0.8 * full.size
    store.write(lambda connection: connection.exec_driver_sql("DELETE FROM event WHERE id <= 1000"))
    half = used()
    assert half.size >= full.size, "the files stay as they are"
    assert 0.4 < half.used / full.used < 0.75
