"""The planner: accepted events become decisions, notifications and deliveries, a transaction each batch."""

import asyncio
import logging
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import Connection

from dispatch import traces
from dispatch.compose import Rendered, render, signed
from dispatch.context import build
from dispatch.directory import Directory
from dispatch.edit import Edit
from dispatch.errors import DispatchError
from dispatch.lanes import Flow, Lanes
from dispatch.loops import Ours
from dispatch.plan import MAX_PROBLEM, MUTED, NO_MUTES, Plan, Recipient, Rulebook, Taken, plan
from dispatch.recording import Offer, Recorded, record
from dispatch.rule_counts import add_counts
from dispatch.told import Told
from store import message_ids
from store.audit import revision_in
from store.cards import Company, DecisionCard, StormLimits
from store.catalogue.letters import template_text
from store.directory import people_in, teams_in
from store.engine import Store
from store.events import StoredEvent, take_planned, unplanned
from store.mutes import Mutes, count_left_out_in, recent_in
from store.rule_stats import RuleCount, count_in
from store.rulebook import rules_in
from store.rules import Rule
from store.sanitise import clean_line
from store.settings import company_in, sending_in, storm_limits_in
from store.vocabulary import Channel, Language, Role

_log = logging.getLogger(__name__)
BATCH = 200
"""Events planned in one transaction."""
SLICE_S = 0.001
"""Planning shares the event loop with sending: a thread of its own would fight with it for the interpreter."""
OWN_TEXT_FAILED = "own_text_failed"
PLANNING_FAILED = "planning_failed"
WARNINGS = {
    Language.RU: ("Администраторы", "Текст действия «{title}» не заполнился, ушёл стандартный: {problem}"),
    Language.EN: ("Administrators", "The text of “{title}” could not be filled in, the standard one went: {problem}"),
}
"""Who is told in the pane of words that could not be used, and how."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What planning depends on, read in one snapshot and kept until the settings revision changes."""

    revision: int
    rules: Rulebook
    directory: Directory
    company: Company
    ours: Ours
    storm_limits: StormLimits
    mutes: Mutes = NO_MUTES

    @classmethod
    def read(cls, connection: Connection, store: Store, edit: Edit | None = None) -> "Settings":
        """The settings as they are now; with an `edit`, as they would be once it is saved.

        Raises:
            SecretError: The key that Message-IDs are made with cannot be read.
        """
        rules = rules_in(connection)
        return cls(
            revision_in(connection),
            Rulebook(edit.applied(rules) if edit else rules),
            Directory(people_in(connection), teams_in(connection)),
            company_in(connection),
            Ours.of(sending_in(connection), store.keyring.derive(message_ids.PURPOSE)),
            storm_limits_in(connection),
            Mutes(recent_in(connection, store.clock())),
        )


@dataclass(frozen=True, slots=True)
class Note:
    """A rendered notification and who gets it."""

    taken: Taken
    language: Language
    rendered: Rendered
    subject: str
    text: str
    html: str
    recipients: tuple[Recipient, ...]


def compose_notes(event: StoredEvent, made: Plan, settings: Settings) -> tuple[list[Note], list[DecisionCard]]:
    """Render each rule taken once per language; a template that fails becomes a decision, not a crash."""
    notes: list[Note] = []
    failures: list[DecisionCard] = []
    contexts = {settings.company.language: made.context}
    for taken in made.taken:
        languages = dict.fromkeys(recipient.language for recipient in taken.recipients)
        for language in languages:
            if language not in contexts:
                contexts[language] = build(event, settings.directory, settings.company, language, event.at)
            of_it = taken
            if len(languages) > 1:
                told = tuple(recipient for recipient in taken.recipients if recipient.language is language)
                of_it = replace(taken, recipients=told)
            try:
                note, problem = compose_note(of_it, language, contexts[language], settings)
            except DispatchError as error:
                params = {"problem": error.answer}
                failures.append(DecisionCard(taken.rule.code, "", taken=False, reason="template_error", params=params))
                continue
            if problem:
                params = {"problem": problem, "language": language.value}
                failures.append(DecisionCard(taken.rule.code, "", taken=True, reason=OWN_TEXT_FAILED, params=params))
            notes.append(note)
    return notes, failures


