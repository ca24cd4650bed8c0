"""What was learned of a server's limits, and how it fades."""

from datetime import timedelta

from store.cards import ServerLimits
from store.limits import CONNECTIONS_STEP, LETTERS_KEPT, RATE_STEP, Learned
from tests.desk import NOON

SECOND = timedelta(seconds=1)


def test_nothing_learned_is_no_limit() -> None:
    assert Learned().in_force(NOON) == ServerLimits()


def test_letters_over_one_connection_are_kept_for_a_time() -> None:
    learned = Learned(letters_limit=20, letters_limit_at=NOON)
    assert learned.in_force(NOON + LETTERS_KEPT - SECOND) == ServerLimits(letters=20, learned_at=NOON)
    assert learned.in_force(NOON + LETTERS_KEPT) == ServerLimits()


def test_connections_come_back_one_by_one() -> None:
    learned = Learned(connections_limit=1, connections_limit_at=NOON)
    found = [learned.in_force(NOON + CONNECTIONS_STEP * step).connections for step in range(5)]
    assert found == [1, 2, 3, None, None]


def test_the_rate_grows_by_quarters_and_is_forgotten_within_an_hour() -> None:
    learned = Learned(rate_limit=100, rate_limit_at=NOON)
    found = [learned.in_force(NOON + RATE_STEP * step).per_minute for step in range(13)]
    assert found == [*range(100, 400, 25), None]


def test_a_clock_that_was_set_back_takes_nothing_away() -> None:
    learned = Learned(20, NOON, 2, NOON, 60, NOON)
    assert learned.in_force(NOON - timedelta(hours=1)) == ServerLimits(20, 2, 60, NOON)
