"""Sending again, withdrawing, and taking both back; on both engines."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, delete, select, update

from store import audit, moves, outbox, tables, touched
from store.acknowledgements import acknowledge, withdraw
from store.engine import Store
from store.errors import SettingsError
from store.moves import Deed, Moved, carry_out, look, running, take_back
from store.outbox import Settlement
from store.storms import list_storms
from store.vocabulary import DeliveryState
from tests.desk import NOON, HandClock
from tests.store.test_outbox import fill

LEASE = timedelta(minutes=5)


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def store(store: Store) -> Store:
    store.write(lambda connection: fill(connection, 6))
    return store


def put(store: Store, key: int, state: DeliveryState, reason: str = "", attempts: int = 0, **values: object) -> None:
    d = tables.delivery
    change = update(d).where(d.c.id == key).values(state=state.value, reason=reason, attempts=attempts, **values)
    store.write(lambda connection: connection.execute(change).rowcount)


def rows(store: Store) -> dict[int, tuple[str, str, int]]:
    d = tables.delivery
    with store.read() as connection:
        found = connection.execute(select(d.c.id, d.c.state, d.c.reason, d.c.attempts))
        return {row.id: (DeliveryState(row.state).word, row.reason, row.attempts) for row in found}


def every_state(store: Store) -> None:
    put(store, 1, DeliveryState.DEAD, "mailbox_unknown", 5)
    put(store, 2, DeliveryState.HELD, "silent_mode")
    put(store, 3, DeliveryState.SENT)
    put(store, 4, DeliveryState.SENDING, claimed_by="me", next_at=NOON + LEASE)
    put(store, 5, DeliveryState.CANCELLED, "in_digest", digest_id=77)


def test_a_look_says_how_many_and_why_not_the_others(store: Store) -> None:
    every_state(store)
    put(store, 6, DeliveryState.SENT, channel="interface")
    retry = look(store, Deed.RETRY, [1, 2, 3, 4, 5, 6, 99, 1])
    left = {3: "sent", 4: "sending", 5: "in_digest", 6: "interface", 99: "gone"}
    assert (retry.letters, retry.left) == (2, left)
    done = carry_out(store, Deed.RETRY, [1, 2, 3, 4, 5, 6, 99], "olga")
    assert (done.letters, done.left) == (retry.letters, retry.left)
    assert rows(store)[1] == rows(store)[2] == ("pending", "", 0)
    assert carry_out(store, Deed.RETRY, [3, 99], "olga") == Moved(0, 0, {3: "sent", 99: "gone"})
    assert look(store, Deed.CANCEL, [1, 3, 4]).left == {3: "sent", 4: "sending"}


def test_a_withdrawal_is_taken_back_to_what_was(store: Store) -> None:
    every_state(store)
    before = rows(store)
    done = carry_out(store, Deed.CANCEL, range(1, 7), "olga")
    assert done.letters == 3
    assert {key: rows(store)[key][0] for key in (1, 2, 6)} == dict.fromkeys((1, 2, 6), "cancelled")
    carry_out(store, Deed.RETRY, [2], "ivan")
    assert take_back(store, done.number, "ivan") == Moved(done.number, 2), "what somebody has sent again stays so"
    assert rows(store) == {**before, 2: ("pending", "", 0)}
    with pytest.raises(SettingsError) as refused:
        take_back(store, done.number, "ivan")
    assert refused.value.key == "move_undone"
    entries = [(one.who, one.what, one.after) for one in audit.page(store, what="deliveries")]
    assert entries[0] == ("ivan", "deliveries:undo_cancel", {"ids": ["D1", "D6"], "move": done.number})
    assert entries[2] == ("olga", "deliveries:cancel", {"ids": ["D1", "D2", "D6"], "move": done.number})


def test_what_is_sent_again_is_taken_back_unless_it_is_sent_or_in_hand(store: Store, clock: HandClock) -> None:
    for key in range(1, 5):
        put(store, key, DeliveryState.DEAD, "dns", 5)
    done = carry_out(store, Deed.RETRY, [1, 2, 3, 4], "olga")
    for key in (5, 6):
        put(store, key, DeliveryState.SENT)
    first, second, third = store.write(lambda con: outbox.claim(con, clock(), "me", 3))
    tried = [
        Settlement(first.id, DeliveryState.SENT, clock(), 1, "main", 250, "ok"),
        Settlement(second.id, DeliveryState.PENDING, clock() + LEASE, 1, "main", 450, "later", "greylisted"),
    ]
    store.write(lambda con: outbox.settle(con, clock(), "me", tried))
    assert take_back(store, done.number, "olga").letters == 2
    found = rows(store)
    assert found[first.id][0] == "sent"
    assert found[third.id][0] == "sending"
    assert found[second.id] == ("dead", "dns", 5)
    assert [moves.of_delivery(store, second.id)[0].undone_by] == ["olga"]


def test_paced_letters_become_due_one_after_the_other_and_can_be_stopped(store: Store, clock: HandClock) -> None:
    for key in range(1, 7):
        put(store, key, DeliveryState.DEAD, "dns", 5)
    done = carry_out(store, Deed.RETRY, range(1, 7), "olga", per_minute=2)
    assert moves.spread(6, 2) == timedelta(minutes=2.5)
    (move,) = running(store)
    assert (move.letters, move.waiting, move.per_minute, move.until) == (6, 5, 2, NOON + moves.spread(6, 2))
    assert rows(store)[1] == ("pending", "paced", 0)
    clock.forward(seconds=61)
    claimed = store.write(lambda con: outbox.claim(con, clock(), "me", 10))
    assert [one.id for one in claimed] == [1, 2, 3]
    assert take_back(store, done.number, "olga").letters == 3
    assert running(store) == []
    assert [key for key, row in rows(store).items() if row == ("dead", "dns", 5)] == [4, 5, 6]


def times(store: Store) -> dict[int, tuple[str, float]]:
    """The reason each letter waits for, and the seconds after noon at which it is due."""
    d = tables.delivery
    with store.read() as connection:
        found = connection.execute(select(d.c.id, d.c.reason, d.c.next_at).where(outbox.DUE)).all()
    return {row.id: (row.reason, (row.next_at - NOON).total_seconds()) for row in found}


def hold(store: Store, reason: str = "silent_mode") -> int:
    return store.write(lambda connection: outbox.hold_due(connection, store.clock(), reason))


def release(store: Store, *reasons: str) -> int:
    return store.write(lambda connection: outbox.release(connection, store.clock(), reasons or ["silent_mode"]))


def test_paced_letters_that_were_held_keep_their_pace_behind_those_to_come(store: Store, clock: HandClock) -> None:
    for key in range(1, 6):
        put(store, key, DeliveryState.DEAD, "dns", 5)
    put(store, 6, DeliveryState.HELD, "silent_mode")
    done = carry_out(store, Deed.RETRY, range(1, 6), "olga", per_minute=2)
    clock.forward(seconds=61)
    assert hold(store) == 3
    assert running(store)[0].waiting == 2
    clock.forward(seconds=9)
    assert release(store) == 4
    paced = {4: 90, 5: 120, 1: 150, 2: 180, 3: 210}
    assert times(store) == {key: ("paced", at) for key, at in paced.items()} | {6: ("", 70)}
    (move,) = running(store)
    assert (move.waiting, move.until) == (5, NOON + timedelta(seconds=210))

    clock.forward(seconds=25)
    assert hold(store, "no_connection") == 2, "4 and 6 are due"
    clock.forward(minutes=10)
    assert hold(store) == 4
    assert release(store) == 4, "the connection is still off"
    late = {key: 695 + 30 * place for place, key in enumerate((5, 1, 2, 3))}
    assert times(store) == {key: ("paced", at) for key, at in late.items()}
    assert release(store, "no_connection", "silent_mode") == 2
    assert times(store) == {key: ("paced", at) for key, at in late.items()} | {4: ("paced", 815), 6: ("", 695)}
    assert take_back(store, done.number, "olga").letters == 5
    assert release(store) == 0
    assert {row for key, row in rows(store).items() if key < 6} == {("dead", "dns", 5)}


def test_only_the_latest_move_of_a_letter_gives_it_a_pace(store: Store, clock: HandClock) -> None:
    for key in range(1, 7):
        put(store, key, DeliveryState.DEAD, "dns", 5)
    first = carry_out(store, Deed.RETRY, [1, 2, 3, 4], "olga", per_minute=1)
    undone = carry_out(store, Deed.RETRY, [5, 6], "olga", per_minute=1)
    clock.forward(minutes=30)
    assert hold(store) == 6
    take_back(store, undone.number, "olga")
    carry_out(store, Deed.RETRY, [1], "ivan")
    faster = carry_out(store, Deed.RETRY, [2, 5, 6], "ivan", per_minute=60)
    clock.forward(minutes=30)
    hold(store)
    assert release(store) == 6
    hour = 3_600
    assert times(store) == {
        1: ("", hour), 3: ("paced", hour), 4: ("paced", hour + 60),
        2: ("paced", hour), 5: ("paced", hour + 1), 6: ("paced", hour + 2),
    }  # fmt: skip
    assert {move.id: move.until - clock() for move in running(store)} == {
        first.number: timedelta(minutes=1), faster.number: timedelta(seconds=2),
    }  # fmt: skip


def test_letters_that_a_storm_held_are_held_again_and_end_in_a_digest(store: Store, clock: HandClock) -> None:
    put(store, 1, DeliveryState.HELD, "storm_object")
    done = carry_out(store, Deed.CANCEL, [1], "olga")
    take_back(store, done.number, "olga")
    (storm,) = list_storms(store)
    assert storm.digest_at == clock() + timedelta(minutes=10)


def test_a_move_that_is_stopped_halfway_can_be_taken_back(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("store.acknowledgements.PORTION", 2)
    done = carry_out(store, Deed.CANCEL, range(1, 7), "olga", progress=lambda count, _: count < 4)
    assert done.letters == 4
    assert take_back(store, done.number, "olga", progress=lambda count, _: count < 2).letters == 2
    assert take_back(store, done.number, "olga").letters == 2
    assert {row[0] for row in rows(store).values()} == {"pending"}


# What an operator and a dispatcher may do, in any order: nothing is sent twice, nothing is lost.

NUMBERS = st.lists(st.integers(1, 7), min_size=1, max_size=4)
STEPS = st.one_of(
    st.tuples(st.just("retry"), NUMBERS), st.tuples(st.just("paced"), NUMBERS), st.tuples(st.just("cancel"), NUMBERS),
    st.tuples(st.just("undo"), st.lists(st.integers(0, 5), min_size=1, max_size=1)),
    st.tuples(st.just("acknowledge"), NUMBERS), st.tuples(st.just("withdraw"), NUMBERS),
    st.tuples(st.just("hold"), st.just([0])), st.tuples(st.just("release"), st.just([0])),
    st.tuples(st.just("claim"), st.lists(st.integers(1, 4), min_size=1, max_size=1)),
    st.tuples(st.just("sent"), NUMBERS), st.tuples(st.just("refused"), NUMBERS), st.tuples(st.just("later"), NUMBERS),
    st.tuples(st.just("wait"), st.lists(st.integers(1, 400), min_size=1, max_size=1)),
)  # fmt: skip


class Desk:
    """A dispatcher and an operator on one store, who note what the server accepted."""

    def __init__(self, store: Store, clock: HandClock) -> None:
        self.store, self.clock = store, clock
        self.moves: list[int] = []
        self.in_hand: dict[int, object] = {}
        self.accepted: list[int] = []

    def do(self, step: str, numbers: list[int]) -> None:
        getattr(self, f"_{step}")(numbers)

    def _retry(self, numbers: list[int], per_minute: int | None = None) -> None:
        done = carry_out(self.store, Deed.RETRY, numbers, "olga", per_minute=per_minute)
        self.moves += [done.number] if done.number else []

    def _paced(self, numbers: list[int]) -> None:
        self._retry(numbers, 1)

    def _cancel(self, numbers: list[int]) -> None:
        done = carry_out(self.store, Deed.CANCEL, numbers, "olga")
        self.moves += [done.number] if done.number else []

    def _undo(self, numbers: list[int]) -> None:
        if numbers[0] < len(self.moves):
            take_back(self.store, self.moves.pop(numbers[0]), "ivan")

    def _acknowledge(self, numbers: list[int]) -> None:
        acknowledge(self.store, numbers, "olga", "seen")

    def _withdraw(self, numbers: list[int]) -> None:
        withdraw(self.store, numbers, "olga")

    def _hold(self, _: list[int]) -> None:
        self.store.write(lambda con: outbox.hold_due(con, self.clock(), "silent_mode", 2))

    def _release(self, _: list[int]) -> None:
        self.store.write(lambda con: outbox.release(con, self.clock(), ["silent_mode"]))

    def _claim(self, numbers: list[int]) -> None:
        now = self.clock()
        found = self.store.write(lambda con: outbox.claim(con, now, "me", numbers[0]))
        self.in_hand |= {one.id: one for one in found}

    def _settle(self, numbers: list[int], state: DeliveryState, error_class: str = "") -> list[int]:
        mine = [number for number in set(numbers) if self.in_hand.pop(number, None)]
        again = self.clock() + timedelta(seconds=30)
        done = [Settlement(one, state, again, 1, "main", 250, "said", error_class) for one in mine]
        self.store.write(lambda con: outbox.settle(con, self.clock(), "me", done))
        return mine

    def _sent(self, numbers: list[int]) -> None:
        self.accepted += self._settle(numbers, DeliveryState.SENT)

    def _refused(self, numbers: list[int]) -> None:
        self._settle(numbers, DeliveryState.DEAD, "mailbox_unknown")

    def _later(self, numbers: list[int]) -> None:
        self._settle(numbers, DeliveryState.PENDING, "greylisted")

    def _wait(self, numbers: list[int]) -> None:
        self.clock.forward(seconds=numbers[0])

    def drain(self) -> None:
        """Whatever is not sent goes again, and is sent."""
        self._sent(list(self.in_hand))
        self._release([])
        self._retry(list(range(1, 8)))
        self.clock.forward(days=2)
        self._claim([100])
        self._sent(list(self.in_hand))


def begin(connection: Connection) -> None:
    """The same six letters as nobody has touched them."""
    for table in (tables.moved_letter, tables.letter_move, tables.acknowledgement, tables.attempt):
        connection.execute(delete(table))
    fresh = {"state": 0, "reason": "", "attempts": 0, "next_at": NOON, "claimed_by": None, "sent_at": None}
    connection.execute(update(tables.delivery).values(**fresh))


@pytest.mark.no_cover  # Hypothesis goes many times where the others have been
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.lists(STEPS, max_size=25))
def test_nothing_is_sent_twice_and_nothing_is_lost(
    store: Store, clock: HandClock, steps: list[tuple[str, list[int]]]
) -> None:
    store.write(begin)
    desk = Desk(store, clock)
    for step, numbers in steps:
        desk.do(step, numbers)
        assert len(rows(store)) == 6
        assert all(rows(store)[key][0] == "sent" for key in desk.accepted)
    event(f"{min(len(desk.accepted), 3)} accepted, {min(len(desk.moves), 3)} moves")
    desk.drain()
    assert sorted(desk.accepted) == [1, 2, 3, 4, 5, 6]


def test_what_people_do_with_deliveries_is_told_to_whoever_asks(store: Store) -> None:
    with store.read() as connection:
        begun = touched.newest_in(connection)
    put(store, 3, DeliveryState.DEAD)
    acknowledge(store, [5, 3], "olga")
    carry_out(store, Deed.RETRY, [3], "olga")
    with store.read() as connection:
        ids, newest = touched.touched_in(connection, begun)
        assert (ids, newest) == ([3, 5], begun + 2)
        assert touched.touched_in(connection, newest) == ([], newest)
