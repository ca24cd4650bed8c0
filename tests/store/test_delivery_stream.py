"""The stream of deliveries tells of each that is new and of each change, once, and leaves nothing out."""

import pytest
from sqlalchemy import insert

from store import delivery_stream, feed, outbox, tables
from store.delivery_stream import DeliveryStream
from store.engine import Store
from store.errors import StoreUnreachableError
from store.moves import Deed, carry_out
from store.outbox import Settlement
from store.vocabulary import DeliveryState
from tests.tui.scripted_desk import add_notice

HELD, PENDING, SENDING, DEAD = DeliveryState.HELD, DeliveryState.PENDING, DeliveryState.SENDING, DeliveryState.DEAD


def notice(store: Store, number: int = 1) -> int:
    return add_notice(store, subject=f"Письмо {number}", name="Кто-то", number=f"N-{number}")


def told(stream: DeliveryStream) -> list[tuple[int, DeliveryState]]:
    return [(row.id, row.state) for row, _ in stream.read()]


def die(store: Store, key: int) -> None:
    """The dispatcher takes a letter in hand, and the server will not have it."""
    now = store.clock()
    store.write(lambda connection: outbox.claim(connection, now, "test", 100))
    one = Settlement(key, DEAD, now, 1, "main", 550, "550 no", "mailbox_unknown")
    store.write(lambda connection: outbox.settle(connection, now, "test", [one]))


def test_what_is_new_and_what_changes_is_told_once_each(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery_stream, "PAGE", 2)
    old = [notice(store, number) for number in range(3)]
    stream = DeliveryStream(store, tail=2)
    assert told(stream) == [(key, HELD) for key in old[1:]]
    assert told(stream) == []
    new = [notice(store, number) for number in range(3, 10)]
    assert told(stream) == [(key, HELD) for key in new]
    carry_out(store, Deed.RETRY, [old[1], new[0]], "test")
    assert told(stream) == [(old[1], PENDING), (new[0], PENDING)]
    die(store, new[0])
    assert told(stream) == [(old[1], SENDING), (new[0], DEAD)]
    assert told(stream) == []


def test_a_letter_that_is_not_remembered_is_told_of_by_its_attempt(store: Store) -> None:
    long_ago = notice(store)
    for number in range(3):
        notice(store, number + 2)
    stream = DeliveryStream(store)
    carry_out(store, Deed.RETRY, [long_ago], "test")
    die(store, long_ago)
    assert told(stream) == [(long_ago, DEAD)]
    assert told(stream) == []
    carry_out(store, Deed.RETRY, [long_ago], "test")
    die(store, long_ago)
    assert told(stream) == [(long_ago, DEAD)], "it has died once more"
    assert told(stream) == []


def test_a_store_that_cannot_be_read_loses_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = DeliveryStream(store)
    keys = [notice(store, number) for number in range(3)]
    pages: list[int] = []
    real = feed.after

    def breaks(store: Store, last_id: int, limit: int = 500) -> list[feed.FeedRow]:
        if pages:
            raise StoreUnreachableError("gone")
        pages.append(last_id)
        return real(store, last_id, limit=1)

    monkeypatch.setattr(feed, "after", breaks)
    with pytest.raises(StoreUnreachableError):
        stream.read()
    monkeypatch.setattr(feed, "after", real)
    assert told(stream) == [(key, HELD) for key in keys]


def test_an_id_that_was_passed_over_is_told_when_it_comes(store: Store) -> None:
    """On PostgreSQL a transaction may commit after one whose ids are higher."""
    first = notice(store)
    stream = DeliveryStream(store)
    table = tables.delivery

    def add(key: int) -> None:
        with store.read() as connection:
            row = dict(connection.execute(table.select().where(table.c.id == first)).one()._mapping)
        store.write(lambda connection: connection.execute(insert(table).values({**row, "id": key})))

    add(first + 3)
    assert told(stream) == [(first + 3, HELD)]
    add(first + 1)
    add(first + 4)
    assert told(stream) == [(first + 1, HELD), (first + 4, HELD)]
    assert told(stream) == []
