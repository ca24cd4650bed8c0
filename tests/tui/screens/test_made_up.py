"""The deadlines of an object there is not: a form asks what it would be, the timeline shows what would come of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

from store import tables
from store.engine import Store
from tests.desk import furnish, open_store
from tests.tui.screens.sections import press, section, settle
from tests.tui.waiting import until
from tests.tui.what_is_seen import seen
from tui.screens.escalations import EscalationsScreen
from tui.screens.timeline import TimelineScreen
from tui.widgets.form import Field
from tui.widgets.made_up_form import MadeUpForm


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Store]:
    store = open_store(tmp_path)
    furnish(store)
    yield store
    store.close()


async def test_a_made_up_object_is_asked_for_shown_and_changed(desk: Store) -> None:
    async with section(desk, EscalationsScreen, size=(80, 24)) as pilot:

        async def shown(*words: str) -> None:
            await until(pilot, lambda: all(word in seen(pilot.app) for word in words), f"{words}: {seen(pilot.app)}")

        async def fill(**values: str) -> None:
            for name, value in values.items():
                pilot.app.screen.query_one(f"#row-{name}", Field).value = value
            await settle(pilot)
            await press(pilot, "ctrl+s")

        await press(pilot, "m")
        await until(pilot, lambda: isinstance(pilot.app.screen, MadeUpForm))
        await shown("Сроки выдуманного объекта", "Решение", "4 ч", "В работе")
        for field, wrong, words in (
            ("started", "вчера", "Не время. Пишите так"),
            ("resolution", "скоро", "Не время. Пишите так"),
            ("resolution", "0 мин", "Срок не позже начала"),
            ("responsible", "[/b] никто", "Здесь один человек"),
            ("responsible", "[/b]", "«[/b]» нет среди людей"),
            ("team", "[no]", "Команды «[no]» нет"),
        ):
            before = pilot.app.screen.query_one(f"#row-{field}", Field).value
            await fill(**{field: wrong})
            await shown(words)
            assert isinstance(pilot.app.screen, MadeUpForm)
            assert pilot.app.focused is pilot.app.screen.query_one(f"#row-{field}", Field).control
            pilot.app.screen.query_one(f"#row-{field}", Field).value = before
        await fill(reaction="", resolution="")
        await shown("Нет ни одного срока")
        await fill(resolution="1 ч 30 мин", responsible="ivanov@example.org", started="2026-11-23 16:00")
        await until(pilot, lambda: isinstance(pilot.app.screen, TimelineScreen))
        await shown("Выдуманный объект · Заявка без номера", "Решение: идёт · до 23.11.2026 17:30")
        await press(pilot, "n")
        await shown("— будет", "Иван Иванов <ivanov@example.org>")
        await press(pilot, "slash")
        await until(pilot, lambda: isinstance(pilot.app.screen, MadeUpForm))
        await shown("1 ч 30 мин", "ivanov@example.org")
        await fill(object_type="approval", approvers="ivanov@example.org, boss@example.org", status="")
        await shown("Выдуманный объект · Согласование без номера", "8 ч")
        await press(pilot, "escape")
        assert isinstance(pilot.app.screen, EscalationsScreen)
    with desk.read() as connection:
        for table in (tables.event, tables.object_, tables.deadline):
            assert connection.execute(select(func.count()).select_from(table)).scalar_one() == 0


async def test_a_deferred_one_says_what_would_be_if_it_went_on(desk: Store) -> None:
    async with section(desk, EscalationsScreen, language="en", size=(120, 40)) as pilot:
        await press(pilot, "m")
        await until(pilot, lambda: isinstance(pilot.app.screen, MadeUpForm))
        pilot.app.screen.query_one("#row-status", Field).value = "Отложена"
        await press(pilot, "ctrl+s")
        await until(pilot, lambda: isinstance(pilot.app.screen, TimelineScreen))
        words = ("A made-up object · Request without a number", "Resolution: paused", "if resumed now")
        await until(pilot, lambda: all(word in seen(pilot.app) for word in words), seen(pilot.app))
