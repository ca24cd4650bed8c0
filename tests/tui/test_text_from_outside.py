"""Text from outside is data: markup is shown, control characters are not, length and emptiness do no harm."""

from typing import Any

import pytest
from sqlalchemy import Connection, Table, insert, update

from store import tables
from store.audit import record
from store.engine import Store
from tests.tui.screens.sections import settle
from tests.tui.scripted_desk import add_notice
from tests.tui.test_texts import LEGS, raw_keys
from tests.tui.waiting import until
from tests.tui.what_is_seen import seen
from tui.app import ConsoleApp
from tui.widgets.live_pane import LivePane

MARKUP = "[/b] [@click=app.quit]x[/] [INC-5]"
CONTROL = " a\x1b]0;title\x07b\x1b[31mc\x9b2Jd one\r\ntwo\nthree\rfour abc\u202edef\u2066"
HOSTILE = {
    # They hide nothing from each other: what takes markup for its own fails at the first, whatever comes after.
    "markup and control characters": MARKUP + CONTROL,
    "long and wide": "漢字" * 50 + "Ы" * 4000,
    "empty": "",
}
FORBIDDEN = "\x1b\x07\x9b\u202e\u2066\r"


def write_everywhere(store: Store, text: str) -> None:
    """Put a text wherever one from outside can be, past all checks."""

    def work(connection: Connection) -> None:
        def put(table: Table, **values: object) -> None:
            connection.execute(update(table).values(**values))

        put(tables.company, name=text, signature=text)
        put(tables.sending, sender_name=text)
        put(tables.connection_health, last_error=text, circuit="open")
        put(tables.dispatcher, host=text)
        connection.execute(insert(tables.rule_view).values(name=text, filter=text, sort=text, descending=True))
        put(tables.rule, titles={"ru": text, "en": text}, fixed_addresses=[text])
        first = tables.mail_connection
        connection.execute(
            update(first).where(first.c.id == 1).values(name=text, server=text, login=text, ca_file=text)
        )

        before, after = {"server": text, "login": ""}, {"server": "x", "login": text, text: text}
        record(connection, store.clock(), text, f"mail.connections:{text}", before, after)

        write_deadline(connection, store, text)

    store.write(work)
    add_notice(store, subject=text, name=text, number=text or "0", text=text)


def write_deadline(connection: Connection, store: Store, text: str) -> None:
    """An open deadline that passed long ago, of an object of which everything is from outside."""
    thing = {
        "type": "request", "external_id": text, "number": text, "status": text, "status_since": store.clock(),
        "seen_at": store.clock(), "data": {"title": text, "responsible": text, "team": text},
    }  # fmt: skip
    o = tables.object_
    key = connection.execute(insert(o).values(**thing).returning(o.c.id)).scalar_one()
    times: dict[str, Any] = {
        "started": 0,
        "due": 1,
        "since": 0,
        "expires": 1,
        "state": 0,
        "pauses": [],
        "acknowledged_at": 1,
    }
    row = {"object_key": key, "object_type": "request", "kind": text, "acknowledged_by": text, **times}
    connection.execute(insert(tables.deadline).values(**row))
    reached = {"fired_at": store.clock(), "due": store.clock(), "reached_at": 1, "outcome": text}
    ledger = {"object_key": key, "threshold": f"request:{text}:{text}", **reached}
    connection.execute(insert(tables.fired_threshold).values(**ledger))


@pytest.mark.no_cover  # it goes where others have been
@pytest.mark.parametrize("leg", LEGS, ids=lambda leg: next(iter(leg)))
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
async def test_every_screen_shows_it_as_it_is(store: Store, text: str, leg: dict[str, list[str]]) -> None:
    write_everywhere(store, text)
    app = ConsoleApp(store, start_dispatcher=False)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await until(pilot, lambda: app.screen.query_one(LivePane).rows)
        for name, keys in leg.items():
            for key in keys:
                await pilot.press(key)
                await settle(pilot)
            shown = seen(app)
            assert not set(shown) & set(FORBIDDEN), name
            if text.startswith(MARKUP):
                assert raw_keys(shown.replace(MARKUP, "")) == set(), name
                if name in {"letter", "connections", "event actions", "company", "open deadlines"}:
                    assert MARKUP in shown, name
            app.notify(text, title=text)
            await pilot.pause()
            while len(app.screen_stack) > 2:
                await pilot.press("escape")
                await settle(pilot)
        assert app.is_running
