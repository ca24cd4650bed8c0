"""What is kept long enough goes, what has to stay stays, and nothing is left in between; on both engines."""

import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, delete, func, insert, select, update

from dispatch.intake import emit
from dispatch.planner import Planner
from store import audit, housekeeping, search_index, tables
from store.acknowledgements import acknowledge
from store.cards import Retention
from store.delivery_query import page
from store.delivery_traits import DeliveryQuery
from store.engine import Store
from store.housekeeping import WHAT, Old, look_ahead
from store.moves import Deed, carry_out
from store.retention import retention, save_retention
from store.rulebook import list_rules, save_rule
from store.status import read_status
from store.store_size import Size
from store.vocabulary import DeliveryState
from tests.desk import NOON, HandClock, event, furnish, lines
from tests.store.kept_house import DAY, consistent, days_ago, events, index, keep, keep_house
from tests.store.letters import Letter, clear, write

SENT, DEAD = DeliveryState.SENT, DeliveryState.DEAD


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture(autouse=True)
def no_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine a step of a few milliseconds would be one event, and a test would take its time."""
    monkeypatch.setattr(housekeeping, "HOLD_S", 1.0)


def happen(store: Store, *happened: dict[str, Any]) -> None:
    """Events are accepted and planned."""
    emit(store, lines(*happened))
    while Planner(store).plan_now():
        pass


def all_sent(store: Store) -> None:
    d = tables.delivery
    store.write(lambda con: con.execute(update(d).values(state=SENT.value)).rowcount)


def test_what_is_old_goes_with_all_that_came_of_it(store: Store, clock: HandClock) -> None:
    furnish(store)
    happen(store, event(number=1), event(number=2))
    index(store)
    keep(store, events_days=30)
    keep_house(store)
    assert len(events(store)) == 2, "nothing is old"
    clock.forward(days=31)
    happen(store, event(number=3))
    assert look_ahead(store).events == 0
    assert keep_house(store).result.idle, "what waits is not old"
    letters = len(page(store, DeliveryQuery()).rows)
    all_sent(store)
    done = look_ahead(store)
    assert (done.events, done.entries) == (2, 0)
    removed = keep_house(store).result
    assert (removed.events, removed.deliveries) == (2, done.deliveries)
    assert events(store) == [3]
    assert len(page(store, DeliveryQuery()).rows) == letters - removed.deliveries
    consistent(store)


def test_an_event_that_was_removed_is_not_accepted_anew(store: Store, clock: HandClock) -> None:
    furnish(store)
    old = (event(number=1), event(number=2))
    happen(store, *old)
    all_sent(store)
    clock.forward(days=400)
    happen(store, event(number=3))
    keep(store, events_days=365)
    assert keep_house(store).result.events == 2
    assert [one.outcome for one in emit(store, lines(*old))] == ["duplicate", "duplicate"]
    assert emit(store, lines(event(number=2, key="another")))[0].outcome == "accepted"


def test_nothing_goes_as_long_as_nobody_says_so(store: Store) -> None:
    store.write(lambda con: write(con, [Letter(at=days_ago(3_000))] * 3))
    keep(store)
    assert look_ahead(store) == Old()
    keep_house(store)
    assert len(events(store)) == 3
    assert audit.page(store, what=WHAT) == []


STATES = st.sampled_from(list(DeliveryState))
AGES = st.sampled_from([1.0, 6.0, 9.0, 12.0, 40.0])
LETTERS = st.lists(
    st.tuples(
        STATES, AGES, st.sampled_from([None, 1.0, 20.0]), st.sampled_from(["", "moved", "unplanned", "sent lately"])
    ),
    min_size=1,
    max_size=12,
)


@pytest.mark.no_cover  # Hypothesis goes many times where the others have been
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(letters=LETTERS, unseen=st.booleans())
def test_what_has_to_stay_stays_and_all_else_that_is_old_goes(
    store: Store,
    letters: list[tuple[DeliveryState, float, float | None, str]],
    unseen: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Held against a slow and sure saying of it; by age (10 days), or by size (a week), which spares the unseen."""
    most = 10.0 if unseen else 7.0
    letters = sorted(letters, key=lambda one: -one[1])
    store.write(lambda con: (clear(con), _furnish(con, letters)))
    index(store)
    stay = {len(letters)}
    for number, (state, age, seen, more) in enumerate(letters, 1):
        waits = state in {DeliveryState.PENDING, DeliveryState.SENDING, DeliveryState.HELD}
        lately = age <= most or (seen is not None and min(seen, age) <= most) or more != ""
        overlooked = not unseen and state is DEAD and seen is None
        if waits or lately or overlooked:
            stay.add(number)

    def large(_: Connection) -> Size:
        return Size(3_000_000, 3_000_000)

    with monkeypatch.context() as patch:
        if not unseen:
            patch.setattr(housekeeping, "size_in", large)
        keep(store, **({"events_days": 10} if unseen else {"most_megabytes": 1}))
        # The server's share of events that are to go: all of them, as long as it is too large.
        patch.setattr(housekeeping, "ENOUGH", -100.0 if not unseen else 0.98)
        keep_house(store)
    assert set(events(store)) == stay
    consistent(store)


