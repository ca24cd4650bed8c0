"""Processes killed under load: what is lost, what is sent twice, and what may be.

`emit` processes and dispatchers work on one store; one after the other is killed (SIGKILL) at a random moment and
started again, an `emit` with the same file. A letter may go twice only if the mail server had taken it and the
dispatcher was killed before that was committed. What a dispatcher had in hand is read from the store right after its
death, what the server had taken comes from the server.
"""

import itertools
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import func, select

from store import message_ids, tables
from store.engine import Store
from store.rulebook import list_rules, set_enabled
from store.status import read_status
from store.vocabulary import DeliveryState
from tests.bench.sink import Sink
from tests.desk import SENDING, event, furnish, lines, raise_limits

ROOT = Path(__file__).parent.parent
CODE = "request.comment_added.client.email"
BOTH = 0.15
"""How often `emit` and a dispatcher die together."""
SOON, SOON_S, LATE_S = 0.3, 1.0, 3.0
"""How often a process dies soon after the last death, within how many seconds; and within how many else."""
UNDER_WAY_S = 0.1
"""What the server takes so long after a death was on its way before."""
ENDS_WITHIN_S = 180
UNREACHABLE = 3
"""What a command ends with whose store was away."""


@dataclass(frozen=True)
class Death:
    """A dispatcher that was killed: when (seconds since the epoch), and the letters it had in hand, by Message-ID."""

    at: float
    in_hand: frozenset[str]


@dataclass
class Crashes:
    """What came of it. `late_s`: how long the letters of a dead dispatcher had to wait, at most."""

    kills: int = 0
    letters: int = 0
    lost: int = 0
    unknown: int = 0
    accepted_unrecorded: int = 0
    most_at_one_kill: int = 0
    duplicates: int = 0
    unexplained: int = 0
    late_s: float = 0.0
    per_kind: Counter[str] = field(default_factory=Counter[str])


class Line:
    """Processes on one store that can be killed.

    Args:
        url: Of a new store.
        folder: For files of events.
        sink: The mail server.
        dispatchers: How many work at once.
        events: In a file; there is always one being emitted.
    """

    def __init__(self, url: str, folder: Path, sink: Sink, *, dispatchers: int, events: int) -> None:
        self._url, self._folder, self._sink = url, folder, sink
        self._numbers, self._events = itertools.count(), events
        self._store = Store.open(url)
        furnish(self._store, port=sink.port)
        raise_limits(self._store)
        set_enabled(self._store, [rule.code for rule in list_rules(self._store) if rule.code != CODE], False, "test")
        self._key = self._store.keyring.derive(message_ids.PURPOSE)
        self.made = 0
        self.emit = self._emit(self._new_file())
        self.dispatchers = [self._dispatcher() for _ in range(dispatchers)]

    def close(self) -> None:
        """End all processes, whatever they do."""
        for process in (self.emit[0], *self.dispatchers):
            process.kill()
            process.wait()
        self._store.close()

    def feed(self) -> None:
        """When a file is through, begin the next; where the store was away, the same one."""
        process, file = self.emit
        if process.poll() is not None:
            assert process.returncode in {0, UNREACHABLE}, f"emit ended with {process.returncode}"
            self.emit = self._emit(file if process.returncode else self._new_file())

    def kill_emit(self) -> None:
        """Kill `emit`, and begin the file again."""
        process, file = self.emit
        process.kill()
        process.wait()
        self.emit = self._emit(file)

    def kill_dispatcher(self, place: int) -> Death:
        """Kill a dispatcher, and start another one."""
        process = self.dispatchers[place]
        process.kill()
        at = time.time()
        process.wait()
        d = tables.delivery
        mine = d.c.claimed_by.contains(f":{process.pid}:")
        with self._store.read() as connection:
            rows = connection.execute(select(d.c.id, d.c.created_at).where(mine)).all()
        self.dispatchers[place] = self._dispatcher()
        return Death(at, frozenset(self._message_id(row.id, row.created_at) for row in rows))

    def finish(self) -> None:
        """Emit what is left, let all be sent, end the dispatchers in good order.

        Raises:
            AssertionError: It stands still.
        """
        while (code := self.emit[0].wait(ENDS_WITHIN_S)) == UNREACHABLE:
            self.emit = self._emit(self.emit[1])
        assert code == 0
        d, e = tables.delivery, tables.event
        open_ = select(func.count()).select_from(d).where(d.c.state != DeliveryState.SENT.value)
        unplanned = select(func.count()).select_from(e).where(e.c.planned_at.is_(None))

        def done() -> bool:
            with self._store.read() as connection:
                return not connection.execute(unplanned).scalar() and not connection.execute(open_).scalar()

        until(done, ENDS_WITHIN_S)
        until(self._all_there, ENDS_WITHIN_S)
        for process in self.dispatchers:
            process.send_signal(signal.SIGTERM)
        assert {process.wait(60) for process in self.dispatchers} == {0}

    def _all_there(self) -> bool:
        there = {card.pid for card in read_status(self._store).dispatchers if card.alive}
        return {process.pid for process in self.dispatchers} <= there

    def expected(self) -> set[str]:
        """The Message-IDs of all letters there are in the store.

        Raises:
            AssertionError: An event is missing, or made more than a letter.
        """
        d, e = tables.delivery, tables.event
        with self._store.read() as connection:
            assert connection.execute(select(func.count()).select_from(e)).scalar() == self.made
            rows = connection.execute(select(d.c.id, d.c.created_at, d.c.event_id)).all()
        assert len({row.event_id for row in rows}) == len(rows) == self.made
        return {self._message_id(row.id, row.created_at) for row in rows}

    def _message_id(self, key: int, created_at: object) -> str:
        return message_ids.message_id(self._key, key, created_at, SENDING.system_address.partition("@")[2])  # type: ignore[arg-type]

    def _new_file(self) -> Path:
        first = next(self._numbers) * self._events
        self.made += self._events
        numbers = range(first, first + self._events)
        made = (event("request.comment_added", one % 1000, f"e{one}", comment={"text": "Готово"}) for one in numbers)
        file = self._folder / f"{first}.jsonl"
        file.write_text(lines(*made), "utf-8")
        return file

    def _emit(self, file: Path) -> "tuple[subprocess.Popen[bytes], Path]":
        return self._vestnik("emit", str(file)), file

    def _dispatcher(self) -> "subprocess.Popen[bytes]":
        return self._vestnik("dispatch")

    def _vestnik(self, *words: str) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "tui", "--store", self._url, *words]
        return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=_alone())


