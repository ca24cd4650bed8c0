"""Views of a list, kept under their names for everybody on the store: what those of every list have in common."""

from dataclasses import asdict, fields
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from sqlalchemy import ColumnElement, Connection, Row, Table, delete, insert, select, update

from store.audit import record
from store.checks import check_line
from store.engine import Store

MAX_NAME = 40


class View(Protocol):
    """What can be a view: a dataclass whose fields are the table's columns, with a name and a filter as it is typed."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def name(self) -> str:
        """What it is called; no other one is called so."""
        ...

    @property
    def filter(self) -> str:
        """What it shows, as it is typed."""
        ...


ViewT = TypeVar("ViewT", bound=View)


class Views(Generic[ViewT]):
    """The views of one kind of list. All is done within a transaction, and every change is in the audit."""

    def __init__(self, card: type[ViewT], table: Table, kind: str, most: int) -> None:
        """`card` is what a view is, `kind` what the audit calls it, `most` how long its filter may be."""
        self.card, self.table, self._kind, self._most = card, table, kind, most

    def all_in(self, connection: Connection) -> list[ViewT]:
        """All views by name."""
        found = [self._view(row) for row in connection.execute(select(self.table))]
        return sorted(found, key=lambda view: view.name.casefold())

    def one_in(self, connection: Connection, name: str) -> ViewT | None:
        """The view of a name, locked until the transaction ends; `None` when there is none."""
        return next(iter(self.locked_in(connection, self.table.c.name == name)), None)

    def locked_in(self, connection: Connection, condition: ColumnElement[bool]) -> list[ViewT]:
        """Views, locked until the transaction ends."""
        query = select(self.table).where(condition).order_by(self.table.c.id).with_for_update()
        return [self._view(row) for row in connection.execute(query)]

    def check(self, view: ViewT) -> None:
        """Check the fields.

        Raises:
            SettingsError: One is not right; its path says which.
        """
        check_line(view.name, "name", required=True, most=MAX_NAME)
        check_line(view.filter, "filter", most=self._most)

    def save_in(self, connection: Connection, store: Store, view: ViewT, who: str) -> bool:
        """Add a view, or replace the one of its name; gives whether anything changed.

        Raises:
            SettingsError: A field is not right; its path says which.
        """
        self.check(view)
        before, after, what = self.one_in(connection, view.name), asdict(view), f"{self._kind}:{view.name}"
        if before is None:
            connection.execute(insert(self.table).values(**after))
            record(connection, store.clock(), who, what, None, after)
            return True
        was = asdict(before)
        changed = {name: value for name, value in after.items() if was[name] != value}
        if changed:
            connection.execute(update(self.table).where(self.table.c.name == view.name).values(**changed))
            record(connection, store.clock(), who, what, {name: was[name] for name in changed}, changed)
        return bool(changed)

    def delete_in(self, connection: Connection, store: Store, name: str, who: str) -> bool:
        """Delete a view; gives whether there was one."""
        view = self.one_in(connection, name)
        if view is None:
            return False
        connection.execute(delete(self.table).where(self.table.c.name == name))
        record(connection, store.clock(), who, f"{self._kind}:{name}", asdict(view), None)
        return True

    def _view(self, row: Row[Any]) -> ViewT:
        return self.card(**{field.name: getattr(row, field.name) for field in fields(self.card)})
