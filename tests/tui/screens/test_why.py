"""Why: asked of what the cursor is on, or of whatever one types; what was not sent is there as well."""

from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from store.engine import Store
from tests.tui.screens.sections import LANGUAGES, SIZES, press, section
from tests.tui.scripted_desk import MARKOV
from tests.tui.waiting import until
from tests.tui.what_is_seen import seen
from tui.screens.deliveries import DeliveriesScreen
from tui.screens.delivery import DeliveryScreen
from tui.screens.people import PeopleScreen
from tui.screens.why import WhyScreen
from tui.widgets.why_list import WhyList


def rows(pilot: "Pilot[Any]") -> WhyList:
    assert isinstance(pilot.app.screen, WhyScreen)
    return pilot.app.screen.query_one(WhyList)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_the_object_of_a_row_shows_who_was_told_and_who_was_not(
    store: Store, language: str, size: tuple[int, int]
) -> None:
    async with section(store, DeliveriesScreen, language=language, size=size) as pilot:
        await press(pilot, "w")
        shown = rows(pilot).rows
        assert len({row.event.object_number for row in shown}) == 1
        told = next(place for place, row in enumerate(shown) if row.delivery is not None)
        left_out = next(row for row in shown if row.decision and row.decision.recipient and not row.decision.taken)
        assert {row.event.key for row in shown[: told + 1]} == {shown[0].event.key}
        await press(pilot, *["down"] * shown.index(left_out))
        assert left_out.decision is not None
        assert left_out.decision.recipient in seen(pilot.app)
        assert left_out.decision.rule_code in seen(pilot.app)
        await press(pilot, "enter")  # there is no letter
        assert isinstance(pilot.app.screen, WhyScreen)
        await press(pilot, "home", *["down"] * told, "enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, DeliveryScreen))


async def test_a_person_is_asked_about_from_the_directory_and_by_hand(store: Store) -> None:
    async with section(store, PeopleScreen) as pilot:
        await press(pilot, "slash", *"markov", "enter", "w")
        about = [row.decision for row in rows(pilot).rows if row.decision]
        assert about
        assert {one.recipient for one in about} == {MARKOV}
        await press(pilot, "slash")
        field = pilot.app.screen.query_one("#why-key", Input)
        field.value = "RP-1042"
        await press(pilot, "enter")
        assert {row.event.object_number for row in rows(pilot).rows} == {"RP-1042"}
        field.value = "RP-0"
        await press(pilot, "slash", "enter")
        assert not rows(pilot).rows
        assert "По «RP-0» ничего нет" in seen(pilot.app)
        assert field.has_focus
        await press(pilot, "escape")
        assert isinstance(pilot.app.screen, PeopleScreen)
