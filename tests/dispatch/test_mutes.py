"""What is muted is left out with its reason, live and in the dry run, and counted; on both engines."""

from datetime import timedelta

import pytest

from dispatch.dry_run import plan_text
from dispatch.intake import emit
from dispatch.planner import Planner
from store import audit, journal, mutes
from store.cards import DecisionCard
from store.engine import Store
from store.errors import SettingsError
from store.mutes import list_mutes
from store.outbox import page
from store.status import read_status
from store.vocabulary import MuteKind
from tests.desk import NOON, HandClock, event, furnish, lines

RULE = "request.added.client.email"
HOUR = timedelta(hours=1)


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def store(store: Store) -> Store:
    furnish(store)
    emit(store, lines(event(number=1)))
    Planner(store).plan_now()
    return store


def happen(store: Store, number: int, **data: str) -> list[DecisionCard]:
    """Somebody makes a request; gives what was muted of it."""
    emit(store, lines(event(number=number, **data)))
    assert Planner(store).plan_now() == 1
    (story,) = journal.story(store, f"RP-{number}")
    return [card for card in story.decisions if card.reason == "muted"]


def told(store: Store, number: int) -> set[tuple[str, str]]:
    return {(row.channel.value, row.recipient_address) for row in page(store) if row.object_number == f"RP-{number}"}


EVERYBODY = {("email", "olga@example.org"), ("email", "ivanov@example.org"), ("interface", "ivanov@example.org")}


def test_a_muted_rule_tells_nobody_until_its_time_is_over(store: Store, clock: HandClock) -> None:
    before = audit.settings_revision(store)
    one = mutes.mute(store, MuteKind.RULE, RULE, NOON + HOUR, " проводим\nработы ", "olga")
    assert audit.settings_revision(store) > before, "dispatchers must hear of it"
    (dry,) = plan_text(store, lines(event(number=2)))
    (left_out,) = happen(store, 2)
    assert left_out == DecisionCard(
        RULE, "olga@example.org", taken=False, reason="muted",
        params={"role": "client", "mute": str(one.id), "kind": "rule", "until": "2026-11-23T16:00+03:00", "who": "olga",
                "why": "проводим работы"},
    )  # fmt: skip
    assert [card["params"] for card in dry["decisions"] if card["reason"] == "muted"] == [left_out.params]
    assert told(store, 2) == EVERYBODY - {("email", "olga@example.org")}
    (shown,) = read_status(store).mutes
    assert (shown.key, shown.left_out, shown.over_at) == (RULE, 1, NOON + HOUR)
    clock.forward(minutes=60)
    assert read_status(store).mutes == ()
    assert happen(store, 3, key="late"), "it happened while it was muted, though it is planned after"
    late = {**event(number=4), "time": clock.now.isoformat()}
    emit(store, lines(late))
    Planner(store).plan_now()
    assert told(store, 4) == EVERYBODY


def test_what_is_planned_while_it_is_muted_is_left_out_however_old_it_is(store: Store, clock: HandClock) -> None:
    emit(store, lines(event(number=2)))
    clock.forward(minutes=10)
    mutes.mute(store, MuteKind.OBJECT, "RP-2", clock.now + HOUR, "flood", "olga")
    Planner(store).plan_now()
    assert told(store, 2) == set()
    assert [one.left_out for one in list_mutes(store)] == [3]


def test_a_muted_person_is_told_nothing_over_any_channel(store: Store) -> None:
    mutes.mute(store, MuteKind.PERSON, "IVANOV", NOON + HOUR, "в отпуске", "olga")
    assert {card.recipient for card in happen(store, 2)} == {"ivanov@example.org"}
    assert told(store, 2) == {("email", "olga@example.org")}


def test_a_mute_is_ended_begun_again_and_prolonged(store: Store, clock: HandClock) -> None:
    one = mutes.mute(store, MuteKind.OBJECT, "RP-1", NOON + HOUR, "why", "olga")
    clock.forward(minutes=5)
    ended = mutes.end(store, one.id, "ivan")
    assert (ended.over_at, ended.ended_by) == (clock.now, "ivan")
    assert list_mutes(store) == []
    assert list_mutes(store, over=True) == [ended]
    assert mutes.begin_again(store, one.id, "ivan") == one
    longer = mutes.prolong(store, one.id, clock.now + 3 * HOUR, "ivan")
    assert longer.until == clock.now + 3 * HOUR
    assert mutes.prolong(store, one.id, one.until, "ivan") == one, "so it is undone"
    found = [(entry.what, entry.who) for entry in audit.page(store, what="mutes")]
    assert found == [
        ("mutes:prolong", "ivan"), ("mutes:prolong", "ivan"), ("mutes:again", "ivan"), ("mutes:end", "ivan"),
        ("mutes:mute", "olga"),
    ]  # fmt: skip
    clock.forward(hours=1)
    for deed in (mutes.end, mutes.begin_again):
        with pytest.raises(SettingsError) as refused:
            deed(store, one.id, "ivan")
        assert refused.value.key == "mute_over"


def test_what_cannot_be_muted_is_refused_with_the_reason(store: Store, clock: HandClock) -> None:
    def refusal(kind: MuteKind, key: str, until: timedelta = HOUR, reason: str = "why") -> str:
        with pytest.raises(SettingsError) as refused:
            mutes.mute(store, kind, key, clock.now + until, reason, "olga")
        return refused.value.key

    assert refusal(MuteKind.RULE, "request.nothing") == "no_such_rule"
    assert refusal(MuteKind.OBJECT, "RP-99") == "no_such_object"
    assert refusal(MuteKind.PERSON, "nobody") == "address"
    assert refusal(MuteKind.RULE, RULE, reason=" \n") == "mute_reason"
    assert refusal(MuteKind.RULE, RULE, reason="x" * 201) == "long"
    assert refusal(MuteKind.RULE, RULE, timedelta(0)) == "mute_until"
    assert refusal(MuteKind.RULE, RULE, timedelta(days=400)) == "mute_until"
    mutes.mute(store, MuteKind.PERSON, "Olga@example.org", clock.now + HOUR, "why", "olga")
    assert refusal(MuteKind.PERSON, "OLGA@example.ORG") == "muted_already"
    assert list_mutes(store)[0].key == "Olga@example.org"
    with pytest.raises(SettingsError) as refused:
        mutes.end(store, 99, "olga")
    assert refused.value.key == "no_mute"
