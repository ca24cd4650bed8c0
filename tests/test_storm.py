"""A storm from one end to the other: a thousand events in a burst, a real dispatcher and a real mail server."""

import asyncio
from collections import Counter
from pathlib import Path

from sqlalchemy import func, select

from dispatch.daemon import run
from dispatch.intake import emit
from store import tables
from store.journal import story
from store.vocabulary import Channel, DeliveryState
from tests.desk import HandClock, event, furnish, lines, open_store
from tests.mail_server import MailServer

EVENTS = 1_000
SINGLE = 100
"""What one person gets about one object as it ships."""
PEOPLE = ("olga@example.org", "ivanov@example.org")


def test_a_thousand_events_about_one_object_are_some_letters_and_one_digest_each(tmp_path: Path) -> None:
    clock = HandClock()
    with MailServer(tmp_path) as server:
        store = open_store(tmp_path, clock)
        furnish(store, port=server.port)
        comment = {"text": "Готово", "private": False}
        emit(store, lines(*(event("request.comment_added", 7, f"e{n}", comment=comment) for n in range(EVENTS))))
        asyncio.run(run(store, until_idle=True))
        assert Counter(letter.rcpt_to for letter in server.letters) == dict.fromkeys(PEOPLE, SINGLE)
        clock.forward(minutes=10)
        asyncio.run(run(store, until_idle=True))
        asyncio.run(run(store, until_idle=True))
        assert Counter(letter.rcpt_to for letter in server.letters) == dict.fromkeys(PEOPLE, SINGLE + 1)
        for letter in server.letters[-2:]:
            assert str(letter.message["Subject"]).startswith(f"{EVENTS - SINGLE} уведомлений за 10 минут: RP-7 «")
            assert letter.message["Auto-Submitted"] == "auto-generated"
        d = tables.delivery
        query = (
            select(d.c.recipient_address, d.c.state, d.c.digest_id, func.count().label("letters"))
            .where(d.c.channel == Channel.EMAIL.value)
            .group_by(d.c.recipient_address, d.c.state, d.c.digest_id)
        )
        with store.read() as connection:
            rows = connection.execute(query).all()
        digests = {row.recipient_address: row.digest_id for row in rows if row.digest_id is not None}
        assert sorted((row.recipient_address, DeliveryState(row.state), row.letters) for row in rows) == sorted(
            entry
            for who in PEOPLE
            for entry in ((who, DeliveryState.SENT, SINGLE + 1), (who, DeliveryState.CANCELLED, EVENTS - SINGLE))
        )
        for number in (0, SINGLE, EVENTS - 1):
            (card,) = story(store, f"e{number}")
            told = {one.row.recipient_address: one for one in card.deliveries if one.row.channel is Channel.EMAIL}
            assert {who: one.digest_id for who, one in told.items()} == (
                dict.fromkeys(PEOPLE) if number < SINGLE else digests
            )
        for who, digest_id in digests.items():
            (card,) = story(store, f"D{digest_id}")
            (decision,) = card.decisions
            assert (decision.recipient, decision.params["letters"]) == (who, str(EVENTS - SINGLE))
        store.close()
