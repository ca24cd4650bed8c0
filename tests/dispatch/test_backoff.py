"""Pauses between attempts."""

from dispatch.backoff import JITTER, MAX_PAUSE_S, next_pause_s


def test_pauses_double_up_to_a_bound() -> None:
    pauses = [next_pause_s(n, 60, retry_after_s=None, random=lambda: 0.0) for n in range(1, 20)]
    assert pauses[:4] == [60, 120, 240, 480]
    assert pauses[-1] == MAX_PAUSE_S


def test_chance_only_adds() -> None:
    assert next_pause_s(1, 100, retry_after_s=None, random=lambda: 0.999) <= 100 * (1 + JITTER)


def test_never_sooner_than_the_server_asked() -> None:
    assert next_pause_s(1, 10, retry_after_s=500, random=lambda: 0.0) == 500
