"""What a list of deliveries is shown is what the store holds: around any place, under any filter, whatever happens."""

from collections.abc import Iterator
from functools import partial
from typing import cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, func, select, update

from store import delivery_query, tables
from store.delivery_query import Count, DeliveryQuery
from store.engine import Store
from store.vocabulary import DeliveryState
from tests.desk import open_store
from tests.store.letters import Letter, clear, fill, write
from tui import delivery_reader
from tui.delivery_reader import DeliveryReader, Snapshot, View

PATIENCE_S = 10.0
DEAD = DeliveryQuery(states=(DeliveryState.DEAD,))
QUERIES = st.sampled_from([DeliveryQuery(), DEAD, DeliveryQuery(words=("сбой",)), DeliveryQuery(words=("нигде",))])
VIEWS = st.builds(View, query=QUERIES, anchor=st.none() | st.integers(-2, 60), around=st.integers(1, 6))
DEEDS = st.lists(
    st.one_of(
        st.tuples(st.just("look"), VIEWS),
        st.tuples(st.just("arrive"), st.lists(st.booleans(), min_size=1, max_size=5)),
        st.tuples(st.just("die"), st.integers(1, 40)),
        st.tuples(st.just("live"), st.integers(1, 40)),
    ),
    max_size=20,
)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    store = open_store(tmp_path_factory.mktemp("desk"))
    yield store
    store.close()


def wanted(store: Store, query: DeliveryQuery) -> list[int]:
    """All that a query wants, by looking at each, newest first."""
    d, n = tables.delivery, tables.notification
    with store.read() as connection:
        rows = connection.execute(select(d.c.id, d.c.state, n.c.subject).join(n, n.c.id == d.c.notification_id)).all()
    found = [
        row.id
        for row in rows
        if (not query.states or row.state in query.states) and all(word in row.subject for word in query.words)
    ]
    return sorted(found, reverse=True)


def settled(reader: DeliveryReader, view: View, seen: Snapshot | None) -> Snapshot:
    """Look on until there is nothing more to be seen."""
    while (more := reader.look(view, changed=False)) is not None:
        seen = more
    assert seen is not None
    return seen


def holds(store: Store, seen: Snapshot) -> None:
    every, view = wanted(store, seen.view.query), seen.view
    ids = [row.id for row in seen.rows]
    if view.anchor is None:
        expected = every[: 2 * view.around]
    else:
        above = [one for one in every if one > view.anchor][-view.around :]
        expected = above + [one for one in every if one <= view.anchor][: view.around]
    assert ids == expected
    assert seen.looking is None
    # An end that was not looked for may be one all the same: more is asked for then, and nothing comes.
    assert not seen.newest_here or ids[:1] == every[:1]
    assert not seen.oldest_here or ids[-1:] == every[-1:]
    states = {row.id: row.state for row in seen.rows}
    with store.read() as connection:
        query = select(tables.delivery.c.id, tables.delivery.c.state).where(tables.delivery.c.id.in_(ids))
        assert states == {row.id: row.state for row in connection.execute(query)}


@pytest.mark.no_cover  # Hypothesis goes many times where the others have been
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
@given(deeds=DEEDS, end=VIEWS, portion=st.integers(1, 4), dear=st.booleans())
def test_after_whatever_happened_it_shows_what_there_is(
    desk: Store, deeds: list[tuple[str, object]], end: View, portion: int, dear: bool
) -> None:
    """Where reading is `dear`, what is held is read again, and what is new; states change once in a while only."""
    with pytest.MonkeyPatch.context() as patch:
        real = delivery_reader.delivery_query.page

        def in_portions(store: Store, query: DeliveryQuery, **where: int) -> object:
            """A page that comes no further than some rows, as if time were up."""
            return real(store, query, **{**where, "limit": min(portion, where["limit"])})

        patch.setattr(delivery_reader.delivery_query, "page", in_portions)
        if dear:
            patch.setattr(delivery_reader, "DEAR_S", 0)
            patch.setattr(delivery_reader, "REST", 10_000)
        desk.write(clear)
        desk.write(lambda connection: write(connection, [letter(broken=place % 3 == 0) for place in range(12)]))
        reader, view = DeliveryReader(desk), View()
        reader.look(view, changed=True)
        for deed, what in deeds:
            if deed == "look":
                assert isinstance(what, View)
                view = what
                reader.look(view, changed=False)  # and it may be told to look elsewhere before it is through
                continue
            if not dear or deed == "arrive":
                happen(desk, deed, what)
            reader.look(view, changed=True)
        seen = settled(reader, view, reader.look(view, changed=True))
        holds(desk, seen)
        holds(desk, settled(reader, end, seen))


def letter(*, broken: bool) -> Letter:
    return Letter(subject="Опять сбой" if broken else "Тема", state=DeliveryState.SENT)


def happen(store: Store, deed: str, what: object) -> None:
    def work(connection: Connection) -> None:
        d = tables.delivery
        if deed == "arrive":
            last = connection.execute(select(func.max(d.c.id))).scalar_one()
            write(connection, [letter(broken=broken) for broken in cast("list[bool]", what)], last + 1)
        else:
            state = DeliveryState.DEAD if deed == "die" else DeliveryState.SENT
            connection.execute(update(d).where(d.c.id == what).values(state=state.value))

    store.write(work)


@pytest.mark.parametrize("late", [0, 500])
def test_what_arrives_is_counted_once_however_many_there_are_and_however_late_they_turn_up(
    desk: Store, monkeypatch: pytest.MonkeyPatch, late: int
) -> None:
    desk.write(clear)
    desk.write(lambda connection: write(connection, [letter(broken=False)] * 5))
    reader, view = DeliveryReader(desk), View(query=DeliveryQuery(words=("сбой",)), anchor=5, since=5)
    monkeypatch.setattr(reader, "_late", late)
    reader.look(view, changed=True)
    desk.write(lambda connection: write(connection, [letter(broken=place % 2 == 0) for place in range(2_000)], 7))
    assert settled(reader, view, reader.look(view, changed=True)).arrived == 1_000
    if late:  # one that began before those that are in sight already
        desk.write(lambda connection: write(connection, [letter(broken=True)], 6 + 1_700 + 600))
        assert settled(reader, view, reader.look(view, changed=True)).arrived == 1_001
        desk.write(lambda connection: write(connection, [letter(broken=True)], 6 + 1_700 + 500))
        assert settled(reader, view, reader.look(view, changed=True)).arrived == 1_002


def test_a_long_search_says_how_far_it_is_and_is_given_up_at_once(desk: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    # Where other tests take the machine, the count would end by the clock.
    monkeypatch.setattr(delivery_query, "count", partial(delivery_query.count, budget_s=PATIENCE_S))
    desk.write(clear)
    desk.write(lambda connection: fill(connection, 30_000))
    reader = DeliveryReader(desk)
    nowhere = View(query=DeliveryQuery(reasons=("no_such_reason",)))
    shares: list[float] = []
    seen = reader.look(nowhere, changed=True)
    while seen is not None and seen.looking is not None:
        shares.append(seen.looking)
        seen = reader.look(nowhere, changed=True)  # what happens meanwhile does not set it back
    assert shares == sorted(shares)
    assert seen is not None
    assert (list(seen.rows), seen.oldest_here) == ([], True)
    dead = settled(reader, View(query=DEAD), seen)
    assert dead.total == Count(30, capped=False)
    reader.look(View(query=DeliveryQuery(reasons=("no_other",))), changed=True)
    newest = reader.look(View(), changed=False)
    assert newest is not None
    assert newest.rows[0].id == 30_000
