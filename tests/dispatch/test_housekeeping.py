"""The housekeeping of a dispatcher: letters go on beside it, and when it is killed nothing is left half done."""

import asyncio
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from dispatch import housekeeping
from dispatch.daemon import run
from dispatch.intake import emit
from store import tables
from store.cards import Retention
from store.engine import Store
from store.housekeeping import LEASE, Housekeeping, state_in
from store.retention import save_retention
from store.vocabulary import DeliveryState
from tests.desk import event, furnish, lines, raise_limits
from tests.mail_server import MailServer
from tests.store.kept_house import consistent, go_on
from tests.store.letters import Letter, write

ROOT = Path(__file__).parent.parent.parent
OLD = 150


@pytest.fixture
def server(tmp_path: Path) -> Iterator[MailServer]:
    with MailServer(tmp_path) as server:
        yield server


def old_letters(store: Store, count: int) -> None:
    at = datetime.now(UTC) - timedelta(days=90)
    letters = [Letter(at=at, object_id=f"old-{n}", address="old@example.org") for n in range(count)]
    store.write(lambda connection: write(connection, letters))
    if store.engine.dialect.name == "postgresql":  # its sequences know nothing of numbers that were given
        for table in ("event", "notification", "delivery"):
            statement = f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), {count})"
            store.write(lambda connection, statement=statement: connection.exec_driver_sql(statement).scalar())


def events(store: Store) -> int:
    with store.read() as connection:
        return connection.execute(select(func.count()).select_from(tables.event)).scalar_one()


def over(store: Store) -> bool:
    with store.read() as connection:
        return state_in(connection, store.clock()).last is not None


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.03)


async def test_letters_go_on_while_what_is_old_is_removed_and_none_is_lost(
    store: Store, server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Without it the few that fit a test would be gone before the first letter goes.
    monkeypatch.setattr("store.housekeeping.MOST", 5)
    monkeypatch.setattr(housekeeping, "BUSY_PAUSES", 1)
    monkeypatch.setattr(housekeeping, "LOOK_S", 0.05)
    monkeypatch.setattr("dispatch.daemon.LOOK_S", 0.05)
    old_letters(store, OLD)
    furnish(store, port=server.port)
    raise_limits(store)
    stop = asyncio.Event()
    task = asyncio.ensure_future(run(store, stop=stop))
    await asyncio.sleep(0)
    await asyncio.to_thread(save_retention, store, Retention(30), "test")
    sent_meanwhile = 0
    for number in range(12):
        happened = lines(event(number=number, responsible=None, team=None))
        await asyncio.to_thread(emit, store, happened)
        if not await asyncio.to_thread(over, store):
            sent_meanwhile = len(server.letters)
    await asyncio.to_thread(until, lambda: len(server.letters) == 12 and over(store))
    stop.set()
    summary = await task
    assert (summary.sent, summary.dead) == (12, 0)
    assert sent_meanwhile > 0, "the housekeeping was over before a letter went"
    assert set(Counter(str(letter.message["Message-ID"]) for letter in server.letters).values()) == {1}
    assert events(store) == 12
    d = tables.delivery
    with store.read() as connection:
        states = connection.execute(select(d.c.state).where(d.c.channel == "email")).scalars()
        assert set(states) == {DeliveryState.SENT.value}
    consistent(store)


def test_when_it_is_killed_another_goes_on_after_a_minute(store_url: str) -> None:
    with closing(Store.open(store_url)) as store:
        old_letters(store, OLD)
        save_retention(store, Retention(30), "test")
        command = [sys.executable, "-m", "tui", "--store", store_url, "housekeep"]
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
        until(lambda: events(store) < OLD - 20)
        process.kill()
        process.wait()
        left = events(store)
        assert left > 1
        consistent(store)
    later = datetime.now(UTC) + LEASE
    with closing(Store.open(store_url, clock=lambda: later)) as store:
        assert go_on(Housekeeping(store, "another")).result.events == OLD - 1, "it is the same run"
        assert events(store) == 1
        consistent(store)
