"""Who is spoken of in events and is in no directory."""

from datetime import UTC, datetime

import pytest

from dispatch.intake import emit
from dispatch.planner import Planner
from store import unregistered as module
from store.cards import Person
from store.directory import save_people
from store.engine import Store
from store.unregistered import unregistered
from tests.desk import event, lines


@pytest.fixture
def store(store: Store) -> Store:
    save_people(store, [Person("ivanov@example.org", "Иван", "ivanov")], "test")
    return store


def happened(store: Store, *events: dict[str, object]) -> None:
    emit(store, lines(*events))
    while Planner(store).plan_now():
        pass


def test_strangers_are_named_with_how_often_where_and_when_last(store: Store) -> None:
    happened(
        store,
        event(number=1, client={"email": "Olga@Example.org", "name": "Ольга Смирнова"}),
        event("request.edited", number=1, observers=["olga@example.org", "ghost", "IVANOV"], actor="ivanov"),
        event(number=2, client="ivanov@example.org", author="x@example.org"),
    )
    by_key = {one.email or one.login: one for one in unregistered(store)}
    assert set(by_key) == {"olga@example.org", "ghost", "x@example.org"}
    olga = by_key["olga@example.org"]
    assert (olga.name, olga.events, set(olga.roles)) == ("Ольга Смирнова", 2, {"client", "observers"})
    assert olga.last_at == datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
    assert (by_key["ghost"].email, by_key["ghost"].roles, by_key["ghost"].events) == ("", ("observers",), 1)
    assert next(iter(by_key)) == "x@example.org", "whoever was seen last comes first"


def test_whoever_was_left_out_long_ago_is_still_known(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    happened(store, *(event(number=n, client="olga@example.org") for n in range(1, 4)))
    happened(store, *(event(number=n, client="ivanov@example.org") for n in range(4, 6)))
    monkeypatch.setattr(module, "NEWEST", 2)
    (olga,) = unregistered(store)
    assert (olga.email, olga.events, olga.left_out, olga.roles) == ("olga@example.org", 3, 3, ())


def test_an_event_is_counted_once_though_two_sources_tell_of_it(store: Store) -> None:
    happened(store, event(client="olga@example.org"))
    (olga,) = unregistered(store)
    assert (olga.events, olga.left_out) == (1, 1)


def test_whoever_is_added_is_a_stranger_no_more(store: Store) -> None:
    happened(store, event(client="olga@example.org", author="ghost"))
    save_people(store, [Person("olga@example.org", "Ольга"), Person("g@example.org", "Г", "Ghost")], "test")
    assert unregistered(store) == []


def test_a_name_without_an_address_is_no_login(store: Store) -> None:
    happened(store, event(client={"name": "Пётр Прохожий"}))
    assert [one for one in unregistered(store) if one.login] == []
