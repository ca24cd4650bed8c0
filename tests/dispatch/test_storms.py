"""Storms: what is too much is held and ends in one digest, and every letter is accounted for."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, update

from dispatch import digest
from dispatch.digest import SHOWN, send_due, send_now
from dispatch.intake import emit
from dispatch.planner import Planner
from store import tables
from store.audit import page as audit
from store.cards import FeedRow, StormLimits
from store.engine import Store
from store.journal import delivery, story
from store.moves import Deed, carry_out
from store.outbox import page
from store.settings import save_storm_limits
from store.storms import Addressed, above, drop, hold_in, list_storms, release, tidy
from store.vocabulary import Channel, DeliveryState, StormAction
from tests.desk import HandClock, event, furnish, lines, open_store
from tests.store.test_races import race

LIMITS = StormLimits(3, 10, 0, 10, digest_minutes=10)


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


def with_limits(store: Store) -> Store:
    furnish(store)
    save_storm_limits(store, LIMITS, "test")
    return store


@pytest.fixture
def store(tmp_path: Path, clock: HandClock) -> Iterator[Store]:
    store = open_store(tmp_path, clock)
    yield with_limits(store)
    store.close()


@pytest.fixture
def either(store_url: str, clock: HandClock) -> Iterator[Store]:
    """A store on each engine, for what is the database's doing."""
    store = Store.open(store_url, clock=clock)
    yield with_limits(store)
    store.close()


@pytest.fixture
def pair(postgresql_url: str, clock: HandClock) -> Iterator[tuple[Store, Store]]:
    """Two stores on one database, as two dispatchers have them."""
    one, two = (Store.open(postgresql_url, clock=clock) for _ in range(2))
    with_limits(one)
    yield one, two
    two.close()
    one.close()


def flood(store: Store, count: int, number: int = 1, *, key: str = "", **data: object) -> None:
    """Comments on a request: each is a letter to the client (Olga) and one to the responsible (Ivanov)."""
    comment = {"text": "Готово", "private": False}
    made = (
        event("request.comment_added", number, f"{key}{number}-{one}", comment=comment, **data) for one in range(count)
    )
    emit(store, lines(*made))
    while Planner(store).plan_now():
        pass


def letters(store: Store, address: str = "olga@example.org") -> list[FeedRow]:
    """Letters to somebody, oldest first."""
    rows = page(store, limit=5000)
    return [row for row in reversed(rows) if row.channel is Channel.EMAIL and row.recipient_address == address]


def states(store: Store, address: str = "olga@example.org") -> Counter[tuple[str, str]]:
    return Counter((row.state.word, row.reason) for row in letters(store, address))


def test_what_is_above_the_limit_is_held_and_ends_in_one_digest_for_each(either: Store, clock: HandClock) -> None:
    flood(either, 20)
    for address in ("olga@example.org", "ivanov@example.org"):
        assert states(either, address) == {("pending", ""): 3, ("held", "storm_object"): 17}
    clock.forward(minutes=9)
    assert send_due(either) == 0
    clock.forward(minutes=1)
    assert send_due(either) == 2
    assert send_due(either) == 0
    for address in ("olga@example.org", "ivanov@example.org"):
        assert states(either, address) == {("pending", ""): 4, ("cancelled", "in_digest"): 17}
        digest = letters(either, address)[-1]
        assert digest.subject == "17 уведомлений за 10 минут: RP-1 «Не печатает принтер [этаж 3]»"
        card = delivery(either, digest.id)
        assert card is not None
        assert card.text.count("23.11.2026 15:00  RP-1") == 17
        assert "https://desk.example.org/RP-1" in card.text
        assert card.text.endswith("-- \nС уважением, служба поддержки\n")
        assert "RP-1" in card.html
    assert list_storms(either) == []


def test_the_why_tells_of_the_limit_and_of_the_digest(store: Store, clock: HandClock) -> None:
    flood(store, 5)
    (last,) = story(store, "1-4")
    said = {(one.recipient, one.reason): one.params for one in last.decisions if one.taken and "@" in one.recipient}
    assert said["olga@example.org", "storm_object"] == {"letters": "3", "minutes": "10"}
    clock.forward(minutes=10)
    send_due(store)
    (last,) = story(store, "1-4")
    told = next(one for one in last.deliveries if one.row.recipient_address == "olga@example.org")
    assert told.digest_id is not None
    (digest,) = story(store, f"D{told.digest_id}")
    assert [(one.reason, one.recipient, one.params) for one in digest.decisions] == [
        ("digest", "olga@example.org", {"letters": "2", "objects": "1"})
    ]
    assert digest.object_number == "RP-1"
    assert [one.row.id for one in digest.deliveries] == [told.digest_id]


