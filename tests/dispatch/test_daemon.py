"""The dispatcher as a process: it ends in good order, it is killed, it works beside another one."""

import asyncio
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from dispatch.daemon import run
from dispatch.intake import emit
from dispatch.planner import Planner
from store import journal, search_index, tables
from store.delivery_query import page
from store.delivery_traits import DeliveryQuery
from store.engine import Store
from store.rule_stats import KEPT_DAYS, RuleCount, count_in
from store.status import read_status
from store.vocabulary import DeliveryState
from tests.desk import event, furnish, lines, open_store, raise_limits
from tests.mail_server import MailServer

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = open_store(tmp_path)
    yield store
    store.close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[MailServer]:
    with MailServer(tmp_path) as server:
        yield server


def requests(store: Store, count: int) -> None:
    """Each makes one letter, to the client."""
    emit(store, lines(*(event(number=number, responsible=None, team=None) for number in range(count))))


def vestnik(store: Store, *words: str) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "tui", "--store", store.url, *words]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.02)


def letters(store: Store) -> list[tuple[int, DeliveryState, str | None]]:
    with store.read() as connection:
        d = tables.delivery
        rows = connection.execute(select(d.c.id, d.c.state, d.c.claimed_by).where(d.c.channel == "email"))
        return [(row.id, DeliveryState(row.state), row.claimed_by) for row in rows]


def test_sigterm_finishes_letters_in_hand_and_gives_the_rest_back(store: Store, server: MailServer) -> None:
    furnish(store, port=server.port)
    server.delay_s = 0.3
    requests(store, 60)
    process = vestnik(store, "dispatch")
    until(lambda: server.letters)
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    found = Counter(state for _, state, _ in letters(store))
    assert found[DeliveryState.SENT] == len(server.letters)
    assert found[DeliveryState.PENDING] == 60 - len(server.letters) > 0
    assert {owner for *_, owner in letters(store)} == {None}
    assert read_status(store).dispatchers == ()


def test_after_a_kill_nothing_is_lost_and_what_comes_twice_is_known_by_its_id(store: Store, server: MailServer) -> None:
    furnish(store, port=server.port)
    server.delay_s = 0.05
    requests(store, 40)
    process = vestnik(store, "dispatch")
    until(lambda: len(server.letters) >= 6)
    process.kill()
    process.wait()
    assert any(state is DeliveryState.SENDING for _, state, _ in letters(store)), "leases are left behind"
    asyncio.run(run(store, until_idle=True))
    assert {state for _, state, _ in letters(store)} == {DeliveryState.SENT}
    arrived = Counter(str(letter.message["Message-ID"]) for letter in server.letters)
    expected = {card.message_id for key, *_ in letters(store) if (card := journal.delivery(store, key)) is not None}
    assert set(arrived) == expected
    assert len(expected) == 40
    assert sum(arrived.values()) - 40 <= 8, "at most what was in hand and not recorded yet"


async def test_five_dispatchers_send_each_letter_once_and_each_its_share(store_url: str, server: MailServer) -> None:
    with ExitStack() as stack:
        stores = [stack.enter_context(closing(Store.open(store_url))) for _ in range(5)]
        furnish(stores[0], port=server.port)
        raise_limits(stores[0])
        server.delay_s = 0.05
        requests(stores[0], 300)
        Planner(stores[0]).plan_now()
        Planner(stores[0]).plan_now()
        done = await asyncio.gather(*(run(one, until_idle=True) for one in stores))
        assert {state for _, state, _ in letters(stores[0])} == {DeliveryState.SENT}
    arrived = Counter(str(letter.message["Message-ID"]) for letter in server.letters)
    assert len(arrived) == 300
    assert set(arrived.values()) == {1}
    assert max(one.sent for one in done) <= 150, "whoever comes first leaves letters for the others"


async def test_an_event_that_comes_while_idle_is_sent_soon(store: Store, server: MailServer) -> None:
    furnish(store, port=server.port)
    stop = asyncio.Event()
    task = asyncio.ensure_future(run(store, stop=stop))
    for number in range(3):
        await asyncio.sleep(0)
        await asyncio.to_thread(requests, store, number + 1)
        await asyncio.to_thread(until, lambda number=number: len(server.letters) == number + 1)
    stop.set()
    assert (await task).sent == 3


async def test_counters_that_are_too_old_to_be_shown_are_tidied_away(store: Store) -> None:
    long_ago = store.clock() - timedelta(days=KEPT_DAYS)
    store.write(lambda connection: count_in(connection, long_ago, {"x": RuleCount(matched=1)}))
    await run(store, until_idle=True)
    with store.read() as connection:
        assert connection.execute(select(tables.rule_day)).all() == []


async def test_what_is_new_gets_into_the_search_index_by_itself(store: Store) -> None:
    furnish(store)
    requests(store, 3)
    stop = asyncio.Event()
    dispatcher = asyncio.create_task(run(store, stop=stop))
    query = DeliveryQuery(words=("принт",))

    def indexed() -> bool:
        with store.read() as connection:
            state = search_index.covered(connection)
        return state.low <= 1 and state.high >= 3

    async with asyncio.timeout(30):
        while not indexed():  # noqa: ASYNC110 - the store is written by another task, which tells nobody here
            await asyncio.sleep(0.05)
    stop.set()
    await dispatcher
    assert len(page(store, query).rows) >= 3
