"""What an event costs the planner with 10 to 10,000 rules, of which always as many match.

The sizes take turns, so that a machine that is slow for a while is slow for all, and the fastest round of each counts:
whatever else runs can only add. A store is read and written as it is in the dispatcher, whose planner holds the rules
until the settings change; what that reading costs, once a change, is told beside it.
"""

import tempfile
import time
from dataclasses import replace
from itertools import cycle, islice
from pathlib import Path

from sqlalchemy import Connection, delete

from dispatch.intake import emit
from dispatch.planner import BATCH, Planner, Settings, draft
from dispatch.ticks import tick
from store import tables
from store.catalogue.standard import STANDARD
from store.engine import Store
from store.events import unplanned
from store.rulebook import save_in
from store.rules import Rule
from store.vocabulary import EventType, ObjectType
from tests.desk import event, furnish, lines, raise_limits

SIZES = (10, 100, 1_000, 10_000)
ROUNDS = 15
MICROS = 1_000_000
MATCHING = tuple(rule for rule in STANDARD if rule.object_type == "request" and rule.event_type is EventType.ADDED)
"""What is for the measured event, at every size."""
OTHER_KINDS = tuple(
    (object_type.value, event_type)
    for object_type in ObjectType
    for event_type in EventType
    if event_type not in {EventType.DEADLINE, EventType.WAITING}
    if (object_type, event_type) != (ObjectType.REQUEST, EventType.ADDED)
)


def measure_cost_per_event() -> dict[str, float]:
    """Microseconds an event takes at each size, and the ratio of the largest to the smallest."""
    with tempfile.TemporaryDirectory() as folder:
        lines_of = [_Line(Path(folder) / str(size), size) for size in SIZES]
        for number in range(ROUNDS):
            for line in lines_of:
                line.run(number)
        figures: dict[str, float] = {"rules that match": len(MATCHING)}
        for line in lines_of:
            figures[f"{line.size:,} rules, plan and compose, µs an event"] = line.draft_s * MICROS / BATCH
        for line in lines_of:
            figures[f"{line.size:,} rules, planner with its store, µs an event"] = line.planner_s * MICROS / BATCH
        least, most = lines_of[0], lines_of[-1]
        figures["ratio, plan and compose, 10,000 : 10"] = most.draft_s / least.draft_s
        figures["ratio, planner with its store, 10,000 : 10"] = most.planner_s / least.planner_s
        figures["10,000 rules, read after a change, ms"] = most.reading_s * 1000
        figures["10 rules, a look at the clock, ms"] = least.tick_s * 1000
        figures["10,000 rules, a look at the clock, ms"] = most.tick_s * 1000
        for line in lines_of:
            line.store.close()
    return figures


class _Line:
    """A desk with so many rules."""

    def __init__(self, folder: Path, size: int) -> None:
        folder.mkdir()
        self.size = size
        self.store = Store.open(f"sqlite:///{folder / 'vestnik.db'}")
        furnish(self.store)
        raise_limits(self.store)
        self.store.write(self._fill)
        begun = time.perf_counter()
        with self.store.read() as connection:
            self.settings = Settings.read(connection, self.store)
        self.reading_s = time.perf_counter() - begun
        self.planner = Planner(self.store)
        self.planner._read()
        self.draft_s = self.planner_s = self.tick_s = float("inf")

    def _fill(self, connection: Connection) -> None:
        connection.execute(delete(tables.rule))
        kinds = cycle(OTHER_KINDS)
        for rule in MATCHING:
            save_in(connection, self.store, rule, "bench")
        for number, (object_type, event_type) in enumerate(islice(kinds, self.size - len(MATCHING))):
            save_in(connection, self.store, _other(number, object_type, event_type), "bench")

    def run(self, number: int) -> None:
        """Plan a batch of events twice: only in memory, and through the planner."""
        emit(self.store, lines(*(event(number=number * BATCH + place) for place in range(BATCH))))
        with self.store.read() as connection:
            events = unplanned(connection, BATCH)
        begun = time.perf_counter()
        drafts = [draft(one, self.settings) for one in events]
        self.draft_s = min(self.draft_s, time.perf_counter() - begun)
        begun = time.perf_counter()
        planned = self.planner.plan_now()
        self.planner_s = min(self.planner_s, time.perf_counter() - begun)
        begun = time.perf_counter()
        tick(self.store)
        self.tick_s = min(self.tick_s, time.perf_counter() - begun)
        if planned != BATCH or any(len(one.notes) != len(drafts[0].notes) for one in drafts):
            msg = f"{planned} of {BATCH} events were planned"
            raise RuntimeError(msg)


def _other(number: int, object_type: str, event_type: EventType) -> Rule:
    """A rule of an administrator's for events of another kind."""
    return replace(
        MATCHING[0], code=f"own.{number}", object_type=object_type, event_type=event_type, template="status.staff",
        standard=False,
    )  # fmt: skip
