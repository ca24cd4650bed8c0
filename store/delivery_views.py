"""Views of the list of deliveries: a filter under a name, maybe on a number key, shared by everybody on the store."""

from dataclasses import asdict, dataclass, replace
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from store import tables
from store.audit import record
from store.checks import check_line
from store.engine import Store
from store.errors import SettingsError

MAX_NAME = 40
MAX_FILTER = 400
PLACES = range(1, 10)
"""Number keys."""


@dataclass(frozen=True, slots=True)
class DeliveryView:
    """A view.

    Attributes:
        name: Unique.
        filter: As it is typed; what it says of time counts from when it is used.
        place: The number of its key; `None` for none. A key has one view.
    """

    name: str
    filter: str = ""
    place: int | None = None


def views_in(connection: Connection) -> list[DeliveryView]:
    """All views, those with a key first, then by name, within a transaction."""
    found = map(_to_view, connection.execute(select(tables.delivery_view)))
    return sorted(found, key=lambda view: (view.place or PLACES.stop, view.name.casefold()))


def save_view_in(connection: Connection, store: Store, view: DeliveryView, who: str) -> bool:
    """Add a view, or replace the one of its name, within a transaction; gives whether anything changed.

    Whoever had its key has none from then on, which is in the audit, too.

    Raises:
        SettingsError: A field is not right; its path says which.
    """
    check_line(view.name, "name", required=True, most=MAX_NAME)
    check_line(view.filter, "filter", most=MAX_FILTER)
    if view.place is not None and view.place not in PLACES:
        raise SettingsError("place", f"{view.place} is no number key; there are 1 to 9")
    if view.place is not None:
        for other in _locked(connection, tables.delivery_view.c.place == view.place):
            if other.name != view.name:
                _write(connection, store, other, replace(other, place=None), who)
    return _write(connection, store, view_in(connection, view.name), view, who)


def delete_view_in(connection: Connection, store: Store, name: str, who: str) -> bool:
    """Delete a view, within a transaction; gives whether there was one."""
    view = view_in(connection, name)
    if view is None:
        return False
    connection.execute(delete(tables.delivery_view).where(tables.delivery_view.c.name == name))
    record(connection, store.clock(), who, f"delivery_view:{name}", asdict(view), None)
    return True


def view_in(connection: Connection, name: str) -> DeliveryView | None:
    """The view of a name, locked until the transaction ends; `None` when there is none."""
    return next(iter(_locked(connection, tables.delivery_view.c.name == name)), None)


def _locked(connection: Connection, condition: Any) -> list[DeliveryView]:
    query = select(tables.delivery_view).where(condition).order_by(tables.delivery_view.c.id).with_for_update()
    return [_to_view(row) for row in connection.execute(query)]


def _write(connection: Connection, store: Store, before: DeliveryView | None, view: DeliveryView, who: str) -> bool:
    after, what = asdict(view), f"delivery_view:{view.name}"
    if before is None:
        connection.execute(insert(tables.delivery_view).values(**after))
        record(connection, store.clock(), who, what, None, after)
        return True
    was = asdict(before)
    changed = {name: value for name, value in after.items() if was[name] != value}
    if changed:
        table = tables.delivery_view
        connection.execute(update(table).where(table.c.name == view.name).values(**changed))
        record(connection, store.clock(), who, what, {name: was[name] for name in changed}, changed)
    return bool(changed)


def _to_view(row: Row[Any]) -> DeliveryView:
    return DeliveryView(row.name, row.filter, row.place)
