"""The time machine: what it foretells is what the clock then does, and whom the planner then tells."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from dispatch.cloudevents import parse_event
from dispatch.planner import Planner
from dispatch.thresholds import Outcome
from dispatch.ticks import tick
from dispatch.timeline import Step, Timeline, object_called, timeline, timeline_of
from store import tables
from store.cards import Company, DeadlineSettings
from store.engine import Store
from store.journal import story
from store.rulebook import list_rules, save_rule
from store.rules import Repeat, Rule, Threshold
from store.settings import save_company
from store.types import to_micros
from store.vocabulary import CatchUp, PauseMoves, RuleKind
from store.working_hours import WEEKDAYS
from tests.desk import NOON, HandClock, event, furnish, new_store_file, open_store
from tests.dispatch.test_clock_properties import ACTS, HOURS, RULES, SLOTS, START, Act, Both, begun
from tests.dispatch.test_ticks import request, set_deadlines

HOUR = timedelta(hours=1)
WEEK = timedelta(days=7)


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def store(tmp_path: Path, clock: HandClock) -> Iterator[Store]:
    store = open_store(tmp_path, clock)
    furnish(store)
    tick(store)
    yield store
    store.close()


def foretold(store: Store, number: int = 1, span: timedelta = WEEK) -> Timeline:
    found = timeline(store, "request", str(number), to_micros(store.clock() + span))
    assert found is not None
    return found


def steps(found: Timeline) -> tuple[Step, ...]:
    (line,) = found.lines
    return line.coming


def own(store: Store, **fields: Any) -> Rule:
    """An escalation of the store, made anew with other fields."""
    rule = next(
        rule
        for rule in list_rules(store, RuleKind.ESCALATION)
        if rule.code == "request.resolution.25.responsible.email"
    )
    made = replace(rule, code="own", standard=False, **fields)
    save_rule(store, made, "test")
    return made


def test_what_is_to_come_is_told_with_who_is_told_and_who_is_not(store: Store) -> None:
    request(store)
    quarter, due = steps(foretold(store))
    assert [step.key for step in (quarter, due)] == [
        "request:resolution:percent_left:25",
        "request:resolution:at_due:0",
    ]
    assert [step.at for step in (quarter, due)] == [to_micros(NOON + 3 * HOUR), to_micros(NOON + 4 * HOUR)]
    told = {(card.rule_code, card.recipient) for card in quarter.decisions if card.taken and card.recipient}
    assert ("request.resolution.25.responsible.email", "ivanov@example.org") in told
    assert any(not card.taken for card in quarter.decisions)


def test_whom_it_foretells_the_planner_then_tells(store: Store, clock: HandClock) -> None:
    own(store, threshold=Threshold("minutes_before", 120), repeat=Repeat(20, 3), once_minutes=50)
    request(store)
    found = {(step.at, step.key): step.decisions for step in steps(foretold(store))}
    assert len(found) == 6
    planner = Planner(store)
    planner.plan_now()
    for _ in range(24 * 12):
        clock.forward(minutes=5)
        tick(store)
        planner.plan_now()
    told = [card for card in story(store, "RP-1") if card.source == "vestnik.clock"]
    assert len(told) == len(found)
    real = {(to_micros(card.at), card.external_id.rsplit(":", 2)[0]): card.decisions for card in told}
    assert {key: list(made) for key, made in found.items()} == {key: list(made) for key, made in real.items()}
    reasons = {card.reason for made in real.values() for card in made if card.rule_code == "own"}
    assert {"told", "told_recently"} <= reasons


def test_what_was_told_comes_from_the_ledger_with_what_became_of_it(store: Store, clock: HandClock) -> None:
    request(store)
    clock.forward(hours=5)
    tick(store)
    (line,) = foretold(store).lines
    assert [(step.outcome, step.at - step.reached) for step in line.past] == [
        (Outcome.SUPERSEDED, to_micros(clock.now) - to_micros(NOON + 3 * HOUR)),
        (Outcome.FIRED, to_micros(clock.now) - to_micros(NOON + 4 * HOUR)),
    ]
    assert line.coming == ()


def test_what_nobody_has_told_yet_is_told_now(store: Store, clock: HandClock) -> None:
    request(store)
    clock.forward(hours=5)
    quarter, due = steps(foretold(store))
    assert (quarter.outcome, due.outcome) == (Outcome.SUPERSEDED, Outcome.FIRED)
    assert quarter.at == due.at == to_micros(clock.now)
    assert quarter.plan is None


def test_a_paused_deadline_has_nothing_to_come_but_what_would_if_it_went_on_now(store: Store, clock: HandClock) -> None:
    set_deadlines(store, pause=PauseMoves.TIME)
    request(store)
    clock.forward(hours=1)
    request(store, key="pause", status="deferred", time=clock.now)
    clock.forward(hours=2)
    (line,) = foretold(store).lines
    assert line.coming == ()
    assert line.pauses == [(to_micros(NOON + HOUR), None)]
    assert line.resumed is not None
    assert line.resumed.expires == to_micros(NOON + 6 * HOUR)
    assert [step.at for step in line.assumed] == [to_micros(NOON + 5 * HOUR), to_micros(NOON + 6 * HOUR)]
    assert any(card.taken for card in line.assumed[0].decisions)


def test_it_ends_where_it_is_asked_to_and_says_so_when_there_is_too_much(store: Store) -> None:
    request(store)
    assert [step.key for step in steps(foretold(store, span=3.5 * HOUR))] == ["request:resolution:percent_left:25"]
    for number in range(8):
        rule = own(store, threshold=Threshold("minutes_after", 30 + number), repeat=Repeat(5, 100))
        save_rule(store, replace(rule, code=f"own{number}"), "test")
    (line,) = foretold(store).lines
    assert line.cut
    assert len(line.coming) == 500


def test_a_made_up_object_is_foretold_and_nothing_is_stored(store: Store, clock: HandClock) -> None:
    document = event(number=9, deadlines={"resolution": {"due": (NOON + 4 * HOUR).isoformat()}})
    (found,) = timeline_of(store, [parse_event(document)], to_micros(NOON + WEEK))
    assert [step.at for step in steps(found)] == [to_micros(NOON + 3 * HOUR), to_micros(NOON + 4 * HOUR)]
    assert found.number == "RP-9"
    with store.read() as connection:
        counts = [
            connection.execute(select(func.count()).select_from(t)).scalar() for t in (tables.event, tables.object_)
        ]
    assert counts == [0, 0]


def test_an_event_that_ends_a_stored_object_leaves_nothing_to_come(store: Store) -> None:
    request(store)
    (found,) = timeline_of(
        store, [parse_event(event("request.status_changed", status="resolved"))], to_micros(NOON + WEEK)
    )
    assert steps(found) == ()
    assert len(steps(foretold(store))) == 2


def test_an_object_is_found_by_number_and_by_id(store: Store) -> None:
    request(store, number=7, id="id-7")
    assert object_called(store, "RP-7") == object_called(store, "id-7") == ("request", "id-7")
    assert object_called(store, "RP-8") is None
    assert timeline(store, "request", "RP-8", 0) is None


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Store, HandClock]]:
    clock = HandClock(START)
    store = Store.open(new_store_file(tmp_path_factory.mktemp("timeline") / "vestnik.db"), clock=clock)
    save_company(store, Company("ACME", working_hours={str(day): HOURS for day in WEEKDAYS[:5]}), "test")
    yield store, clock
    store.close()


@pytest.mark.no_cover  # Hypothesis goes many times where the others have been
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rules=st.lists(RULES, min_size=3, max_size=3),
    acts=st.lists(ACTS, max_size=25),
    pause=st.sampled_from(PauseMoves),
    catch_up=st.sampled_from(CatchUp),
)
def test_the_clock_does_what_was_foretold(
    desk: tuple[Store, HandClock],
    rules: list[tuple[Threshold, Repeat | None]],
    acts: list[Act],
    pause: PauseMoves,
    catch_up: CatchUp,
) -> None:
    """From any past on, the clock is let run to each moment at which it wants to look, for a week."""
    store, clock = desk
    both = begun(desk, rules, DeadlineSettings(pause=pause, catch_up=catch_up))
    for act in (Act(0, "deadline", 1, 4), *acts):
        if act.what != "tick" and both.slot + act.gap < SLOTS:
            both.act(act)
        elif act.what == "tick":
            both.to(both.slot + act.gap)
            tick(store)
    both.fired()
    until = clock.now + WEEK
    expected = _foretold(store, until)
    happened = _let_run(both, until)
    assert happened == expected


def _foretold(store: Store, until: datetime) -> set[tuple[int, int, str, tuple[str, ...], int]]:
    found: set[tuple[int, int, str, tuple[str, ...], int]] = set()
    for number in (1, 2):
        one = timeline(store, "request", str(number), to_micros(until))
        for line in one.lines if one else ():
            for step in line.coming:
                if step.outcome is Outcome.FIRED:
                    slot = (line.deadline.due - to_micros(START)) // 300_000_000
                    found.add((number, slot, step.key, tuple(sorted(step.codes)), step.at))
    return found


def _let_run(both: Both, until: datetime) -> set[tuple[int, int, str, tuple[str, ...], int]]:
    happened: set[tuple[int, int, str, tuple[str, ...], int]] = set()
    the_clock = both.clocks[0]
    while both.clock.now <= until:
        the_clock.tick()
        while the_clock.behind and the_clock.reschedule():
            the_clock.tick()
        the_clock.tick()
        happened |= {(*one, to_micros(both.clock.now)) for one in both.fired()}
        following = the_clock.next_at
        if following is None:
            break
        both.clock.now = following
    return happened
