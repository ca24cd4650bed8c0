"""How long what is kept: reading and saving, with audit. What follows from it is in `store.housekeeping`."""

from sqlalchemy import Connection, select

from store import tables
from store.cards import Retention
from store.checks import check_number
from store.engine import Store
from store.settings import save_card

RETENTION_RANGES = {
    "events_days": (0, 36_500),
    "audit_days": (0, 36_500),
    "most_megabytes": (0, 100_000_000),
}
"""From and to which these numbers may go."""


def retention(store: Store) -> Retention:
    """How long what is kept."""
    with store.read() as connection:
        return retention_in(connection)


def retention_in(connection: Connection) -> Retention:
    """Like `retention`, within a transaction."""
    row = connection.execute(select(tables.retention)).one()
    return Retention(row.events_days, row.audit_days, row.most_megabytes)


def save_retention(store: Store, card: Retention, who: str) -> bool:
    """Save how long what is kept; gives whether anything changed. What is too old by then goes soon.

    Raises:
        SettingsError: A number is out of range.
    """
    return store.write(lambda connection: save_retention_in(connection, store, card, who))


def save_retention_in(connection: Connection, store: Store, card: Retention, who: str) -> bool:
    """Like `save_retention`, within a transaction."""
    for name, (least, most) in RETENTION_RANGES.items():
        check_number(getattr(card, name), f"retention.{name}", least, most)
    return save_card(connection, store, tables.retention, "retention", retention_in(connection), card, who)
