"""The planner service: accepted events become decisions, notifications and deliveries, a transaction each batch."""

import logging
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, update

from dispatch.compose import Rendered, render, to_html, with_signature
from dispatch.context import build
from dispatch.directory import Directory
from dispatch.errors import DispatchError
from dispatch.plan import Plan, Recipient, Rulebook, Taken, plan
from store import tables
from store.audit import revision_in
from store.cards import Company, DecisionCard
from store.catalogue.letters import template_text
from store.directory import people_in, teams_in
from store.engine import Store
from store.events import StoredEvent, unplanned
from store.rulebook import rules_in
from store.settings import company_in
from store.vocabulary import Channel, DeliveryState, Language

_log = logging.getLogger(__name__)
BATCH = 100
"""Events planned in one transaction."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What planning depends on, read in one snapshot and kept until the settings revision changes."""

    revision: int
    rules: Rulebook
    directory: Directory
    company: Company

    @classmethod
    def read(cls, connection: Connection) -> "Settings":
        """The settings as they are now."""
        return cls(
            revision_in(connection),
            Rulebook(rules_in(connection)),
            Directory(people_in(connection), teams_in(connection)),
            company_in(connection),
        )


@dataclass(frozen=True, slots=True)
class Note:
    """A rendered notification and who gets it."""

    taken: Taken
    language: Language
    rendered: Rendered
    html: str
    recipients: tuple[Recipient, ...]


def compose_notes(event: StoredEvent, made: Plan, settings: Settings) -> tuple[list[Note], list[DecisionCard]]:
    """Render each rule taken once per language; a template that fails becomes a decision, not a crash."""
    notes: list[Note] = []
    failures: list[DecisionCard] = []
    contexts = {settings.company.language: made.context}
    for taken in made.taken:
        for language in dict.fromkeys(recipient.language for recipient in taken.recipients):
            if language not in contexts:
                contexts[language] = build(event, settings.directory, settings.company, language, event.at)
            try:
                rendered = render(template_text(taken.rule.template, language), contexts[language])
            except DispatchError as error:
                params = {"problem": error.answer}
                failures.append(DecisionCard(taken.rule.code, "", taken=False, reason="template_error", params=params))
                continue
            email = taken.rule.channel is Channel.EMAIL
            html = to_html(rendered.text, settings.company.signature) if email else ""
            recipients = tuple(recipient for recipient in taken.recipients if recipient.language is language)
            notes.append(Note(taken, language, rendered, html, recipients))
    return notes, failures


class Planner:
    """Plans what was accepted. Holds the settings until their revision changes."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._settings: Settings | None = None

    def submit_batch(self) -> "Future[int]":
        """Queue the planning of up to `BATCH` events; the future gives how many."""
        return self._store.submit(self._plan_in)

    def _plan_in(self, connection: Connection) -> int:
        events = unplanned(connection, BATCH)
        if not events:
            return 0
        if self._settings is None or self._settings.revision != revision_in(connection):
            self._settings = Settings.read(connection)
        settings, now = self._settings, self._store.clock()
        decisions: list[dict[str, Any]] = []
        notes: list[tuple[StoredEvent, Note]] = []
        for event in events:
            try:
                made = plan(event, settings.rules, settings.directory, settings.company)
                composed, failures = compose_notes(event, made, settings)
            except Exception as error:  # noqa: BLE001 - whatever it is
                # One event that cannot be planned must not stop those behind it; what went wrong is its why.
                _log.exception("event %s %s cannot be planned", event.source, event.external_id)
                problem = {"problem": f"{type(error).__name__}: {error}"[:500]}
                decisions.append(
                    _decision(event, DecisionCard("", "", taken=False, reason="planning_failed", params=problem))
                )
                continue
            notes += [(event, note) for note in composed]
            decisions += [_decision(event, card) for card in (*made.decisions, *failures)]
        if decisions:
            connection.execute(insert(tables.decision), decisions)
        if notes:
            _insert_notes(connection, now, notes, settings.company.signature)
        ids = [event.id for event in events]
        connection.execute(update(tables.event).where(tables.event.c.id.in_(ids)).values(planned_at=now))
        return len(events)


def _decision(event: StoredEvent, card: DecisionCard) -> dict[str, Any]:
    return {
        "event_id": event.id,
        "rule_code": card.rule_code,
        "recipient": card.recipient,
        "taken": card.taken,
        "reason": card.reason,
        "params": card.params,
    }


def _insert_notes(
    connection: Connection, now: datetime, notes: Sequence[tuple[StoredEvent, Note]], signature: str
) -> None:
    rows = [
        {
            "event_id": event.id,
            "rule_code": note.taken.rule.code,
            "language": note.language.value,
            "subject": note.rendered.subject if note.taken.rule.channel is Channel.EMAIL else note.rendered.short,
            "text": with_signature(note.rendered.text, signature)
            if note.taken.rule.channel is Channel.EMAIL
            else note.rendered.text,
            "html": note.html,
        }
        for event, note in notes
    ]
    # Asking for the ids in the order of the rows would insert them one by one; their own key finds them as well.
    table = tables.notification
    statement = insert(table).returning(table.c.event_id, table.c.rule_code, table.c.language, table.c.id)
    ids = {tuple(row[:3]): row[3] for row in connection.execute(statement, rows)}
    deliveries: list[dict[str, Any]] = []
    for event, note in notes:
        key = ids[event.id, note.taken.rule.code, note.language.value]
        # What is shown in the interface is delivered by the commit that makes it visible.
        shown = note.taken.rule.channel is Channel.INTERFACE
        state = DeliveryState.SENT if shown else DeliveryState.PENDING
        deliveries += [
            {
                "notification_id": key,
                "event_id": event.id,
                "channel": note.taken.rule.channel.value,
                "recipient_name": recipient.name,
                "recipient_address": recipient.address,
                "state": state.value,
                "next_at": now,
                "created_at": now,
                "sent_at": now if shown else None,
            }
            for recipient in note.recipients
        ]
    if deliveries:
        connection.execute(insert(tables.delivery), deliveries)
