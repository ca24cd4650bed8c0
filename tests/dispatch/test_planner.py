"""The planner: from accepted events to deliveries."""

from pathlib import Path

import pytest
from sqlalchemy import func, insert, select

from dispatch import planner as planning
from dispatch.intake import emit
from dispatch.planner import Planner
from store import journal, tables
from store.engine import Store
from store.outbox import page
from store.rulebook import set_enabled
from tests.desk import NOON, event, furnish, lines, open_store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = open_store(tmp_path)
    furnish(store)
    return store


def count(store: Store, table: str) -> int:
    with store.read() as connection:
        return connection.execute(select(func.count()).select_from(getattr(tables, table))).scalar_one()


async def test_an_event_becomes_decisions_notifications_and_deliveries(store: Store) -> None:
    emit(store, lines(event()))
    assert await Planner(store).plan_batch() == 1
    assert await Planner(store).plan_batch() == 0
    told = {(row.channel.value, row.recipient_address, row.state.word) for row in page(store)}
    assert told == {
        ("email", "olga@example.org", "pending"),
        ("email", "ivanov@example.org", "pending"),
        ("interface", "ivanov@example.org", "sent"),
    }
    (story,) = journal.story(store, "RP-1")
    assert {card.reason for card in story.decisions if card.taken} == {"told"}
    assert story.planned_at is not None


def test_two_planners_never_plan_an_event_twice(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    emit(store, lines(*(event(number=number) for number in range(5))))
    one, two = Planner(store), Planner(store)
    drafts = [planning.draft(found, settings) for events, settings, _ in [one._read()] for found in events]
    assert two.plan_now() == 5
    before = count(store, "delivery")
    assert store.write(lambda connection: one._write(connection, drafts)).events == 0
    assert count(store, "delivery") == before


async def test_planners_that_meet_go_on_at_different_places(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "BATCH", 3)
    emit(store, lines(*(event(number=number) for number in range(9))))
    one, two = Planner(store), Planner(store)
    write = one._write

    def late(connection: object, drafts: object, offer: object) -> object:
        one._write = write  # type: ignore[method-assign]
        two_first = two._read()
        with_drafts = [planning.draft(found, two_first[1]) for found in two_first[0]]
        two._write(connection, with_drafts)  # type: ignore[arg-type]
        return write(connection, drafts, offer)  # type: ignore[arg-type]

    one._write = late  # type: ignore[method-assign]
    assert await one.plan_batch() == 3
    assert [found.object_number for found in one._read()[0]] == ["RP-3", "RP-4", "RP-5"]
    while await one.plan_batch():
        pass
    assert count(store, "delivery") == 27


def test_an_event_that_cannot_be_planned_has_its_why_and_stops_nobody(store: Store) -> None:
    values = {"source": "desk", "object_type": "request", "event_type": "added", "object_id": "1", "title": ""}
    values |= {"object_number": "broken", "at": NOON, "accepted_at": NOON, "data": {"comment": 5}, "external_id": "x"}
    store.write(lambda connection: connection.execute(insert(tables.event), [values]))
    emit(store, lines(event(number=2)))
    assert Planner(store).plan_now() == 2
    (story,) = journal.story(store, "broken")
    assert [card.reason for card in story.decisions] == ["planning_failed"]
    assert len(page(store)) == 3


def test_changed_rules_hold_from_the_next_batch(store: Store) -> None:
    planner = Planner(store)
    emit(store, lines(event(number=1)))
    planner.plan_now()
    set_enabled(store, ["request.added.client.email"], False, "test")
    emit(store, lines(event(number=2)))
    planner.plan_now()
    assert [row.object_number for row in page(store) if row.recipient_address == "olga@example.org"] == ["RP-1"]
