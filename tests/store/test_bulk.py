"""Many rows in one statement: what an event costs must not grow with the events that are stored."""

from datetime import timedelta

import pytest
from sqlalchemy import Connection, Table, event, insert, select, text

from store import bulk, tables
from store.engine import Store
from tests.desk import NOON


@pytest.mark.parametrize("count", [1, 2, 100, 1_000])
@pytest.mark.parametrize(
    ("table", "columns"), [(tables.event, ("source", "external_id")), (tables.object_, ("type", "external_id"))]
)
def test_keys_are_looked_up_by_index(store: Store, table: Table, columns: tuple[str, str], count: int) -> None:
    found: list[str] = []

    def explain(connection: Connection, _: object, statement: str, parameters: tuple[object, ...], *__: object) -> None:
        if statement.startswith("SELECT") and not found:
            found.append("")
            way = "EXPLAIN" if connection.dialect.name == "postgresql" else "EXPLAIN QUERY PLAN"
            if connection.dialect.name == "postgresql":
                # A table of a few rows is read whole, and rightly so; what counts is whether it has to be.
                connection.execute(text("SET LOCAL enable_seqscan = off"))
            rows = connection.exec_driver_sql(f"{way} {statement}", parameters).all()
            found[0] = "\n".join(str(row) for row in rows)

    event.listen(store.engine, "before_cursor_execute", explain)
    keys = [("desk", str(number)) for number in range(count)]
    store.write(lambda connection: bulk.known_keys(connection, table, columns, keys))
    event.remove(store.engine, "before_cursor_execute", explain)
    name = "object" if table is tables.object_ else "event"
    assert f"SCAN {name}" not in found[0]
    assert "SEARCH" in found[0] or "Index" in found[0]
    assert f"Seq Scan on {name}" not in found[0]


def test_keys_that_are_there_are_found_with_what_else_is_asked_for(store: Store) -> None:
    def work(connection: Connection) -> set[tuple[object, ...]]:
        bulk.insert_rows(connection, tables.storm, ("kind", "key", "until"), [("object", "a", 1), ("object", "b", 2)])
        asked = [("object", "b"), ("object", "c"), ("recipient", "a")]
        return bulk.known_keys(connection, tables.storm, ("kind", "key"), asked, also=("until",))

    assert store.write(work) == {("object", "b", 2)}


ODD = ["", 'quo"ted \\ back', "\x01\x1f\x7f\u2028", "\U0001f600 ёж", "[1, null]", "null", "1e5", "9" * 5_000]


def test_rows_fetched_at_one_step_are_those_fetched_one_by_one(store: Store) -> None:
    a = tables.audit

    def make(connection: Connection) -> None:
        for number, odd in enumerate(ODD):
            known = {"odd": odd, "list": [odd, number, 2**60, None, 0.1], "yes": True}
            moment = NOON + timedelta(microseconds=number * 999_983)
            values = {"at": moment, "who": odd, "what": odd, "before": known, "reverts": 2**53 + number}
            connection.execute(insert(a).values(**values, after=None if number % 2 else [odd]))

    store.write(make)
    query = select(a).order_by(a.c.id)
    with store.read() as connection:
        rows = bulk.fetch_rows(connection, query)
        assert rows == [tuple(row) for row in connection.execute(query)]
        assert [row[2] for row in rows[-len(ODD) :]] == ODD
        assert bulk.fetch_rows(connection, query.where(a.c.id < 0)) == []
        some = [row[0] for row in rows[::2]]
        assert bulk.fetch_rows(connection, select(a.c.id).where(bulk.among(connection, a.c.id, some))) == [
            (one,) for one in some
        ]
