"""What is learned of a server's limits, without a server."""

from datetime import datetime, timedelta

import pytest

from dispatch.limits import LEAST_PER_MINUTE, Limits
from store.limits import CONNECTIONS_STEP, LETTERS_KEPT, MOST_CONNECTIONS, RATE_STEP, Learned
from tests.desk import NOON

SECOND = timedelta(seconds=1)


@pytest.fixture
def limits() -> Limits:
    return Limits(Learned(), NOON)


def accept(limits: Limits, count: int) -> None:
    for _ in range(count):
        limits.accepted()


def let_go(limits: Limits, now: datetime, seconds: int) -> int:
    """How many letters go in so many seconds, when there are always some."""
    gone = 0
    for second in range(seconds):
        while limits.take(now + second * SECOND):
            gone += 1
    return gone


def test_nothing_is_limited_before_it_is_met(limits: Limits) -> None:
    assert (limits.letters, limits.connections, limits.per_minute) == (None, MOST_CONNECTIONS, None)
    assert limits.room(NOON, 300) == 300
    assert limits.take(NOON)


def test_letters_over_one_connection_are_believed_at_once_when_said(limits: Limits) -> None:
    assert limits.closed_after(20, NOON, said=True)
    assert limits.letters == 20
    assert not limits.closed_after(20, NOON + SECOND, said=True)  # nothing new
    assert limits.closed_after(10, NOON + SECOND, said=True)
    assert limits.letters == 10
    limits.refresh(NOON + SECOND + LETTERS_KEPT)
    assert limits.letters is None


def test_without_words_the_same_number_is_believed_the_second_time(limits: Limits) -> None:
    assert [limits.closed_after(count, NOON, said=False) for count in (7, 20, 13)] == [False] * 3
    assert limits.letters is None
    assert limits.closed_after(13, NOON, said=False)
    assert limits.letters == 13


def test_a_connection_that_took_no_letter_says_nothing_of_letters(limits: Limits) -> None:
    assert not limits.closed_after(0, NOON, said=True)
    assert limits.letters is None


def test_connections_are_as_many_as_were_open_beside_the_refused_one(limits: Limits) -> None:
    assert limits.connection_refused(2, NOON)
    assert limits.connections == 2
    assert not limits.connection_refused(2, NOON + SECOND)
    limits.refresh(NOON + SECOND + CONNECTIONS_STEP)
    assert limits.connections == 3
    assert not limits.connection_refused(2, NOON + SECOND + CONNECTIONS_STEP)  # known already; the time begins anew
    assert limits.connections == 2


def test_one_connection_is_always_left(limits: Limits) -> None:
    limits.connection_refused(0, NOON)
    assert limits.connections == 1


def test_more_connections_than_thought_possible_are_possible(limits: Limits) -> None:
    limits.connection_refused(1, NOON)
    limits.connected(2, NOON)
    assert limits.connections == 2
    limits.connected(1, NOON)
    assert limits.connections == 2


def test_the_rate_becomes_half_of_the_last_minutes(limits: Limits) -> None:
    accept(limits, 1000)
    limits.refresh(NOON + 60 * SECOND)
    accept(limits, 120)
    limits.refresh(NOON + 120 * SECOND)
    assert limits.slowed(NOON + 120 * SECOND)
    assert limits.per_minute == 60


def test_letters_go_no_faster_than_the_rate(limits: Limits) -> None:
    accept(limits, 240)
    limits.slowed(NOON)
    assert limits.per_minute == 120
    assert limits.room(NOON, 300) == 0
    assert limits.next_at(NOON) == NOON + SECOND / 2
    assert let_go(limits, NOON, 61) == 120


def test_a_rest_saves_up_a_few_letters_and_no_more(limits: Limits) -> None:
    accept(limits, 240)
    limits.slowed(NOON)
    assert limits.room(NOON + 240 * SECOND, 300) == 10


def test_refused_again_before_any_letter_went_the_rate_stays(limits: Limits) -> None:
    accept(limits, 240)
    limits.slowed(NOON)
    assert not limits.slowed(NOON + 60 * SECOND)
    assert limits.per_minute == 120
    accept(limits, 100)
    assert limits.slowed(NOON + 120 * SECOND)
    assert limits.per_minute == 60


def test_a_refusal_before_the_first_letter_teaches_nothing(limits: Limits) -> None:
    assert not limits.slowed(NOON)
    assert limits.per_minute is None


def test_sparse_traffic_is_not_throttled_to_nothing(limits: Limits) -> None:
    accept(limits, 1)
    limits.slowed(NOON)
    assert limits.per_minute == LEAST_PER_MINUTE


def test_the_rate_comes_back_by_quarters_until_it_is_forgotten(limits: Limits) -> None:
    accept(limits, 200)
    limits.slowed(NOON)
    limits.refresh(NOON + RATE_STEP)
    assert limits.per_minute == 125
    limits.refresh(NOON + 12 * RATE_STEP)
    assert limits.per_minute is None
    assert limits.take(NOON + 12 * RATE_STEP)


def test_what_was_kept_is_where_the_next_dispatcher_begins(limits: Limits) -> None:
    limits.closed_after(20, NOON, said=True)
    limits.connection_refused(2, NOON)
    accept(limits, 100)
    limits.slowed(NOON)
    again = Limits(limits.learned, NOON + SECOND)
    assert (again.letters, again.connections, again.per_minute) == (20, 2, 50)
    assert Limits(Learned(**limits.learned.columns()), NOON).learned == limits.learned
