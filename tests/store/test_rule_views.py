"""Views of the lists of rules: kept, replaced, deleted, in the trail, and put back from it."""

from dataclasses import replace

import pytest

from store.audit import page
from store.engine import Store
from store.errors import SettingsError
from store.revert import revert
from store.rule_views import MAX_FILTER, VIEWS, RuleView
from store.views import MAX_NAME

MINE = RuleView("Ночные", "кому:дежурный выкл", "last", descending=True)


def save(store: Store, view: RuleView) -> bool:
    return store.write(lambda connection: VIEWS.save_in(connection, store, view, "анна"))


def views(store: Store) -> list[RuleView]:
    with store.read() as connection:
        return VIEWS.all_in(connection)


def newest(store: Store) -> int:
    return page(store, limit=1)[0].id


def test_views_are_kept_and_replaced_by_name_and_only_changes_are_in_the_trail(store: Store) -> None:
    assert save(store, MINE)
    assert not save(store, MINE)
    changed = replace(MINE, filter="кому:клиент")
    assert save(store, changed)
    save(store, RuleView("а"))
    assert views(store) == [RuleView("а"), changed]
    cards = page(store, what=f"rule_view:{MINE.name}")
    assert [(card.before, card.after) for card in cards][:1] == [
        ({"filter": "кому:дежурный выкл"}, {"filter": "кому:клиент"})
    ]
    assert len(cards) == 2


def test_every_change_of_a_view_can_be_taken_back(store: Store) -> None:
    save(store, MINE)
    added = newest(store)
    save(store, replace(MINE, filter="", descending=False))
    revert(store, newest(store), "борис")
    assert views(store) == [MINE]
    store.write(lambda connection: VIEWS.delete_in(connection, store, MINE.name, "анна"))
    assert views(store) == []
    revert(store, newest(store), "борис")
    assert views(store) == [MINE]
    revert(store, added, "борис")
    assert views(store) == []


def test_a_view_that_is_not_there_is_not_deleted(store: Store) -> None:
    before = newest(store) if page(store) else 0
    assert not store.write(lambda connection: VIEWS.delete_in(connection, store, "нет", "анна"))
    assert (newest(store) if page(store) else 0) == before


@pytest.mark.parametrize(
    ("view", "path"),
    [
        (RuleView(" "), "name"),
        (RuleView("x" * (MAX_NAME + 1)), "name"),
        (RuleView("a\nb"), "name"),
        (RuleView("a", "x" * (MAX_FILTER + 1)), "filter"),
        (RuleView("a", "x\x1b"), "filter"),
        (RuleView("a", sort="colour"), "sort"),
    ],
    ids=str,
)
def test_a_view_that_cannot_be_is_refused(store: Store, view: RuleView, path: str) -> None:
    with pytest.raises(SettingsError) as caught:
        save(store, view)
    assert caught.value.path == path
    assert views(store) == []
