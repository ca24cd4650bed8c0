"""Views of the list of deliveries: kept, replaced, on one key each, in the trail, and put back from it."""

from dataclasses import replace

import pytest

from store.audit import page
from store.delivery_views import MAX_FILTER, VIEWS, DeliveryView
from store.engine import Store
from store.errors import SettingsError
from store.revert import revert
from store.views import MAX_NAME

MINE = DeliveryView("Ночные", "state:dead since:8h", 3)


def save(store: Store, view: DeliveryView) -> bool:
    return store.write(lambda connection: VIEWS.save_in(connection, store, view, "анна"))


def views(store: Store) -> list[DeliveryView]:
    with store.read() as connection:
        return VIEWS.all_in(connection)


def newest(store: Store) -> int:
    return page(store, limit=1)[0].id


def test_a_view_is_kept_replaced_and_taken_back(store: Store) -> None:
    assert save(store, MINE)
    assert not save(store, MINE)
    added = newest(store)
    changed = replace(MINE, filter="state:held", place=None)
    assert save(store, changed)
    save(store, DeliveryView("а"))
    assert views(store) == [DeliveryView("а"), changed]
    card = page(store, what=f"delivery_view:{MINE.name}")[0]
    assert (card.before, card.after) == ({"filter": MINE.filter, "place": 3}, {"filter": "state:held", "place": None})
    revert(store, card.id, "борис")
    assert views(store) == [MINE, DeliveryView("а")]
    store.write(lambda connection: VIEWS.delete_in(connection, store, MINE.name, "анна"))
    assert views(store) == [DeliveryView("а")]
    revert(store, newest(store), "борис")
    assert views(store) == [MINE, DeliveryView("а")]
    revert(store, added, "борис")
    assert views(store) == [DeliveryView("а")]
    assert not store.write(lambda connection: VIEWS.delete_in(connection, store, "нет", "анна"))


def test_a_key_has_one_view_the_one_that_was_put_there_last(store: Store) -> None:
    save(store, MINE)
    save(store, DeliveryView("Другие", "object:task", 3))
    assert views(store) == [DeliveryView("Другие", "object:task", 3), replace(MINE, place=None)]
    card = page(store, what=f"delivery_view:{MINE.name}")[0]
    assert (card.before, card.after, card.who) == ({"place": 3}, {"place": None}, "анна")


@pytest.mark.parametrize(
    ("view", "path"),
    [
        (DeliveryView(" "), "name"),
        (DeliveryView("x" * (MAX_NAME + 1)), "name"),
        (DeliveryView("a\nb"), "name"),
        (DeliveryView("a", "x" * (MAX_FILTER + 1)), "filter"),
        (DeliveryView("a", "x\x1b"), "filter"),
        (DeliveryView("a", place=0), "place"),
        (DeliveryView("a", place=10), "place"),
    ],
    ids=str,
)
def test_a_view_that_cannot_be_is_refused(store: Store, view: DeliveryView, path: str) -> None:
    with pytest.raises(SettingsError) as caught:
        save(store, view)
    assert caught.value.path == path
    assert views(store) == []
