"""A delivery opened: the letter as its recipient sees it, and why."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from textual.pilot import Pilot

from store import journal, moves, outbox
from store.engine import Store
from store.moves import Deed
from store.vocabulary import Channel, DeliveryState
from tests.tui.screens.sections import LANGUAGES, SIZES, press, section
from tests.tui.scripted_desk import add_notice, the_row
from tests.tui.waiting import until
from tests.tui.what_is_seen import seen
from tui.screens.delivery import DeliveryScreen


@asynccontextmanager
async def opened(
    store: Store, key: int, *, language: str = "ru", size: tuple[int, int] = (80, 24)
) -> AsyncGenerator["Pilot[Any]"]:
    async with section(store, lambda: DeliveryScreen(key), language=language, size=size) as pilot:
        await until(pilot, lambda: f"D{key}" in seen(pilot.app))
        yield pilot


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_the_letter_shows_what_its_recipient_sees(store: Store, language: str, size: tuple[int, int]) -> None:
    row = the_row(store, DeliveryState.DEAD)
    card = journal.delivery(store, row.id)
    assert card is not None
    async with opened(store, row.id, language=language, size=size) as pilot:
        text = seen(pilot.app)
        for part in (card.sender, card.to, card.reply_to, card.message_id, row.subject, "Здравствуйте"):
            assert part in text


async def test_a_notice_of_the_interface_has_no_heads_of_a_letter(store: Store) -> None:
    row = next(row for row in outbox.page(store) if row.channel is Channel.INTERFACE)
    async with opened(store, row.id, language="en") as pilot:
        text = seen(pilot.app)
        assert "Shown to" in text
        for head in ("From", "Reply to", "Message-ID", "vestnik@desk.example"):
            assert head not in text


@pytest.mark.parametrize("language", LANGUAGES)
async def test_why_tells_the_story_in_words_and_in_order(store: Store, language: str) -> None:
    words = {
        "ru": ("событие принято", "решено сообщить", "попытка 1", "не ушло: такого ящика нет", "контактному лицу"),
        "en": ("event accepted", "to be told", "attempt 1", "failed: no such mailbox", "Added → client"),
    }[language]
    async with opened(store, the_row(store, DeliveryState.DEAD).id, language=language) as pilot:
        await press(pilot, "w")
        text = seen(pilot.app)
        places = [text.index(word) for word in words]
        assert places == sorted(places)
        assert "Григорий Белов <g.belov@romashka.example>" in text
        assert "[/b] [INC-5]" in text


async def test_pages_change_by_arrows_and_letters(store: Store) -> None:
    async with opened(store, the_row(store, DeliveryState.SENT).id) as pilot:
        screen = pilot.app.screen
        for key, shown in (
            ("right", "mime"),
            ("tab", "why"),
            ("left", "mime"),
            ("l", "letter"),
            ("left", "why"),
            ("i", "mime"),
        ):
            await press(pilot, key)
            assert screen.query_one(f"#{shown}").display
            assert screen.query_one(f"#{shown}").has_focus


async def test_a_long_letter_is_scrolled_by_keys(store: Store) -> None:
    key = add_notice(store, subject="long", name="N", text="\n".join(f"line {n}" for n in range(200)) + "\nthe end")
    async with opened(store, key) as pilot:
        assert "the end" not in seen(pilot.app)
        await press(pilot, "pagedown", "down")
        await until(pilot, lambda: "line 20" in seen(pilot.app))
        await press(pilot, "end")
        await until(pilot, lambda: "the end" in seen(pilot.app))
        await press(pilot, "home")
        await until(pilot, lambda: "line 0" in seen(pilot.app))


async def test_the_story_goes_on_while_it_is_read(store: Store) -> None:
    held = the_row(store, DeliveryState.HELD)
    async with opened(store, held.id, language="en") as pilot:
        assert "held: silent mode" in seen(pilot.app)
        moves.carry_out(store, Deed.RETRY, [held.id], "test")
        await until(pilot, lambda: "queued" in seen(pilot.app).split("State", 1)[1].split("\n", 1)[0])


async def test_it_is_sent_again_and_withdrawn_from_here(store: Store) -> None:
    dead = the_row(store, DeliveryState.DEAD)
    async with opened(store, dead.id) as pilot:
        await press(pilot, "r")
        await until(pilot, lambda: dead.id in [row.id for row in outbox.page(store, state=DeliveryState.PENDING)])
        await press(pilot, "c")
        await until(pilot, lambda: dead.id in [row.id for row in outbox.page(store, state=DeliveryState.CANCELLED)])


async def test_one_that_is_gone_is_said_to_be(store: Store) -> None:
    async with section(store, lambda: DeliveryScreen(99_999), language="en") as pilot:
        await until(pilot, lambda: "no delivery D99999" in seen(pilot.app))
        await press(pilot, "w", "r", "escape")
