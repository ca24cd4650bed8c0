"""Live, dry run and replay are one: they decide alike, tell the same people and write the same, on any desk."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import event as label
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import update

from dispatch import told as lately
from dispatch.compose import to_html, with_signature
from dispatch.dry_run import plan_text
from dispatch.intake import emit
from dispatch.planner import Draft, Note, Planner, Settings, draft
from store import tables
from store.cards import Company, DecisionCard, DeliveryCard, EventCard
from store.engine import Store
from store.events import unplanned
from store.journal import story
from store.settings import save_company, save_sending
from store.vocabulary import Channel, DeliveryState
from tests.conftest import KEY
from tests.desk import SENDING, lines, open_store
from tests.dispatch.any_desk import directories, documents, kinds, refurnish, rulebooks

pytestmark = pytest.mark.no_cover  # it goes, a hundred times, where others have been
SIGNATURE = "С уважением, служба поддержки"
Decision = tuple[str, str, bool, str, dict[str, str]]
Told = tuple[str, str, str, str, str, str]
"""Rule, recipient's name and address, subject, text, HTML."""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """One store for all examples, emptied before each: to open one takes longer than an example."""
    folder: Path = tmp_path_factory.mktemp("desk")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VESTNIK_KEY", KEY)  # events may come from letters of this desk
        store = open_store(folder)
        save_sending(store, SENDING, "test")
        yield store
        store.close()


@st.composite
def texts(draw: st.DrawFn, rules: Any) -> str:
    """Some events of two objects, as a desk posts them; one may stand there twice."""
    made: list[dict[str, Any]] = []
    for number in range(draw(st.integers(1, 5))):
        rule = draw(st.sampled_from(rules))
        kind = (rule.object_type, rule.event_type)
        document = draw(documents(kind, draw(st.sampled_from([1, 2])), draw(st.sampled_from([f"e{number}", "e0"]))))
        if draw(st.booleans()):
            document["data"]["object"] = {"id": document["data"]["object"]["id"]}  # the rest is known, or is not
        made.append(document)
    return lines(*made)


def told_by(card: EventCard) -> list[Told]:
    """What is stored of an event's deliveries."""
    return sorted(_stored(one) for one in card.deliveries)


def _stored(one: DeliveryCard) -> Told:
    row = one.row
    return row.rule_code, row.recipient_name, row.recipient_address, row.subject, one.text, one.html


def told_in(document: dict[str, Any]) -> list[Told]:
    """What the dry run says of an event, as it would be stored."""
    told: list[Told] = []
    for note in document["notifications"]:
        letter = note["channel"] == Channel.EMAIL.value
        subject = note["subject"] if letter else note["short"]
        text = with_signature(note["text"], SIGNATURE) if letter else note["text"]
        html = to_html(note["text"], SIGNATURE) if letter else ""
        told += [(note["rule"], who["name"], who["address"], subject, text, html) for who in note["recipients"]]
    return sorted(told)


def told_again(made: Draft) -> list[Told]:
    """What a replay makes of a stored event."""
    return sorted(_replayed(note, place) for note in made.notes for place in range(len(note.recipients)))


def _replayed(note: Note, place: int) -> Told:
    who = note.recipients[place]
    return note.taken.rule.code, who.name, who.address, note.subject, note.text, note.html


def decided(card: DecisionCard) -> Decision:
    """A decision as the planner makes it and as it is stored."""
    return card.rule_code, card.recipient, card.taken, card.reason, card.params


def decided_in(document: dict[str, Any]) -> list[Decision]:
    """The decisions the dry run tells."""
    return [(d["rule"], d["recipient"], d["taken"], d["reason"], d["params"]) for d in document["decisions"]]


@settings(max_examples=max(30, settings().max_examples // 10))
@given(st.data(), kinds().flatmap(rulebooks), directories(), st.booleans())
def test_live_dry_run_and_replay_are_one(
    store: Store, data: st.DataObject, rules: Any, directory: Any, unregistered: bool
) -> None:
    people, teams = directory
    text = data.draw(texts(rules))

    refurnish(store, teams, people, rules)
    save_company(store, Company("ACME", SIGNATURE, unregistered, timezone="Europe/Moscow"), "test")

    dry = [document for document in plan_text(store, text) if not document["duplicate"]]
    assert [story(store, document["event"]["id"]) for document in dry] == [[]] * len(dry), (
        "the dry run changed something"
    )
    emit(store, text)
    while Planner(store).plan_now():
        pass

    told = 0
    for document in dry:
        (card,) = story(store, document["event"]["id"])
        assert [decided(one) for one in card.decisions] == decided_in(document)
        assert told_by(card) == told_in(document)
        assert all(one.row.state is _state(one.row.channel) for one in card.deliveries)
        told += len(card.deliveries)
    label(f"{min(told, 3)} told")

    store.write(lambda connection: connection.execute(update(tables.event).values(planned_at=None)))
    with store.read() as connection:
        settings = Settings.read(connection, store)
        told_before = lately.Told(settings.rules.seldom)
        replayed = [draft(one, settings, told_before) for one in unplanned(connection, 100)]
    assert len(replayed) == len(dry)
    for made in replayed:
        (card,) = story(store, made.event.external_id)
        assert [decided(one) for one in card.decisions] == [decided(one) for one in made.decisions]
        assert told_by(card) == told_again(made)


def _state(channel: Channel) -> DeliveryState:
    return DeliveryState.PENDING if channel is Channel.EMAIL else DeliveryState.SENT
