"""Stores that are full already: old letters that were sent, letters that wait, events that nobody has planned."""

from datetime import timedelta

from sqlalchemy import Connection, text, update

from dispatch.intake import emit
from store import tables
from store.engine import Store
from store.vocabulary import DeliveryState
from tests.bench.line import OBJECTS
from tests.bench.stores import vacuum
from tests.desk import event, lines
from tests.store.letters import fill

AGE_MICROS = timedelta(days=30) // timedelta(microseconds=1)
"""`fill` dates letters a second apart from a noon in November 2026: this long before they are all past."""
COPIES_AT_ONCE = 100
"""Copies of the thousand events in one transaction."""


def fill_with_sent(store: Store, letters: int) -> None:
    """Letters that were sent a while ago, each with its attempt and its decision, all in the search index by its count.

    The index itself stays empty: filling it is a bench of its own (`search.py`), and sending asks it nothing.
    """

    def write(connection: Connection) -> None:
        fill(connection, letters)
        _make_all(connection, DeliveryState.SENT, "main")
        connection.execute(
            text(
                "INSERT INTO attempt (delivery_id, at, connection, outcome, code, answer, error_class) "
                "SELECT id, created_at, 'main', 'sent', 250, '2.0.0 queued', '' FROM delivery"
            )
        )
        connection.execute(
            text(
                "INSERT INTO decision (event_id, rule_code, recipient, taken, reason, params) "
                "SELECT event_id, 'request.added.client.email', recipient_address, true, 'role', '{}' FROM delivery"
            )
        )
        connection.execute(update(tables.search_state).values(low=1, high=letters))

    store.write(write)
    _number_on(store)
    vacuum(store)


def fill_with_pending(store: Store, letters: int) -> None:
    """Letters that are due, all of them."""

    def write(connection: Connection) -> None:
        fill(connection, letters)
        _make_all(connection, DeliveryState.PENDING, "")

    store.write(write)
    _number_on(store)
    vacuum(store)


def fill_with_unplanned(store: Store, events: int) -> None:
    """Events that were accepted and that nobody has planned: a thousand that came in by the intake, and copies."""
    kind = "request.comment_added"
    emit(store, lines(*(event(kind, number, comment={"text": "Работаем."}) for number in range(OBJECTS))))
    columns = "object_type, event_type, object_id, object_number, title, at, accepted_at, data"
    copied = (
        "WITH RECURSIVE g(i) AS (SELECT CAST(:first AS BIGINT) UNION ALL SELECT i + 1 FROM g WHERE i < :last) "
        f"INSERT INTO event (source, external_id, {columns}) "
        f"SELECT source, external_id || '-' || i, {columns} FROM g CROSS JOIN event WHERE event.id <= :seed"
    )
    for first in range(1, events // OBJECTS, COPIES_AT_ONCE):
        last = min(first + COPIES_AT_ONCE, events // OBJECTS) - 1
        values = {"first": first, "last": last, "seed": OBJECTS}
        store.write(lambda connection, values=values: connection.execute(text(copied), values))
    vacuum(store)


def _make_all(connection: Connection, state: DeliveryState, connection_name: str) -> None:
    """Give all letters one state, by e-mail, in the past."""
    d = tables.delivery
    connection.execute(
        update(d).values(
            state=state.value, channel="email", reason="", connection=connection_name,
            next_at=text(f"next_at - {AGE_MICROS}"), created_at=text(f"created_at - {AGE_MICROS}"),
        )
    )  # fmt: skip


def _number_on(store: Store) -> None:
    """What comes is numbered after what was written with its number."""
    if store.engine.dialect.name != "postgresql":
        return
    with store.engine.begin() as connection:
        for table in ("event", "notification", "delivery"):
            wanted = f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT max(id) FROM {table}))"
            connection.exec_driver_sql(wanted)
