"""The clock: what a look costs with few and with many open deadlines, whether it is on time, what a new rule costs.

The sizes take turns, so that a machine that is slow for a while is slow for all, and the fastest round of each counts.
"""

import signal
import sqlite3
import tempfile
import time
from datetime import UTC, datetime, timedelta
from itertools import count, pairwise
from pathlib import Path

from sqlalchemy import Connection, delete, select

from dispatch.intake import emit
from dispatch.ticks import Clock
from store import bulk, tables
from store.deadlines import COLUMNS
from store.engine import Store
from store.rulebook import list_rules, save_in, save_rule, set_enabled
from store.rules import Rule, Threshold
from store.types import to_micros
from store.vocabulary import Channel, DeadlineKind, DeadlineState, EventType, Role, RuleKind
from tests.bench.letter import TEXT
from tests.bench.line import CODE
from tests.bench.processes import ended, until, vestnik
from tests.bench.sink import Sink
from tests.desk import HandClock, event, furnish, lines, raise_limits

SIZES = (1_000, 10_000, 100_000, 1_000_000)
RULES = 30
DUE = 100
ROUNDS = 7
START = datetime(2026, 11, 23, 12, tzinfo=UTC)
FAR = timedelta(days=30)
CHUNK = 20_000
AHEAD_S, EVERY_S = 4.0, 0.1
LETTERS_PER_S = 1_000
_numbers = count(1_000_000_000)
LATE_S = 10.0
"""How long deadlines fall due while letters are sent."""


def measure_clock() -> dict[str, float]:
    """Milliseconds a look takes at each size when the same 100 are due, and when none is; ratio of most to fewest."""
    with tempfile.TemporaryDirectory() as folder:
        desks = [_Desk(Path(folder) / str(size), size) for size in SIZES]
        for number in range(ROUNDS):
            for desk in desks:
                desk.run(number)
        figures: dict[str, float] = {"rules": RULES, "due in each look": DUE}
        for desk in desks:
            figures[f"{desk.size:,} open, a look with {DUE} due, ms"] = desk.due_s * 1000
        for desk in desks:
            figures[f"{desk.size:,} open, a look with none due, ms"] = desk.idle_s * 1000
        figures["ratio, 1 M : 1 k"] = desks[-1].due_s / desks[0].due_s
        for desk in desks:
            desk.store.close()
    return figures


