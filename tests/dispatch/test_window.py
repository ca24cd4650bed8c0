"""The window: what is in hand follows the rate at which letters leave."""

from dispatch.window import HOLD_S, LEAST, MOST, STEP_S, Window


def test_a_slow_server_has_few_letters_in_hand() -> None:
    window = Window()
    for step in range(40):
        window.look(step * STEP_S, step, 300)
    assert window.size == LEAST


def test_a_fast_one_gets_as_many_as_leave_in_half_a_second() -> None:
    window = Window()
    for step in range(40):
        window.look(step * STEP_S, 200 * step, 300)
    assert abs(window.size - 200 / STEP_S * HOLD_S) <= 1


def test_it_doubles_while_letters_leave_faster_than_they_come_up_to_a_limit() -> None:
    window = Window()
    window.look(0, 0, 0)
    assert window.look(STEP_S, 1, 0) == 2 * LEAST
    for step in range(2, 10):
        window.look(step * STEP_S, step, 0)
    assert window.size == MOST


def test_within_a_step_nothing_changes() -> None:
    window = Window()
    window.look(0, 0, 0)
    assert window.look(STEP_S / 2, 1_000, 0) == LEAST