def test_a_crowd_is_no_flood(store: Store) -> None:
    people = [f"a{one}@example.org" for one in range(50)]
    flood(store, 1, observers=people, client=None)
    assert {row.state for row in page(store) if row.channel is Channel.EMAIL} == {DeliveryState.PENDING}


def test_one_person_is_spared_a_flood_about_many_objects(store: Store, clock: HandClock) -> None:
    save_storm_limits(store, replace(LIMITS, object_letters=30, recipient_letters=5), "test")
    for number in range(1, 13):
        flood(store, 1, number)
    assert states(store) == {("pending", ""): 5, ("held", "storm_recipient"): 7}
    clock.forward(minutes=10)
    send_due(store)
    digest = letters(store)[-1]
    assert digest.subject == "7 уведомлений за 10 минут: RP-6, RP-7, RP-8 и ещё 4"
    assert digest.object_number == "RP-6 +6"


def test_several_dispatchers_count_together_and_a_restart_forgets_nothing(either: Store) -> None:
    for part in range(10):
        flood(either, 1, key=f"part{part}-")  # a planner of its own each
    assert states(either) == {("pending", ""): 3, ("held", "storm_object"): 7}


def test_letters_go_singly_again_once_there_are_fewer(store: Store, clock: HandClock) -> None:
    flood(store, 10)
    clock.forward(minutes=10)
    send_due(store)
    flood(store, 3, key="again")
    assert states(store)["held", "storm_object"] == 3, "the window looks back at the flood"
    clock.forward(minutes=20)
    send_due(store)
    flood(store, 3, key="calm")
    assert states(store)["held", "storm_object"] == 0


def test_a_single_letter_is_no_digest(store: Store, clock: HandClock) -> None:
    flood(store, 4)
    clock.forward(minutes=10)
    send_due(store)
    assert states(store) == {("pending", ""): 4}
    assert all(delivery(store, row.id).digest_id is None for row in letters(store))  # type: ignore[union-attr]


def test_a_digest_lists_the_newest_and_counts_the_others(store: Store, clock: HandClock) -> None:
    flood(store, SHOWN + 10)
    clock.forward(minutes=10)
    send_due(store)
    card = delivery(store, letters(store)[-1].id)
    assert card is not None
    assert card.text.count("RP-1") == SHOWN + 1, "the link names it too"
    assert "более ранних — 7." in card.text


def test_a_digest_is_in_the_language_of_its_reader(store: Store, clock: HandClock) -> None:
    flood(store, 5, client="john@example.org")
    clock.forward(minutes=10)
    send_due(store)
    assert letters(store, "john@example.org")[-1].subject.startswith("2 notifications in 10 minutes: RP-1 “")


@pytest.mark.parametrize("limits", [replace(LIMITS, object_letters=0), StormLimits()], ids=["off", "as shipped"])
def test_who_writes_little_is_never_held(store: Store, limits: StormLimits) -> None:
    save_storm_limits(store, limits, "test")
    flood(store, 20)
    assert states(store) == {("pending", ""): 20}


def test_the_brake_waits_for_an_operator(store: Store, clock: HandClock) -> None:
    save_storm_limits(store, replace(LIMITS, then=StormAction.HOLD), "test")
    flood(store, 10)
    clock.forward(minutes=60)
    assert send_due(store) == 0
    (storm,) = list_storms(store)
    assert (storm.kind, storm.key, storm.letters, storm.recipients) == ("object", "RP-1", 14, 2)
    assert send_now(store, storm, "anna") == 14
    assert states(store) == {("pending", ""): 4, ("cancelled", "in_digest"): 7}
    (entry, *_) = audit(store)
    assert (entry.who, entry.what, entry.after) == ("anna", "deliveries:storm_digest", {"storm": "RP-1", "count": 14})


