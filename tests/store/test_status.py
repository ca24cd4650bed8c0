"""The state of the whole: dispatchers alive, health of connections, what is missing."""

from datetime import timedelta

import pytest

from store.cards import DispatcherCard, MailConnection, ServerLimits
from store.clock import Clock
from store.engine import Store
from store.heartbeats import beat, leave, take_over
from store.limits import Learned
from store.settings import connections, save_connection
from store.status import ALIVE_FOR, read_status, save_health
from store.vocabulary import Encryption
from tests.desk import NOON, HandClock, furnish


@pytest.fixture
def clock() -> Clock:
    return HandClock()


def _card(name: str, seconds: float = 0.0) -> DispatcherCard:
    return DispatcherCard(name, "host", 7, NOON, NOON + timedelta(seconds=seconds), alive=True)


def test_a_dispatcher_that_falls_silent_is_dead_and_later_forgotten(store: Store, clock: HandClock) -> None:
    store.write(lambda connection: beat(connection, _card("a")))
    store.write(lambda connection: beat(connection, _card("a", 2)))
    assert [card.alive for card in read_status(store).dispatchers] == [True]
    clock.forward(seconds=2 + ALIVE_FOR.total_seconds())
    assert [card.alive for card in read_status(store).dispatchers] == [False]
    store.write(lambda connection: beat(connection, _card("b", 90_000)))
    assert [card.id for card in read_status(store).dispatchers] == ["b", "a"]
    store.write(lambda connection: take_over(connection, clock(), "a", NOON + timedelta(seconds=2)))
    assert [card.alive for card in read_status(store).dispatchers if card.id.startswith("a")] == [False]
    store.write(lambda connection: beat(connection, _card("c", 90_000)))
    assert {card.id for card in read_status(store).dispatchers} == {"b", "c"}
    store.write(lambda connection: leave(connection, "b"))
    store.write(lambda connection: leave(connection, "c"))
    assert read_status(store).dispatchers == ()


def test_a_heartbeat_from_the_future_is_no_life(store: Store, clock: HandClock) -> None:
    store.write(lambda connection: beat(connection, _card("a", 3600)))
    assert [card.alive for card in read_status(store).dispatchers] == [False]
    clock.forward(minutes=59, seconds=30)
    assert [card.alive for card in read_status(store).dispatchers] == [True], "clocks differ somewhat"


def test_what_is_missing_is_named_until_it_is_there(store: Store) -> None:
    assert read_status(store).missing == ("support_address", "system_address", "sender_name", "connection")
    furnish(store)
    save_connection(store, MailConnection("off", "h", enabled=False), who="test")
    assert "connection" in read_status(store).missing
    furnish(store, port=25)
    assert read_status(store).missing == ()


def test_health_is_kept_per_connection_and_a_deleted_one_is_passed_over(store: Store) -> None:
    save_connection(store, MailConnection("main", "h", encryption=Encryption.NONE), who="test")
    key = connections(store)[0].id
    for circuit in ("open", "closed"):
        store.write(lambda connection, circuit=circuit: save_health(connection, key, circuit=circuit, last_error="x"))
        assert [(one.connection, one.circuit) for one in read_status(store).health] == [("main", circuit)]
    store.write(lambda connection: save_health(connection, key + 99, circuit="open"))
    assert len(read_status(store).health) == 1


def test_a_password_in_the_url_is_not_told(store: Store) -> None:
    assert "sekret" not in read_status(store).store


def test_limits_are_told_as_they_are_now_and_forgotten_with_the_settings(store: Store, clock: HandClock) -> None:
    save_connection(store, MailConnection("main", "h", encryption=Encryption.NONE), who="test")
    (card,) = connections(store)
    learned = Learned(20, NOON, 2, NOON, 60, NOON)
    store.write(lambda connection: save_health(connection, card.id, **learned.columns()))
    assert read_status(store).health[0].limits == ServerLimits(20, 2, 60, NOON)
    clock.forward(minutes=11)
    assert read_status(store).health[0].limits == ServerLimits(20, 3, 90, NOON)
    save_connection(store, card, who="test")
    assert read_status(store).health[0].limits == ServerLimits(20, 3, 90, NOON)
    save_connection(store, card, password="another", who="test")
    assert read_status(store).health[0].limits == ServerLimits()
