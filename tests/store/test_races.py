"""Two processes at the same rows of a PostgreSQL store: each waits for the other, and both changes hold.

On SQLite there is nothing to race for: a change locks everybody else out.
"""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import pytest
from sqlalchemy import Connection, func, insert, select, text

from dispatch.cloudevents import parse_event
from store import outbox, tables
from store.audit import page, record, settings_revision
from store.cards import Sending
from store.engine import Store
from store.errors import SettingsError
from store.events import accept_in, last_seen
from store.revert import revert_in
from store.settings import save_sending, save_sending_in, sending
from tests.desk import NOON, event
from tests.store.test_outbox import fill

T = TypeVar("T")
Job = Callable[[Connection], T]


@pytest.fixture
def pair(postgresql_url: str) -> Iterator[tuple[Store, Store]]:
    """Two open stores on one database, as two processes have them."""
    one, two = Store.open(postgresql_url), Store.open(postgresql_url)
    yield one, two
    two.close()
    one.close()


def race(pair: tuple[Store, Store], first: Job[T], second: Job[T]) -> tuple[T, T]:
    """Run `first`; before it is committed, run `second` in the other store until it waits for a lock."""
    one, two = pair
    others: list[Any] = []

    def overtaken(connection: Connection) -> T:
        result = first(connection)
        others.append(two.submit(second))
        waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
        while not connection.execute(waiting).scalar_one() and not others[0].done():
            time.sleep(0.01)
        return result

    return one.write(overtaken), others[0].result()


def _accept(**data: Any) -> Job[list[bool]]:
    return lambda connection: accept_in(connection, NOON, [parse_event(event(**data))])


def test_changes_of_settings_made_at_the_same_time_are_both_counted(pair: tuple[Store, Store]) -> None:
    def change(connection: Connection) -> None:
        record(connection, NOON, "test", "company", None, {})

    race(pair, change, change)
    before = settings_revision(pair[0])
    race(pair, change, change)
    assert settings_revision(pair[0]) == before + 2


def test_the_same_event_from_two_sides_is_one_event(pair: tuple[Store, Store]) -> None:
    assert race(pair, _accept(), _accept()) == ([True], [False])


def test_two_first_events_of_an_object_are_both_accepted(pair: tuple[Store, Store]) -> None:
    assert race(pair, _accept(key="a"), _accept(key="b")) == ([True], [True])
    with pair[0].read() as connection:
        assert connection.execute(select(func.count()).select_from(tables.object_)).scalar_one() == 1


def test_what_two_events_say_of_an_object_is_all_remembered(pair: tuple[Store, Store]) -> None:
    pair[0].write(_accept(key="first"))
    race(pair, _accept(key="a", room="5"), _accept(key="b", floor="3"))
    with pair[0].read() as connection:
        seen = last_seen(connection, "request", "1")
    assert seen is not None
    assert seen["attributes"] == {"room": "5", "floor": "3"}


def test_a_letter_is_claimed_by_one_of_many(pair: tuple[Store, Store]) -> None:
    pair[0].write(lambda connection: fill(connection, 300))
    claimed: list[list[int]] = []

    def claim_all(store: Store, owner: str) -> None:
        while ids := [c.id for c in store.write(lambda con: outbox.claim(con, NOON, owner, 7))]:
            assert len(ids) <= 7
            claimed.append(ids)

    threads = [threading.Thread(target=claim_all, args=(store, str(n))) for n, store in enumerate(pair)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ids = [one for batch in claimed for one in batch]
    assert sorted(ids) == list(range(1, 301))


def test_letters_another_dispatcher_is_claiming_are_passed_over_without_waiting(pair: tuple[Store, Store]) -> None:
    pair[0].write(lambda connection: fill(connection, 10))

    def claim(owner: str) -> Job[list[int]]:
        return lambda con: [c.id for c in outbox.claim(con, NOON, owner, 6)]

    first, second = race(pair, claim("one"), claim("two"))
    assert (len(first), len(second)) == (6, 4)
    assert not set(first) & set(second)


def test_the_loser_of_a_race_does_its_job_again(pair: tuple[Store, Store]) -> None:
    seen: list[str | None] = []

    def once(value: str) -> Job[None]:
        def job(connection: Connection) -> None:
            meta = tables.meta
            found = connection.execute(select(meta.c.value).where(meta.c.key == "k")).scalar_one_or_none()
            seen.append(found)
            if found is None:
                connection.execute(insert(meta).values(key="k", value=value))

        return job

    race(pair, once("first"), once("second"))
    assert seen == [None, None, "first"]


def test_a_deadlock_is_broken_and_both_jobs_are_done(pair: tuple[Store, Store]) -> None:
    keys = ("a", "b")
    both = threading.Barrier(2, timeout=30)
    for key in keys:
        pair[0].write(lambda con, key=key: con.execute(insert(tables.meta).values(key=key, value="0")))
    rounds: list[str] = []

    def crosswise(first: str, second: str) -> Job[None]:
        def job(connection: Connection) -> None:
            add = "UPDATE meta SET value = (value::int + 1)::text WHERE key = :key"
            connection.execute(text(add), {"key": first})
            rounds.append(first)
            if rounds.count(first) == 1:
                both.wait()
            connection.execute(text(add), {"key": second})

        return job

    jobs = [store.submit(crosswise(*order)) for store, order in zip(pair, (keys, keys[::-1]), strict=True)]
    for job in jobs:
        job.result()
    with pair[0].read() as connection:
        query = select(tables.meta.c.value).where(tables.meta.c.key.in_(keys))
        assert connection.execute(query).scalars().all() == ["2", "2"]
    assert len(rounds) > 2, "there was no deadlock"


def test_a_revert_waits_for_a_change_and_does_not_overwrite_it_unasked(pair: tuple[Store, Store]) -> None:
    one, two = pair
    save_sending(one, Sending(pause_s=300), "test")
    (entry,) = page(one, what="mail.sending")

    def change(connection: Connection) -> str:
        return str(save_sending_in(connection, one, Sending(pause_s=400), "test"))

    def take_back(connection: Connection) -> str:
        with pytest.raises(SettingsError) as caught:
            revert_in(connection, two, entry.id, "анна")
        return caught.value.key

    assert race(pair, change, take_back) == ("True", "changed_since")
    assert sending(one).pause_s == 400


def test_of_two_reverts_of_one_entry_the_second_finds_it_done(pair: tuple[Store, Store]) -> None:
    one, two = pair
    save_sending(one, Sending(pause_s=300), "test")
    (entry,) = page(one, what="mail.sending")

    def take_back(connection: Connection) -> str:
        return revert_in(connection, one, entry.id, "анна").outlook.action

    def again(connection: Connection) -> str:
        with pytest.raises(SettingsError) as caught:
            revert_in(connection, two, entry.id, "борис")
        return caught.value.key

    assert race(pair, take_back, again) == ("change", "already")
    assert [card.reverts for card in page(one, what="mail.sending")] == [entry.id, None]
