"""The audit: every change in words, found by them, live, and taken back by one key after a question."""

from dataclasses import replace
from typing import Any

import pytest
from rich.cells import cell_len
from textual.pilot import Pilot
from textual.widgets import Input, Select

from store.audit import page
from store.engine import Store
from store.revert import revert
from store.rulebook import list_rules, save_rule, set_enabled
from store.settings import company, connections, delete_connection, save_company, save_connection, sending
from tests.tui.screens.sections import LANGUAGES, SIZES, press, section
from tests.tui.waiting import until
from tests.tui.what_is_seen import seen
from tui.screens.audit import PAGE, AuditScreen
from tui.screens.company import CompanyScreen
from tui.widgets.audit_list import AuditList
from tui.widgets.detail import Detail
from tui.widgets.question import Question

RULE = "request.added.client.email"


def rows(pilot: "Pilot[Any]") -> AuditList:
    assert isinstance(pilot.app.screen, AuditScreen)
    return pilot.app.screen.query_one(AuditList)


async def go_to(pilot: "Pilot[Any]", what: str) -> None:
    """Put the cursor on the newest entry about a setting."""
    await until(pilot, lambda: any(row.card.what == what for row in rows(pilot).rows))
    place = next(place for place, row in enumerate(rows(pilot).rows) if row.card.what == what)
    await press(pilot, "home", *["down"] * place)
    current = rows(pilot).current
    assert current is not None
    assert current.card.what == what


async def reverted(pilot: "Pilot[Any]") -> str:
    """Press the key, agree, and give what the question said."""
    await pilot.press("r")
    await until(pilot, lambda: isinstance(pilot.app.screen, Question))
    await pilot.pause()
    asked = seen(pilot.app)
    await press(pilot, "left", "enter")
    await until(pilot, lambda: isinstance(pilot.app.screen, AuditScreen))
    return " ".join(asked.replace("│", " ").split())


@pytest.mark.parametrize(("language", "words"), [
    ("ru", ("Компания", "Подключение «main»", "Действие «", "Отправка писем", "m.kozlova")),
    ("en", ("Company", "Connection “main”", "Action “", "Sending parameters", "m.kozlova")),
])  # fmt: skip
@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_each_change_is_a_line_in_words(
    store: Store, language: str, words: tuple[str, ...], size: tuple[int, int]
) -> None:
    async with section(store, AuditScreen, language=language, size=size) as pilot:
        shown = rows(pilot)
        await until(pilot, lambda: shown.rows)
        lines = [shown.render_line(y).text for y in range(shown.size.height)]
        assert {cell_len(line) for line in lines} == {shown.scrollable_content_region.width}
        text = "\n".join(lines)
        assert [word for word in words if word not in text] == []


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_fields_are_told_from_what_to_what(store: Store, language: str) -> None:
    async with section(store, AuditScreen, language=language, size=(120, 40)) as pilot:
        say = pilot.app.screen.say  # pyright: ignore[reportAttributeAccessIssue,reportUnknownMemberType,reportUnknownVariableType]
        await go_to(pilot, "mail.connections:main")
        text = seen(pilot.app)
        assert f"{say('mail.server')}: smtp.desk.example → mail.desk.example" in text
        assert f"{say('mail.login')}: robot → vestnik" in text
        assert f"{say('mail.password')}: {say('audit.secret_changed')}" in text
        assert "not shown" not in text
        await go_to(pilot, f"rule:{RULE}")
        assert f"{say('rules.column_enabled')}: {say('mail.no')} → {say('mail.yes')}" in seen(pilot.app)


async def test_what_changes_meanwhile_appears_and_the_cursor_stays(store: Store) -> None:
    async with section(store, AuditScreen) as pilot:
        await go_to(pilot, "mail.sending")
        before = rows(pilot).current
        save_company(store, replace(company(store), name="Новое имя"), "кто-то")
        await until(pilot, lambda: rows(pilot).rows[0].card.who == "кто-то")
        assert "Название компании: Новое имя" in rows(pilot).rows[0].fields
        assert rows(pilot).current == before


async def test_older_entries_are_read_when_the_cursor_gets_to_the_end(store: Store) -> None:
    for number in range(PAGE):
        set_enabled(store, [RULE], bool(number % 2), "test")
    total = len(page(store, limit=10 * PAGE))
    async with section(store, AuditScreen) as pilot:
        await until(pilot, lambda: len(rows(pilot).rows) == PAGE)
        assert "ниже есть ещё" in seen(pilot.app)
        await press(pilot, "end")
        await until(pilot, lambda: len(rows(pilot).rows) == total)
        await press(pilot, "end")
        await until(pilot, lambda: "это все" in seen(pilot.app))


@pytest.mark.parametrize(
    ("typed", "whats"),
    [
        ("smtp.desk", {"mail.connections:main"}),
        ("kozlova эскалация", set[str]()),
        ("m.kozlova действие", {f"rule:{RULE}"}),
        ("petrov подключение", {"mail.connections:main"}),
        ("kozlova подпись", {"company"}),
        ("пароль", {"mail.connections:main"}),
        ("спасибо-нет-такого", set[str]()),
    ],
)
async def test_entries_are_found_by_the_words_on_the_screen(store: Store, typed: str, whats: set[str]) -> None:
    async with section(store, AuditScreen) as pilot:
        await until(pilot, lambda: rows(pilot).rows)
        await press(pilot, "slash")
        pilot.app.screen.query_one("#audit-filter", Input).value = typed
        await until(pilot, lambda: {row.card.what for row in rows(pilot).rows} == whats)
        if not whats:
            await until(pilot, lambda: "Ничего не найдено" in seen(pilot.app))
        await press(pilot, "enter", "escape")
        await until(pilot, lambda: len({row.card.what for row in rows(pilot).rows}) > 5)