def _furnish(connection: Connection, letters: Sequence[tuple[DeliveryState, float, float | None, str]]) -> None:
    made = [
        Letter(state=state, at=days_ago(age), taken_by=None if seen is None else "olga")
        for state, age, seen, _ in letters
    ]
    write(connection, made)
    e, d, m, moved, a = tables.event, tables.delivery, tables.letter_move, tables.moved_letter, tables.acknowledgement
    for number, (_, age, seen, more) in enumerate(letters, 1):
        if seen is not None:
            connection.execute(update(a).where(a.c.delivery_id == number).values(at=days_ago(min(seen, age))))
        if more == "unplanned":
            connection.execute(update(e).where(e.c.id == number).values(planned_at=None))
        if more == "sent lately":
            connection.execute(update(d).where(d.c.id == number).values(sent_at=days_ago(0.5)))
        if more == "moved":
            move = {"at": days_ago(0.5), "who": "olga", "deed": "cancel", "letters": 1, "until": days_ago(0.5)}
            key = connection.execute(insert(m).values(**move, undone_by="").returning(m.c.id)).scalar_one()
            how = {"state": 3, "reason": "", "attempts": 0, "next_at": NOON, "due": NOON}
            connection.execute(insert(moved).values(move_id=key, delivery_id=number, **how))


def test_what_was_done_by_hand_lately_can_be_taken_back(store: Store, clock: HandClock) -> None:
    store.write(lambda con: write(con, [Letter(state=DEAD, at=days_ago(90)) for _ in range(5)]))
    keep(store, events_days=30)
    carry_out(store, Deed.CANCEL, [2], "olga")
    acknowledge(store, [3], "olga")
    keep_house(store)
    assert events(store) == [2, 3, 5]
    clock.forward(days=31)
    keep_house(store)
    assert events(store) == [5]
    with store.read() as connection:
        assert connection.execute(select(tables.letter_move)).all() == [], "of a move nothing is left to take back"


def test_a_digest_stays_as_long_as_what_it_tells_of(store: Store) -> None:
    letters = [Letter(state=state, at=days_ago(90)) for state in (SENT, DeliveryState.CANCELLED, SENT)]
    store.write(lambda con: write(con, letters))
    d = tables.delivery
    store.write(lambda con: con.execute(update(d).where(d.c.id == 2).values(digest_id=1, created_at=NOON)).rowcount)
    keep(store, events_days=30)
    keep_house(store)
    assert events(store) == [1, 2, 3]


def test_a_rule_that_tells_once_a_year_does_not_tell_again(store: Store) -> None:
    letters = [Letter(at=days_ago(age)) for age in (500, 200, 199, 198)]
    store.write(lambda con: write(con, letters))
    rule = next(one for one in list_rules(store) if one.code == "request.added.client.email")
    save_rule(store, replace(rule, once_minutes=60 * 24 * 365), "test")
    told: dict[str, Any] = {
        "rule_code": rule.code,
        "recipient": "olga@example.org",
        "taken": True,
        "reason": "",
        "params": {},
    }
    store.write(lambda con: con.execute(insert(tables.decision), [{"event_id": n, **told} for n in (1, 2)]).rowcount)
    keep(store, events_days=30)
    keep_house(store)
    assert events(store) == [2, 4]


