"""How deadlines run: shown on its tab, edited, refused, put back."""

import pytest

from store.cards import DeadlineSettings, StatusRules
from store.engine import Store
from store.settings import deadline_settings, save_deadline_settings
from store.vocabulary import CatchUp, PauseMoves
from tests.tui.screens.sections import LANGUAGES, SIZES, press, section, settle
from tests.tui.waiting import until
from tests.tui.what_is_seen import seen
from tui.screens.outgoing_mail import OutgoingMailScreen
from tui.widgets.deadline_form import STANDARD, DeadlineForm
from tui.widgets.question import Question

TO_THE_TAB = ["right_square_bracket"] * 4
WORDS = {
    "ru": ("Отложена, ожидает ответа, on_hold", "Закрыта", "закрыта, Отложена"),
    "en": ("Deferred, waiting for the client, on_hold", "Closed", "closed, Deferred"),
}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_statuses_are_typed_in_words_and_what_is_wrong_is_said_at_the_field(
    section_store: Store, language: str, size: tuple[int, int]
) -> None:
    paused, ended, both = WORDS[language]
    async with section(section_store, OutgoingMailScreen, language=language, size=size) as pilot:
        await press(pilot, *TO_THE_TAB, "e")
        form = pilot.app.screen
        assert isinstance(form, DeadlineForm)
        form.field("paused_0").value = paused
        form.field("ended_0").value = both
        form.field("pause").value = PauseMoves.NOTHING.value
        await press(pilot, "ctrl+s")
        assert form.query_one("#row-ended_0").has_class("-wrong")
        form.field("ended_0").value = ended
        form.field("catch_up_days").value = "31"
        await press(pilot, "ctrl+s")
        assert form.query_one("#row-catch_up_days").has_class("-wrong")
        assert deadline_settings(section_store) == DeadlineSettings()
        form.field("catch_up_days").value = "30"
        await press(pilot, "ctrl+s")
        assert isinstance(pilot.app.screen, OutgoingMailScreen)
    rules = StatusRules(("deferred", "waiting_client", "on_hold"), ("closed",))
    assert deadline_settings(section_store) == DeadlineSettings(
        {"request": rules}, PauseMoves.NOTHING, catch_up_days=30
    )


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_form_saved_as_it_was_changes_nothing(section_store: Store, language: str) -> None:
    statuses = {"incident": StatusRules(("Hold on", "a, b"), ()), "task": STANDARD}
    save_deadline_settings(section_store, DeadlineSettings(statuses, catch_up=CatchUp.NONE), "test")
    async with section(section_store, OutgoingMailScreen, language=language) as pilot:
        await press(pilot, *TO_THE_TAB, "e")
        form = pilot.app.screen
        assert isinstance(form, DeadlineForm)
        assert not form.field("catch_up_days").display
        form.field("catch_up").value = CatchUp.ALL.value
        await until(pilot, lambda: form.field("catch_up_days").display)
        await press(pilot, "ctrl+s")
    assert deadline_settings(section_store) == DeadlineSettings(statuses, catch_up=CatchUp.ALL)


async def test_the_standard_is_put_back_after_a_question(section_store: Store) -> None:
    changed = DeadlineSettings({"request": StatusRules((), ())}, PauseMoves.WORKING_TIME, CatchUp.ALL, 3)
    save_deadline_settings(section_store, changed, "test")
    async with section(section_store, OutgoingMailScreen) as pilot:
        await press(pilot, *TO_THE_TAB)
        await until(pilot, lambda: "ни в каких" in seen(pilot.app))
        await pilot.click("#deadlines-restore")
        await until(pilot, lambda: isinstance(pilot.app.screen, Question))
        await pilot.press("escape")
        await settle(pilot)
        assert deadline_settings(section_store) == changed
        await pilot.click("#deadlines-restore")
        await until(pilot, lambda: isinstance(pilot.app.screen, Question))
        await pilot.press("left", "enter")
        await until(pilot, lambda: deadline_settings(section_store) == DeadlineSettings())
        await until(pilot, lambda: "ни в каких" not in seen(pilot.app))
