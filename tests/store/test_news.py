"""What an operator is called for is counted from what happens, on both engines."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Connection, select, update

from dispatch.intake import emit
from dispatch.planner import Planner
from store import outbox, tables
from store.cards import DispatcherCard, Person
from store.clock import Clock
from store.delivery_query import matching
from store.delivery_traits import DeliveryQuery
from store.directory import save_people
from store.engine import Store
from store.heartbeats import beat, leave
from store.moves import Deed, carry_out
from store.news import Kind, News, address_of
from store.outbox import Settlement
from store.status import read_status, save_health
from store.vocabulary import DeliveryState
from tests.desk import HandClock, event, furnish, lines
from tests.tui.scripted_desk import add_notice

ALL = [kind.value for kind in Kind]


@pytest.fixture
def clock() -> Clock:
    return HandClock()


def look(store: Store, news: News) -> dict[str, int]:
    return news.look(read_status(store))


def settle_all(store: Store, state: DeliveryState) -> int:
    now = store.clock()

    def work(connection: Connection) -> int:
        letters = outbox.claim(connection, now, "test", 100)
        done = [Settlement(one.id, state, now, 1, "main", 550, "no", "refused") for one in letters]
        outbox.settle(connection, now, "test", done)
        return len(done)

    return store.write(work)


def test_letters_are_counted_once_each_as_they_die_and_as_they_come(store: Store) -> None:
    furnish(store)
    emit(store, lines(event(number=1)))
    Planner(store).plan_now()
    settle_all(store, DeliveryState.DEAD)
    news = News(store, ALL, ["ivanov@example.org"])
    assert look(store, news) == {}, "what was there at the start does not count"

    emit(store, lines(event(number=2, responsible="Ivanov@Example.org"), event(number=3, responsible="petrov")))
    Planner(store).plan_now()
    fresh = [row for row in outbox.page(store) if row.object_number != "RP-1"]
    mine = [row.recipient_address for row in fresh].count("ivanov@example.org")
    assert mine
    assert look(store, news) == {Kind.MINE: mine}
    dead = settle_all(store, DeliveryState.DEAD)
    assert look(store, news) == {Kind.DEAD: dead}
    assert look(store, news) == {}
    carry_out(store, Deed.RETRY, [row.id for row in outbox.page(store, state=DeliveryState.DEAD)], "test")
    again = settle_all(store, DeliveryState.DEAD)
    assert look(store, news) == {Kind.DEAD: again}, "those of before the start died anew"


def test_dispatchers_and_connections_are_told_of_when_they_go(store: Store) -> None:
    furnish(store, port=25)
    clock = store.clock
    assert isinstance(clock, HandClock)
    card = DispatcherCard("one", "host", 1, clock(), clock(), alive=True)
    news = News(store, ALL)
    assert look(store, news) == {}, "there was none to go"
    store.write(lambda connection: beat(connection, card))
    assert look(store, news) == {}
    store.write(lambda connection: beat(connection, replace(card, id="two")))
    store.write(lambda connection: leave(connection, "one"))
    assert look(store, news) == {}, "there is another one"
    clock.forward(minutes=1)
    assert look(store, news) == {Kind.DISPATCHER: 1}
    assert look(store, news) == {}

    store.write(lambda connection: save_health(connection, 1, circuit="open"))
    assert look(store, news) == {Kind.CIRCUIT: 1}
    store.write(lambda connection: save_health(connection, 1, circuit="half_open"))
    assert look(store, news) == {}
    store.write(lambda connection: save_health(connection, 1, circuit="closed"))
    assert look(store, news) == {}


def test_deadlines_and_escalations_are_counted(store: Store) -> None:
    furnish(store)
    clock = store.clock
    assert isinstance(clock, HandClock)
    due = {"resolution": {"started": clock().isoformat(), "due": (clock() + timedelta(minutes=5)).isoformat()}}
    news = News(store, [Kind.DEADLINE, Kind.ESCALATION])
    emit(store, lines(event(number=1, deadlines=due)))
    assert look(store, news) == {}
    clock.forward(minutes=5)
    assert look(store, news) == {Kind.DEADLINE: 1}
    assert look(store, news) == {}
    code = "request.resolution.25.responsible.email"
    with store.read() as connection:
        assert connection.execute(select(tables.rule.c.id).where(tables.rule.c.code == code)).scalar_one()
    add_notice(store, subject="Эскалация", name="Кто-то")
    assert look(store, news) == {}, "an event action is none"
    key = add_notice(store, subject="Ещё", name="Кто-то", number="X-2")
    d, n = tables.delivery, tables.notification
    note = select(d.c.notification_id).where(d.c.id == key).scalar_subquery()
    store.write(lambda connection: connection.execute(update(n).where(n.c.id == note).values(rule_code=code)))
    assert look(store, news) == {Kind.ESCALATION: 1}


def test_a_saved_filter_counts_what_comes_to_fit_it(store: Store) -> None:
    query = DeliveryQuery(states=(DeliveryState.HELD,), numbers=("X-1",))

    def held_about_x1(store: Store, ids: Sequence[int]) -> Collection[int]:
        return matching(store, query, ids)

    name = "filter:Мои [b]"
    news = News(store, [name], filters={name: held_about_x1, "filter:not wished for": held_about_x1})
    first = add_notice(store, subject="Раз", name="Кто-то")
    add_notice(store, subject="Два", name="Кто-то", number="Y-1")
    assert look(store, news) == {name: 1}
    carry_out(store, Deed.RETRY, [first], "test")
    assert look(store, news) == {}
    now = store.clock()
    store.write(lambda connection: outbox.hold_due(connection, now, "silent_mode"))
    assert look(store, news) == {name: 1}


def test_the_operator_is_known_by_login(store: Store) -> None:
    save_people(store, [Person("ivanov@example.org", "Иван", "ivanov")], "test")
    assert (address_of(store, "ivanov"), address_of(store, "nobody")) == ("ivanov@example.org", None)