class _Desk:
    """A desk with so many open deadlines: in each round as many of them are due, the others later."""

    def __init__(self, folder: Path, size: int) -> None:
        folder.mkdir()
        self.size, self.clock = size, HandClock(START)
        self.store = Store.open(f"sqlite:///{folder / 'vestnik.db'}", clock=self.clock)
        furnish(self.store)
        self.store.write(lambda connection: _thirty(connection, self.store))
        self.watch = Clock(self.store)
        self.watch.tick()
        while self.watch.reschedule():
            pass  # nothing is there yet: what follows is written with its schedule
        due = [START + timedelta(minutes=number // DUE + 1) for number in range(ROUNDS * DUE)]
        fill(self.store, [*due, *(START + FAR for _ in range(size - len(due)))])
        self.due_s = self.idle_s = float("inf")

    def run(self, number: int) -> None:
        """Look twice: when as many are due, and when none is any more."""
        self.clock.now = START + timedelta(minutes=number + 1)
        begun = time.perf_counter()
        made = self.watch.tick()
        self.due_s = min(self.due_s, time.perf_counter() - begun)
        begun = time.perf_counter()
        again = self.watch.tick()
        self.idle_s = min(self.idle_s, time.perf_counter() - begun)
        if (made, again) != (DUE, 0):
            msg = f"{made} and {again} events were made of {DUE} deadlines"
            raise RuntimeError(msg)


def _thirty(connection: Connection, store: Store) -> None:
    """Thirty escalations: all but those at the due time are far from being reached."""
    connection.execute(delete(tables.rule))
    save_in(connection, store, escalation("own.0", Threshold("at_due")), "bench")
    for number in range(1, RULES):
        save_in(connection, store, escalation(f"own.{number}", Threshold("minutes_after", 10_000 + number)), "bench")


def escalation(code: str, threshold: Threshold) -> Rule:
    """An escalation of requests that tells the responsible."""
    return Rule(
        code, RuleKind.ESCALATION, {"ru": "Своё", "en": "Own"}, "request", EventType.DEADLINE, Channel.INTERFACE,
        (Role.RESPONSIBLE,), "deadline.staff", deadline=DeadlineKind.RESOLUTION, threshold=threshold, standard=False,
    )  # fmt: skip


def fill(store: Store, due: list[datetime]) -> None:
    """Requests with a deadline each, written straight into the tables: a million events would take too long."""
    for start in range(0, len(due), CHUNK):
        store.write(lambda connection, start=start: _fill(connection, start, due[start : start + CHUNK]))


def _fill(connection: Connection, start: int, due: list[datetime]) -> None:
    objects = list[tuple[object, ...]]()
    rows = list[tuple[object, ...]]()
    began = to_micros(START - timedelta(days=1))
    for number, moment in enumerate(due, start + 1):
        deadlines = {"resolution": {"started": (START - timedelta(days=1)).isoformat(), "due": moment.isoformat()}}
        thing = {"number": f"RP-{number}", "title": "Не печатает принтер", "status": "in_progress",
                 "responsible": "ivanov@example.org", "deadlines": deadlines, "attributes": {}}  # fmt: skip
        name, at = f"{number}", to_micros(moment)
        objects.append((number, "request", name, f"RP-{number}", "in_progress", began, began, bulk.as_json(thing)))
        running = DeadlineState.RUNNING.value
        rows.append((number, "request", "resolution", began, at, began, at, running, None, "[]", None, "", at))
    columns = ("id", "type", "external_id", "number", "status", "status_since", "seen_at", "data")
    bulk.insert_rows(connection, tables.object_, columns, objects)
    bulk.insert_rows(connection, tables.deadline, COLUMNS, rows)


def measure_real_time() -> dict[str, float]:
    """How late deadlines some seconds ahead are told of while a thousand letters a second are sent."""
    with Sink() as sink, tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'vestnik.db'}"
        store = Store.open(url)
        furnish(store, port=sink.port)
        raise_limits(store)
        at_due = [r.code for r in list_rules(store, RuleKind.ESCALATION) if r.threshold == Threshold("at_due")]
        on = {CODE, *at_due}
        set_enabled(store, [rule.code for rule in list_rules(store) if rule.code not in on], False, "bench")
        dispatcher = vestnik(url, "dispatch")
        until(lambda: _count(url, "SELECT count(*) FROM dispatcher") == 1)
        time.sleep(1.5)
        begun = datetime.now(UTC)
        for number in range(int(LATE_S / EVERY_S)):
            due = begun + timedelta(seconds=AHEAD_S + number * EVERY_S)
            span = {"resolution": {"started": begun.isoformat(), "due": due.isoformat()}}
            emit(store, lines({**event(number=number, deadlines=span), "time": begun.isoformat()}))
        rate = _send(store, begun + timedelta(seconds=AHEAD_S), LATE_S)
        until(lambda: _count(url, "SELECT count(*) FROM fired_threshold") == int(LATE_S / EVERY_S))
        with store.read() as connection:
            ledger = connection.execute(select(tables.fired_threshold.c.due, tables.fired_threshold.c.fired_at)).all()
        dispatcher.send_signal(signal.SIGTERM)
        ended(dispatcher)
        store.close()
        late = sorted((row.fired_at - row.due).total_seconds() for row in ledger)
    return {
        "letters/s beside it": rate,
        "deadlines": len(late),
        "late, median, s": late[len(late) // 2],
        "late, worst, s": late[-1],
    }


def _send(store: Store, start: datetime, seconds: float) -> float:
    """Emit a thousand comments a second, each a letter; gives the rate that was kept."""
    time.sleep(max((start - datetime.now(UTC)).total_seconds(), 0))
    begun, made, portion = time.perf_counter(), 0, LETTERS_PER_S // 10
    while time.perf_counter() - begun < seconds:
        comments = (event("request.comment_added", next(_numbers), comment={"text": TEXT}) for _ in range(portion))
        emit(store, lines(*comments))
        made += portion
        time.sleep(max(begun + made / LETTERS_PER_S - time.perf_counter(), 0))
    return made / (time.perf_counter() - begun)


def measure_reschedule(size: int = SIZES[-1]) -> dict[str, float]:
    """Schedule a million deadlines anew while letters are sent: the longest gap between them, before and during."""
    with Sink() as sink, tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'vestnik.db'}"
        store = Store.open(url)
        furnish(store, port=sink.port)
        raise_limits(store)
        set_enabled(store, [rule.code for rule in list_rules(store) if rule.code != CODE], False, "bench")
        save_rule(store, escalation("own.0", Threshold("at_due")), "bench")
        watch = Clock(store)
        watch.tick()
        while watch.reschedule():
            pass  # nothing is there yet: what follows is written with its schedule
        fill(store, [datetime.now(UTC) + FAR] * size)
        dispatcher = vestnik(url, "dispatch")
        try:
            until(lambda: _count(url, "SELECT count(*) FROM dispatcher") == 1)
            time.sleep(1.5)
            _send(store, datetime.now(UTC), 5.0)
            before = _longest(sink.arrivals())
            save_rule(store, escalation("own.1", Threshold("minutes_before", 60)), "bench")
            begun, during = time.perf_counter(), list[float]()
            while not _scheduled(url, "minutes_before:60"):
                _send(store, datetime.now(UTC), 1.0)
                during += sink.arrivals()
            spent = time.perf_counter() - begun
        finally:
            dispatcher.send_signal(signal.SIGTERM)
            ended(dispatcher)
            store.close()
    return {
        "open deadlines": size,
        "scheduled anew within, s": spent,
        "letters/s meanwhile": len(during) / spent,
        "longest gap between letters before, ms": before * 1000,
        "longest gap between letters meanwhile, ms": _longest(during) * 1000,
    }


def _longest(times: list[float]) -> float:
    ordered = sorted(times)
    return max(after - before for before, after in pairwise(ordered))


def _scheduled(url: str, mark: str) -> bool:
    query = f"SELECT count(*) FROM clock_schedule WHERE after_id IS NULL AND marks LIKE '%{mark}%'"
    return _count(url, query) > 0


def _count(url: str, query: str) -> int:
    with sqlite3.connect(f"file:{url.removeprefix('sqlite:///')}?mode=ro", uri=True) as connection:
        return int(connection.execute(query).fetchone()[0])