def test_an_object_with_an_open_deadline_is_still_found(store: Store, clock: HandClock) -> None:
    furnish(store)
    due = {"resolution": {"started": NOON.isoformat(), "due": (NOON + 900 * DAY).isoformat()}}
    happen(store, *(event(number=1, key=key, deadlines=due) for key in "ab"), event(number=2))
    all_sent(store)
    clock.forward(days=400)
    happen(store, event(number=3))
    keep(store, events_days=365)
    keep_house(store)
    assert events(store) == [2, 4], "the last of the open object, and the newest of all"
    with store.read() as connection:
        assert connection.execute(select(func.count()).select_from(tables.deadline)).scalar_one() == 1
        assert connection.execute(select(func.count()).select_from(tables.object_)).scalar_one() == 3


def test_a_letter_that_is_taken_up_meanwhile_stays(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.write(lambda con: write(con, [Letter(state=DEAD, at=days_ago(90)) for _ in range(4)]))
    keep(store, events_days=30)
    look = housekeeping.stale.look

    def slow(*given: object) -> object:
        batch = look(*given)  # pyright: ignore[reportArgumentType]
        carry_out(store, Deed.RETRY, [2], "olga")
        return batch

    monkeypatch.setattr(housekeeping.stale, "look", slow)
    keep_house(store)
    assert events(store) == [2, 4]


def test_entries_of_the_audit_go_but_for_the_newest(store: Store, clock: HandClock) -> None:
    keep(store, audit_days=100)
    clock.forward(days=90)
    save_retention(store, Retention(0, 90), "olga")
    clock.forward(days=20)
    assert look_ahead(store).entries == len(audit.page(store)) - 1
    keep_house(store)
    newest, kept = audit.page(store)
    assert (newest.what, kept.who) == (WHAT, "olga")
    clock.forward(days=500)
    keep_house(store)
    assert [one.what for one in audit.page(store)] == [WHAT, WHAT], "the newest there was, and this one"


def test_above_its_limit_the_oldest_go_until_it_is_kept_to(store: Store) -> None:
    body = random.Random(1).randbytes(9_000).hex()  # which a server can press by half at most
    letters = [Letter(text=body, at=days_ago(100 - n / 4), object_id=str(n)) for n in range(300)]
    store.write(lambda con: write(con, letters))
    on_server = store.engine.dialect.name == "postgresql"
    if on_server:
        store.write(lambda con: con.exec_driver_sql("ANALYZE"))
    with store.read() as connection:
        before = housekeeping.size_in(connection)
    assert before.used > 3_000_000
    keep(store, most_megabytes=2)
    assert 60 < look_ahead(store).by_size < 270
    keep_house(store)
    left = events(store)
    assert left == list(range(left[0], 301)), "the oldest have gone"
    if on_server:
        assert 30 < len(left) < 240  # by its share: the server adds up later
        return
    with store.read() as connection:
        after = housekeeping.size_in(connection)
    assert 1_700_000 < after.used <= 2_000_000
    assert after.size == before.size, "what is free is filled before the file grows"
    store.write(lambda con: write(con, letters[:60], 1_000))
    with store.read() as connection:
        assert housekeeping.size_in(connection).size == before.size


def test_a_year_is_kept_as_it_ships(store: Store) -> None:
    assert retention(store) == Retention(365, 0, 0)


def test_the_counts_of_the_status_are_those_of_what_is_left(store: Store) -> None:
    store.write(lambda con: write(con, [Letter(at=days_ago(90 - n)) for n in range(80)]))
    keep(store, events_days=30)
    keep_house(store)
    found = read_status(store)
    assert (found.events, found.deliveries["sent"]) == (20, 20)


def test_words_of_what_is_removed_leave_the_index(store: Store, tmp_path: Path) -> None:
    letters = [Letter(subject="Тайна", at=days_ago(90 - n)) for n in range(80)]
    store.write(lambda con: write(con, letters))
    index(store)
    keep(store, events_days=30)
    keep_house(store)
    with store.read() as connection:
        found = search_index.find(connection, [0], [(("=тайна",),)])
    assert sorted(found) == events(store) == list(range(61, 81))
    del tmp_path


def test_numbers_that_were_given_are_not_given_again(store: Store) -> None:
    store.write(lambda con: write(con, [Letter(at=days_ago(90)) for _ in range(4)]))
    n = tables.notification
    store.write(lambda con: con.execute(delete(n).where(n.c.id == 4)).rowcount)  # the newest event has told nobody
    keep(store, events_days=30)
    keep_house(store)
    assert events(store) == [3, 4], "the newest event, and that of the newest delivery"
