"""A delivery opened: the letter as its recipient sees it, and why."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection
from textual.pilot import Pilot
from textual.widgets import Static

from store import journal, moves, outbox
from store.engine import Store
from store.moves import Deed
from store.outbox import Settlement
from store.vocabulary import Channel, DeliveryState
from tests.tui.screens.sections import LANGUAGES, SIZES, press, section
from tests.tui.scripted_desk import add_notice, the_row
from tests.tui.waiting import until
from tests.tui.what_is_seen import seen
from tui.screens.delivery import DeliveryScreen
from tui.screens.transcript import TranscriptScreen


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


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_what_was_said_in_a_try_is_shown_by_a_key_and_by_a_click(
    store: Store, language: str, size: tuple[int, int]
) -> None:
    dead = the_row(store, DeliveryState.DEAD)
    expected = [
        "C: MAIL FROM:<vestnik@desk.example>", "S: 250 2.1.0 Ok", f"C: RCPT TO:<{dead.recipient_address}>",
        "S: 550 5.1.1 User unknown; mailbox not found [/b] [INC-5]", "C: DATA",
    ]  # fmt: skip
    async with opened(store, dead.id, language=language, size=size) as pilot:
        app = pilot.app
        for keys in (("d",), ("w", "enter")):
            await press(pilot, *keys)
            await until(pilot, lambda: isinstance(app.screen, TranscriptScreen) and expected[-1] in seen(app))
            places = [seen(app).index(line) for line in expected]
            assert places == sorted(places)
            await press(pilot, "escape")
            assert isinstance(app.screen, DeliveryScreen)
        (tried,) = [one for one in app.screen.query(Static) if one.is_on_screen and "⏎" in str(one.content)]
        await pilot.click(tried, offset=(1, 0))
        await until(pilot, lambda: isinstance(app.screen, TranscriptScreen) and expected[0] in seen(app))


async def test_each_try_is_a_page_of_its_own_and_the_failure_of_a_connection_is_among_them(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = letter_with_tries(store)
    copied: list[str] = []
    async with opened(store, key, language="en") as pilot:
        app = pilot.app
        monkeypatch.setattr(app, "copy_to_clipboard", copied.append)
        await press(pilot, "w")
        told = ("the connection failed", "attempt 1, refused", "attempt 2, taken by the server")
        places = [seen(app).index(words) for words in told]
        assert places == sorted(places)
        await press(pilot, "d")
        await until(pilot, lambda: "attempt 1, refused · 2/3" in seen(app))
        assert "(a letter of 5120 bytes)" in seen(app)
        assert "(lines left out: 7)" in seen(app)
        await press(pilot, "y")
        assert "S: 451 4.3.0 later" in copied[0].splitlines()
        await press(pilot, "left")
        await until(pilot, lambda: "the connection failed · 1/3" in seen(app))
        assert "-- mail.example.org:25" in seen(app)
        await press(pilot, "right", "tab")
        await until(pilot, lambda: "taken by the server · 3/3" in seen(app))
        assert "Which dialogues are kept" in seen(app)
        assert "250 2.0.0 Ok: queued" in seen(app)


async def test_a_long_dialogue_is_scrolled_and_cannot_steer_the_terminal(store: Store) -> None:
    said = "\n".join([*(f"S: 250-line {n}" for n in range(200)), "S: 550 \x1b[2Jthe end [/b]"])
    key = add_notice(store, subject="long", name="N", text=said)
    async with opened(store, key) as pilot:
        await press(pilot, "d")
        await until(pilot, lambda: "line 0" in seen(pilot.app))
        assert "the end" not in seen(pilot.app)
        await press(pilot, "pagedown", "down")
        await until(pilot, lambda: "line 0" not in seen(pilot.app))
        await press(pilot, "end")
        await until(pilot, lambda: "S: 550 [2Jthe end [/b]" in seen(pilot.app))
        await press(pilot, "home")
        await until(pilot, lambda: "line 0" in seen(pilot.app))


async def test_where_nothing_was_said_yet_that_is_told(store: Store) -> None:
    async with opened(store, the_row(store, DeliveryState.PENDING).id, language="en") as pilot:
        await press(pilot, "d")
        await until(pilot, lambda: "Nothing was said to a mail" in seen(pilot.app))
        assert isinstance(pilot.app.screen, DeliveryScreen)


def letter_with_tries(store: Store) -> int:
    """A letter that met a broken connection, then a refusal, and then went; gives its id."""
    key = the_row(store, DeliveryState.HELD).id
    moves.carry_out(store, Deed.RETRY, [key], "test")
    failed, sent = DeliveryState.PENDING, DeliveryState.SENT
    for minutes, one in enumerate(
        [
            Settlement(
                key, failed, store.clock(), 0, "main", None, "Connect call failed", "refused", "connection_down",
                counted=False, transcript="-- mail.example.org:25\n-- Connect call failed",
            ),
            Settlement(
                key, failed, store.clock(), 1, "main", 451, "451 4.3.0 later", "smtp_451",
                transcript="C: (a letter of 5120 bytes)\n-- (7 lines left out)\nS: 451 4.3.0 later",
            ),
            Settlement(key, sent, store.clock(), 2, "main", 250, "250 2.0.0 Ok: queued"),
        ]
    ):  # fmt: skip
        now = store.clock() + timedelta(minutes=5 * minutes)

        def settle(connection: Connection, now: datetime = now, one: Settlement = one) -> None:
            outbox.claim(connection, now, "test", 100)
            outbox.settle(connection, now, "test", [one])

        store.write(settle)
    return key


async def test_one_that_is_gone_is_said_to_be(store: Store) -> None:
    async with section(store, lambda: DeliveryScreen(99_999), language="en") as pilot:
        await until(pilot, lambda: "no delivery D99999" in seen(pilot.app))
        await press(pilot, "w", "r", "escape")


async def test_a_letter_may_be_opened_over_itself(store: Store) -> None:
    """As when a row is clicked and Enter pressed at once."""
    row = the_row(store, DeliveryState.DEAD)
    async with opened(store, row.id) as pilot:
        pilot.app.push_screen(DeliveryScreen(row.id))
        await until(pilot, lambda: f"D{row.id}" in seen(pilot.app))
        await press(pilot, "escape")
        assert isinstance(pilot.app.screen, DeliveryScreen)
