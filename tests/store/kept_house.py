"""A store in which the housekeeping is done, step by step or at once, and what must be true of it at any moment."""

from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import func, select

from store import search_index, tables
from store.cards import Retention
from store.engine import Store
from store.housekeeping import Housekeeping
from store.retention import save_retention
from tests.desk import NOON

DAY = timedelta(days=1)
CHILDREN = (
    (tables.decision, "event_id", tables.event), (tables.notification, "event_id", tables.event),
    (tables.delivery, "event_id", tables.event), (tables.delivery, "notification_id", tables.notification),
    (tables.attempt, "delivery_id", tables.delivery), (tables.connection_failure, "delivery_id", tables.delivery),
    (tables.acknowledgement, "delivery_id", tables.delivery), (tables.moved_letter, "delivery_id", tables.delivery),
)  # fmt: skip


def days_ago(days: float) -> datetime:
    return NOON - days * DAY


def keep(store: Store, **values: int) -> None:
    save_retention(store, replace(Retention(0), **values), "test")


def keep_house(store: Store, holder: str = "me") -> Housekeeping:
    return go_on(Housekeeping(store, holder))


def go_on(work: Housekeeping) -> Housekeeping:
    while work.step():
        pass
    return work


def events(store: Store) -> list[int]:
    with store.read() as connection:
        return list(connection.execute(select(tables.event.c.id).order_by(tables.event.c.id)).scalars())


def consistent(store: Store) -> None:
    """Nothing belongs to what is not there, what counts counts right, and the index has what there is."""
    with store.read() as connection:
        for child, column, parent in CHILDREN:
            lost = select(func.count()).where(child.c[column].not_in(select(parent.c.id)))
            assert connection.execute(lost).scalar_one() == 0, child.name
        r = tables.row_count
        for table in (tables.event, tables.delivery):
            counted = connection.execute(select(func.sum(r.c.rows)).where(r.c.name == table.name)).scalar() or 0
            assert int(counted) == connection.execute(select(func.count()).select_from(table)).scalar_one()
        there = set(connection.execute(select(tables.delivery.c.id)).scalars())
        covered = search_index.covered(connection)
        blocks = range(covered.high // search_index.BLOCK + 1)
        indexed = set(search_index.find(connection, blocks, [(("^request",),)]))
        assert indexed == {one for one in there if covered.low <= one <= covered.high}


def index(store: Store) -> None:
    while search_index.step(store):
        pass
