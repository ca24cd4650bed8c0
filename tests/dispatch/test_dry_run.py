"""The dry run says what the dispatcher would do, and does nothing."""

from dataclasses import replace
from pathlib import Path

from dispatch.dry_run import plan_text
from dispatch.intake import emit
from dispatch.planner import Planner
from store.journal import story
from store.outbox import page
from store.rulebook import list_rules, save_rule
from tests.desk import event, furnish, lines, open_store


def test_the_dry_run_and_the_dispatcher_decide_alike(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    furnish(store)
    text = lines(event(observers=["boss"]), event("request.comment_added", comment={"text": "Готово"}, actor="ivanov"))
    planned = plan_text(store, text)
    assert story(store, "RP-1") == []
    emit(store, text)
    while Planner(store).plan_now():
        pass
    for document in planned:
        (told,) = story(store, document["event"]["id"])
        recorded = [(card.rule_code, card.recipient, card.taken, card.reason) for card in told.decisions]
        assert recorded == [(d["rule"], d["recipient"], d["taken"], d["reason"]) for d in document["decisions"]]
        letters = {(r["address"], n["subject"]) for n in document["notifications"] for r in n["recipients"]
                   if n["channel"] == "email"}  # fmt: skip
        sent = {(d.row.recipient_address, d.row.subject) for d in told.deliveries if d.row.channel.value == "email"}
        assert letters == sent
    store.close()


def test_an_event_after_others_is_planned_on_what_they_and_the_store_know(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    furnish(store)
    emit(store, lines(event()))
    bare = event("request.status_changed", changes={"status": {"to": "closed"}})
    bare["data"]["object"] = {"id": "1"}
    (document,) = plan_text(store, lines(bare))
    subjects = {note["subject"] for note in document["notifications"]}
    assert "RP-1 закрыта: Не печатает принтер [этаж 3]" in subjects
    assert page(store) == []
    store.close()


def test_what_is_no_event_is_named_by_its_line(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    first, second = plan_text(store, "{}\n" + lines(event()))
    assert first == {"line": 1, "rejected": 'specversion: must be "1.0"'}
    assert second["line"] == 2
    store.close()


def test_what_emitting_would_drop_is_marked_and_planned_all_the_same(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    furnish(store)
    emit(store, lines(event(key="known")))
    again = event("request.status_changed", key="new", status="closed")
    documents = plan_text(store, lines(event(key="known"), again, {**again, "type": "request.edited"}))
    assert [document["duplicate"] for document in documents] == [True, False, True]
    assert documents[0]["notifications"]
    store.close()


def test_what_emitting_would_drop_says_nothing_to_the_events_after_it(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    furnish(store)
    bare = event("request.comment_added", comment={"text": "Готово"})
    bare["data"]["object"] = {"id": "1"}
    documents = plan_text(store, lines(event(), event(client="john@example.org"), bare))
    told = {who["address"] for note in documents[2]["notifications"] for who in note["recipients"]}
    assert "olga@example.org" in told
    assert "john@example.org" not in told
    store.close()


def test_what_emitting_would_drop_does_not_count_as_told_lately(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    furnish(store)
    (rule,) = [rule for rule in list_rules(store) if rule.code == "request.added.client.email"]
    save_rule(store, replace(rule, once_minutes=30), "test")
    first, third = event(key="one"), event(key="two", client="john@example.org")
    documents = plan_text(store, lines(first, event(key="one", client="john@example.org"), third))
    told = [[d["recipient"] for d in one["decisions"] if d["rule"] == rule.code and d["taken"]] for one in documents]
    assert told == [["olga@example.org"], ["john@example.org"], ["john@example.org"]]
    store.close()