def _alone() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "NOTIFY_SOCKET"}


def crash(url: str, folder: Path, sink: Sink, *, kills: int, dispatchers: int, events: int, seed: int) -> Crashes:
    """Kill so many processes, let the others finish, and count. The same seed kills in the same order."""
    chance, found = random.Random(seed), Crashes(kills=kills)
    sink.letters()
    line = Line(url, folder, sink, dispatchers=dispatchers, events=events)
    deaths: list[Death] = []
    try:
        for kind in _kinds(kills, chance):
            end = time.monotonic() + chance.uniform(0, SOON_S if chance.random() < SOON else LATE_S)
            while time.monotonic() < end:
                line.feed()
                time.sleep(0.02)
            if kind != "dispatcher":
                line.kill_emit()
            if kind != "emit":
                deaths.append(line.kill_dispatcher(chance.randrange(dispatchers)))
            found.per_kind[kind] += 1
        line.finish()
        expected = line.expected()
    finally:
        line.close()
    _count(found, sink.letters(), expected, deaths)
    return found


def outages(
    url: str, folder: Path, sink: Sink, breaks: Sequence[Callable[[], None]], *, dispatchers: int, events: int
) -> Crashes:
    """Break the store under processes that go on, and count: nothing may come twice, for nobody has died."""
    found = Crashes()
    sink.letters()
    line = Line(url, folder, sink, dispatchers=dispatchers, events=events)
    try:
        for broken in breaks:
            end = time.monotonic() + LATE_S
            while time.monotonic() < end:
                line.feed()
                time.sleep(0.02)
            broken()
        line.finish()
        expected = line.expected()
    finally:
        line.close()
    _count(found, sink.letters(), expected, [])
    return found


def _kinds(kills: int, chance: random.Random) -> Iterator[str]:
    """Who dies: each kind is there however few they are."""
    first = ["dispatcher", "emit", "both"][:kills]
    chance.shuffle(first)
    yield from first
    for _ in range(kills - len(first)):
        yield "both" if chance.random() < BOTH else chance.choice(["dispatcher", "dispatcher", "emit"])


def _count(found: Crashes, arrived: list[tuple[str, float]], expected: set[str], deaths: list[Death]) -> None:
    first: dict[str, float] = {}
    for name, at in arrived:
        first.setdefault(name, at)
    copies = Counter(name for name, _ in arrived)
    may_come_again: Counter[str] = Counter()
    for death in deaths:
        taken = {name for name in death.in_hand if first.get(name, death.at + 3600) <= death.at + UNDER_WAY_S}
        may_come_again.update(taken)
        found.accepted_unrecorded += len(taken)
        found.most_at_one_kill = max(found.most_at_one_kill, len(taken))
        waited = (first[name] - death.at for name in death.in_hand - taken if name in first)
        found.late_s = max(found.late_s, *waited, 0.0)
    found.letters, found.lost = len(expected), len(expected - set(copies))
    found.unknown = len(set(copies) - expected)
    again = {name: count - 1 for name, count in copies.items() if count > 1}
    found.duplicates = sum(again.values())
    found.unexplained = sum(max(0, count - may_come_again[name]) for name, count in again.items())


def until(condition: Callable[[], object], seconds: float) -> None:
    """Wait until a condition holds.

    Raises:
        AssertionError: It does not.
    """
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.05)
