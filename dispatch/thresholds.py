"""When the thresholds of a deadline are reached, and which of them are told: the pure part of the clock.

Everything here is computed from the deadline, the escalations and the working calendar alone, so that the clock, the
timeline on the screen and the forecast say the same. Times are µs since the epoch.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from functools import cached_property
from typing import Literal

from store.calendar import WorkCalendar
from store.cards import DeadlineSettings, StatusRules
from store.deadlines import STANDARD, Deadline, Stretch
from store.rules import Rule
from store.vocabulary import CatchUp

MINUTE = 60_000_000
LATE = 60_000_000
"""A threshold told later than this is told as late, and the catch-up policy decides whether it is told at all."""
DAY = timedelta(days=1) // timedelta(microseconds=1)
Kind = tuple[str, str]
"""Object type and kind of deadline."""


class Outcome(StrEnum):
    """What became of a threshold that was reached."""

    FIRED = "fired"
    SUPERSEDED = "superseded"
    """A later one of the same deadline is told instead."""
    PASSED = "passed"
    """The policy tells nothing late."""
    TOO_OLD = "too_old"


@dataclass(frozen=True, slots=True)
class Watcher:
    """A rule that waits for a threshold.

    Attributes:
        armed_at: What was reached until then is not its business.
        every: Between repeats; 0 for a rule that tells once.
    """

    code: str
    armed_at: int
    every: int = 0
    times: int = 0
    until_status_change: bool = False


@dataclass(frozen=True)
class Mark:
    """A threshold and the rules that share it: they speak of it in one event, so that nobody is told twice."""

    key: str
    kind: Literal["percent_left", "minutes_before", "minutes_after", "at_due"]
    value: int
    working: bool
    watchers: tuple[Watcher, ...]

    @cached_property
    def armed_at(self) -> int:
        """When the last of them was armed."""
        return max(one.armed_at for one in self.watchers)

    @cached_property
    def repeats(self) -> bool:
        """Whether any of them tells again."""
        return any(one.every for one in self.watchers)


@dataclass(frozen=True, slots=True)
class Occurrence:
    """A threshold of a deadline, or a repeat of one.

    Attributes:
        offset: Minutes after the threshold, for a repeat; 0 for the threshold itself.
        moment: When it is, by the times the deadline had when it was reached.
        reached: When it was or will be reached: later than `moment` where the deadline was moved past it.
        codes: The rules that tell of it.
    """

    mark: Mark
    offset: int
    moment: int
    reached: int
    codes: tuple[str, ...]

    @property
    def key(self) -> str:
        """What it is known by in the ledger: fires once per object, due time and key."""
        return f"{self.mark.key}+{self.offset}" if self.offset else self.mark.key


@dataclass(frozen=True, slots=True)
class Look:
    """What the clock finds when it looks at a deadline.

    Attributes:
        reached: What has been reached and is in no ledger, and what is to become of it, in the order of time.
        next_at: When to look again; `None` when nothing is to come.
    """

    reached: tuple[tuple[Occurrence, Outcome], ...]
    next_at: int | None


class Schedule:
    """The thresholds that are watched, by object type and kind of deadline."""

    def __init__(
        self, rules: Iterable[tuple[Rule, int]], calendar: WorkCalendar, settings: DeadlineSettings | None = None
    ) -> None:
        """Take the enabled escalations, each with when it was armed."""
        self.calendar = calendar
        self.settings = settings or DeadlineSettings()
        self._marks: dict[Kind, list[Mark]] = {}
        shared: dict[Kind, dict[str, list[tuple[Rule, int]]]] = defaultdict(lambda: defaultdict(list))
        for rule, armed_at in rules:
            if rule.deadline is not None and rule.threshold is not None:
                shared[rule.object_type, rule.deadline.value][threshold_key(rule)].append((rule, armed_at))
        for kind, found in shared.items():
            self._marks[kind] = [_mark(key, waiting) for key, waiting in found.items()]

    @property
    def kinds(self) -> Collection[Kind]:
        """What is watched."""
        return self._marks.keys()

    def marks(self, kind: Kind) -> Sequence[Mark]:
        """The thresholds of a kind of deadline."""
        return self._marks.get(kind, ())

    def tokens(self, kind: Kind) -> list[str]:
        """What deadlines of a kind are scheduled by: with a new token among them they must be scheduled anew."""
        tokens = {token for mark in self.marks(kind) for token in self._tokens_of(mark)}
        return sorted({*tokens, statuses_token(self.settings.statuses.get(kind[0], STANDARD))})

    def marks_of(self, kind: Kind, tokens: Collection[str]) -> list[Mark]:
        """The thresholds that some tokens stand for."""
        return [mark for mark in self.marks(kind) if not set(tokens).isdisjoint(self._tokens_of(mark))]

    def _tokens_of(self, mark: Mark) -> list[str]:
        calendar = self.calendar.key if mark.working else ""
        return [
            f"{mark.key} {one.armed_at} {one.every} {one.times} {one.until_status_change} {calendar}"
            for one in mark.watchers
        ]

    def occurrences(
        self, deadline: Deadline, status_since: int, marks: Sequence[Mark] | None = None
    ) -> list[Occurrence]:
        """Every threshold and repeat that a deadline has reached, or will if it goes on as it is; in order of time.

        A threshold that lies before the deadline began is none: two hours before the end of an hour that was given
        nobody can be warned. With `marks`, only those of these thresholds.
        """
        stretches = deadline.stretches()
        found: list[Occurrence] = []
        for mark in self.marks((deadline.object_type, deadline.kind)) if marks is None else marks:
            moment = self._moment(mark, deadline, deadline.due, 0)
            if moment <= deadline.started:
                continue
            first = self._reached(mark, deadline, stretches, 0, moment)
            if first is None:
                continue
            moment, reached = first
            waiting = mark.watchers
            if mark.armed_at >= reached:
                waiting = tuple(one for one in waiting if one.armed_at < reached)
            if waiting:
                found.append(Occurrence(mark, 0, moment, reached, tuple([one.code for one in waiting])))
                if mark.repeats and deadline.acknowledged_at is None:
                    until = status_since > reached
                    again = [one for one in waiting if not (until and one.until_status_change)]
                    found += self._repeats(mark, deadline, stretches, again)
        found.sort(key=_order)
        return found

    def _repeats(
        self, mark: Mark, deadline: Deadline, stretches: Sequence[Stretch], waiting: Sequence[Watcher]
    ) -> Iterable[Occurrence]:
        offsets: dict[int, list[str]] = defaultdict(list)
        for one in waiting:
            if one.every:
                for number in range(1, one.times + 1):
                    offsets[number * one.every].append(one.code)
        for offset, codes in offsets.items():
            again = self._reached(mark, deadline, stretches, offset)
            if again is not None:
                yield Occurrence(mark, offset, *again, tuple(codes))

    def _reached(
        self, mark: Mark, deadline: Deadline, stretches: Sequence[Stretch], offset: int, first: int | None = None
    ) -> tuple[int, int] | None:
        """When it is, and when it was reached: in the first stretch that lasts that long.

        `first` is when it is in the first stretch, where that is known.
        """
        for stretch in stretches:
            moment, first = self._moment(mark, deadline, stretch.expires, offset) if first is None else first, None
            reached = max(stretch.start, moment)
            if stretch.end is None or reached < stretch.end:
                return moment, reached
        return None

    def _moment(self, mark: Mark, deadline: Deadline, expires: int, offset: int) -> int:
        """When a threshold is, for a deadline that expires then."""
        if mark.working:
            return self._working_moment(mark, deadline, expires, offset)
        given = deadline.due - deadline.started
        return expires + _from_due(mark, given) + offset * MINUTE

    def _working_moment(self, mark: Mark, deadline: Deadline, expires: int, offset: int) -> int:
        worked = self.calendar.worked
        given = worked(deadline.due) - worked(deadline.started)
        return self.calendar.moment(worked(expires) + _from_due(mark, given) + offset * MINUTE)

    def look(self, deadline: Deadline, status_since: int, told: Collection[str], now: int) -> Look:
        """What is to be told of a deadline now, and when to look again.

        Args:
            deadline: The deadline.
            status_since: Since when its object has its status.
            told: The keys in the ledger for this object and due time.
            now: Now.
        """
        if not deadline.open:
            return Look((), None)
        waiting = [one for one in self.occurrences(deadline, status_since) if one.key not in told]
        reached = [one for one in waiting if one.reached <= now]
        next_at = min((one.reached for one in waiting if one.reached > now), default=None)
        return Look(tuple(self._judged(reached, now)), next_at)

    def next_at(
        self, deadline: Deadline, status_since: int, told: Collection[str], marks: Sequence[Mark]
    ) -> int | None:
        """When the clock must look at a deadline for some thresholds: in the past when one is to be told of."""
        if not deadline.open:
            return None
        found = self.occurrences(deadline, status_since, marks)
        return next((one.reached for one in found if one.key not in told), None)

    def _judged(self, reached: Sequence[Occurrence], now: int) -> Iterable[tuple[Occurrence, Outcome]]:
        """What becomes of thresholds that were reached: the catch-up policy."""
        if not reached:
            return
        policy, oldest = self.settings.catch_up, now - self.settings.catch_up_days * DAY
        latest = max(_order(one) for one in reached)
        for one in reached:
            outcome = Outcome.FIRED
            if one.reached < oldest:
                outcome = Outcome.TOO_OLD
            elif one.moment < now - LATE:
                if policy is CatchUp.NONE and one.reached < now - LATE:
                    outcome = Outcome.PASSED
                elif policy is not CatchUp.ALL and _order(one) < latest:
                    outcome = Outcome.SUPERSEDED
            yield one, outcome


def statuses_token(rules: StatusRules) -> str:
    """What deadlines are scheduled by, as to the statuses of their objects."""
    return f"statuses {sorted(rules.paused)} {sorted(rules.ended)}"


def moment_sql(mark: Mark, expires: Literal["expires", "due"] = "expires") -> str:
    """When a threshold is, as SQL over the columns of the table; only of those that are not counted in working time.

    Of a deadline that expires as it does now, or, before any pause, when it was due.
    """
    if mark.kind == "percent_left":
        return f"({expires} - (due - started) * {mark.value} / 100)"
    return f"({expires} + {_from_due(mark, 0)})"


def _order(one: Occurrence) -> tuple[int, int]:
    return one.reached, one.moment


def _from_due(mark: Mark, given: int) -> int:
    """How far a threshold is from the due time: negative before it. `given` is the time from the start to it."""
    if mark.kind == "percent_left":
        return -(given * mark.value // 100)
    if mark.kind == "minutes_before":
        return -mark.value * MINUTE
    return mark.value * MINUTE if mark.kind == "minutes_after" else 0


def _mark(key: str, waiting: Sequence[tuple[Rule, int]]) -> Mark:
    threshold = waiting[0][0].threshold
    assert threshold is not None  # noqa: S101 - `Schedule` takes only rules that have one
    watchers = tuple(_watcher(rule, armed_at) for rule, armed_at in sorted(waiting, key=lambda one: one[0].code))
    return Mark(key, threshold.kind, threshold.value, threshold.working_time, watchers)


def _watcher(rule: Rule, armed_at: int) -> Watcher:
    if rule.repeat is None:
        return Watcher(rule.code, armed_at)
    again = rule.repeat
    return Watcher(rule.code, armed_at, again.every_minutes, again.times, again.until_status_change)


def threshold_key(rule: Rule) -> str:
    """The threshold of a rule, the same for all rules that share it: `request:resolution:percent_left:25`."""
    if rule.waiting_days is not None:
        return f"{rule.object_type}:waiting:{','.join(rule.to_status)}:{rule.waiting_days}"
    threshold = rule.threshold
    deadline = rule.deadline.value if rule.deadline else ""
    key = f"{rule.object_type}:{deadline}:{threshold.kind if threshold else ''}:{threshold.value if threshold else 0}"
    return f"{key}:working" if threshold and threshold.working_time else key
