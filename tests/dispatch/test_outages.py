"""Dispatchers while their store is away: PostgreSQL restarted, connections cut or dead, answers to commits lost."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import func, select, text

from dispatch import daemon, sender, settler
from dispatch.daemon import run
from dispatch.intake import emit
from store import server_connection, tables
from store.engine import Store
from store.errors import StoreUnreachableError
from store.status import read_status
from store.vocabulary import DeliveryState
from tests.desk import event, furnish, lines, raise_limits
from tests.mail_server import MailServer
from tests.pg_proxy import PgProxy
from tests.postgresql import Cluster

LETTERS = 120


@pytest.fixture
def server(tmp_path: Path) -> Iterator[MailServer]:
    with MailServer(tmp_path) as server:
        yield server


@pytest.fixture
def proxy(postgresql: Cluster) -> Iterator[PgProxy]:
    with PgProxy(postgresql.folder) as proxy:
        yield proxy


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits for the store tries again soon."""
    for module in (daemon, sender, settler):
        monkeypatch.setattr(module, "STORE_RETRY_S", 0.05)


def requests(count: int) -> str:
    """Each makes one letter, to the client."""
    return lines(*(event(number=number, responsible=None, team=None) for number in range(count)))


def once_each(store: Store, server: MailServer, count: int) -> None:
    """All were sent, each once, with one attempt and counted once."""
    d, a = tables.delivery, tables.attempt
    with store.read() as connection:
        states = set(connection.execute(select(d.c.state).where(d.c.channel == "email")).scalars())
        attempts = Counter(connection.execute(select(a.c.delivery_id)).scalars())
        counted = connection.execute(select(func.sum(tables.letter_rate.c.letters))).scalar()
    arrived = Counter(str(letter.message["Message-ID"]) for letter in server.letters)
    assert states == {DeliveryState.SENT.value}
    assert len(arrived) == count
    assert set(arrived.values()) == {1}
    assert len(attempts) == count
    assert set(attempts.values()) == {1}
    assert counted == count


@pytest.mark.parametrize("how", ["immediate", "sessions"])
async def test_a_server_restarted_under_two_dispatchers_loses_nothing(
    postgresql: Cluster, postgresql_url: str, server: MailServer, impatient: None, how: str
) -> None:
    with closing(Store.open(postgresql_url)) as store, closing(Store.open(postgresql_url)) as other:
        furnish(store, port=server.port)
        raise_limits(store)
        emit(store, requests(LETTERS))
        server.delay_s = 0.02
        stop = asyncio.Event()
        both = [asyncio.create_task(run(one, stop=stop)) for one in (store, other)]
        await asyncio.to_thread(until, lambda: len(server.letters) >= LETTERS // 4)
        await asyncio.to_thread(_break, postgresql, how)
        await asyncio.to_thread(until, lambda: _all_sent(store))
        stop.set()
        assert sum(summary.sent for summary in await asyncio.gather(*both)) == LETTERS
        once_each(store, server, LETTERS)


def _break(postgresql: Cluster, how: str) -> None:
    if how == "sessions":
        for _ in range(3):
            postgresql.end_sessions()
            time.sleep(0.1)
    else:
        postgresql.stop(immediately=how == "immediate")
        postgresql.start()


def _all_sent(store: Store) -> bool:
    try:
        status = read_status(store)
    except StoreUnreachableError:
        return False
    return not status.unplanned and status.deliveries["sent"] == sum(status.deliveries.values())


LOST = {
    b'INSERT INTO "event"': 1,
    b'INSERT INTO "notification"': 1,
    b"SKIP LOCKED": 2,
    b'INSERT INTO "attempt"': 2,
    b"INSERT INTO dispatcher": 1,
}
"""What transactions whose commit is not answered contain: events accepted, planned, claimed, settled, a heartbeat."""


async def test_a_commit_whose_answer_was_lost_is_not_done_twice(
    proxy: PgProxy, postgresql_url: str, server: MailServer, impatient: None
) -> None:
    with closing(Store.open(postgresql_url)) as store:
        furnish(store, port=server.port)
        raise_limits(store)
        with closing(Store.open(proxy.url(postgresql_url))) as through:
            proxy.lose = dict(LOST)
            with pytest.raises(StoreUnreachableError):
                emit(through, requests(LETTERS))
            assert {one.outcome for one in emit(through, requests(LETTERS))} == {"duplicate"}
            await run(through, until_idle=True)
            await asyncio.get_running_loop().shutdown_default_executor()
        assert set(proxy.lose.values()) == {0}
        once_each(store, server, LETTERS)


async def test_a_connection_that_went_dead_is_given_up_and_replaced(
    proxy: PgProxy, postgresql_url: str, server: MailServer, impatient: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_connection, "ANSWER_WITHIN_S", 0.5)
    monkeypatch.setitem(server_connection.CONNECTING, "connect_timeout", "2")
    monkeypatch.setattr(server_connection, "IDLE_WITHIN_S", 1)  # a transaction that went dead holds its locks so long
    with closing(Store.open(postgresql_url)) as store, closing(Store.open(proxy.url(postgresql_url))) as through:
        furnish(store, port=server.port)
        raise_limits(store)
        emit(store, requests(LETTERS))
        server.delay_s = 0.02
        stop = asyncio.Event()
        task = asyncio.create_task(run(through, stop=stop))
        await asyncio.to_thread(until, lambda: len(server.letters) >= LETTERS // 4)
        proxy.go_dead()
        sent_before = len(server.letters)
        await asyncio.to_thread(until, lambda: _all_sent(store))
        stop.set()
        await task
        await asyncio.get_running_loop().shutdown_default_executor()  # who still waits for the dead one
        assert sent_before < LETTERS - 30
        once_each(store, server, LETTERS)


def test_a_transaction_that_fell_silent_is_ended_by_the_server(
    postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(Store.open(postgresql_url)) as store:
        with store.read() as connection:
            assert connection.execute(text("SHOW idle_in_transaction_session_timeout")).scalar() == "20s"

        def silent(connection: object) -> None:
            connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = '50ms'"))  # type: ignore[attr-defined]
            time.sleep(0.2)
            connection.execute(text("SELECT 1"))  # type: ignore[attr-defined]

        with pytest.raises(StoreUnreachableError):
            store.write(silent)
        assert store.write(lambda connection: connection.execute(text("SELECT 1")).scalar()) == 1


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.02)
