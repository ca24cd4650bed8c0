"""The trial of one event on rules nobody has saved: decisions, words, letters down to the bytes."""

import email
import email.policy
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from dispatch.cloudevents import EventError, parse_event
from dispatch.directory import Directory
from dispatch.edit import Edit
from dispatch.intake import emit
from dispatch.plan import Rulebook, plan
from dispatch.planner import Planner
from dispatch.samples import sample_event
from dispatch.trial import made_up_event, stored_event, try_event
from store.cards import Company
from store.catalogue.standard import STANDARD
from store.engine import Store
from store.events import StoredEvent, as_stored
from store.journal import delivery, story
from store.rulebook import list_rules, save_rule, set_enabled
from store.rules import OwnText, Repeat, Rule, Threshold
from store.settings import save_sending
from store.vocabulary import Channel, DeadlineKind, EventType, Language, Role, RuleKind
from tests.desk import NOON, PEOPLE, SENDING, TEAMS, event, furnish, lines, open_store

OWN = Rule(
    "own.email", RuleKind.EVENT_ACTION, {"ru": "Своё", "en": "Own"}, "request", EventType.COMMENT_ADDED,
    Channel.EMAIL, (Role.CLIENT,), "comment.client", tell_actor=True, standard=False,
)  # fmt: skip
COMMENT = event("request.comment_added", 1, "c1", comment={"text": "Готово"})


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Store]:
    store = open_store(tmp_path)
    furnish(store)
    set_enabled(store, [rule.code for rule in list_rules(store)], False, "test")
    yield store
    store.close()


def test_a_stored_event_is_tried_on_an_unsaved_rule_in_both_languages_and_nothing_is_written(desk: Store) -> None:
    emit(desk, lines(COMMENT))
    found = stored_event(desk, 1)
    assert found is not None
    text = OwnText("Ответ по {{ object.number }}", "{{ object.number }}", "{{ comment.text }} & <b>")
    rule = replace(OWN, recipients=(Role.CLIENT, Role.FIXED), fixed_addresses=("john@example.org",), texts={"ru": text})
    tried = try_event(desk, Edit.of(rule), found, rule)
    told = {card.recipient: card.reason for card in tried.decisions if card.rule_code == OWN.code and card.recipient}
    assert told == {"olga@example.org": "told", "john@example.org": "told"}
    russian, english = tried.samples[OWN.code].values()
    assert [who.address for who in russian.recipients] == ["olga@example.org"]
    assert [who.address for who in english.recipients] == ["john@example.org"]
    assert russian.note is not None
    assert english.note is not None
    assert russian.note.subject == "Ответ по RP-1"
    assert english.note.subject.startswith("RP-1")
    assert "Готово &amp; &lt;b&gt;" in russian.note.html
    letter = email.message_from_string(russian.raw, policy=email.policy.default)
    assert letter["subject"] == "Ответ по RP-1"
    assert letter["to"].addresses[0].addr_spec == "olga@example.org"
    assert letter["from"].addresses[0].addr_spec == "vestnik@example.com", "a store without sending parameters"
    body = letter.get_body(("plain",))
    assert body is not None
    assert body.get_content().startswith("Готово & <b>")
    assert OWN.code not in {rule.code for rule in list_rules(desk)}
    assert [card.reason for card in story(desk, "RP-1")[0].decisions] == []


def test_the_letter_tried_is_the_letter_sent(desk: Store) -> None:
    save_sending(desk, SENDING, "test")
    save_rule(desk, OWN, "test")
    emit(desk, lines(COMMENT))
    Planner(desk).plan_now()
    found = stored_event(desk, 1)
    assert found is not None
    sample = try_event(desk, Edit({}), found, OWN).samples[OWN.code][Language.RU]
    sent = delivery(desk, 1)
    assert sent is not None
    assert sample.note is not None
    assert (sample.note.subject, sample.note.text, sample.note.html) == (sent.row.subject, sent.text, sent.html)
    letter = email.message_from_string(sample.raw, policy=email.policy.default)
    assert letter["reply-to"] == "help@example.org"
    assert letter["from"].addresses[0].addr_spec == "robot@example.org"


