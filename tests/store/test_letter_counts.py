"""Counting letters: a sliding window out of two counts, whatever the clocks of the dispatchers say."""

from datetime import timedelta

import pytest

from store.engine import Store
from store.letter_counts import count_in, forget_in, key_of
from tests.desk import NOON

KEY = key_of("recipient", "olga@example.org")
WINDOW = 10


def count(store: Store, letters: int, *, after: float = 0, minutes: int = WINDOW) -> int:
    """Count letters so many minutes after noon; gives how many there were in the window before them."""
    at = NOON + timedelta(minutes=after)
    return store.write(lambda connection: count_in(connection, at, minutes, {KEY: letters}))[KEY]


def test_what_was_counted_is_in_the_window_and_leaves_it_little_by_little(store: Store) -> None:
    assert count(store, 20) == 0
    assert count(store, 20, after=9) == 20
    assert count(store, 1, after=10) == 40, "a window has just begun: that before counts whole"
    assert count(store, 1, after=15) == 20 + 1
    assert count(store, 1, after=19.9) == 0 + 2
    assert count(store, 1, after=60) == 0


def test_each_key_is_counted_alone(store: Store) -> None:
    other = key_of("recipient", "ivanov@example.org")
    assert count(store, 5) == 0
    found = store.write(lambda connection: count_in(connection, NOON, WINDOW, {KEY: 1, other: 2}))
    assert found == {KEY: 5, other: 0}


@pytest.mark.parametrize(
    ("after", "minutes", "before"),
    [(-1, WINDOW, 8), (-24 * 60, WINDOW, 0), (1, 60, 8), (1, 5, 8)],
    ids=["a clock that is slow", "a clock that was wrong by a day", "a longer window", "a shorter one"],
)
def test_clocks_that_differ_and_windows_that_change_do_little_harm(
    store: Store, after: float, minutes: int, before: int
) -> None:
    count(store, 8)
    assert count(store, 1, after=after, minutes=minutes) == before


def test_what_is_of_no_use_any_more_is_forgotten(store: Store) -> None:
    count(store, 8)
    assert store.write(lambda connection: forget_in(connection, NOON)) == 0
    assert store.write(lambda connection: forget_in(connection, NOON + timedelta(minutes=1))) == 1
    assert count(store, 1) == 0
