"""The one writer thread, with group commit.

Every change of the store is a job `fn(connection) -> T`. The thread takes what has queued up, runs it in one
transaction, commits once, and only then hands out the results: what was acknowledged is on disk. A job that fails does
so alone, and a job may run again, so it changes nothing but the store.

The thread keeps its connection: to take one from the pool and give it back costs as much as a small job, and on a
server a question whether it still stands. Where it does not, the group is run again over a new one.
"""

import queue
import threading
import time
from collections.abc import Callable, Generator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine

from store.errors import StoreUnreachableError
from store.faults import fault_in, is_deadlock, is_lost_race, unreachable
from store.histogram import Histogram
from store.wakeups import announce

T = TypeVar("T")

MAX_GROUP = 256
"""Jobs in one transaction at most."""
GROUP_GAP_S = 0.002
"""Pause after a group, so that another process' write is not starved (its p99 falls from 630 ms to 34 ms)."""

TRIES = 5
"""How often a job is run that lost a race against another process; the next run sees what the other did."""
DEADLOCK_PAUSE_S = 0.02
"""Pause after the first deadlock, so that the other process gets what both want."""

GROUP_BOUNDS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
SECONDS_BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)

Job = tuple[Callable[[Connection], Any], "Future[Any]"]
Result = tuple["Future[Any]", Any, Exception | None]


class Writes:
    """What a writer has done since it was started.

    Attributes:
        jobs: In each group that was committed.
        seconds: From the start of a group to its commit, waiting for other programs included.
        failed: Groups that could not be committed.
    """

    def __init__(self) -> None:
        self.jobs = Histogram(GROUP_BOUNDS)
        self.seconds = Histogram(SECONDS_BOUNDS)
        self.failed = 0


class Writer:
    """Runs write jobs one group at a time. Started by the first job, ended by `close`.

    Attributes:
        writes: What it has done.
    """

    def __init__(self, engine: Engine) -> None:
        self.writes = Writes()
        self._engine = engine
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._closed = False
        self._connection: Connection | None = None
        self._committing = False

    def submit(self, fn: Callable[[Connection], T]) -> "Future[T]":
        """Queue a job; the future resolves after the commit. It cannot be cancelled: what is queued is done.

        Raises:
            StoreUnreachableError: The store was closed.
        """
        future: Future[T] = Future()
        # An asyncio task that is cancelled while it waits would cancel this future too, and then it takes no result.
        future.set_running_or_notify_cancel()
        with self._lock:
            if self._closed:
                msg = "the store is closed"
                raise StoreUnreachableError(msg)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)
                self._thread.start()
            self._jobs.put((fn, future))
        return future

    def close(self) -> None:
        """Finish what is queued, then end the thread."""
        with self._lock:
            self._closed = True
            thread = self._thread
        if thread is not None:
            self._jobs.put(None)
            thread.join()

    def _run(self) -> None:
        ended = False
        while not ended:
            group: list[Job] = []
            job = self._jobs.get()
            while job is not None:
                group.append(job)
                if len(group) >= MAX_GROUP:
                    break
                try:
                    job = self._jobs.get_nowait()
                except queue.Empty:
                    break
            else:
                ended = True
            if group:
                self._run_group(group)
                if not ended:
                    time.sleep(GROUP_GAP_S)
        self._let_go()

    def _run_group(self, group: list[Job]) -> None:
        begun = time.perf_counter()
        try:
            results = self._results(group)
        except Exception as error:  # noqa: BLE001 - whatever it is: who waits must hear of it, and the thread go on
            self.writes.failed += 1
            failure = self._failure(error)
            for _, future in group:
                future.set_exception(failure)
            return
        self.writes.jobs.add(len(group))
        self.writes.seconds.add(time.perf_counter() - begun)
        for future, result, error in results:
            if error is None:
                future.set_result(result)
            else:
                future.set_exception(error)

    def _results(self, group: list[Job]) -> list[Result]:
        """Run the jobs in a transaction; gives what came of each.

        Savepoints cost as much as a small job, so there are none until one of several jobs fails: then all are run
        again, each guarded from the others.

        Raises:
            Exception: Nothing was committed, or it is not known whether it was.
        """
        tries, guarded = 1, False
        while True:
            was_kept = self._connection is not None
            try:
                return self._transact(group, guarded=guarded)
            except Exception as error:
                self._let_go()
                if tries < TRIES and is_deadlock(error):
                    time.sleep(DEADLOCK_PAUSE_S * tries)
                    tries += 1
                    continue
                if self._committing:
                    raise
                fault = fault_in(error)
                if fault is not None:
                    if not (fault.connection_invalidated and was_kept):
                        raise  # else it may have been lost since the last group
                elif guarded:
                    raise
                elif len(group) == 1 and not is_lost_race(error):
                    return [(group[0][1], None, _own(error))]
                else:
                    guarded = True

    def _transact(self, group: list[Job], *, guarded: bool) -> list[Result]:
        """Try to, once; `_committing` says how far it came."""
        self._committing = False
        if self._connection is None:
            self._connection = self._engine.connect()
        connection = self._connection
        with connection.begin():
            results: list[Result] = (
                [(future, *_guarded(connection, fn)) for fn, future in group]
                if guarded
                else [(future, fn(connection), None) for fn, future in group]
            )
            announce(connection)
            self._committing = True
        return results

    def _let_go(self) -> None:
        """Give the connection back: it may be one that was lost."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _failure(self, error: Exception) -> StoreUnreachableError:
        fault = fault_in(error)
        failure = (
            unreachable(fault, self._engine.url)
            if fault is not None
            else StoreUnreachableError(f"the store could not be written: {error}")
        )
        failure.__cause__ = error
        return failure


@contextmanager
def _savepoint(connection: Connection) -> Generator[None]:
    """What `Connection.begin_nested` does, at a fifth of its cost."""
    connection.exec_driver_sql("SAVEPOINT job")
    try:
        yield
    except BaseException:
        if not connection.invalidated:  # else the whole transaction is gone
            connection.exec_driver_sql("ROLLBACK TO SAVEPOINT job")
        raise
    connection.exec_driver_sql("RELEASE SAVEPOINT job")


def _guarded(connection: Connection, fn: Callable[[Connection], Any]) -> tuple[Any, Exception | None]:
    """Run a job under a savepoint: its result, or the error that is its own.

    Raises:
        DBAPIError: The whole transaction is void: the store is at fault, or must begin it anew.
    """
    for left in reversed(range(TRIES)):
        try:
            with _savepoint(connection):
                return fn(connection), None
        except Exception as error:
            if is_deadlock(error) or fault_in(error) is not None:
                raise
            if not (left and is_lost_race(error)):
                return None, _own(error)
    raise AssertionError


def _own(error: Exception) -> Exception:
    """The error of a job as who waits for it is told: a future never tells of a `StopIteration`."""
    if isinstance(error, StopIteration):
        return RuntimeError(f"a change of the store came to its end too soon: {error!r}")
    return error
