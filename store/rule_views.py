"""Views of the lists of rules: a filter and an order under a name, shared by everybody on the store."""

from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from store import tables
from store.audit import record
from store.checks import check_line
from store.engine import Store
from store.errors import SettingsError

MAX_NAME = 40
MAX_FILTER = 200
SORTS = ("", "enabled", "title", "object", "when", "channel", "recipients", "last", "month")
"""Columns a list may be sorted by; the first is the order in which the rules were made."""


@dataclass(frozen=True, slots=True)
class RuleView:
    """A view.

    Attributes:
        name: Unique.
        filter: As it is typed.
        sort: One of `SORTS`.
        descending: The largest first.
    """

    name: str
    filter: str = ""
    sort: str = ""
    descending: bool = False


def views_in(connection: Connection) -> list[RuleView]:
    """All views by name, within a transaction."""
    return sorted(map(_to_view, connection.execute(select(tables.rule_view))), key=lambda view: view.name.casefold())


def save_view_in(connection: Connection, store: Store, view: RuleView, who: str) -> bool:
    """Add a view, or replace the one of its name, within a transaction; gives whether anything changed.

    Raises:
        SettingsError: A field is not right; its path says which.
    """
    check_line(view.name, "name", required=True, most=MAX_NAME)
    check_line(view.filter, "filter", most=MAX_FILTER)
    if view.sort not in SORTS:
        raise SettingsError("sort", f"{view.sort!r} is no column; there are {', '.join(SORTS[1:])}")
    before, after = view_in(connection, view.name), asdict(view)
    if before is None:
        connection.execute(insert(tables.rule_view).values(**after))
        record(connection, store.clock(), who, f"rule_view:{view.name}", None, after)
        return True
    was = asdict(before)
    changed = {name: value for name, value in after.items() if was[name] != value}
    if changed:
        connection.execute(update(tables.rule_view).where(tables.rule_view.c.name == view.name).values(**changed))
        old = {name: was[name] for name in changed}
        record(connection, store.clock(), who, f"rule_view:{view.name}", old, changed)
    return bool(changed)


def delete_view_in(connection: Connection, store: Store, name: str, who: str) -> bool:
    """Delete a view, within a transaction; gives whether there was one."""
    view = view_in(connection, name)
    if view is None:
        return False
    connection.execute(delete(tables.rule_view).where(tables.rule_view.c.name == name))
    record(connection, store.clock(), who, f"rule_view:{name}", asdict(view), None)
    return True


def view_in(connection: Connection, name: str) -> RuleView | None:
    """The view of a name, locked until the transaction ends; `None` when there is none."""
    query = select(tables.rule_view).where(tables.rule_view.c.name == name).with_for_update()
    row = connection.execute(query).one_or_none()
    return _to_view(row) if row is not None else None


def _to_view(row: Row[Any]) -> RuleView:
    return RuleView(row.name, row.filter, row.sort, row.descending)
