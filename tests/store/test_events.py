"""Accepting events: duplicates, and merging with what was last seen."""

from typing import Any

from sqlalchemy import select

from dispatch.intake import emit
from store import tables
from store.engine import Store
from store.events import NewEvent, merge, unplanned
from tests.desk import NOON, event, lines


def _events(store: Store) -> list[Any]:
    return [one.data for one in store.write(lambda connection: unplanned(connection, 100))]


def test_the_same_event_twice_is_one_event(store: Store) -> None:
    text = lines(event(), event(key="other"), event())
    assert [r.outcome for r in emit(store, text)] == ["accepted", "accepted", "duplicate"]
    assert {r.outcome for r in emit(store, text)} == {"duplicate"}
    assert len(_events(store)) == 2


def test_the_same_id_from_another_source_is_another_event(store: Store) -> None:
    assert [r.outcome for r in emit(store, lines(event(), {**event(), "source": "b"}))] == ["accepted", "accepted"]


def test_fields_not_sent_keep_the_value_last_seen(store: Store) -> None:
    emit(store, lines(event()))
    later = event("request.status_changed")
    later["data"]["object"] = {"id": "1", "status": "in_progress", "room": "5"}
    emit(store, lines(later))
    thing = _events(store)[1]["object"]
    assert thing["title"] == "Не печатает принтер [этаж 3]"
    assert thing["status"] == "in_progress"
    assert thing["attributes"] == {"room": "5"}


def test_an_object_is_remembered_through_many_events(store: Store) -> None:
    emit(store, lines(event()))
    for number in range(3):
        later = event("request.comment_added", key=str(number))
        later["data"]["object"] = {"id": "1"}
        emit(store, lines(later))
    assert {data["object"]["client"]["email"] for data in _events(store)} == {"olga@example.org"}


def test_the_old_status_comes_from_memory_when_changes_lack_it(store: Store) -> None:
    emit(store, lines(event(), event("request.status_changed", status="resolved")))
    assert _events(store)[1]["changes"]["status"] == {"from": "registered", "to": "resolved"}


def test_a_responsible_told_at_added_is_known_as_told_once(store: Store) -> None:
    same = [event("request.responsible_changed", key=str(n)) for n in (1, 2)]
    emit(store, lines(event(), *same))
    assert [data["told_at_added"] for data in _events(store)] == [False, True, False]


def test_a_new_responsible_was_not_told(store: Store) -> None:
    emit(store, lines(event(), event("request.responsible_changed", responsible="petrov@example.org")))
    assert _events(store)[1]["told_at_added"] is False


def test_merging_changes_neither_argument() -> None:
    seen = {"status": "a", "attributes": {"x": 1}}
    given = NewEvent("s", "1", "request", "edited", "1", NOON, {"object": {"attributes": {"y": 2}}})
    merge(given, seen)
    assert seen == {"status": "a", "attributes": {"x": 1}}
    assert given.data == {"object": {"attributes": {"y": 2}}}


def test_deadlines_run_only_in_running_statuses(store: Store) -> None:
    deadlines = {"resolution": {"started": "2026-11-23T08:00:00Z", "due": "2026-11-23T16:00:00Z"}}
    for number, status in enumerate(["registered", "deferred", "resolved"]):
        emit(store, lines(event(number=number, status=status, deadlines=deadlines)))
    met = {"resolution": {**deadlines["resolution"], "met": "2026-11-23T09:00:00Z"}}
    emit(store, lines(event(number=9, deadlines=met)))
    with store.read() as connection:
        rows = connection.execute(select(tables.deadline.c.state).order_by(tables.deadline.c.id)).scalars().all()
    assert rows == [0, 1, 3, 2]


def test_a_deleted_object_has_no_running_deadline(store: Store) -> None:
    deadlines = {"resolution": {"due": "2026-11-23T16:00:00Z"}}
    emit(store, lines(event(deadlines=deadlines)))
    emit(store, lines(event("request.deleted")))
    with store.read() as connection:
        assert connection.execute(select(tables.deadline.c.state)).scalars().all() == [3]
