"""Many rows in one statement, alike on SQLite and PostgreSQL.

`executemany` lets go of the interpreter at each row; beside a busy event loop the writer thread then waits its turn
row by row, and the core spends more on building parameters than on the rows. Here a statement is one step:
`VALUES (…), (…), …` with plain values, as the database stores them (times as microseconds, JSON as text).
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from sqlalchemy import (
    ARRAY,
    JSON,
    BigInteger,
    BindParameter,
    ColumnElement,
    Connection,
    Dialect,
    Select,
    String,
    Table,
    any_,
    bindparam,
    func,
    literal,
    select,
)

MAX_PARAMETERS = 6_000
"""In one statement. SQLite allows 32,766 and PostgreSQL 65,535; more rows at once save nothing."""
Row = Sequence[Any]
NO_VALUES: Mapping[str, Any] = MappingProxyType({})
_ID_LISTS: dict[str, Any] = {"sqlite": String(), "postgresql": ARRAY(BigInteger)}
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


def fetch_rows(
    connection: Connection, query: Select[*tuple[Any, ...]], values: Mapping[str, Any] = NO_VALUES
) -> list[tuple[Any, ...]]:
    """The rows of a query, of any columns but binary ones, fetched at one step.

    The driver of SQLite lets go of the interpreter at each row, like `executemany`; here the database makes one JSON
    document of them. What the query orders by must be told by its columns, where the order matters.

    To build a query takes longer than to ask it: one that is asked all the time is built once, with a `bindparam` for
    each of the `values`.
    """
    if connection.dialect.name != "sqlite":
        return [tuple(row) for row in connection.execute(query, values)]
    document, readers = _as_document(query, connection.dialect)
    rows: list[list[Any]] = json.loads(connection.execute(document, values).scalar_one())
    for place, read in readers:
        for row in rows:
            row[place] = read(row[place])
    return [tuple(row) for row in rows]


@lru_cache(maxsize=64)
def _as_document(
    query: Select[*tuple[Any, ...]], dialect: Dialect
) -> tuple[Select[str], list[tuple[int, Callable[[Any], Any]]]]:
    """What asks for the rows of a query as one document, and how the values at some places of a row are read."""
    columns = query.subquery().c
    # A document goes in as it is; as a text in a text it would be read twice.
    is_document = [isinstance(column.type, JSON) for column in columns]
    parts = [func.json(column) if whole else column for column, whole in zip(columns, is_document, strict=True)]
    readers = [column.type.dialect_impl(dialect).result_processor(dialect, None) for column in columns]
    return select(func.json_group_array(func.json_array(*parts))), [
        (place, read)
        for place, (read, whole) in enumerate(zip(readers, is_document, strict=True))
        if read is not None and not whole
    ]


def among(connection: Connection, column: ColumnElement[int], ids: Sequence[int]) -> ColumnElement[bool]:
    """That a column is one of some ids; one parameter, however many."""
    dialect = connection.dialect.name
    return _is_one_of(dialect, column, literal(id_list(dialect, ids), _ID_LISTS[dialect]))


def among_given(dialect: str, column: ColumnElement[int]) -> ColumnElement[bool]:
    """The same in a query that is kept: the ids are given when it is asked, as `ids`, made by `id_list`."""
    return _is_one_of(dialect, column, bindparam("ids", type_=_ID_LISTS[dialect]))


def id_list(dialect: str, ids: Sequence[int]) -> str | list[int]:
    """Some ids as one parameter."""
    return as_json(list(ids)) if dialect == "sqlite" else list(ids)


def _is_one_of(dialect: str, column: ColumnElement[int], given: BindParameter[Any]) -> ColumnElement[bool]:
    if dialect != "sqlite":
        return column == any_(given)
    return column.in_(select(func.json_each(given).table_valued("value").c.value))


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
