"""The state of the whole."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from textual.widgets import Input, Static

from store.cards import MailConnection, Retention, Sending
from store.engine import Store
from store.errors import StoreUnreachableError
from store.housekeeping import Housekeeping, Run, State
from store.integrity import keep
from store.retention import retention
from store.settings import save_connection, save_sending
from store.store_size import Outgrowth, Size
from store.vocabulary import Language
from tests.store.kept_house import go_on
from tests.store.letters import Letter, write
from tests.tui.screens.sections import LANGUAGES, SIZES, press, section, settle
from tests.tui.waiting import until
from tests.tui.what_is_seen import seen
from tui.screens.system import SystemScreen
from tui.texts import Texts
from tui.widgets.house_words import House, house_lines
from tui.widgets.question import Question
from tui.widgets.retention_form import RetentionForm

UTC_ZONE = ZoneInfo("UTC")

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


LIMITED = {"ru": "Предел", "en": "Limit"}
FOR_EVER = {
    "ru": "события и доставки: 90 дней · журнал: всегда",
    "en": "events and deliveries: 90 days · audit: for ever",
}
WHOLE = {"ru": "всё цело: проверено", "en": "whole: checked"}
GO = {"ru": "событий 4", "en": "4 events"}
LAST = {"ru": "Целостность", "en": "Integrity"}
REMOVED = {
    "ru": "удалено событий 4, доставок 4, записей журнала 0",
    "en": "removed 4 events, 4 deliveries, 0 entries of the audit",
}  # fmt: skip


@pytest.fixture
def looks_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """How large the store is, is looked at with all else."""
    monkeypatch.setattr("tui.screens.system.HOUSE_S", 0)


@pytest.mark.usefixtures("looks_at_once")
@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_store_itself_is_told_of_edited_and_checked(section_store: Store, language: str) -> None:
    at = datetime.now(UTC) - timedelta(days=100)
    section_store.write(lambda connection: write(connection, [Letter(at=at)] * 5))
    async with section(section_store, SystemScreen, language=language, size=(80, 24)) as pilot:
        screen = pilot.app.screen
        assert isinstance(screen, SystemScreen)
        assert LIMITED[language] not in text(screen)
        await press(pilot, "e")
        pilot.app.screen.query_one("#field-events_days", Input).value = "x"
        pilot.app.screen.query_one("#field-most_megabytes", Input).value = "500"
        await press(pilot, "ctrl+s")
        assert pilot.app.screen.query_one("#row-events_days").has_class("-wrong")
        pilot.app.screen.query_one("#field-events_days", Input).value = "90"
        await press(pilot, "ctrl+s")
        assert isinstance(pilot.app.screen, Question)
        assert GO[language] in seen(pilot.app), "what would go is told"
        await press(pilot, "escape")
        assert isinstance(pilot.app.screen, RetentionForm)
        assert retention(section_store) == Retention(), "nothing was agreed to"
        await press(pilot, "ctrl+s")
        await press(pilot, "left", "enter")
        await until(pilot, lambda: FOR_EVER[language] in text(screen))
        assert retention(section_store) == Retention(90, 0, 500)
        assert LIMITED[language] in text(screen)
        go_on(Housekeeping(section_store, "me"))
        await press(pilot, "v")
        await until(pilot, lambda: WHOLE[language] in text(screen))
        await until(pilot, lambda: REMOVED[language] in text(screen))
        await press(pilot, "end")
        assert LAST[language] in seen(pilot.app), "the last line is reached"


@pytest.mark.usefixtures("looks_at_once")
async def test_damage_is_told_with_the_remedy_and_a_check_can_be_stopped(
    section_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with section(section_store, SystemScreen, language="en") as pilot:
        screen = pilot.app.screen
        assert isinstance(screen, SystemScreen)
        keep(section_store, ["row 1 of notification belongs to no event", "[x] b", "c"], 2.5)
        await until(pilot, lambda: screen.reload() or "damaged: row 1 of notification" in text(screen))
        assert "[x] b. To put a copy back: vestnik restore" in text(screen)
        begun = threading.Event()

        def endless(_url: str, stopped: Callable[[], bool]) -> list[str]:
            begun.set()
            while not stopped():
                time.sleep(0.01)
            raise StoreUnreachableError

        monkeypatch.setattr("store.integrity.problems", endless)
        await press(pilot, "v")
        await until(pilot, lambda: begun.is_set() and "being checked" in text(screen))
        await press(pilot, "v")
        await until(pilot, lambda: "damaged: row 1 of notification" in text(screen))


def house(**changed: Any) -> House:
    usual = Outgrowth(Size(1_250_000_000, 1_000_000_000), 20_000_000, 300_000_000, None)
    return replace(House(usual, Retention(), State("", None, None), None, on_server=False), **changed)


def test_growth_and_when_there_is_no_room_are_said() -> None:
    def said(**changed: Any) -> str:
        return "\n".join(
            str(line[1]) for line in house_lines(house(**changed), UTC_ZONE, Texts(Language.EN), checking_s=None)
        )

    assert "1.0 GB in use, 250 MB free within it; grows by 20 MB a day" in said()
    assert "300 MB free; full in 27 days" in said()
    limited = Outgrowth(Size(1_250_000_000, 1_000_000_000), -900, None, 900_000_000)
    on_server = said(room=limited, on_server=True)
    assert "shrinks by 0.9 KB a day" in on_server
    assert "900 MB; exceeded: the oldest will be removed" in on_server
    assert "pg_amcheck" in on_server
    run = Run(datetime(2026, 11, 23, 12, tzinfo=UTC), None, 7, 8, 9)
    assert "under way: removed 7 events, 8 deliveries, 9 entries" in said(state=State("me", run, None))
    ended = replace(run, ended=run.started)
    assert "exceeded: what is left is younger" in said(room=limited, state=State("", None, ended))
    assert "reached in 10 days" in said(room=replace(limited, per_day=100_000_000, limit=2_000_000_000))
    assert "growth is known after a day" in said(room=replace(limited, per_day=None))
