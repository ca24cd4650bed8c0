"""Deliveries by a filter: pages both ways, counts and matches are those of a filter that looks at every row."""

import re
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, text
from sqlalchemy import event as sql_event

from store import bulk, delivery_walk, search_index, tables
from store.cards import Person
from store.delivery_query import Count, bounds, count, counts, matching, newest_at, page
from store.delivery_traits import DeliveryQuery, Traits
from store.directory import save_people
from store.engine import Store
from store.vocabulary import Channel, DeliveryState
from tests.desk import NOON
from tests.store.letters import Letter, clear, fill, later, wanted, write

PEOPLE = (
    ("Ольга Смирнова", "olga@example.org"), ("Пётр Ёлкин", "p.elkin@example.org"), ("John Smith", "john@example.com"),
    ("", "duty@example.org"),
)  # fmt: skip
LOGINS = {"p.elkin@example.org": "Elkin", "duty@example.org": "olga2"}
PIECES = st.sampled_from(
    ["Принтер", "принтера", "ПРИНТ", "не", "печатает", "ёлка", "Елка", "RP-1", "RP-15", "Printer", "[этаж", "3]",
     "a_b", "olga@example.org", "desk.example.org/RP-15", "10:30", "x,y", "50%", '"OR"', "*", "NEAR(", "'"]
)  # fmt: skip
TEXTS = st.lists(PIECES, max_size=5).map(" ".join)


@st.composite
def letters_of(draw: st.DrawFn) -> Letter:
    name, address = draw(st.sampled_from(PEOPLE))
    return Letter(
        draw(TEXTS),
        draw(TEXTS),
        draw(st.sampled_from(["RP-1", "RP-15", "TS-3", ""])),
        draw(st.sampled_from(["1", "15", "a-b"])),
        draw(st.sampled_from(["request", "task", "asset"])),
        draw(st.sampled_from(["added", "deadline"])),
        draw(st.sampled_from(["request.added.client.email", "request.deadline.25.head.interface", ""])),
        name,
        address,
        draw(st.sampled_from(DeliveryState)),
        draw(st.sampled_from(Channel)),
        draw(st.sampled_from(["", "mailbox_full", "storm_object", "silent_mode"])),
        later(draw(st.integers(0, 9))),
        draw(st.sampled_from([None, None, "", "olga", "Olga", "Ольга", "OL", "ivan_%"])),
    )


LETTERS = letters_of()
WORDS = st.sampled_from(
    ["принт", "Принтер", "принтера", "печатает принтер", "елк", "ЁЛ", "rp-1", "RP-15", "15", "print", "этаж 3", "a_b",
     "a", "_b", "b", "olga", "olga@", "example.org", "org/rp", "смирн", "10:3", "x", "y", "50", "or", "or a", "near"]
)  # fmt: skip


def several(one: st.SearchStrategy[Any], most: int = 2) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.just(()) | st.lists(one, max_size=most, unique=True).map(tuple)


def traits(kind: type[Traits], **more: Any) -> st.SearchStrategy[Any]:
    return st.builds(
        kind,
        words=several(WORDS),
        states=several(st.sampled_from(DeliveryState)),
        channels=several(st.sampled_from(Channel), 1),
        types=several(st.sampled_from(["request", "task", "change"])),
        events=several(st.sampled_from(["deadline", "waiting"])),
        numbers=several(st.sampled_from(["rp-1", "RP-15", "A-B", "2"])),
        people=several(
            st.sampled_from(["ольга", "olga", "смирнова Ольга", "elkin", "ёлк", "example", "olga2", "exam@"])
        ),
        rules=several(st.sampled_from(["request", "client", "request.deadline.25", "interface", "e"])),
        reasons=several(st.sampled_from(["mailbox_full", "storm_object"])),
        ids=st.just(()) | several(st.integers(1, 30)),
        storm=st.booleans(),
        acknowledged=several(st.booleans()),
        acknowledged_by=several(st.sampled_from(["ol", "OLGA", "ольга", "iv", "ivan_", "_", "%", "an", "\0"])),
        **more,
    )


MOMENTS = st.none() | st.integers(-1, 10).map(later)
# Most filters name a thing or two; those that name all of them want nothing.
FEW = ["words", "states", "channels", "types", "events", "numbers", "people", "rules", "reasons", "ids", "storm",
       "acknowledged", "acknowledged_by"]  # fmt: skip


