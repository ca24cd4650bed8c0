"""The trial of one event on rules nobody has saved yet: what would be decided, and what would be written.

The letters are made by the road the live ones take, down to the bytes. Nothing is written, nothing is sent.
"""

from dataclasses import dataclass, replace

from dispatch.cloudevents import EventError, Rejected, read_events
from dispatch.context import build
from dispatch.edit import Edit
from dispatch.errors import DispatchError
from dispatch.mailing import Mailing
from dispatch.plan import Recipient, Taken
from dispatch.planner import PLANNING_FAILED, Note, Settings, compose_note, compose_notes, planned
from dispatch.thresholds import threshold_key
from dispatch.told import Told
from store.cards import DecisionCard, Sending
from store.engine import Store
from store.events import StoredEvent, as_stored, last_seen, part
from store.outbox import Claimed
from store.past_events import with_id
from store.rules import Rule
from store.settings import sending_in
from store.vocabulary import Channel, Language

NO_DOMAIN = "example.com"
"""Stands where the store has no address yet: nobody's (RFC 2606, section 3)."""
_NO_KEY = b"trial"
"""The Message-ID of a trial is nobody's."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What a rule would say in one language.

    Attributes:
        recipients: Who would be told in this language; may be empty, for the words can be looked at all the same.
        note: The words; `None` where neither the rule's own nor those of its template can be filled in.
        raw: The letter of the first recipient as it would leave; empty for the interface.
        problem: Why the rule's own words could not be taken, or the template's either.
    """

    rule: Rule
    language: Language
    recipients: tuple[Recipient, ...]
    note: Note | None
    raw: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Trial:
    """What an event would lead to.

    Attributes:
        decisions: As the planner would record them.
        samples: By the code of a rule, what it would say in each language: the rule that was asked for first, then
            those that would be taken.
    """

    event: StoredEvent
    decisions: tuple[DecisionCard, ...]
    samples: dict[str, dict[Language, Sample]]


def stored_event(store: Store, event_id: int) -> StoredEvent | None:
    """An event that was accepted."""
    with store.read() as connection:
        return with_id(connection, event_id)


def made_up_event(store: Store, text: str) -> StoredEvent:
    """An event from a JSON text, merged with what the store knows of its object.

    Raises:
        EventError: It cannot be read, or a field is missing or has a wrong shape; says where.
    """
    found = read_events(text)
    if len(found) != 1:
        raise EventError("give one event, as one JSON object")
    if isinstance(found[0], Rejected):
        raise EventError(found[0].reason)
    event = found[0].event
    with store.read() as connection:
        return as_stored(event, last_seen(connection, event.object_type, event.object_id))


def try_event(store: Store, edit: Edit, event: StoredEvent, rule: Rule) -> Trial:
    """Plan an event on the rules as they would be, and render what `rule` and those that are taken would say.

    An event of the store is planned on what was told before it, as it was at the time. One of the clock is planned as
    if the rule had waited for it.
    """
    event = _waited_for(event, rule)
    with store.read() as connection:
        settings = Settings.read(connection, store, edit)
        sending = sending_in(connection)
        told = Told(settings.rules.seldom)
        told.read(connection, [event], before_id=event.id or None)
    made = planned(event, settings, told)
    if any(card.reason == PLANNING_FAILED for card in made.decisions):
        return Trial(event, made.decisions, {})
    _, failures = compose_notes(event, made, settings)
    writer = _Writer(event, settings, sending)
    taken = {rule.code: Taken(rule, ())} | {one.rule.code: one for one in made.taken}
    samples = {code: {lang: writer.sample(one, lang) for lang in Language} for code, one in taken.items()}
    return Trial(event, (*made.decisions, *failures), samples)


def _waited_for(event: StoredEvent, rule: Rule) -> StoredEvent:
    """An event of the clock, for a rule that shares its threshold, and its repeat where it is one."""
    deadline = part(event.data, "deadline")
    if rule.code in (waited := deadline.get("rules", [rule.code])) or deadline.get("threshold") != threshold_key(rule):
        return event
    again, repeat = deadline.get("again", 0), rule.repeat
    if again and (repeat is None or again % repeat.every_minutes or again > repeat.every_minutes * repeat.times):
        return event
    return replace(event, data={**event.data, "deadline": {**deadline, "rules": [*waited, rule.code]}})


class _Writer:
    """Renders an event's letters, in both languages and whoever is told."""

    def __init__(self, event: StoredEvent, settings: Settings, sending: Sending) -> None:
        self._event = event
        self._settings = settings
        self._mailing = Mailing(filled(sending), _NO_KEY)
        self._contexts = {
            language: build(event, settings.directory, settings.company, language, event.at) for language in Language
        }

    def sample(self, taken: Taken, language: Language) -> Sample:
        """What a rule says in a language, and to whom."""
        told = tuple(one for one in taken.recipients if one.language is language)
        try:
            note, problem = compose_note(
                replace(taken, recipients=told), language, self._contexts[language], self._settings
            )
        except DispatchError as error:
            return Sample(taken.rule, language, told, None, problem=error.answer)
        raw = self._raw(note) if taken.rule.channel is Channel.EMAIL else ""
        return Sample(taken.rule, language, told, note, raw, problem)

    def _raw(self, note: Note) -> str:
        """The letter of the first recipient, byte for byte as it would leave now."""
        event = self._event
        name, address = next(((one.name, one.address) for one in note.recipients), ("", f"recipient@{NO_DOMAIN}"))
        letter = Claimed(
            0, 0, name, address, 0, note.subject, note.text, note.html, event.object_type, event.object_id, event.at,
        )  # fmt: skip
        return self._mailing.envelope(letter).content.decode("ascii", "backslashreplace")


def filled(sending: Sending) -> Sending:
    """The sending parameters, with something in place of the addresses that are missing."""
    return replace(
        sending,
        support_address=sending.support_address or f"support@{NO_DOMAIN}",
        system_address=sending.system_address or f"vestnik@{NO_DOMAIN}",
    )