def compose_note(taken: Taken, language: Language, context: dict[str, Any], settings: Settings) -> tuple[Note, str]:
    """What a rule says in one language, for all its recipients; and why its own words could not be taken, if so.

    A letter has a signature and HTML, a line of the interface neither.

    Raises:
        ComposeError: Its template cannot be rendered either.
    """
    rendered, problem = _rendered(taken.rule, language, context)
    if taken.rule.channel is not Channel.EMAIL:
        return Note(taken, language, rendered, rendered.short, rendered.text, "", taken.recipients), problem
    text, html = signed(rendered.text, settings.company)
    return Note(taken, language, rendered, rendered.subject, text, html, taken.recipients), problem


def _rendered(rule: Rule, language: Language, context: dict[str, Any]) -> tuple[Rendered, str]:
    """The rule's own words where it has some, else those of its template; and why its own could not be taken.

    Raises:
        ComposeError: The template cannot be rendered either.
    """
    problem = ""
    if (own := rule.texts.get(language.value)) is not None:
        try:
            return render(own, context), ""
        except DispatchError as error:
            problem = error.answer
    return render(template_text(rule.template, language), context), problem


def warning(card: DecisionCard, notes: Sequence[Note], language: Language) -> Note:
    """What the pane says to administrators of a rule whose own words could not be used."""
    rule = next(note.taken.rule for note in notes if note.taken.rule.code == card.rule_code)
    who, words = WARNINGS[language]
    short = clean_line(words.format(title=rule.titles.get(language.value, rule.code), problem=card.params["problem"]))
    recipient = Recipient("", who, language, Role.FIXED)
    taken = Taken(replace(rule, channel=Channel.INTERFACE), (recipient,))
    return Note(taken, language, Rendered(short, short, short), short, short, "", (recipient,))


@dataclass(slots=True)
class Draft:
    """An event planned and composed, not stored yet."""

    event: StoredEvent
    decisions: Sequence[DecisionCard]
    notes: Sequence[Note]
    lanes: Lanes = ()
    """Of each letter, in the order of the notes and of whom they tell; empty where all are ordinary."""

    @property
    def letters(self) -> int:
        """How many there are."""
        return sum(len(one.recipients) for one in self.notes if one.taken.rule.channel is Channel.EMAIL)

    @property
    def failed_texts(self) -> list[DecisionCard]:
        """Rules whose own words could not be used, and why."""
        return [card for card in self.decisions if card.reason == OWN_TEXT_FAILED]


def draft(event: StoredEvent, settings: Settings, told: Told | None = None, now: datetime | None = None) -> Draft:
    """Plan and compose an event; one that cannot be planned gets what went wrong as its why. `told` takes it in."""
    made = planned(event, settings, told or Told(), now)
    try:
        notes, failures = compose_notes(event, made, settings)
    except Exception as error:  # noqa: BLE001 - whatever it is
        return Draft(event, [_failed(event, error)], ())
    return Draft(event, [*made.decisions, *failures], notes)


def planned(event: StoredEvent, settings: Settings, told: Told, now: datetime | None = None) -> Plan:
    """Plan an event, compose nothing; one that cannot be planned gets what went wrong as its why. `told` takes it in.

    A replay plans events by the hundred thousand and needs no letters. `now` is for `plan`.
    """
    people, company = settings.directory, settings.company
    try:
        made = plan(
            event, settings.rules, people, company, told.about(event), settings.ours, mutes=settings.mutes, now=now
        )
        told.add(event, made.decisions)
    except Exception as error:  # noqa: BLE001 - whatever it is
        return Plan((), (_failed(event, error),))
    return made


def _failed(event: StoredEvent, error: Exception) -> DecisionCard:
    about = traces.of_event(event)
    _log.error("event %s %s cannot be planned", event.source, event.external_id, exc_info=error, extra={"about": about})
    params = {"problem": clean_line(f"{type(error).__name__}: {error}")[:MAX_PROBLEM]}
    return DecisionCard("", "", taken=False, reason=PLANNING_FAILED, params=params)


class Taker(Protocol):
    """Who takes letters as they are made: the sender of the same dispatcher."""

    async def ready(self) -> None:
        """Wait a moment, where it takes more soon."""
        ...

    def offer(self, letters: int) -> Offer | None:
        """How many of so many letters it takes now; to be followed by `take`, whatever happens."""
        ...

    def take(self, offer: Offer | None, recorded: Recorded | None) -> None:
        """Take the letters that were handed over; `None` when it is not known what has become of them."""
        ...


