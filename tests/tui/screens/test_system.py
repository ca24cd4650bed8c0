"""The state of the whole."""

import pytest
from textual.widgets import Static

from store.cards import MailConnection, Sending
from store.engine import Store
from store.settings import save_connection, save_sending
from tests.tui.screens.sections import LANGUAGES, SIZES, section, settle
from tui.screens.system import SystemScreen

WORDS = {"ru": ("ничего не отправляется", "всё заполнено"), "en": ("nothing is being sent", "everything is filled in")}


def text(screen: object) -> str:
    assert isinstance(screen, SystemScreen)
    return "\n".join(str(static.content) for static in screen.query("CardView Static").results(Static))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_a_missing_dispatcher_is_said_and_filled_parameters_are_seen(
    section_store: Store, language: str, size: tuple[int, int]
) -> None:
    async with section(section_store, SystemScreen, language=language, size=size) as pilot:
        nothing_sent, filled_in = WORDS[language]
        assert nothing_sent in text(pilot.app.screen)
        assert filled_in not in text(pilot.app.screen)
        save_sending(section_store, Sending("desk@example.org", "bot@example.org", "Desk"), "test")
        save_connection(section_store, MailConnection(name="mail", server="mail.example.org"), who="test")
        screen = pilot.app.screen
        assert isinstance(screen, SystemScreen)
        screen.reload()
        await settle(pilot)
        assert filled_in in text(screen)
