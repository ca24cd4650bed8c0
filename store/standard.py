"""What a new store holds from the start: the standard set, all of it on, and one row of each card."""

from datetime import datetime

from sqlalchemy import Connection, insert, select

from store import tables
from store.catalogue.standard import STANDARD
from store.engine import Store
from store.rulebook import to_values

CARDS = (
    tables.company, tables.sending, tables.silent_mode, tables.storm_limits, tables.deadline_settings, tables.retention,
    tables.housekeeping,
)  # fmt: skip
"""Tables of one row."""


def install(store: Store) -> None:
    """Add what is missing of the standard set; what is there is left as it was set."""
    store.write(lambda connection: install_in(connection, store.clock()))


def install_in(connection: Connection, now: datetime) -> None:
    """Like `install`, within a transaction."""
    known = set(connection.execute(select(tables.rule.c.code)).scalars())
    # What passed before an escalation was there is not its business.
    fresh = [{**to_values(rule), "armed_at": now} for rule in STANDARD if rule.code not in known]
    if fresh:
        connection.execute(insert(tables.rule), fresh)
    for table in CARDS:
        if connection.execute(select(table.c.id)).first() is None:
            connection.execute(
                insert(table).values(id=1, **({"exceptions": []} if table is tables.silent_mode else {}))
            )
