"""The circuit of a connection."""

from datetime import timedelta

import pytest

from dispatch.circuit import FIRST_AUTH_PAUSE_S, FIRST_PAUSE_S, MAX_PAUSE_S, RATE_PAUSES_S, TRIAL_TIME, Circuit
from dispatch.errors import ConnectionDownError
from tests.desk import NOON

DOWN = ConnectionDownError("refused", error_class="refused")


def test_a_fault_opens_it_and_the_pauses_grow_up_to_a_bound() -> None:
    circuit, now, pauses = Circuit(), NOON, list[float]()
    for _ in range(12):
        circuit.begin(now)
        circuit.failed(now, DOWN)
        assert circuit.retry_at is not None
        pauses.append((circuit.retry_at - now).total_seconds())
        assert not circuit.may_try(circuit.retry_at - timedelta(seconds=1))
        now = circuit.retry_at
        assert circuit.may_try(now)
    assert pauses[:3] == [FIRST_PAUSE_S, 2 * FIRST_PAUSE_S, 4 * FIRST_PAUSE_S]
    assert pauses[-1] == MAX_PAUSE_S


def test_one_trial_at_a_time() -> None:
    circuit = Circuit()
    circuit.failed(NOON, DOWN)
    later = NOON + timedelta(seconds=FIRST_PAUSE_S)
    assert circuit.may_try(later)
    circuit.begin(later)
    assert circuit.state == "half_open"
    assert not circuit.may_try(later)
    assert circuit.may_try(later + TRIAL_TIME)


def test_success_closes_it_and_forgets() -> None:
    circuit = Circuit()
    circuit.failed(NOON, DOWN)
    circuit.succeeded()
    assert circuit.may_try(NOON)
    assert circuit.health() == {
        "circuit": "closed",
        "opened_at": None,
        "retry_at": None,
        "last_error": "",
        "error_class": "",
    }


def test_a_refused_login_waits_longer_than_a_fault() -> None:
    circuit = Circuit()
    circuit.failed(NOON, ConnectionDownError("535", error_class="auth_refused"))
    assert circuit.retry_at == NOON + timedelta(seconds=FIRST_AUTH_PAUSE_S)


def test_faults_of_the_same_moment_count_once_and_a_server_may_ask_for_longer() -> None:
    circuit = Circuit()
    circuit.failed(NOON, ConnectionDownError("421", error_class="throttled", retry_after_s=900))
    circuit.failed(NOON + timedelta(seconds=1), DOWN)
    assert circuit.retry_at == NOON + timedelta(seconds=900)


@pytest.mark.parametrize("word", ["token_secret", "token_secret_expired", "token_application", "token_rejected"])
def test_a_refused_application_waits_as_long_as_a_refused_login(word: str) -> None:
    circuit = Circuit()
    circuit.failed(NOON, ConnectionDownError("AADSTS", error_class=word))
    assert circuit.retry_at == NOON + timedelta(seconds=FIRST_AUTH_PAUSE_S)


@pytest.mark.parametrize(("word", "asked", "pause"), [("token_unreachable", None, 5), ("token_throttled", 17, 17)])
def test_a_token_service_that_is_away_or_busy_is_asked_again_soon(word: str, asked: int | None, pause: int) -> None:
    circuit = Circuit()
    circuit.failed(NOON, ConnectionDownError("503", error_class=word, retry_after_s=asked))
    assert circuit.retry_at == NOON + timedelta(seconds=pause)


def test_a_rest_the_server_asked_for_is_not_ended_by_letters_in_flight() -> None:
    circuit = Circuit()
    circuit.failed(NOON, ConnectionDownError("450 too much mail", error_class="rate_limited"), resting=True)
    circuit.succeeded()
    later = NOON + timedelta(seconds=RATE_PAUSES_S[0])
    assert (circuit.state, circuit.retry_at) == ("open", later)
    circuit.begin(later)
    circuit.succeeded()
    assert circuit.state == "closed"
