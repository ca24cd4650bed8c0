"""Being told of commits on PostgreSQL: NOTIFY once a transaction, LISTEN on a connection of its own.

A notification carries nothing and promises nothing. It is a reason to look sooner than one would have anyway.
"""

import contextlib
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from store.errors import StoreUnreachableError

CHANNEL = "vestnik"
EVENTS = "events"
"""What the news of a transaction says that has brought events: who plans need not look for those of all others."""
# A transaction that wrote nothing has no id; to tell of it would keep idle dispatchers waking one another.
_ANNOUNCE = text(f"SELECT pg_notify('{CHANNEL}', :news) WHERE pg_current_xact_id_if_assigned() IS NOT NULL")
_BROUGHT = "vestnik: brought events"

Submit = Callable[[Callable[[Connection], Any]], "Future[Any]"]


def bring_events(connection: Connection) -> None:
    """Have the news of this transaction say that it has brought events."""
    connection.info[_BROUGHT] = True


def announce(connection: Connection) -> None:
    """Tell the listeners of this transaction once it is committed, if it writes anything."""
    if connection.dialect.name == "postgresql":
        connection.execute(_ANNOUNCE, {"news": EVENTS if connection.info.pop(_BROUGHT, False) else ""})


class Listener:
    """Hears of commits. Never blocks: connecting is left to the writer thread, which knows whether the server is up.

    Attributes:
        events: Whether one of those it was told of has brought events, or may have; for who asks to take back.

    Args:
        submit: `Store.submit`.
    """

    def __init__(self, submit: Submit) -> None:
        self.events = True
        self._submit = submit
        self._opening: Future[Any] | None = None
        self._made: list[Any] = []
        self._connection: Any = None

    @property
    def listening(self) -> bool:
        """Whether it would hear of a commit now."""
        return self._connection is not None

    def told(self) -> bool:
        """Whether there was a commit, or may have been one while nobody listened."""
        if self._connection is None:
            return self._connected()
        from psycopg import Error  # the driver is there, for the connection is

        try:
            news = [one.payload for one in self._connection.notifies(timeout=0)]
        except Error:
            self._drop()
            news = [EVENTS]
        self.events |= EVENTS in news
        return bool(news)

    def fileno(self) -> int | None:
        """What becomes readable when there is news; `None` while it does not listen."""
        return None if self._connection is None else int(self._connection.fileno())

    def connect(self) -> None:
        """Begin to connect, unless it is connected or about to be."""
        if self._connection is None and self._opening is None:
            with contextlib.suppress(StoreUnreachableError):
                self._made = made = list[Any]()
                self._opening = self._submit(lambda connection: _listen(connection, made))

    def close(self) -> None:
        """Let go of the connection."""
        if self._opening is not None:
            made = self._made
            self._opening.add_done_callback(lambda _: _discard(made))
            self._opening = None
        self._drop()

    def _connected(self) -> bool:
        """Whether the connection has just been made."""
        if self._opening is None or not self._opening.done():
            return False
        opened, self._opening = self._opening, None
        if opened.exception():
            _discard(self._made)
        else:
            self._connection = opened.result()
            _discard([one for one in self._made if one is not self._connection])  # the job may have run again
            self.events = True
        return self.listening

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _listen(connection: Connection, made: list[Any]) -> Any:
    """A `psycopg.Connection` that listens, outside the pool; `None` when the server grants no further one.

    It is among those `made` whatever becomes of this transaction: that may be lost, and the connection stand.
    """
    try:
        raw = connection.engine.raw_connection()
    except DBAPIError:
        return None
    driver: Any = raw.driver_connection
    raw.detach()
    made.append(driver)
    driver.autocommit = True
    driver.execute(f"LISTEN {CHANNEL}")
    return driver


def _discard(made: list[Any]) -> None:
    for connection in made:
        connection.close()
