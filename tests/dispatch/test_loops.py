"""Loops: what our own letters caused raises nothing, and people go on being told."""

from typing import Any

import pytest

from dispatch.cloudevents import parse_event
from dispatch.directory import Directory
from dispatch.dry_run import plan_text
from dispatch.intake import emit
from dispatch.loops import Ours, cause
from dispatch.plan import Plan, Rulebook, plan
from dispatch.planner import Planner
from store import message_ids
from store.cards import Company
from store.catalogue.standard import STANDARD
from store.engine import Store
from store.events import as_stored
from store.journal import delivery, story
from store.message_ids import message_id, thread_id
from store.outbox import page
from store.settings import save_sending
from tests.desk import NOON, PEOPLE, SENDING, TEAMS, event, furnish, lines

KEY = b"k" * 32
OURS = Ours.of(SENDING, KEY)
LETTER, THREAD = message_id(KEY, 7, NOON, "example.org"), thread_id(KEY, "request", "1", "example.org")
COMMENT = {"text": "Готово", "private": False}


def _plan(**mail: Any) -> Plan:
    found = as_stored(parse_event(event("request.comment_added", comment=COMMENT, mail=mail)), None)
    company = Company("ACME", notify_unregistered=True)
    return plan(found, Rulebook(STANDARD), Directory(PEOPLE, TEAMS), company, ours=OURS)


def _quiet(**mail: Any) -> str:
    made = _plan(**mail)
    if made.taken:
        return ""
    (card,) = made.decisions
    return card.reason


@pytest.mark.parametrize(
    ("mail", "reason"),
    [
        ({"message_id": LETTER}, "own_letter"),
        ({"message_id": LETTER.strip("<>"), "from": "olga@example.org"}, "own_letter"),
        ({"message_id": LETTER.replace("example.org", "before.example.org")}, "own_letter"),
        ({"message_id": LETTER.replace("@", "0@")}, ""),
        ({"message_id": f"<{'0' * 32}@example.org>"}, ""),
        ({"message_id": message_id(b"o" * 32, 7, NOON, "example.org")}, ""),
        ({"from": "Служба поддержки <ROBOT@example.org>"}, "own_sender"),
        ({"from": {"email": "help@example.org", "name": "Поддержка"}}, "own_sender"),
        ({"from": "olga@example.org", "auto_submitted": "auto-replied"}, "automatic_reply"),
        ({"from": "olga@example.org", "auto_submitted": "Auto-Replied; owner-email=x"}, "automatic_reply"),
        ({"auto_submitted": "auto-generated", "in_reply_to": LETTER}, "automatic_reply"),
        ({"auto_submitted": "auto-generated", "references": ["<a@b>", THREAD]}, "automatic_reply"),
        ({"auto_submitted": "auto-generated", "references": "<a@b>"}, ""),
        ({"from": "<>"}, "automatic_reply"),
        ({"from": "MAILER-DAEMON <>", "auto_submitted": "no"}, "automatic_reply"),
        ({"from": "olga@example.org", "in_reply_to": f"Ваше письмо {LETTER}", "references": THREAD}, ""),
        ({"from": "olga@example.org", "auto_submitted": "no", "message_id": "<a@pc.example.org>"}, ""),
        ({}, ""),
    ],
)
def test_what_our_letter_caused_raises_nothing(mail: dict[str, Any], reason: str) -> None:
    assert _quiet(**mail) == reason


def test_an_alarm_of_a_robot_tells_people_and_does_not_answer_the_robot() -> None:
    made = _plan(**{"from": "Olga <OLGA@example.org>", "auto_submitted": "auto-generated"})
    told = {who.address for one in made.taken for who in one.recipients}
    assert "ivanov@example.org" in told
    assert "olga@example.org" not in told
    assert {card.reason for card in made.decisions if card.recipient == "olga@example.org"} == {"automatic_sender"}


def test_without_a_letter_there_is_no_cause() -> None:
    assert cause(as_stored(parse_event(event()), None), OURS).quiet is None


def test_a_letter_that_comes_back_raises_nothing_and_the_answer_to_it_does(store: Store) -> None:
    """The same live and in a dry run, by the ids the letters really have."""
    furnish(store)
    save_sending(store, SENDING, "test")
    emit(store, lines(event()))
    Planner(store).plan_now()
    letter = next(row for row in page(store) if row.recipient_address == "olga@example.org")
    card = delivery(store, letter.id)
    assert card is not None
    assert message_ids.is_ours(store.keyring.derive(message_ids.PURPOSE), card.message_id)
    own = {"message_id": card.message_id, "from": "x@example.org"}
    human = {"message_id": "<1@pc.example.org>", "in_reply_to": card.message_id, "from": "olga@example.org"}
    text = lines(
        event("request.comment_added", key="back", comment=COMMENT, mail=own),
        event("request.comment_added", key="answer", comment=COMMENT, mail=human, actor="olga@example.org"),
    )
    dry = {one["event"]["id"]: one for one in plan_text(store, text)}
    emit(store, text)
    Planner(store).plan_now()
    (back,), (answer,) = story(store, "back"), story(store, "answer")
    assert [(one.reason, one.params["message_id"]) for one in back.decisions] == [("own_letter", card.message_id)]
    assert back.deliveries == ()
    assert {one.row.recipient_address for one in answer.deliveries} == {"ivanov@example.org"}
    for stored in (back, answer):
        decided = [(one["rule"], one["recipient"], one["reason"]) for one in dry[stored.external_id]["decisions"]]
        assert decided == [(one.rule_code, one.recipient, one.reason) for one in stored.decisions]
