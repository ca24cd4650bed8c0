"""Dispatchers on one store: who is dead, who was merely slow, and what becomes of the letters."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import func, select

from dispatch import identity
from dispatch.identity import is_dead, new_name
from dispatch.intake import emit
from dispatch.membership import DEAD_AFTER_S, FRESH_FOR_S, HEARTBEAT_S, WATCHED_S, Membership
from dispatch.workers import SESSIONS
from store import outbox, tables
from store.cards import DispatcherCard
from store.engine import Store
from store.heartbeats import beat, take_over
from store.status import read_status
from store.vocabulary import DeliveryState
from tests.desk import HandClock, event, furnish, lines
from tests.mail_server import MailServer
from tests.store.test_outbox import fill

ROOT = Path(__file__).parent.parent.parent
QUICK = """
import asyncio, sys
from dispatch import daemon, membership
membership.FRESH_FOR_S, membership.DEAD_AFTER_S, membership.WATCHED_S = 0.8, 1.2, 1.0
daemon.HEARTBEAT_S = 0.1
from store import server_connection
server_connection.IDLE_WITHIN_S = 1
from store.engine import Store
asyncio.run(daemon.run(Store.open(sys.argv[1])))
"""
"""A dispatcher that finds others dead sooner, and whose transactions the server ends sooner."""


class Steady:
    """Seconds set by hand."""

    now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


def claim(store: Store, owner: str, count: int = 100) -> int:
    return len(store.write(lambda connection: outbox.claim(connection, store.clock(), owner, count)))


def in_hand(store: Store) -> dict[str | None, int]:
    d = tables.delivery
    query = select(d.c.claimed_by, func.count()).group_by(d.c.claimed_by)
    with store.read() as connection:
        return {row[0]: row[1] for row in connection.execute(query)}


def elsewhere(store: Store, name: str = "elsewhere") -> DispatcherCard:
    """A dispatcher on another machine, by the heartbeat it had."""
    card = DispatcherCard(name, "mail-2", 4711, store.clock(), store.clock(), alive=True)
    store.write(lambda connection: beat(connection, card))
    return card


async def watch(store: Store, one: Membership, steady: Steady, seconds: float, *, silent: bool = True) -> int:
    """Let a dispatcher have its heartbeats for so long; gives how many letters came back."""
    returned = 0
    for _ in range(int(seconds / HEARTBEAT_S)):
        steady.now += HEARTBEAT_S
        if not silent:
            elsewhere_again(store)
        returned += await one.beat()
    return returned


def elsewhere_again(store: Store) -> None:
    now: HandClock = store.clock  # type: ignore[assignment]
    now.forward(seconds=HEARTBEAT_S)
    elsewhere(store)


async def test_who_is_silent_for_long_is_taken_over(store: Store) -> None:
    steady = Steady()
    store.write(lambda connection: fill(connection, 10))
    elsewhere(store)
    assert claim(store, "elsewhere") == 10
    one = Membership(store, steady)
    await one.beat()
    assert await watch(store, one, steady, DEAD_AFTER_S - HEARTBEAT_S) == 0
    assert await watch(store, one, steady, 2 * HEARTBEAT_S) == 10
    assert claim(store, one.id) == 10
    assert [card.alive for card in read_status(store).dispatchers if card.host == "mail-2"] == [False]


async def test_who_has_heartbeats_keeps_its_letters_whatever_the_clocks_say(store: Store, clock: HandClock) -> None:
    steady = Steady()
    store.write(lambda connection: fill(connection, 10))
    elsewhere(store)
    assert claim(store, "elsewhere") == 10
    one = Membership(store, steady)
    clock.forward(days=400)
    assert await one.beat() == 0
    assert await watch(store, one, steady, 3 * DEAD_AFTER_S, silent=False) == 0
    clock.forward(days=-800)
    assert await watch(store, one, steady, 3 * DEAD_AFTER_S, silent=False) == 0
    assert in_hand(store) == {"elsewhere": 10}


async def test_who_did_not_look_for_long_gives_the_others_time_anew(store: Store) -> None:
    """The store was away, or the machine slept: nobody had heartbeats then."""
    steady = Steady()
    elsewhere(store)
    store.write(lambda connection: fill(connection, 1))
    claim(store, "elsewhere")
    one = Membership(store, steady)
    await one.beat()
    steady.now += max(DEAD_AFTER_S, WATCHED_S) * 10
    assert await one.beat() == 0
    assert await watch(store, one, steady, DEAD_AFTER_S - HEARTBEAT_S) == 0
    assert await watch(store, one, steady, 2 * HEARTBEAT_S) == 1


async def test_a_dispatcher_stops_by_itself_before_others_take_over(store: Store) -> None:
    steady = Steady()
    one = Membership(store, steady)
    assert not one.fresh
    await one.beat()
    name = one.id
    steady.now += FRESH_FOR_S - 0.01
    assert one.fresh
    steady.now += 0.02
    assert not one.fresh
    assert await one.beat() == 0
    assert one.fresh
    assert one.id == name, "it was merely slow"


async def test_who_was_taken_over_has_another_name_and_none_of_its_letters(store: Store) -> None:
    ours, theirs = Steady(), Steady()
    store.write(lambda connection: fill(connection, 10))
    slow, other = Membership(store, ours), Membership(store, theirs)
    await slow.beat()
    name = slow.id
    assert claim(store, name) == 10
    await other.beat()
    assert await watch(store, other, theirs, DEAD_AFTER_S + HEARTBEAT_S) == 10
    ours.now += DEAD_AFTER_S
    assert not slow.fresh
    await slow.beat()
    assert slow.id != name
    assert slow.fresh
    assert claim(store, other.id) == 10


async def test_what_is_claimed_under_a_name_that_was_lost_comes_back(store: Store) -> None:
    store.write(lambda connection: fill(connection, 10))
    claim(store, "nobody", 3)
    assert await Membership(store).beat() == 3


def test_a_heartbeat_that_comes_in_time_is_not_taken_over(store: Store) -> None:
    card = elsewhere(store)
    elsewhere_again(store)
    assert store.write(lambda connection: take_over(connection, store.clock(), card.id, card.seen_at)) is None


async def test_a_process_that_ended_on_this_machine_is_dead_at_once(store: Store) -> None:
    name = _name_of_one_that_ended()
    store.write(lambda connection: fill(connection, 10))
    elsewhere(store, name)
    assert claim(store, name) == 10
    assert is_dead(name)
    assert await Membership(store).beat() == 10


def _name_of_one_that_ended() -> str:
    script = "from dispatch.identity import new_name; print(new_name())"
    ran = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    return ran.stdout.strip()


def test_of_processes_elsewhere_and_of_those_that_run_nothing_is_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    name = new_name()
    host, pid, started, place, chance = name.split(":")
    assert not is_dead(name)
    assert is_dead(f"{host}:{pid}:{int(started) + 1}:{place}:{chance}"), "the number was given again"
    assert not is_dead(f"{host}:{pid}:{int(started) + 1}:elsewhere.4026531836:{chance}")
    assert not is_dead(f"{host}:4194305:4a1b2c3d"), "a name of an earlier release"
    monkeypatch.setattr(identity, "_PROC", Path("/nowhere"))
    assert not is_dead(new_name())


def test_a_process_nobody_has_asked_for_its_end_is_dead() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        host, _, _, place, chance = new_name().split(":")
        assert is_dead(f"{host}:{child.pid}:1:{place}:{chance}")


def test_what_a_stopped_dispatcher_had_in_hand_is_sent_by_another_and_not_again(tmp_path: Path, store_url: str) -> None:
    store = Store.open(store_url)
    with MailServer(tmp_path) as server:
        furnish(store, port=server.port)
        server.delay_s = 0.02
        emit(store, lines(*(event(number=number, responsible=None, team=None) for number in range(60))))
        slow = _quick(store_url)
        until(lambda: len(server.letters) >= 8)
        _stop(slow, store_url)
        between = len(server.letters) + SESSIONS - _sent(store)
        other = _quick(store_url)
        try:
            until(lambda: _sent(store) == 60)
            slow.send_signal(signal.SIGCONT)
            until(lambda: sum(card.alive for card in read_status(store).dispatchers) == 2)
        finally:
            for process in (slow, other):
                process.kill()
                process.wait()
        arrived = Counter(str(letter.message["Message-ID"]) for letter in server.letters)
    store.close()
    assert between < 50
    assert len(arrived) == 60
    assert sum(arrived.values()) - 60 <= between, "what was in hand and not recorded when it was stopped"


def _stop(process: "subprocess.Popen[bytes]", url: str) -> None:
    """Stop a process outside of any transaction: on SQLite nobody writes before it goes on or ends."""
    while True:
        process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)  # until all its threads are
        if not url.startswith("sqlite"):
            return
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None, timeout=0.2)) as other:
            try:
                other.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                process.send_signal(signal.SIGCONT)
                time.sleep(0.005)
            else:
                other.execute("ROLLBACK")
                return


def _quick(url: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, "-c", QUICK, url], cwd=ROOT)


def _sent(store: Store) -> int:
    return read_status(store).deliveries[DeliveryState.SENT.word] - _lines(store)


def _lines(store: Store) -> int:
    d = tables.delivery
    with store.read() as connection:
        return connection.execute(select(func.count()).select_from(d).where(d.c.channel == "interface")).scalar_one()


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.02)
