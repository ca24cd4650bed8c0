"""Deadlines that fall due while dispatchers are killed and started again: each is told of once, and none is missed."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from dispatch.intake import emit
from store import tables
from store.engine import Store
from store.rulebook import list_rules, set_enabled
from store.rules import Threshold
from store.vocabulary import RuleKind
from tests.desk import event, furnish, lines

pytestmark = pytest.mark.no_cover  # whole programs go where the tests of their parts have been
DEADLINES = 60
KILLS = 6
FIRST_S, EVERY_S = 1.5, 0.06


def test_each_deadline_is_told_of_once_whatever_is_killed(store_url: str) -> None:
    store = Store.open(store_url)
    furnish(store)
    at_due = {rule.code for rule in list_rules(store, RuleKind.ESCALATION) if rule.threshold == Threshold("at_due")}
    set_enabled(store, [rule.code for rule in list_rules(store) if rule.code not in at_due], False, "test")
    now = datetime.now(UTC)
    due = {str(number): now + timedelta(seconds=FIRST_S + number * EVERY_S) for number in range(DEADLINES)}
    for number, moment in due.items():
        span = {"resolution": {"started": now.isoformat(), "due": moment.isoformat()}}
        emit(store, lines({**event(number=int(number), deadlines=span), "time": now.isoformat()}))
    living = [_dispatcher(store_url), _dispatcher(store_url)]
    for number in range(KILLS):
        time.sleep(FIRST_S / 2 if number else FIRST_S)
        os.kill(living[number % 2].pid, signal.SIGKILL)
        living[number % 2].wait()
        living[number % 2] = _dispatcher(store_url)
    for process in living:
        process.kill()
        process.wait()
    subprocess.run(_words(store_url, "--until-idle"), check=True, stdout=subprocess.DEVNULL, timeout=60)
    e, ledger = tables.event, tables.fired_threshold
    with store.read() as connection:
        told = Counter(connection.execute(select(e.c.object_id).where(e.c.source == "vestnik.clock")).scalars())
        planned = connection.execute(select(e.c.planned_at).where(e.c.planned_at.is_(None))).all()
        early = connection.execute(select(ledger.c.due).where(ledger.c.fired_at < ledger.c.due)).all()
    store.close()
    assert told == Counter(due.keys())
    assert planned == []
    assert early == []


def _dispatcher(store_url: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(_words(store_url), stdout=subprocess.DEVNULL)


def _words(store_url: str, *words: str) -> list[str]:
    return [sys.executable, "-m", "tui", "--store", store_url, "dispatch", *words]
