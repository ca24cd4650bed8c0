"""Counting by upper bounds."""

from contextlib import closing
from pathlib import Path

from sqlalchemy import Connection

from store.histogram import Histogram
from tests.desk import open_store


def test_a_value_counts_up_to_each_bound_it_does_not_exceed() -> None:
    counted = Histogram((1, 5))
    for value in (0.5, 1, 1.01, 5, 7, -3):
        counted.add(value)
    assert counted.cumulative() == [3, 5, 6]
    assert (counted.count, counted.total) == (6, 14.51)


def test_a_store_tells_of_its_writing(tmp_path: Path) -> None:
    def fail(connection: Connection) -> None:
        connection.exec_driver_sql("DELETE FROM delivery")
        raise OSError

    with closing(open_store(tmp_path)) as store:
        before = store.writes.jobs.total
        store.write(lambda connection: connection.exec_driver_sql("DELETE FROM delivery"))
        assert isinstance(store.submit(fail).exception(), OSError)  # its own error: the group was committed
        assert (store.writes.jobs.total - before, store.writes.failed) == (2, 0)
        assert store.writes.seconds.count == store.writes.jobs.count > 0
        store.engine.dispose()
        (tmp_path / "vestnik.db").chmod(0o400)
        with store.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA query_only = ON").close()
            connection.commit()
        failed = store.submit(lambda connection: connection.exec_driver_sql("DELETE FROM delivery"))
        assert failed.exception() is not None
        assert store.writes.failed == 1
