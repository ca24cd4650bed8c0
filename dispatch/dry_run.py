"""The dry run: what events would lead to, as JSON-ready documents. Changes nothing."""

from typing import Any

from dispatch.cloudevents import Incoming, Rejected, read_events
from dispatch.plan import plan
from dispatch.planner import Note, Settings, compose_notes
from store.cards import DecisionCard
from store.engine import Store
from store.events import as_stored, last_seen, merge


def plan_text(store: Store, text: str) -> list[dict[str, Any]]:
    """Plan the events of a text on the store's settings; each sees what the ones before it said of its object."""
    documents: list[dict[str, Any]] = []
    seen: dict[tuple[str, str], dict[str, Any] | None] = {}
    with store.read() as connection:
        settings = Settings.read(connection)
        for one in read_events(text):
            if isinstance(one, Rejected):
                documents.append({"line": one.line, "rejected": one.reason})
                continue
            key = (one.event.object_type, one.event.object_id)
            if key not in seen:
                seen[key] = last_seen(connection, *key)
            documents.append(_document(one, seen[key], settings))
            seen[key] = merge(one.event, seen[key])[1]
    return documents


def _document(one: Incoming, seen: dict[str, Any] | None, settings: Settings) -> dict[str, Any]:
    event = as_stored(one.event, seen)
    made = plan(event, settings.rules, settings.directory, settings.company)
    notes, failures = compose_notes(event, made, settings)
    return {
        "line": one.line,
        "event": {"source": event.source, "id": event.external_id, "type": f"{event.object_type}.{event.event_type}"},
        "object": event.object_number,
        "decisions": [_decision(card) for card in (*made.decisions, *failures)],
        "notifications": [_note(note) for note in notes],
    }


def _decision(card: DecisionCard) -> dict[str, Any]:
    return {
        "rule": card.rule_code,
        "recipient": card.recipient,
        "taken": card.taken,
        "reason": card.reason,
        "params": card.params,
    }


def _note(note: Note) -> dict[str, Any]:
    return {
        "rule": note.taken.rule.code,
        "channel": note.taken.rule.channel.value,
        "language": note.language.value,
        "recipients": [{"name": r.name, "address": r.address, "role": r.role.value} for r in note.recipients],
        "subject": note.rendered.subject,
        "short": note.rendered.short,
        "text": note.rendered.text,
    }