async def test_one_kind_of_settings_is_shown_by_a_key(store: Store) -> None:
    async with section(store, AuditScreen) as pilot:
        await until(pilot, lambda: rows(pilot).rows)
        await press(pilot, "s")
        await until(pilot, lambda: {row.card.what for row in rows(pilot).rows} == {"company"})
        await press(pilot, "s")
        mail = {"mail.sending", "mail.connections:main", "mail.connections:spare"}
        await until(pilot, lambda: {row.card.what for row in rows(pilot).rows} == mail)
        await press(pilot, "S", "S")
        await until(pilot, lambda: len({row.card.what for row in rows(pilot).rows}) > 5)


async def test_the_company_card_and_a_rule_lead_to_their_history(store: Store) -> None:
    async with section(store, CompanyScreen) as pilot:
        await press(pilot, "h")
        await until(pilot, lambda: isinstance(pilot.app.screen, AuditScreen))
        await until(pilot, lambda: {row.card.what for row in rows(pilot).rows} == {"company"})
        assert pilot.app.screen.query_one("#audit-what", Select).value == "company"
        await press(pilot, "6", "8")
        await until(pilot, lambda: len({row.card.what for row in rows(pilot).rows}) > 5)
        await press(pilot, "3", "down", "space", "h")
        code = next(card.what for card in page(store, limit=1))
        await until(pilot, lambda: {row.card.what for row in rows(pilot).rows} == {code})


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_a_change_is_taken_back_after_a_question_that_says_what_will_be(
    store: Store, size: tuple[int, int]
) -> None:
    async with section(store, AuditScreen, size=size) as pilot:
        await go_to(pilot, "mail.sending")
        entry = page(store, what="mail.sending", limit=1)[0]
        asked = await reverted(pilot)
        assert f"Вернуть, как было до записи № {entry.id}: Отправка писем?" in asked
        assert "5 → 3" in asked
        assert (sending(store).max_attempts, sending(store).pause_s) == (3, 60)
        await until(pilot, lambda: rows(pilot).rows[0].card.reverts == entry.id)
        await press(pilot, "home")
        await until(pilot, lambda: f"до записи № {entry.id}" in seen(pilot.app))
        await go_to(pilot, "mail.sending")
        await reverted(pilot)
        assert sending(store).max_attempts == 5


async def test_no_leaves_everything_as_it_is(store: Store) -> None:
    async with section(store, AuditScreen) as pilot:
        await go_to(pilot, "company")
        newest = page(store, limit=1)[0]
        await pilot.press("r")
        await until(pilot, lambda: isinstance(pilot.app.screen, Question))
        await press(pilot, "enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, AuditScreen))
        assert page(store, limit=1)[0] == newest


async def test_later_changes_that_would_be_lost_are_named(store: Store) -> None:
    save_company(store, replace(company(store), name="A"), "test")
    save_company(store, replace(company(store), name="B"), "test")
    async with section(store, AuditScreen) as pilot:
        await go_to(pilot, "company")
        await press(pilot, "down")
        asked = await reverted(pilot)
        assert "С тех пор менялось, и это пропадёт: Название компании." in asked
        assert "Название компании: B → Ромашка" in asked
        assert company(store).name == "Ромашка"


async def test_a_deleted_connection_comes_back_and_its_secret_is_asked_for(store: Store) -> None:
    delete_connection(store, next(card.id for card in connections(store) if card.name == "main"), "test")
    async with section(store, AuditScreen) as pilot:
        await go_to(pilot, "mail.connections:main")
        asked = await reverted(pilot)
        assert "Подключение «main»: удалено записью" in asked
        assert "Секрет не хранится: Пароль. Подключение будет выключено" in asked
        back = next(card for card in connections(store) if card.name == "main")
        assert (back.enabled, back.has_password) == (False, False)


async def test_what_cannot_be_taken_back_is_told(store: Store) -> None:
    async with section(store, AuditScreen) as pilot:
        await go_to(pilot, "deliveries:cancel")
        await press(pilot, "r")
        await until(pilot, lambda: "вернуть его нельзя" in seen(pilot.app))
        save_connection(store, replace(connections(store)[0], name="other"), who="test")
        save_connection(store, replace(connections(store)[1], name="main"), who="test")
        await go_to(pilot, "mail.connections:other")
        await press(pilot, "r")
        await until(pilot, lambda: "Название подключения: Подключение с" in seen(pilot.app))
        assert isinstance(pilot.app.screen, AuditScreen)


async def test_a_long_entry_is_read_to_its_end(store: Store) -> None:
    async with section(store, AuditScreen) as pilot:
        await go_to(pilot, "mail.connections:spare")
        await press(pilot, "enter")
        detail = pilot.app.screen.query_one(Detail)
        assert detail.has_focus
        await press(pilot, "escape")
        assert rows(pilot).has_focus


async def test_a_rule_that_is_gone_keeps_the_title_it_had(store: Store) -> None:
    own = replace(list_rules(store)[0], code="own.email", titles={"ru": "Своё", "en": "My own"}, standard=False)
    save_rule(store, own, "test")
    revert(store, page(store, limit=1)[0].id, "test")
    async with section(store, AuditScreen) as pilot:
        await until(pilot, lambda: [row.what for row in rows(pilot).rows[:2]] == ["Действие «Своё»"] * 2)
        assert [row.fields for row in rows(pilot).rows[:2]] == ["удалено", "добавлено"]
        assert await reverted(pilot)
        assert own in list_rules(store)
