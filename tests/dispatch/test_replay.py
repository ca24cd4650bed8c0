"""The replay: what a change of the rules would have made of the events of the last days."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from dispatch.edit import Edit
from dispatch.intake import emit
from dispatch.plan import Plan, Rulebook
from dispatch.planner import Settings, planned
from dispatch.replay import ADDED, ALTERED, GONE, PORTION, replay
from dispatch.told import Told
from store import tables
from store.addresses import mailbox_key
from store.cards import Company
from store.engine import Store
from store.events import StoredEvent
from store.past_events import ids_since, newest_of, of_kinds, with_id
from store.rulebook import list_rules, save_rule, set_enabled
from store.rules import OwnText, Rule
from store.settings import save_company
from store.vocabulary import Channel, EventType, Role, RuleKind
from tests.desk import NOON, HandClock, event, furnish, lines, open_store
from tests.dispatch.any_desk import Kind, directories, documents, kinds, own_rules, refurnish, rulebooks

OWN = Rule(
    "own.email", RuleKind.EVENT_ACTION, {"ru": "Своё", "en": "Own"}, "request", EventType.COMMENT_ADDED,
    Channel.EMAIL, (Role.CLIENT,), "comment.client", tell_actor=True, standard=False,
)  # fmt: skip
DAY = timedelta(days=1)


@pytest.fixture
def clock() -> HandClock:
    return HandClock(NOON)


def furnished(store: Store) -> Store:
    """With one rule that is on, and three comments on two requests."""
    furnish(store)
    set_enabled(store, [rule.code for rule in list_rules(store)], False, "test")
    save_rule(store, OWN, "test")
    comments = [
        event("request.comment_added", 1 + number % 2, f"c{number}", comment={"text": "!"}) for number in range(3)
    ]
    emit(store, lines(*comments, event(key="other")))
    return store


@pytest.fixture
def desk(tmp_path: Path, clock: HandClock) -> Iterator[Store]:
    """A desk with one rule that is on, and three comments on two requests."""
    store = open_store(tmp_path, clock)
    yield furnished(store)
    store.close()


def difference(store: Store, rule: Rule | None, code: str = OWN.code) -> Any:
    return replay(store, Edit({code: rule}), NOON - DAY)


def test_more_recipients_are_more_letters_with_the_reasons_before_and_after(desk: Store) -> None:
    found = difference(desk, replace(OWN, recipients=(Role.CLIENT, Role.RESPONSIBLE)))
    assert (found.events, found.concerned, found.whole) == (3, 3, True)
    assert found.counts == Counter({(ADDED, Channel.EMAIL): 3})
    assert found.newly_told == {"ivanov@example.org": "Иван Иванов"}
    assert found.no_longer_told == {}
    example = found.examples[0]
    assert (example.before.reason, example.after.reason) == ("not_in_role", "told")
    assert example.event.object_number == "RP-1"


def test_a_rule_switched_off_or_deleted_is_letters_gone(desk: Store) -> None:
    for rule, reason in ((replace(OWN, enabled=False), "rule_off"), (None, "no_such_rule")):
        found = difference(desk, rule)
        assert found.counts == Counter({(GONE, Channel.EMAIL): 3})
        assert found.no_longer_told == {"olga@example.org": "Ольга Смирнова"}
        assert {(one.before.reason, one.after.reason) for one in found.examples} == {("told", reason)}


def test_another_channel_is_letters_gone_and_notifications_added(desk: Store) -> None:
    found = difference(desk, replace(OWN, channel=Channel.INTERFACE))
    assert found.counts == Counter({(GONE, Channel.EMAIL): 3, (ADDED, Channel.INTERFACE): 3})
    assert not found.newly_told
    assert not found.no_longer_told


def test_other_words_and_other_hours_alter_letters(desk: Store) -> None:
    text = OwnText("Тема", "Строка", "Текст")
    assert difference(desk, replace(OWN, texts={"ru": text})).counts == Counter({(ALTERED, Channel.EMAIL): 3})
    assert difference(desk, replace(OWN, texts={"en": text})).counts == Counter()
    save_company(desk, Company("ACME", timezone="Europe/Moscow", working_hours={"tue": "09:00-18:00"}), "test")
    assert difference(desk, replace(OWN, working_hours=True)).counts == Counter({(ALTERED, Channel.EMAIL): 3})


def test_once_in_a_while_is_counted_from_the_events_themselves(desk: Store) -> None:
    found = difference(desk, replace(OWN, once_minutes=60))
    assert found.counts == Counter({(GONE, Channel.EMAIL): 1})
    assert [one.after.reason for one in found.examples] == ["told_recently"]


def test_an_added_rule_and_one_moved_to_another_event_count_both_kinds(desk: Store) -> None:
    assert difference(desk, replace(OWN, code="own.more"), "own.more").counts == Counter()  # told already
    moved = difference(desk, replace(OWN, event_type=EventType.ADDED))
    assert moved.counts == Counter({(GONE, Channel.EMAIL): 3, (ADDED, Channel.EMAIL): 1})
    assert moved.events == 4


def test_what_changes_nothing_looks_at_nothing(desk: Store) -> None:
    found = difference(desk, OWN)
    assert (found.events, found.counts, found.whole) == (0, Counter(), True)


def test_only_the_last_days_are_gone_over(desk: Store, clock: HandClock) -> None:
    clock.forward(days=2)
    emit(desk, lines(event("request.comment_added", 5, "late", comment={"text": "!"})))
    found = difference(desk, None)
    assert found.events == 4
    assert replay(desk, Edit({OWN.code: None}), clock.now - DAY).events == 1


def test_it_tells_how_far_it_is_and_can_be_stopped(desk: Store) -> None:
    many = [
        event("request.comment_added", number, f"m{number}", comment={"text": "!"}) for number in range(2 * PORTION)
    ]
    emit(desk, lines(*many))
    told: list[tuple[int, int]] = []

    def progress(done: int, total: int) -> bool:
        told.append((done, total))
        return done < PORTION

    found = replay(desk, Edit({OWN.code: None}), NOON - DAY, progress)
    assert told == [(0, 2 * PORTION + 4), (PORTION, 2 * PORTION + 4)]
    assert not found.whole
    assert 0 < found.events <= PORTION
    assert len(found.examples) == 40


def test_an_event_that_cannot_be_planned_does_not_end_it(desk: Store) -> None:
    desk.write(
        lambda connection: connection.execute(tables.event.update().where(tables.event.c.id == 1).values(data={}))
    )
    assert difference(desk, None).events == 3
    assert difference(desk, None).count(GONE) == 2


def test_past_events_are_found_by_moment_kind_and_id(store: Store, clock: HandClock) -> None:
    desk = furnished(store)
    clock.forward(hours=1)
    emit(desk, lines(event(key="later")))
    with desk.read() as connection:
        assert ids_since(connection, NOON) == (0, 5)
        assert ids_since(connection, NOON + timedelta(minutes=1)) == (4, 5)
        assert ids_since(connection, clock.now + timedelta(minutes=1)) == (5, 5)
        assert [one.external_id for one in of_kinds(connection, {("request", "added")}, 0, 4)] == ["other"]
        assert [one.id for one in newest_of(connection, ("request", "comment_added"), 2)] == [3, 2]
        found = with_id(connection, 2)
        assert found is not None
        assert found.object_number == "RP-2"
        assert with_id(connection, 99) is None


@pytest.fixture(scope="module")
def any_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """One store for all examples, emptied before each."""
    folder: Path = tmp_path_factory.mktemp("desk")
    store = open_store(folder, HandClock(NOON))
    yield store
    store.close()


@st.composite
def edits(draw: st.DrawFn, rules: Sequence[Rule], kind: Kind) -> Edit:
    """Some rules changed, added, switched over or deleted."""
    changes: dict[str, Rule | None] = {}
    for rule in draw(st.lists(st.sampled_from(rules), min_size=1, max_size=2, unique_by=lambda rule: rule.code)):
        other = replace(
            draw(own_rules(rule.code, draw(st.sampled_from([kind, draw(kinds())])))), standard=rule.standard
        )
        changes[rule.code] = draw(st.sampled_from([None, replace(rule, enabled=not rule.enabled), other, rule]))
    if draw(st.booleans()):
        changes["own.new"] = draw(own_rules("own.new", kind))
    return Edit(changes)


def told_of(plans: Sequence[Plan]) -> Counter[tuple[int, Channel, str]]:
    return Counter(
        (number, taken.rule.channel, mailbox_key(who.address) or who.name)
        for number, made in enumerate(plans)
        for taken in made.taken
        for who in taken.recipients
    )


@pytest.mark.no_cover  # Hypothesis goes many times where the others have been
@settings(max_examples=max(25, settings().max_examples // 10))
@given(st.data(), kinds(), directories())
def test_a_replay_is_the_whole_rulebook_planned_twice_over_all_events(
    any_store: Store, data: st.DataObject, kind: Kind, directory: Any
) -> None:
    """Events of other kinds are left out by the replay: they would not have made a difference."""
    store, (people, teams) = any_store, directory
    rules = data.draw(rulebooks(kind))
    edit = data.draw(edits([rule for rule in rules if not rule.standard], kind))
    count = data.draw(st.integers(1, 6))
    made = [data.draw(documents(data.draw(kinds() | st.just(kind)), 1, f"e{number}")) for number in range(count)]

    refurnish(store, teams, people, rules)
    emit(store, lines(*made))
    found = replay(store, edit, NOON - DAY)

    with store.read() as connection:
        now = Settings.read(connection, store)
        then = replace(now, rules=Rulebook(edit.applied(rules)))
        everything = {(one.object_type, one.event_type) for one in _all(connection)}
        events = of_kinds(connection, everything, 0, 10**6)
    told_now, told_then = Told(now.rules.seldom), Told(then.rules.seldom)
    before = told_of([planned(one, now, told_now) for one in events])
    after = told_of([planned(one, then, told_then) for one in events])
    assert max([*before.values(), *after.values()], default=0) <= 1
    assert found.count(ADDED) == (after - before).total()
    assert found.count(GONE) == (before - after).total()
    concerned = edit.kinds(rules)
    assert found.events == sum((one.object_type, one.event_type) in concerned for one in events)


def _all(connection: Connection) -> list[StoredEvent]:
    return [one for row in connection.execute(tables.event.select()) if (one := with_id(connection, row.id))]