def test_what_is_released_goes_singly_and_more_of_it_is_let_through(either: Store, clock: HandClock) -> None:
    flood(either, 10)
    (storm,) = list_storms(either)
    assert release(either, storm, "anna") == 14
    flood(either, 10, key="more")
    assert states(either) == {("pending", ""): 20}
    flood(either, 10, number=2)
    assert states(either)["held", "storm_object"] == 7, "another object is not let through"
    clock.forward(minutes=10)
    tidy(either)
    flood(either, 10, key="later")
    assert states(either)["held", "storm_object"] == 17
    assert next(entry.what for entry in audit(either)) == "deliveries:storm_release"


def test_a_recipient_is_released_alone(store: Store) -> None:
    save_storm_limits(store, replace(LIMITS, object_letters=0, recipient_letters=3), "test")
    flood(store, 10)
    storm = next(one for one in list_storms(store) if one.key == "olga@example.org")
    assert release(store, storm, "anna") == 7
    flood(store, 5, key="more")
    assert states(store) == {("pending", ""): 15}
    assert states(store, "ivanov@example.org")["held", "storm_recipient"] == 12


def test_what_is_dropped_can_be_sent_again(store: Store, clock: HandClock) -> None:
    flood(store, 10)
    (storm,) = list_storms(store)
    assert drop(store, storm, "anna") == 14
    assert states(store) == {("pending", ""): 3, ("cancelled", "cancelled"): 7}
    clock.forward(minutes=10)
    send_due(store)
    assert states(store) == {("pending", ""): 3, ("cancelled", "cancelled"): 7}
    ids = [row.id for row in letters(store) if row.state is DeliveryState.CANCELLED]
    assert carry_out(store, Deed.RETRY, ids, "anna").letters == 7
    assert states(store) == {("pending", ""): 10}


def test_a_letter_that_waits_for_working_hours_waits_in_the_digest_too(store: Store, clock: HandClock) -> None:
    flood(store, 5)
    held = [row.id for row in letters(store) if row.state is DeliveryState.HELD]
    opens = clock().replace(hour=20)
    d = tables.delivery
    store.write(lambda con: con.execute(update(d).where(d.c.id.in_(held)).values(next_at=opens)))
    clock.forward(minutes=10)
    send_due(store)
    card = delivery(store, letters(store)[-1].id)
    assert card is not None
    assert card.next_at == opens


def test_two_dispatchers_that_count_at_once_let_no_more_through(pair: tuple[Store, Store], clock: HandClock) -> None:
    two = [Addressed("request", "1", "olga@example.org")] * 2

    def job(connection: Connection) -> list[str]:
        return hold_in(connection, clock(), LIMITS, two)

    assert race(pair, job, job) == (["", ""], ["", "storm_object"])


def test_two_dispatchers_never_write_two_digests_of_the_same_letters(
    pair: tuple[Store, Store], clock: HandClock
) -> None:
    flood(pair[0], 10)
    clock.forward(minutes=10)

    def job(connection: Connection) -> int:
        return digest._due_in(connection, clock())

    assert race(pair, job, job) == (2, 0)
    assert states(pair[1]) == {("pending", ""): 4, ("cancelled", "in_digest"): 7}


def test_a_digest_that_does_not_come_to_be_leaves_its_letters_held(
    store: Store, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    flood(store, 10)
    clock.forward(minutes=10)
    before = states(store)
    with monkeypatch.context() as patch:
        patch.delattr("store.digests.write_in")
        with pytest.raises(AttributeError):
            send_due(store)
    assert states(store) == before
    assert send_due(store) == 2
    assert states(store) == {("pending", ""): 4, ("cancelled", "in_digest"): 7}


@given(st.integers(1, 5), st.dictionaries(st.integers(0, 3), st.integers(0, 7)), st.lists(st.integers(0, 3)), st.data())
def test_the_first_of_each_go_and_portions_do_not_matter(
    most: int, before: dict[int, int], keys: list[int], data: st.DataObject
) -> None:
    found = above(most, before, keys)
    for key in set(keys):
        mine = [held for one, held in zip(keys, found, strict=True) if one == key]
        goes = max(0, min(len(mine), most - before.get(key, 0)))
        assert mine == [False] * goes + [True] * (len(mine) - goes)
    cut = data.draw(st.integers(0, len(keys)))
    counted = Counter(before) + Counter(keys[:cut])
    assert above(most, before, keys[:cut]) + above(most, counted, keys[cut:]) == found
