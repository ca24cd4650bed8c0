"""Connections to a PostgreSQL server that wait neither for ever, nor have others wait for ever.

TCP notices a host that vanished; it does not notice a proxy, a pooler or a server that goes on acknowledging and never
answers. And a program that was stopped, or whose machine sleeps, within a transaction holds its locks: the server is
asked to end it, because the other dispatchers wait for the same rows.
"""

from typing import Any

from sqlalchemy import URL, Engine, event

from store.errors import StoreUnreachableError
from store.secrets import credential

ANSWER_WITHIN_S = 60.0
"""The longest statement of ours takes seconds; migrations are not bound by this."""
IDLE_WITHIN_S = 20
"""A transaction of ours asks for the next thing within milliseconds."""
CONNECTING = {
    "connect_timeout": "10",
    "application_name": "vestnik",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",
}
"""Parameters of libpq, unless the URL says otherwise: a host that vanished is noticed within a minute."""
PASSWORD_NAME = "vestnik.password"  # noqa: S105 - the name of it
"""The credential of systemd with the password for a server, where the URL has none."""
_KEEPALIVES = "SET tcp_keepalives_idle = 30; SET tcp_keepalives_interval = 10; SET tcp_keepalives_count = 3"
"""The server notices likewise that a client vanished; with Unix sockets these mean nothing."""


def connecting(url: URL) -> dict[str, str]:
    """What libpq is told beside the URL.

    Not by a `PGPASSFILE` among the credentials: systemd may grant them by an access list, whose mask looks like a
    right of the group, and then libpq passes the file over.

    Raises:
        StoreUnreachableError: The credential with the password cannot be read.
    """
    found = {name: CONNECTING[name] for name in CONNECTING if name not in url.query}
    file = credential(PASSWORD_NAME) if url.password is None and "password" not in url.query else None
    if file is not None:
        try:
            found["password"] = file.read_text("utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            msg = f"the password in {file} cannot be read. Give it to systemd anew (systemd-creds encrypt)"
            raise StoreUnreachableError(msg) from error
    return found


def bound_waiting(engine: Engine) -> None:
    """Have all connections of an engine wait no longer than `ANSWER_WITHIN_S` for an answer.

    One that waited longer is closed: an answer that comes after all would be taken for that to the next statement.
    """
    from psycopg import Connection, OperationalError, errors

    class Bounded(Connection[Any]):
        def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
            if timeout is not None:
                return super().wait(gen, interval, timeout)
            try:
                return super().wait(gen, interval, ANSWER_WITHIN_S)
            except errors._WaitTimeout as error:  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
                self.pgconn.finish()
                msg = f"the server did not answer within {ANSWER_WITHIN_S:g} seconds"
                raise OperationalError(msg) from error

    def connect(_dialect: Any, _record: Any, arguments: Any, parameters: Any) -> Any:
        return Bounded.connect(*arguments, **parameters)

    event.listen(engine, "do_connect", connect)


def make_neighbourly(engine: Engine) -> None:
    """Have the server end transactions of ours that fell silent."""

    def on_connect(connection: Any, _record: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"SET idle_in_transaction_session_timeout = '{IDLE_WITHIN_S}s'; {_KEEPALIVES}")
        connection.commit()

    event.listen(engine, "connect", on_connect)