def test_what_was_told_before_an_event_counts_and_what_came_of_itself_does_not(desk: Store) -> None:
    save_rule(desk, OWN, "test")
    later = {**COMMENT, "id": "c2", "time": (NOON + timedelta(minutes=5)).isoformat()}
    emit(desk, lines(COMMENT, later))
    Planner(desk).plan_now()
    rule = replace(OWN, once_minutes=30)
    reasons = [
        [card.reason for card in try_event(desk, Edit.of(rule), found, rule).decisions if card.rule_code == rule.code]
        for key in (1, 2)
        if (found := stored_event(desk, key))
    ]
    assert reasons == [["told"], ["told_recently"]]


def test_a_made_up_event_is_merged_with_what_is_known_and_a_bad_one_names_its_field(desk: Store) -> None:
    emit(desk, lines(event()))
    bare = {**COMMENT, "data": {"object": {"id": "1"}, "comment": {"text": "Готово"}}}
    tried = try_event(desk, Edit.of(OWN), made_up_event(desk, lines(bare)), OWN)
    assert [card.recipient for card in tried.decisions if card.taken] == ["olga@example.org"]
    with pytest.raises(EventError, match=r"data\.object\.client"):
        made_up_event(desk, lines({**COMMENT, "data": {"object": {"id": "1", "client": ["x"]}}}))
    with pytest.raises(EventError, match="line 2 column 10"):
        made_up_event(desk, '{\n "data": }')
    with pytest.raises(EventError, match="one event"):
        made_up_event(desk, "[]")


@pytest.mark.parametrize("rule", STANDARD, ids=lambda rule: rule.code)
def test_for_every_kind_there_is_an_event_that_can_be_made_up_and_fits_the_rule(rule: Rule) -> None:
    document = sample_event(rule, PEOPLE, TEAMS, Language.RU, NOON)
    found = as_stored(parse_event(document), None)
    assert (found.object_type, found.event_type) == (rule.object_type, rule.event_type.value)
    directory, company = Directory(PEOPLE, TEAMS), Company("ACME")
    made = plan(found, Rulebook([rule]), directory, company)
    (left, *_) = made.decisions
    assert left.reason not in {"other_threshold", "other_status", "other_old_status", "condition_error", "no_rule"}


def test_words_that_cannot_be_filled_in_say_so_beside_those_that_take_their_place(desk: Store) -> None:
    emit(desk, lines(COMMENT))
    found = stored_event(desk, 1)
    assert found is not None
    rule = replace(OWN, texts={"ru": OwnText("{{ object.attributes.vip }}", "s", "b")})
    tried = try_event(desk, Edit.of(rule), found, rule)
    sample = tried.samples[OWN.code][Language.RU]
    assert "vip" in sample.problem
    assert sample.note is not None
    assert "own_text_failed" in [card.reason for card in tried.decisions]


def test_a_rule_left_out_is_shown_all_the_same_and_one_for_the_interface_has_no_letter(desk: Store) -> None:
    emit(desk, lines(COMMENT))
    found = stored_event(desk, 1)
    assert found is not None
    rule = replace(OWN, channel=Channel.INTERFACE, condition="comment.private", reason="private_comment")
    tried = try_event(desk, Edit.of(rule), found, rule)
    sample = tried.samples[OWN.code][Language.EN]
    assert (sample.recipients, sample.raw) == ((), "")
    assert sample.note is not None
    assert "private_comment" in [card.reason for card in tried.decisions]


def test_an_event_that_cannot_be_planned_says_why(desk: Store) -> None:
    emit(desk, lines(COMMENT))
    found = stored_event(desk, 1)
    assert found is not None
    tried = try_event(desk, Edit.of(OWN), replace(found, data={}), OWN)
    assert [card.reason for card in tried.decisions] == ["planning_failed"]
    assert tried.samples == {}