class Planner:
    """Plans what was accepted. Holds the settings until their revision changes.

    Reading and composing happen outside of the transaction that writes, which is short and takes only events that
    nobody has planned meanwhile: several dispatchers on one store never plan an event twice.

    Attributes:
        more: Whether the last batch has left events behind; those that came since are not meant.
    """

    def __init__(self, store: Store, taker: "Taker | None" = None) -> None:
        self.more = False
        self._store = store
        self._taker = taker
        self._settings: Settings | None = None
        self._after = 0
        self._warned: set[tuple[int, str, str]] = set()
        self._flow = Flow()

    async def plan_batch(self) -> int:
        """Plan up to `BATCH` events; gives how many were looked at, 0 when none waits."""
        if self._taker is not None:
            await self._taker.ready()
        events, settings, told = await asyncio.to_thread(self._read)
        self.more = len(events) == BATCH
        if not events:
            return 0
        drafts: list[Draft] = []
        now = self._store.clock()
        pause_at = time.perf_counter() + SLICE_S
        for event in events:
            drafts.append(self._draft(event, settings, told, now))
            if time.perf_counter() > pause_at:
                await asyncio.sleep(0)
                pause_at = time.perf_counter() + SLICE_S
        recorded = await self._recorded(drafts)
        # Where another dispatcher was faster, the two go on at different places instead of doing the same work.
        missed = recorded.events < len(events)
        self._after, self.more = max(event.id for event in events) if missed else 0, self.more or missed
        return len(events)

    async def _recorded(self, drafts: Sequence[Draft]) -> Recorded:
        """Write, and hand over what the sender takes at once."""
        offer = self._taker.offer(sum(one.letters for one in drafts)) if self._taker else None
        future = self._store.submit(lambda connection: self._write(connection, drafts, offer))
        try:
            recorded = await asyncio.wrap_future(future)
            if traces.wanted():  # before any of them is tried
                await asyncio.to_thread(traces.planned, self._store, [one.event for one in drafts])
        except BaseException:
            if self._taker is not None:
                self._taker.take(offer, None)
            raise
        if self._taker is not None:
            self._taker.take(offer, recorded)
        return recorded

    def plan_now(self) -> int:
        """Plan up to `BATCH` events on this thread; gives how many were planned."""
        events, settings, told = self._read()
        now = self._store.clock()
        drafts = [self._draft(event, settings, told, now) for event in events]
        return self._store.write(lambda connection: self._write(connection, drafts)).events if drafts else 0

    def _draft(self, event: StoredEvent, settings: Settings, told: Told, now: datetime) -> Draft:
        made = draft(event, settings, told, now)
        if letters := made.letters:
            made.lanes = self._flow.lanes(event, settings.directory, letters, now)
        self._warn(made, settings)
        return made

    def _warn(self, made: Draft, settings: Settings) -> None:
        """Tell the administrators in the pane of words that could not be used: once for each change of the settings."""
        for card in made.failed_texts:
            key = (settings.revision, card.rule_code, card.params["language"])
            if key not in self._warned:
                self._warned.add(key)
                made.notes = [*made.notes, warning(card, made.notes, settings.company.language)]

    def _read(self) -> tuple[list[StoredEvent], Settings, Told]:
        with self._store.read() as connection:
            events = unplanned(connection, BATCH, self._after)
            if not events and self._after:
                events = unplanned(connection, BATCH)
            if self._settings is None or self._settings.revision != revision_in(connection):
                self._settings = Settings.read(connection, self._store)
            told = Told(self._settings.rules.seldom)
            told.read(connection, events)
            return events, self._settings, told

    def _write(self, connection: Connection, drafts: Sequence[Draft], offer: Offer | None = None) -> Recorded:
        """Runs on the writer thread, perhaps twice, so it changes nothing but the store."""
        now = self._store.clock()
        taken = take_planned(connection, now, [one.event.id for one in drafts])
        drafts = [one for one in drafts if one.event.id in taken]
        revision = revision_in(connection)
        settings = self._settings if self._settings is not None and self._settings.revision == revision else None
        limits = storm_limits_in(connection) if settings is None else settings.storm_limits
        recorded = record(connection, now, drafts, limits, offer if offer and offer.revision == revision else None)
        self._count(connection, now, drafts)
        return recorded

    def _count(self, connection: Connection, now: datetime, drafts: Sequence[Draft]) -> None:
        """Count what each rule and each mute did. Dispatchers share these rows, so they are locked last."""
        counts: defaultdict[str, RuleCount] = defaultdict(RuleCount)
        for one in drafts:
            add_counts(counts, one.decisions, {note.taken.rule.code for note in one.notes})
        count_in(connection, now, counts)
        if self._settings is not None and self._settings.mutes:
            muted = (card.params for one in drafts for card in one.decisions if card.reason == MUTED)
            count_left_out_in(connection, Counter(int(one["mute"]) for one in muted if "again" not in one))