@st.composite
def queries(draw: st.DrawFn) -> DeliveryQuery:
    named = draw(st.sets(st.sampled_from(FEW), max_size=2))
    refused = draw(st.sets(st.sampled_from(FEW), max_size=1))
    full, against = draw(traits(DeliveryQuery)), draw(traits(Traits))
    without = Traits(**{name: getattr(against, name) for name in refused})
    kept = {name: getattr(full, name) for name in named}
    return DeliveryQuery(**kept, since=draw(MOMENTS), until=draw(MOMENTS), without=without)


@pytest.fixture
def desk(store: Store, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A store on which every bound is soon met."""
    monkeypatch.setattr(search_index, "BLOCK", 8)
    monkeypatch.setattr(delivery_walk, "PORTION", 3)
    monkeypatch.setattr(delivery_walk, "FEW", 2)
    monkeypatch.setattr(delivery_walk, "SPARSE", 3)
    monkeypatch.setattr(delivery_walk, "MOST_BLOCKS", 2)
    people = [Person(address, name or "Дежурный", LOGINS.get(address)) for name, address in PEOPLE]
    save_people(store, people, "test")
    return store


@pytest.mark.no_cover  # Hypothesis goes many times where the others have been
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    letters=st.lists(LETTERS, max_size=30),
    arrivals=st.lists(st.lists(LETTERS, max_size=3), max_size=4),
    query=queries(),
    limit=st.integers(1, 5),
    budget_s=st.sampled_from([0.0, 60.0]),
    start=st.integers(0, 32),
    known_to_index=st.lists(st.integers(0, 12), min_size=8, max_size=8),
)
def test_pages_are_those_of_a_filter_that_looks_at_every_row(
    desk: Store,
    letters: list[Letter],
    arrivals: list[list[Letter]],
    query: DeliveryQuery,
    limit: int,
    budget_s: float,
    start: int,
    known_to_index: list[int],
) -> None:
    old, coming, steps = letters[: len(letters) // 2], iter(arrivals), iter(known_to_index)
    desk.write(lambda connection: (clear(connection), write(connection, old)))
    if known_to_index[0]:  # a store from before there was an index
        at = {"low": len(old) + 1, "high": len(old)}
        desk.write(lambda connection: connection.execute(tables.search_state.update().values(at)))
    desk.write(lambda connection: write(connection, letters[len(old) :], len(old) + 1))
    search_index.step(desk, next(steps))
    known = list(letters)

    def arrive() -> None:
        new = next(coming, list[Letter]())
        desk.write(lambda connection: write(connection, new, len(known) + 1))
        known.extend(new)
        search_index.step(desk, next(steps, 0))

    down: list[int] = []
    before = start or None
    expected = [one for one in wanted(known, query, LOGINS) if before is None or one < before]
    while True:
        found = page(desk, query, before=before, limit=limit, budget_s=budget_s)
        down += [row.id for row in found.rows]
        assert len(found.rows) <= limit
        if found.ended:
            break
        assert before is None or found.looked_to < before
        before = found.looked_to
        arrive()
    assert down == expected[::-1]

    up: list[int] = []
    after = start
    while True:
        found = page(desk, query, after=after, limit=limit, budget_s=budget_s)
        up += [row.id for row in found.rows]
        if found.ended:
            break
        assert found.looked_to > after
        after = found.looked_to
        arrive()
    everything = wanted(known, query, LOGINS)
    assert up == [one for one in everything if one > start]
    assert matching(desk, query, range(1, 33)) == {one for one in everything if one < 33}
    assert count(desk, query, budget_s=60) == Count(len(everything), capped=False)
    assert counts(desk, [query, query], 3, budget_s=60) == [Count(min(len(everything), 3), len(everything) > 3)] * 2


def test_an_empty_store_has_no_pages(store: Store) -> None:
    query = DeliveryQuery()
    assert bounds(store) is None
    for found in (page(store, query), page(store, query, before=5), page(store, query, after=0)):
        assert (found.rows, found.ended) == ([], True)
    assert (count(store, query), matching(store, query, []), newest_at(store, NOON)) == (
        Count(0, capped=False),
        set(),
        0,
    )


def test_the_newest_at_a_moment_is_found_though_some_are_out_of_order(store: Store) -> None:
    minutes = [0, 1, 2, 5, 4, 3, 6, 9, 8, 20, 20, 21]
    store.write(lambda connection: write(connection, [Letter(at=later(minute)) for minute in minutes], 100))
    assert bounds(store) == (100, 111)
    found = {minute: newest_at(store, later(minute)) for minute in (-1, 0, 2, 3, 4, 8, 15, 20, 99)}
    assert found == {-1: 0, 0: 100, 2: 102, 3: 105, 4: 105, 8: 108, 15: 108, 20: 110, 99: 111}


def test_gaps_in_the_numbers_do_no_harm(store: Store) -> None:
    for first in (1, 40_000, 90_000, 10**12):
        store.write(lambda connection, first=first: write(connection, [Letter(at=later(first / 1e6))] * 2, first))
    down = page(store, DeliveryQuery(words=("смирнова",)), budget_s=60)
    assert [row.id for row in down.rows] == [10**12 + 1, 10**12, 90_001, 90_000, 40_001, 40_000, 2, 1]
    assert newest_at(store, later(0.05)) == 40_001


def test_what_few_have_acknowledged_is_gone_to_at_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search_index, "BLOCK", 64)
    numbers = [10, 20_000, 20_001, 49_000]

    def desk(connection: Connection) -> None:
        fill(connection, 50_000)
        rows = [(number, 0, "olga" if number % 2 else "ivan", "") for number in numbers]
        bulk.insert_rows(connection, tables.acknowledgement, ("delivery_id", "at", "who", "note"), rows)

    store.write(desk)
    dead = (DeliveryState.DEAD,)
    for query, expected in (
        (DeliveryQuery(acknowledged=(True,)), numbers[::-1]),
        (DeliveryQuery(acknowledged_by=("Olga",)), [20_001]),
        (DeliveryQuery(acknowledged=(True,), states=dead), [49_000, 20_000]),
        (DeliveryQuery(acknowledged=(True,), states=dead, without=Traits(acknowledged_by=("olga",))), [49_000, 20_000]),
        (DeliveryQuery(acknowledged=(True, False), ids=(10, 11)), [11, 10]),
        (DeliveryQuery(acknowledged=(False,), ids=(10, 11)), [11]),
    ):
        some = page(store, query, budget_s=0)
        found, looks = [row.id for row in some.rows], 1
        while not some.ended:
            some = page(store, query, before=some.looked_to, budget_s=0)
            found, looks = found + [row.id for row in some.rows], looks + 1
        assert looks < 10, f"not looked through: {query}"
        if store.engine.dialect.name == "sqlite":
            walked = [plan for plan in plans_of(store, query) if "rowid>? AND rowid<?" in plan]
            assert walked == [], query
        assert found == expected


def test_a_page_keeps_to_its_budget_and_says_how_far_it_came(store: Store) -> None:
    store.write(lambda connection: fill(connection, 5_000))
    query, places = DeliveryQuery(words=("нет-такого",)), [5_001]
    while not (found := page(store, query, before=places[-1], budget_s=0)).ended:
        assert not found.rows
        places.append(found.looked_to)
    assert len(places) == 10
    assert places == sorted(places, reverse=True)


ALONG = {
    "ix_delivery_dead": [DeliveryQuery(states=(DeliveryState.DEAD,))],
    "ix_delivery_held": [
        DeliveryQuery(states=(DeliveryState.HELD,), reasons=("silent_mode",)), DeliveryQuery(storm=True)
    ],
    "ix_delivery_due": [DeliveryQuery(states=(DeliveryState.PENDING,))],
    "delivery_pkey": [DeliveryQuery(), DeliveryQuery(channels=(Channel.EMAIL,), since=NOON)],
}  # fmt: skip


def test_pages_go_along_an_index(store: Store) -> None:
    store.write(lambda connection: fill(connection, 50_000))
    on_server = store.engine.dialect.name == "postgresql"
    if on_server:
        with store.engine.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT").execute(text("ANALYZE"))
    for index, some in ALONG.items():
        for query in some:
            plans = plans_of(store, query)
            name = index if on_server else index.replace("delivery_pkey", "INTEGER PRIMARY KEY")
            assert any(name in plan for plan in plans), (query, plans)
            for plan in plans:
                assert not re.search(r"Seq Scan on (delivery|notification|event)\b", plan), plan
                assert "'SCAN delivery'" not in plan, plan


def plans_of(store: Store, query: DeliveryQuery) -> list[str]:
    """How the database goes about each statement of a page and a count."""
    asked: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: Any) -> None:
        asked.append((statement, parameters))

    sql_event.listen(store.engine, "before_cursor_execute", note)
    try:
        page(store, query, budget_s=60)
        count(store, query, budget_s=60)
    finally:
        sql_event.remove(store.engine, "before_cursor_execute", note)
    way = "EXPLAIN" if store.engine.dialect.name == "postgresql" else "EXPLAIN QUERY PLAN"
    with store.read() as connection:
        return [
            str(connection.exec_driver_sql(f"{way} {statement}", given).all())
            for statement, given in asked
            if "FROM delivery" in statement
        ]
