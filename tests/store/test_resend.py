"""Letters sent to another address, and dead letters by cause; on both engines."""

import pytest
from sqlalchemy import update

from store import audit, dead_groups, journal, tables
from store.engine import Store
from store.errors import SettingsError
from store.resend import is_second, resend
from store.vocabulary import DeliveryState
from tests.desk import NOON, HandClock, furnish
from tests.store.test_moves import put
from tests.store.test_outbox import fill


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def store(store: Store) -> Store:
    furnish(store)
    store.write(lambda connection: fill(connection, 4))
    return store


def refusal(store: Store, delivery_id: int, address: str) -> str:
    with pytest.raises(SettingsError) as refused:
        resend(store, delivery_id, address, "olga")
    return refused.value.key


def test_a_copy_is_a_delivery_of_its_own_and_says_whose_it_is(store: Store, clock: HandClock) -> None:
    put(store, 1, DeliveryState.DEAD, "mailbox_unknown", 5)
    clock.forward(minutes=1)
    before = journal.delivery(store, 1)
    copy = resend(store, 1, " Petrov@EXAMPLE.org ", "olga")
    assert (copy.id, copy.address, copy.second) == (5, "Petrov@example.org", False)
    first, second = journal.delivery(store, 1), journal.delivery(store, 5)
    assert first is not None
    assert second is not None
    assert before is not None
    assert first.row == before.row
    assert (second.row.recipient_name, second.row.state, second.row.subject) == (
        "Пётр Петров", DeliveryState.PENDING, first.row.subject,
    )  # fmt: skip
    assert second.message_id != first.message_id
    (decision,) = second.decisions
    assert (decision.reason, decision.recipient) == ("resent", "Petrov@example.org")
    assert decision.params == {"of": "D1", "delivery": "D5", "who": "olga"}
    (entry,) = audit.page(store, what="deliveries")
    assert (entry.who, entry.what) == ("olga", "deliveries:resend")
    assert entry.after == {"ids": ["D1"], "copy": "D5", "address": "Petrov@example.org"}


def test_a_second_copy_must_be_asked_for(store: Store) -> None:
    put(store, 1, DeliveryState.SENT)
    assert is_second(store, 1, "A0@b.ru")
    assert refusal(store, 1, "A0@B.ru") == "second_copy"
    assert resend(store, 1, "a0@b.ru", "olga", second=True).second
    assert resend(store, 1, "new@b.ru", "olga").second is False
    assert refusal(store, 1, "NEW@b.ru") == "second_copy", "the copy that waits counts as well"


def test_what_cannot_be_sent_to_an_address_is_refused_with_the_reason(store: Store) -> None:
    put(store, 1, DeliveryState.SENT, channel="interface")
    put(store, 2, DeliveryState.DEAD, "dns", 5)
    assert refusal(store, 1, "olga@example.org") == "no_letter"
    assert refusal(store, 99, "olga@example.org") == "no_delivery"
    assert refusal(store, 3, "olga") == "address"
    assert refusal(store, 2, "a1@b.ru") == "retry_instead", "or it might go twice: itself and the copy"
    assert audit.page(store, what="deliveries") == []


def test_dead_letters_are_grouped_by_cause_and_connection(store: Store, clock: HandClock) -> None:
    for key, reason, connection in ((1, "dns", "main"), (2, "dns", "spare"), (3, "dns", "main"), (4, "tls", "main")):
        put(store, key, DeliveryState.DEAD, reason, 5, connection=connection, answer=f"said {key}")
    late = update(tables.delivery).where(tables.delivery.c.id == 3).values(created_at=clock.now.replace(hour=13))
    store.write(lambda con: con.execute(late).rowcount)
    first, *others = dead_groups.list_groups(store)
    assert (first.reason, first.connection, first.letters, first.answer, first.id) == ("dns", "main", 2, "said 3", 3)
    assert (first.oldest, first.newest) == (NOON, NOON.replace(hour=13))
    assert [(one.reason, one.connection) for one in others] == [("dns", "spare"), ("tls", "main")]
    assert dead_groups.ids_of(store, "dns") == [1, 2, 3]
    assert dead_groups.ids_of(store, "dns", "main") == [1, 3]
    assert [row.id for row in dead_groups.letters_of(store, "dns")] == [3, 2, 1]
    assert [row.id for row in dead_groups.letters_of(store, "dns", "main", before_id=3, limit=1)] == [1]
