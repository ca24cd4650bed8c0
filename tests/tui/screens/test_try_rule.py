"""Try it: a rule as it stands in its form, on one event and on the last days; nothing is saved."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Button, Checkbox, Input, TextArea

from store.engine import Store
from store.rulebook import list_rules
from store.vocabulary import Language
from tests.tui.screens.sections import press, section
from tests.tui.screens.test_rule_card import form, put
from tests.tui.scripted_desk import scripted_store
from tests.tui.waiting import until
from tests.tui.what_is_seen import seen
from tui.screens.event_actions import EventActionsScreen
from tui.screens.try_rule import TryScreen
from tui.widgets.event_picker import EventList, EventPicker
from tui.widgets.form import Choices
from tui.widgets.html_text import html_as_text
from tui.widgets.replay_page import ReplayPage


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Store]:
    """A morning's events."""
    store = scripted_store(tmp_path)
    yield store
    store.close()


async def shown(pilot: "Pilot[Any]", words: str) -> None:
    await until(pilot, lambda: words in seen(pilot.app), words)


async def test_unsaved_values_are_tried_and_the_form_is_as_it_was(desk: Store) -> None:
    before = list_rules(desk)
    async with section(desk, EventActionsScreen) as pilot:
        card = await form(pilot, "e")
        card.query_one("#field-own_words", Checkbox).value = True
        await until(pilot, lambda: card.field("body_ru").display)
        put(card, "subject_ru", "Мы взялись за {{ object.number }}")
        put(card, "body_ru", "Готово <b>\nсм. {{ object.url }}")
        card.field("body_ru").control.focus()
        await press(pilot, "f6")  # from a text straight to what it becomes
        await until(pilot, lambda: isinstance(pilot.app.screen, TryScreen))
        await shown(pilot, "Мы взялись за RP-1046")
        assert "Джеймс Миллер" in seen(pilot.app)
        await press(pilot, "l")
        await shown(pilot, "RP-1046 received")
        await press(pilot, "l", "m")
        await shown(pilot, "‹https://desk.example/RP-1046›")
        assert "Готово <b>" in seen(pilot.app)
        await press(pilot, "m")
        await shown(pilot, "Content-Type: multipart/alternative")
        await press(pilot, "n")
        await shown(pilot, "2/3")
        await press(pilot, "left")
        await shown(pilot, "сообщили (Контактное лицо)")
        await press(pilot, "escape")
        assert pilot.app.screen is card
        assert card.focused is card.field("body_ru").control
        assert card.text("subject_ru") == "Мы взялись за {{ object.number }}"
    assert list_rules(desk) == before


async def test_what_cannot_be_tried_is_said_at_its_field(desk: Store) -> None:
    async with section(desk, EventActionsScreen, size=(120, 40)) as pilot:
        card = await form(pilot, "e")
        put(card, "condition", "nobody is none")
        await press(pilot, "f6")
        await until(pilot, lambda: card.field("condition").has_class("-wrong"))
        assert pilot.app.screen is card


async def test_an_event_is_chosen_by_typing_or_made_up_and_a_bad_one_names_its_field(desk: Store) -> None:
    async with section(desk, EventActionsScreen) as pilot:
        await press(pilot, "f6")
        await until(pilot, lambda: bool(pilot.app.screen.query(EventList)))
        await until(pilot, lambda: len(pilot.app.screen.query_one(EventList).rows) == 5)
        picker = pilot.app.screen.query_one(EventPicker)
        await press(pilot, "slash", *"wi-fi")
        await shown(pilot, "RP-1045 · 23.11.2026 09:08 · узнают 1 из 2")
        assert [row.object_number for row in picker.query_one(EventList).rows] == ["RP-1045"]
        picker.query_one(Input).value = "нет такого"
        await shown(pilot, "Ничего не найдено")
        await press(pilot, "f7")
        await shown(pilot, "придуманное событие · узнают 1 из 2")
        area = picker.query_one(TextArea)
        area.text = area.text.replace('"specversion": "1.0"', '"specversion": 1')
        await shown(pilot, 'specversion: must be "1.0"')
        area.text = "{"
        await shown(pilot, "line 1 column 2")
        await press(pilot, "f7")
        assert not picker.made_up


async def test_the_last_days_are_gone_over_with_the_rule_of_the_form(desk: Store) -> None:
    async with section(desk, EventActionsScreen) as pilot:
        card = await form(pilot, "e")
        card.query_one("#field-recipients", Choices).choose("author")
        card.query_one("#field-recipients", Choices).choose("client")
        await press(pilot, "f6")
        await until(pilot, lambda: isinstance(pilot.app.screen, TryScreen))
        await until(pilot, lambda: bool(pilot.app.screen.query_one(EventList).rows))
        await press(pilot, "shift+f6")
        await shown(pilot, "с действием, как оно в форме")
        page = pilot.app.screen.query_one(ReplayPage)
        page.query_one("#days-90", Button).press()
        await shown(pilot, "−5 писем; 5 больше не узнают")
        assert "5 событий · изменилось бы: 5" in seen(pilot.app)
        assert "− Ольга Смирнова · 23.11 08:58 · RP-1042" in seen(pilot.app)
        assert "сообщили → в этой роли никого нет" in seen(pilot.app)
        assert not page.running


async def test_where_there_are_no_events_one_is_made_up(section_store: Store) -> None:
    async with section(section_store, EventActionsScreen, language=Language.EN.value, size=(120, 40)) as pilot:
        await press(pilot, "ctrl+p", *"try on", "enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, TryScreen))
        await shown(pilot, "a made-up event")
        await press(pilot, "f6", "f6")
        await shown(pilot, "RP-0 received")
        assert "RP-0 принята" in seen(pilot.app), "side by side"


def test_html_is_read_as_a_mail_program_shows_it() -> None:
    from dispatch.compose import to_html

    text = "Здравствуйте <b>!\nсм. https://example.org/?a=1&b=2\n\n> было\n> раньше\n\nКонец"
    assert html_as_text(to_html(text, "Мы\nACME & Co")) == (
        "Здравствуйте <b>!\nсм. ‹https://example.org/?a=1&b=2›\n\n│ было\n│ раньше\n\nКонец\n\nМы\nACME & Co"
    )
