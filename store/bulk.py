"""Many rows in one statement, alike on SQLite and PostgreSQL.

`executemany` lets go of the interpreter at each row; beside a busy event loop the writer thread then waits its turn
row by row, and the core spends more on building parameters than on the rows. Here a statement is one step:
`VALUES (…), (…), …` with plain values, as the database stores them (times as microseconds, JSON as text).
"""

import json
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import JSON, ColumnElement, Connection, Dialect, Select, Table, func, select

MAX_PARAMETERS = 6_000
"""In one statement. SQLite allows 32,766 and PostgreSQL 65,535; more rows at once save nothing."""
Row = Sequence[Any]
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def as_json(value: object) -> str:
    """A JSON document as it is stored."""
    return _ENCODER.encode(value)


def reserve_ids(connection: Connection, table: Table, count: int) -> list[int]:
    """Ids for new rows, so that rows which refer to them need no answer first.

    On SQLite they are free because a write transaction is alone; on PostgreSQL they come from the sequence.
    """
    if connection.dialect.name == "postgresql":
        statement = "SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)"
        return [int(row[0]) for row in connection.exec_driver_sql(statement, (table.name, count))]
    last = connection.exec_driver_sql(f"SELECT max(id) FROM {_name(table)}").scalar() or 0
    return list(range(last + 1, last + 1 + count))


def insert_rows(
    connection: Connection, table: Table, columns: Sequence[str], rows: Sequence[Row], end: str = ""
) -> None:
    """Insert rows of plain values; `end` is for `ON CONFLICT …`. Columns left out get the database's default."""
    for statement, parameters in _inserts(connection, table, columns, rows, end):
        connection.exec_driver_sql(statement, parameters)


def merge_rows(
    connection: Connection, table: Table, columns: Sequence[str], rows: Sequence[Row], end: str
) -> list[tuple[Any, ...]]:
    """Like `insert_rows`, with what the `RETURNING …` in `end` gives."""
    found: list[tuple[Any, ...]] = []
    for statement, parameters in _inserts(connection, table, columns, rows, end):
        found += [tuple(row) for row in connection.exec_driver_sql(statement, parameters)]
    return found


def update_rows(
    connection: Connection, table: Table, columns: Sequence[str], rows: Sequence[Row], *, only: str = "TRUE"
) -> None:
    """Set columns of the rows whose `id` is the first value of each row; `columns` begin with `id`.

    `only` is a further SQL condition; the new values are `new.column1`, `new.column2` … there. On PostgreSQL
    values are cast to the columns' types, because a chunk of nulls has none.
    """
    for values, parameters in _chunks(connection, rows):
        sets = _sets(table, tuple(columns), connection.dialect)
        statement = f"UPDATE {_name(table)} SET {sets} FROM (VALUES {values}) AS new WHERE id = new.column1 AND {only}"
        connection.exec_driver_sql(statement, parameters)


def fetch_rows(connection: Connection, query: Select[*tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """The rows of a query, of any columns but binary ones, fetched at one step.

    The driver of SQLite lets go of the interpreter at each row, like `executemany`; here the database makes one JSON
    document of them. What the query orders by must be told by its columns, where the order matters.
    """
    if connection.dialect.name != "sqlite":
        return [tuple(row) for row in connection.execute(query)]
    columns = query.subquery().c
    # A document goes in as it is; as a text in a text it would be read twice.
    parts = [func.json(column) if isinstance(column.type, JSON) else column for column in columns]
    whole = connection.execute(select(func.json_group_array(func.json_array(*parts)))).scalar_one()
    rows: list[list[Any]] = json.loads(whole)
    for place, column in enumerate(columns):
        if isinstance(column.type, JSON):
            continue
        reads = column.type.dialect_impl(connection.dialect).result_processor(connection.dialect, None)
        if reads is not None:
            for row in rows:
                row[place] = reads(row[place])
    return [tuple(row) for row in rows]


def among(connection: Connection, column: ColumnElement[int], ids: Sequence[int]) -> ColumnElement[bool]:
    """That a column is one of some ids; one parameter, however many."""
    if connection.dialect.name != "sqlite":
        return column.in_(ids)
    return column.in_(select(func.json_each(as_json(list(ids))).table_valued("value").c.value))


def known_keys(
    connection: Connection, table: Table, columns: Sequence[str], keys: Sequence[Row], also: Sequence[str] = ()
) -> set[tuple[Any, ...]]:
    """Those of the keys that are in the table, each with the further columns asked for.

    A join, because for `(a, b) IN (VALUES …)` SQLite goes through the whole table, index or not.
    """
    names = ", ".join(f'{_name(table)}."{name}"' for name in (*columns, *also))
    same = " AND ".join(f'{_name(table)}."{name}" = wanted.column{place}' for place, name in enumerate(columns, 1))
    found: set[tuple[Any, ...]] = set()
    for values, parameters in _chunks(connection, keys):
        statement = f"SELECT {names} FROM (VALUES {values}) AS wanted JOIN {_name(table)} ON {same}"
        found.update(tuple(row) for row in connection.exec_driver_sql(statement, parameters))
    return found


def _inserts(
    connection: Connection, table: Table, columns: Sequence[str], rows: Sequence[Row], end: str
) -> Iterator[tuple[str, tuple[Any, ...]]]:
    names = ", ".join(f'"{name}"' for name in columns)
    for values, parameters in _chunks(connection, rows):
        yield f"INSERT INTO {_name(table)} ({names}) VALUES {values} {end}", parameters


@lru_cache(maxsize=64)
def _sets(table: Table, columns: tuple[str, ...], dialect: Dialect) -> str:
    def new(name: str, place: int) -> str:
        if dialect.name != "postgresql":
            return f"new.column{place}"  # a cast to JSON would make a number of it there
        kind = table.c[name].type.compile(dialect).partition(" COLLATE ")[0]  # a cast has no collation
        return f"CAST(new.column{place} AS {kind})"

    return ", ".join(f'"{name}" = {new(name, place)}' for place, name in enumerate(columns[1:], 2))


def _name(table: Table) -> str:
    return f'"{table.name}"'


def _chunks(connection: Connection, rows: Sequence[Row]) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """`(?, ?), (?, ?)` and its parameters, for as many rows at a time as a statement takes."""
    if not rows:
        return
    mark = "%s" if connection.dialect.name == "postgresql" else "?"
    one = "(" + ", ".join([mark] * len(rows[0])) + ")"
    step = MAX_PARAMETERS // len(rows[0])
    for start in range(0, len(rows), step):
        chunk = rows[start : start + step]
        yield ", ".join([one] * len(chunk)), tuple(value for row in chunk for value in row)
