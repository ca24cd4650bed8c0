"""Lanes: what tells of a deadline overtakes, a flood goes behind, and neither stops the other for good."""

from dataclasses import replace
from datetime import timedelta

from dispatch.cloudevents import Incoming, read_events
from dispatch.directory import Directory
from dispatch.intake import accept
from dispatch.lanes import FLOOD, Flow
from dispatch.planner import Planner
from store import outbox
from store.engine import Store
from store.events import StoredEvent, unplanned
from store.outbox import BULK_SHARE, Claimed
from store.vocabulary import Lane
from tests.desk import NOON, event, furnish, lines, raise_limits

NOBODY = Directory()
EVENT = StoredEvent(
    1, "desk", "1", "request", "comment_added", "1", "RP-1", "", NOON, {"object": {}, "actor": "import"}
)


def caused_by(actor: str, number: int, **more: str) -> StoredEvent:
    return replace(EVENT, id=number, data={"object": {}, "actor": actor}, **more)


def test_what_one_causes_within_a_minute_goes_behind_from_some_point_on() -> None:
    flow = Flow()
    first = flow.lanes(caused_by("import", 1), NOBODY, FLOOD - 1, NOON)
    then = flow.lanes(caused_by("import", 2), NOBODY, 3, NOON + timedelta(seconds=59))
    assert [*first, *then] == [Lane.ORDINARY] * FLOOD + [Lane.BULK] * 2
    assert flow.lanes(caused_by("olga", 3), NOBODY, 1, NOON) == (Lane.ORDINARY,)
    assert flow.lanes(caused_by("import", 4, source="another"), NOBODY, 1, NOON) == (Lane.ORDINARY,)
    assert flow.lanes(caused_by("import", 5), NOBODY, 1, NOON + timedelta(minutes=1)) == (Lane.ORDINARY,)


def test_a_clock_that_is_put_back_begins_the_count_anew() -> None:
    flow = Flow()
    flow.lanes(caused_by("import", 1), NOBODY, FLOOD, NOON)
    assert flow.lanes(caused_by("import", 2), NOBODY, 1, NOON - timedelta(hours=1)) == (Lane.ORDINARY,)


def test_what_tells_of_a_deadline_is_urgent_however_much_there_is_of_it() -> None:
    made = Flow().lanes(caused_by("", 1, event_type="deadline"), NOBODY, 2 * FLOOD, NOON)
    assert set(made) == {Lane.URGENT}


def emit(store: Store, *events: dict[str, object]) -> None:
    accept(store, [one for one in read_events(lines(*events)) if isinstance(one, Incoming)])


def claim(store: Store, limit: int, urgent: int = 0) -> list[Claimed]:
    return store.write(lambda one: outbox.claim(one, store.clock(), "me", limit, urgent=urgent))


def comment(number: int, actor: str) -> dict[str, object]:
    return event("request.comment_added", number, comment={"text": "Готово"}, actor=actor)


def deadline(number: int) -> dict[str, object]:
    made = event("request.deadline", number)
    made["data"]["deadline"] = {
        "kind": "resolution",
        "due": NOON.isoformat(),
        "threshold": "request:resolution:at_due:0",
    }
    return made


def plan_all(store: Store) -> None:
    planner = Planner(store)
    while planner.plan_now():
        pass


def test_a_letter_among_a_flood_does_not_wait_for_its_end(store: Store) -> None:
    furnish(store)
    raise_limits(store)
    emit(store, *(comment(number, "import@example.org") for number in range(2 * FLOOD)))
    emit(store, comment(2 * FLOOD, "petrov@example.org"))
    plan_all(store)
    gone: list[Claimed] = []
    batch = 60
    while some := claim(store, batch):
        behind = sum(letter.lane == Lane.BULK for letter in some)
        assert behind >= min(batch // BULK_SHARE, len(some))  # they have their share from the first
        gone += some
    place = next(place for place, letter in enumerate(gone) if letter.object_id == str(2 * FLOOD))
    assert len({letter.id for letter in gone}) == len(gone)
    ordinary = sum(letter.lane != Lane.BULK for letter in gone)
    assert place <= ordinary * BULK_SHARE / (BULK_SHARE - 1) + batch < len(gone)


def test_an_escalation_is_planned_and_claimed_before_what_came_before_it(store: Store) -> None:
    furnish(store)
    raise_limits(store)
    emit(store, *(comment(number, "petrov@example.org") for number in range(5)))
    emit(store, deadline(7))
    with store.read() as connection:
        found = unplanned(connection, 3)
    assert [one.event_type for one in found] == ["deadline", "comment_added", "comment_added"]
    plan_all(store)
    urgent = claim(store, 0, urgent=50)
    assert {letter.object_id for letter in urgent} == {"7"}
    assert {letter.lane for letter in urgent} == {Lane.URGENT}
    assert Lane.URGENT not in {letter.lane for letter in claim(store, 100)}
