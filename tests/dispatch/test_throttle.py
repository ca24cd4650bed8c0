"""The throttle of the sending parameters."""

from dataclasses import replace
from datetime import timedelta

from dispatch.throttle import Throttle
from tests.desk import NOON, SENDING

LIMITED = replace(SENDING, batch_size=1000, batch_interval_s=60)


def test_without_a_limit_all_may_go() -> None:
    throttle = Throttle()
    throttle.took(300, SENDING, NOON)
    assert throttle.left(SENDING, NOON, 300) == 300


def test_a_batch_larger_than_one_claim_goes_within_the_interval() -> None:
    throttle = Throttle()
    for taken in (300, 300, 300, 100):
        assert throttle.left(LIMITED, NOON, 300) == taken
        throttle.took(taken, LIMITED, NOON)
    assert throttle.left(LIMITED, NOON + timedelta(seconds=59), 300) == 0
    assert throttle.left(LIMITED, NOON + timedelta(seconds=60), 300) == 300


def test_a_single_letter_does_not_keep_the_others_waiting() -> None:
    throttle = Throttle()
    throttle.took(1, LIMITED, NOON)
    assert throttle.left(LIMITED, NOON, 2000) == 999
