"""The list of open deadlines: its order, its pages, its bounds, and that it goes along its index."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import event as sql_event
from sqlalchemy import text

from dispatch.intake import emit
from store import deadline_list, tables
from store.deadline_list import (
    MOST,
    Counts,
    DeadlineLine,
    Place,
    Span,
    Told,
    Urgency,
    counts,
    find,
    left,
    page,
    told,
    urgency,
)  # fmt: skip
from store.deadlines import write_in
from store.engine import Store
from store.types import to_micros
from tests.desk import NOON, HandClock, event, furnish, lines

MOSCOW = ZoneInfo("Europe/Moscow")
"""Noon in UTC is three in the afternoon there."""


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


def request(store: Store, number: int, minutes: float, *, given: float = 240, **fields: Any) -> None:
    """A request whose resolution is due in so many minutes, out of those given."""
    due = NOON + timedelta(minutes=minutes)
    times = {"started": (due - timedelta(minutes=given)).isoformat(), "due": due.isoformat()}
    fields.setdefault("deadlines", {"resolution": times})
    emit(store, lines(event(number=number, **fields)))


def numbers(found: list[DeadlineLine]) -> list[str]:
    return [line.number for line in found]


def in_pages(store: Store, limit: int, span: Span = Span.ALL) -> list[list[str]]:
    pages: list[list[str]] = []
    after: Place | None = None
    while True:
        got = page(store, MOSCOW, span, after=after, limit=limit)
        pages.append(numbers(got.lines))
        if got.following is None:
            return pages
        after = got.following


@pytest.fixture
def busy(store: Store) -> Store:
    """Two that passed, one soon, one this evening, one tomorrow, two paused, one met and one that was ended."""
    furnish(store)
    for number, minutes in enumerate((90, -10, 1440, 30, -300), 1):
        request(store, number, minutes)
    request(store, 6, -60, status="deferred")
    request(store, 7, 20, status="deferred")
    request(store, 8, 5, status="closed")
    request(store, 9, 5)
    emit(store, lines(event("request.edited", 9, deadlines={"resolution": {"met": NOON.isoformat()}})))
    return store


ORDER = ["RP-5", "RP-2", "RP-4", "RP-1", "RP-3", "RP-6", "RP-7"]


def test_passed_ones_are_first_and_paused_ones_last(busy: Store) -> None:
    assert numbers(page(busy, MOSCOW).lines) == ORDER


@pytest.mark.parametrize("limit", range(1, 9))
def test_pages_of_any_size_give_each_once_and_in_order(busy: Store, limit: int) -> None:
    pages = in_pages(busy, limit)
    assert [number for one in pages for number in one] == ORDER
    assert all(len(one) == limit for one in pages[:-1])


@pytest.mark.parametrize("limit", [1, 2, 3, 7])
def test_those_that_expire_at_one_moment_are_none_lost(store: Store, limit: int) -> None:
    for number in range(1, 8):
        request(store, number, 30)
    assert [number for one in in_pages(store, limit) for number in one] == [f"RP-{number}" for number in range(1, 8)]


def test_spans_and_their_counts(busy: Store, clock: HandClock) -> None:
    wanted = {
        Span.PASSED: ["RP-5", "RP-2"], Span.HOUR: ["RP-4"], Span.TODAY: ["RP-4", "RP-1"], Span.PAUSED: ["RP-6", "RP-7"],
    }  # fmt: skip
    assert {span: numbers(page(busy, MOSCOW, span).lines) for span in wanted} == wanted
    assert counts(busy, MOSCOW) == Counts(passed=2, hour=1, today=2, paused=2)
    clock.forward(hours=9, minutes=-20)  # twenty minutes before midnight in Moscow
    assert numbers(page(busy, MOSCOW, Span.PASSED).lines) == ["RP-5", "RP-2", "RP-4", "RP-1"]
    assert counts(busy, MOSCOW) == Counts(passed=4, hour=0, today=0, paused=2)
    assert counts(busy, ZoneInfo("UTC")).today == 0
    assert counts(busy, ZoneInfo("America/New_York")) == Counts(4, 0, 0, 2)


def test_only_those_that_expire_by_then(busy: Store) -> None:
    until = to_micros(NOON + timedelta(minutes=90))
    assert numbers(page(busy, MOSCOW, until=until).lines) == ["RP-5", "RP-2", "RP-4", "RP-1"]


def test_how_they_stand(busy: Store, clock: HandClock) -> None:
    now = to_micros(clock())
    found = {line.number: (urgency(line.deadline, now), left(line.deadline, now)) for line in page(busy, MOSCOW).lines}
    minute = 60_000_000
    assert found["RP-5"] == (Urgency.PASSED, -300 * minute)
    assert found["RP-4"] == (Urgency.NEAR, 30 * minute)
    assert found["RP-1"] == (Urgency.CALM, 90 * minute)
    assert found["RP-7"][0] is Urgency.PAUSED
    clock.forward(minutes=31)  # 59 of 240 are left
    line = next(one for one in page(busy, MOSCOW).lines if one.number == "RP-1")
    assert urgency(line.deadline, to_micros(clock())) is Urgency.NEAR
    clock.forward(minutes=59)  # to the second
    assert urgency(line.deadline, to_micros(clock())) is Urgency.PASSED


def test_a_paused_one_keeps_what_is_left(store: Store, clock: HandClock) -> None:
    request(store, 1, 60)
    deferred = {**event("request.status_changed", 1, "d", status="deferred"), "time": NOON.isoformat()}
    emit(store, lines(deferred))
    (line,) = page(store, MOSCOW).lines
    before = left(line.deadline, to_micros(clock()))
    clock.forward(hours=5)
    assert left(line.deadline, to_micros(clock())) == before == 60 * 60_000_000


def test_who_is_to_see_to_it(store: Store) -> None:
    furnish(store)
    request(store, 1, 1, responsible="IVANOV")
    request(store, 2, 2, responsible={"email": "Stranger@example.org", "name": "Чужой"})
    request(store, 3, 3, responsible=None, team="nobody's")
    approvers = ["boss@example.org", "petrov"]
    request(store, 4, 4, responsible="", approvers=approvers)
    found = page(store, MOSCOW).lines
    assert [line.responsible for line in found] == ["Иван Иванов", "Чужой", "", "Анна Главная, Пётр Петров"]
    assert found[0].people == ("ivanov@example.org", "ivanov")
    assert found[1].people == ("stranger@example.org",)
    assert [(line.team, line.team_code) for line in found][1:3] == [("Сетевики", "net"), ("nobody's", "nobody's")]
    assert found[0].title == "Не печатает принтер [этаж 3]"
    assert found[0].named == ("request", "1", "resolution")


def test_a_search_looks_on_until_its_page_is_full(busy: Store) -> None:
    odd = {"RP-5", "RP-1", "RP-3", "RP-7"}
    first = page(busy, MOSCOW, limit=3, admits=lambda line: line.number in odd)
    assert numbers(first.lines) == ["RP-5", "RP-1", "RP-3"]
    rest = page(busy, MOSCOW, limit=3, admits=lambda line: line.number in odd, after=first.following)
    assert (numbers(rest.lines), rest.following) == (["RP-7"], None)


def test_a_search_looks_at_so_many_and_says_where_it_goes_on(busy: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deadline_list, "PORTION", 2)
    monkeypatch.setattr(deadline_list, "AT_MOST", 4)
    first = page(busy, MOSCOW, limit=1, admits=lambda line: line.number == "RP-7")
    assert (first.lines, first.following is None) == ([], False)
    rest = page(busy, MOSCOW, limit=1, admits=lambda line: line.number == "RP-7", after=first.following)
    assert numbers(rest.lines) == ["RP-7"]


def test_no_more_are_counted_than_the_bound(store: Store) -> None:
    request(store, 1, -1)
    (line,) = page(store, MOSCOW).lines
    assert counts(store, MOSCOW).passed == 1
    many = [replace(line.deadline, kind=str(number)) for number in range(MOST + 200)]
    store.write(lambda connection: write_in(connection, many, 0))
    assert counts(store, MOSCOW).passed == MOST + 1


def test_an_object_is_found_by_its_number(busy: Store) -> None:
    assert [line.named for line in find(busy, "RP-4")] == [("request", "4", "resolution")]
    assert find(busy, "RP-8") == []
    assert find(busy, "nonsense") == []


def test_what_was_told_is_in_the_ledger(store: Store) -> None:
    request(store, 1, 60)
    (line,) = page(store, MOSCOW).lines
    due = NOON + timedelta(hours=1)
    rows = [
        ("request:resolution:at_due:0", due, "fired"),
        ("request:resolution:percent_left:25", due - timedelta(minutes=15), "superseded"),
        ("request:reaction:at_due:0", due, "fired"),
    ]
    with store.engine.begin() as connection:
        for threshold, at, outcome in rows:
            values = {"due": due, "fired_at": due, "reached_at": to_micros(at), "outcome": outcome}
            row = {"object_key": line.deadline.object_key, "threshold": threshold, **values}
            connection.execute(tables.fired_threshold.insert().values(**row))
    assert told(store, line.deadline) == [
        Told(rows[1][0], to_micros(due), to_micros(rows[1][1]), "superseded"),
        Told(rows[0][0], to_micros(due), to_micros(due), "fired"),
    ]


@contextmanager
def statements(store: Store) -> Generator[list[tuple[str, Any]]]:
    """What is asked of the store meanwhile."""
    asked: list[tuple[str, Any]] = []

    def note(_c: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        asked.append((statement, parameters))

    sql_event.listen(store.engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        sql_event.remove(store.engine, "before_cursor_execute", note)


@pytest.mark.parametrize("span", Span)
def test_pages_and_counts_go_along_the_index(busy: Store, span: Span) -> None:
    """And no further than the page: the conditions are the index's own, so a million rows are not sorted first."""
    first = page(busy, MOSCOW, span, limit=1)
    with statements(busy) as asked:
        page(busy, MOSCOW, span, after=first.following or first.lines[0].place)
        counts(busy, MOSCOW)
    queries = [(query, given) for query, given in asked if "FROM deadline" in query]
    assert len(queries) >= 5
    with busy.read() as connection:
        on_server = connection.dialect.name == "postgresql"
        if on_server:
            connection.execute(text("SET LOCAL enable_seqscan = off"))  # ten rows are sooner scanned
            connection.execute(text("SET LOCAL enable_bitmapscan = off"))
        for query, given in queries:
            plan = str(connection.exec_driver_sql(f"EXPLAIN {'' if on_server else 'QUERY PLAN '}{query}", given).all())
            assert "ix_deadline_open" in plan, plan
            assert "Sort" not in plan, plan
            assert "TEMP B-TREE" not in plan, plan
            if on_server:
                assert "(state = " in plan.partition("Index Cond:")[2], plan
                assert "Filter" not in plan, plan
            else:
                assert "state=? AND " in plan or "expires" not in query.partition("WHERE")[2].partition("ORDER")[0], (
                    plan
                )