def test_no_header_comes_from_a_subject_and_html_is_escaped_linked_and_keeps_its_lines(desk: Store) -> None:
    hostile = event(
        "request.comment_added", 1, "c1", title="a\r\nBcc: evil@example.net\x0b\u2028x", comment={"text": "!"}
    )
    emit(desk, lines(hostile))
    found = stored_event(desk, 1)
    assert found is not None
    title = "a\r\nBcc: evil@example.net\r\n\r\nbody"  # past the intake, which cleans
    found = replace(found, title=title, data={**found.data, "object": {**found.data["object"], "title": title}})
    body = "<b>{{ object.number }}</b>\nсм. {{ object.url }}\n\nhttps://example.org/?a=1&b=<x>"
    rule = replace(OWN, texts={"ru": OwnText("{{ object.title }}{{ '\\r\\nCc: e@example.net' }}", "s", body)})
    sample = try_event(desk, Edit.of(rule), found, rule).samples[OWN.code][Language.RU]
    letter = email.message_from_string(sample.raw, policy=email.policy.default)
    assert letter["bcc"] is None
    assert letter["cc"] is None
    assert [name for name, _ in letter.items()].count("Subject") == 1
    assert letter["subject"] == "a Bcc: evil@example.net body Cc: e@example.net"
    assert sample.note is not None
    html = sample.note.html
    assert "&lt;b&gt;RP-1&lt;/b&gt;<br>" in html
    assert '<a href="https://desk.example.org/RP-1">https://desk.example.org/RP-1</a>' in html
    assert '<a href="https://example.org/?a=1&amp;b=">' in html
    assert "<b>" not in html
    assert "<x>" not in html


LATE = replace(
    OWN, code="own.late", kind=RuleKind.ESCALATION, event_type=EventType.DEADLINE, deadline=DeadlineKind.RESOLUTION,
    threshold=Threshold("at_due"), recipients=(Role.RESPONSIBLE,), template="deadline.staff",
)  # fmt: skip


def clock_event(**said: object) -> StoredEvent:
    """An event of the clock about a deadline that was due at noon; another rule waited for it."""
    made = event("request.deadline", 1, "d1")
    given = {"kind": "resolution", "due": NOON.isoformat(), "threshold": "request:resolution:at_due:0"}
    stored = as_stored(parse_event(made), None)
    # A desk cannot say all of this: only the clock does.
    return replace(stored, data={**stored.data, "deadline": {**given, "rules": ["another"], **said}})


@pytest.mark.parametrize(
    ("said", "rule", "reason", "words"),
    [
        ({}, LATE, "told", "наступил"),
        ({"reached": NOON.isoformat()}, LATE, "told", "Сообщаем с опозданием: порог был пройден 23.11.2026 15:00"),
        ({"again": 30}, replace(LATE, repeat=Repeat(30, 2)), "told", "Напоминаем ещё раз"),
        ({"again": 60}, replace(LATE, repeat=Repeat(30, 2)), "told", "Напоминаем ещё раз"),
        ({"again": 90}, replace(LATE, repeat=Repeat(30, 2)), "not_waiting", ""),
        ({"again": 40}, replace(LATE, repeat=Repeat(30, 2)), "not_waiting", ""),
        ({"again": 30}, LATE, "not_waiting", ""),
        ({}, replace(LATE, threshold=Threshold("minutes_after", 5)), "other_threshold", ""),
    ],
    ids=str,
)
def test_an_escalation_is_tried_on_an_event_of_the_clock_as_if_it_had_waited_for_it(
    desk: Store, said: dict[str, object], rule: Rule, reason: str, words: str
) -> None:
    tried = try_event(desk, Edit.of(rule), clock_event(**said), rule)
    found = {card.reason for card in tried.decisions if card.rule_code == rule.code}
    assert reason in found
    note = tried.samples[rule.code][Language.RU].note
    assert note is not None
    assert words in note.text
    assert ("опозданием" in note.text, "ещё раз" in note.text) == ("reached" in said, "again" in said)


@pytest.mark.parametrize(
    ("threshold", "left"),
    [(Threshold("at_due"), 0), (Threshold("minutes_after", 30), -30), (Threshold("minutes_before", 45), 45),
     (Threshold("percent_left", 25), 60)],
    ids=str,
)  # fmt: skip
def test_a_made_up_event_is_of_the_moment_the_threshold_is_reached(threshold: Threshold, left: int) -> None:
    made = sample_event(replace(LATE, threshold=threshold), PEOPLE, TEAMS, Language.RU, NOON)
    due = datetime.fromisoformat(made["data"]["deadline"]["due"])
    assert due - NOON == timedelta(minutes=left)
