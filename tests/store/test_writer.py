"""The writer: jobs that are committed together, each with an outcome of its own."""

import threading
from collections.abc import Callable, Generator
from concurrent.futures import Future
from contextlib import closing, contextmanager
from typing import Any

import pytest
from sqlalchemy import Connection, event, insert, select, text
from sqlalchemy.exc import DBAPIError

from store import tables
from store.engine import Store
from store.errors import StoreUnreachableError
from tests.postgresql import Cluster

Job = Callable[[Connection], Any]


def put(key: str) -> Job:
    def job(connection: Connection) -> str:
        connection.execute(insert(tables.meta).values(key=key, value=""))
        return key

    return job


def keys(store: Store) -> set[str]:
    with store.read() as connection:
        return set(connection.execute(select(tables.meta.c.key)).scalars())


@contextmanager
def one_group(store: Store) -> Generator[None]:
    """What is submitted within is committed together."""
    begun, ready = threading.Event(), threading.Event()

    def wait(_connection: Connection) -> None:
        begun.set()
        assert ready.wait(30)

    first = store.submit(wait)
    assert begun.wait(30)
    yield
    ready.set()
    first.result()


@contextmanager
def counted(store: Store, word: str) -> Generator[list[str]]:
    """The statements that begin with a word."""
    found: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith(word):
            found.append(statement)

    event.listen(store.engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(store.engine, "before_cursor_execute", note)


def fail(error: Exception) -> Job:
    def job(connection: Connection) -> None:
        put("never")(connection)
        raise error

    return job


def test_what_is_submitted_together_is_committed_together_and_without_savepoints(store: Store) -> None:
    commits: list[Connection] = []

    def note(connection: Connection) -> None:
        commits.append(connection)

    with counted(store, "SAVEPOINT") as savepoints:
        with one_group(store):
            done = [store.submit(put(f"key {number}")) for number in range(5)]
            event.listen(store.engine, "commit", note)
        assert [one.result() for one in done] == [f"key {number}" for number in range(5)]
    event.remove(store.engine, "commit", note)
    assert len(commits) == 2, "that of whom they waited for, and their own"
    assert savepoints == []
    assert {f"key {number}" for number in range(5)} <= keys(store)


def test_one_that_fails_leaves_those_before_and_behind_it(store: Store) -> None:
    runs: list[str] = []

    def noted(key: str) -> Job:
        def job(connection: Connection) -> str:
            runs.append(key)
            return put(key)(connection)

        return job

    with one_group(store):
        before, failed, behind = (
            store.submit(noted("a")),
            store.submit(fail(ValueError("no"))),
            store.submit(noted("b")),
        )
    with pytest.raises(ValueError, match=r"^no$"):
        failed.result()
    assert (before.result(), behind.result()) == ("a", "b")
    assert runs == ["a", "a", "b"], "nothing was committed before each was run guarded from the others"
    assert {"a", "b"} <= keys(store)
    assert "never" not in keys(store)


def test_one_that_is_alone_fails_at_once_and_leaves_nothing(store: Store) -> None:
    with counted(store, "INSERT INTO meta") as tries, pytest.raises(LookupError):
        store.write(fail(LookupError()))
    assert len(tries) == 1
    assert "never" not in keys(store)
    store.write(put("after"))
    assert "after" in keys(store)


def test_who_fails_by_a_statement_is_told_the_statement(store: Store) -> None:
    with one_group(store):
        done = store.submit(put("one"))
        failed = store.submit(lambda connection: connection.execute(text("SELECT * FROM nowhere")))
    with pytest.raises(DBAPIError, match="nowhere"):
        failed.result()
    assert done.result() == "one"


@pytest.mark.parametrize("together", [False, True])
def test_one_that_stops_an_iteration_is_told_so(store: Store, together: bool) -> None:
    other: Future[Any] | None = None
    with one_group(store):
        failed = store.submit(fail(StopIteration()))
        if together:
            other = store.submit(put("other"))
    with pytest.raises(RuntimeError, match="too soon"):
        failed.result(30)
    assert other is None or other.result(30) == "other"


def test_a_connection_that_was_lost_meanwhile_costs_nobody_a_change(postgresql: Cluster, postgresql_url: str) -> None:
    with closing(Store.open(postgresql_url)) as store:
        pid = store.write(lambda connection: connection.execute(text("SELECT pg_backend_pid()")).scalar_one())
        end = text("SELECT pg_terminate_backend(:pid)")
        with store.read() as connection:
            assert connection.execute(end, {"pid": pid}).scalar_one()
        runs: list[int] = []

        def job(connection: Connection) -> None:
            runs.append(connection.execute(text("SELECT pg_backend_pid()")).scalar_one())
            put("after")(connection)

        store.write(job)
        assert "after" in keys(store)
        assert runs not in ([], [pid])


def test_a_server_that_is_lost_within_a_commit_is_told_as_lost(postgresql_url: str) -> None:
    # Whether it was committed is not known: it is not for the writer to do it again.
    with closing(Store.open(postgresql_url)) as store:
        store.write(put("before"))
        runs: list[int] = []

        def job(connection: Connection) -> None:
            runs.append(1)
            put("lost")(connection)

        def lose(connection: Connection) -> None:
            driver: Any = connection.connection.driver_connection
            driver.pgconn.finish()

        event.listen(store.engine, "commit", lose)
        with pytest.raises(StoreUnreachableError):
            store.write(job)
        event.remove(store.engine, "commit", lose)
        assert runs == [1]
        store.write(put("after"))
        assert {"before", "after"} <= keys(store)


def test_a_store_that_is_closed_has_let_go_of_its_connection(store: Store) -> None:
    store.write(put("one"))
    store.close()
    assert store.engine.pool.checkedout() == 0  # pyright: ignore[reportAttributeAccessIssue]
