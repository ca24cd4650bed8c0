"""The dry run: what events would lead to, as JSON-ready documents. Changes nothing."""

from typing import Any

from dispatch.cloudevents import Incoming, Rejected, read_events
from dispatch.planner import Draft, Note, Settings, draft
from dispatch.told import Told
from store.cards import DecisionCard
from store.engine import Store
from store.events import NewEvent, StoredEvent, accepted_keys, as_stored, last_seen, merge


def plan_text(store: Store, text: str) -> list[dict[str, Any]]:
    """Plan the events of a text on the store's settings; each sees what the ones before it said of its object.

    An event that was accepted before, or stands in the text before, is marked as `duplicate`: emitted, it would be
    dropped. It is planned all the same, and says nothing to the events after it.
    """
    documents: list[dict[str, Any]] = []
    seen: dict[tuple[str, str], dict[str, Any] | None] = {}
    found = read_events(text)
    with store.read() as connection:
        settings = Settings.read(connection, store)
        told = Told(settings.rules.seldom)
        known = accepted_keys(connection, [_key(one) for one in found if isinstance(one, Incoming)])
        for one in found:
            if isinstance(one, Rejected):
                documents.append({"line": one.line, "rejected": one.reason})
                continue
            key = (one.event.object_type, one.event.object_id)
            if key not in seen:
                seen[key] = last_seen(connection, *key)
            duplicate = _key(one) in known
            event = as_stored(one.event, seen[key])
            told.read(connection, [event])
            made = draft(event, settings, None if duplicate else told, store.clock())
            documents.append(_document(one, event, made, duplicate=duplicate))
            if not duplicate:
                known.add(_key(one))
                seen[key] = merge(one.event, seen[key])[1]
    return documents


def new_events(store: Store, text: str) -> list[NewEvent]:
    """The events of a text that would be accepted, emitted now: neither rejected nor duplicates."""
    found = [one for one in read_events(text) if isinstance(one, Incoming)]
    with store.read() as connection:
        known = accepted_keys(connection, [_key(one) for one in found])
    fresh: dict[tuple[str, str], NewEvent] = {}
    for one in found:
        if _key(one) not in known:
            fresh.setdefault(_key(one), one.event)
    return list(fresh.values())


def _key(one: Incoming) -> tuple[str, str]:
    return one.event.source, one.event.external_id


def _document(one: Incoming, event: StoredEvent, made: Draft, *, duplicate: bool) -> dict[str, Any]:
    return {
        "line": one.line,
        "event": {"source": event.source, "id": event.external_id, "type": f"{event.object_type}.{event.event_type}"},
        "object": event.object_number,
        "duplicate": duplicate,
        "decisions": [decision_document(card) for card in made.decisions],
        "notifications": [_note(note) for note in made.notes],
    }


def decision_document(card: DecisionCard) -> dict[str, Any]:
    """A decision as the JSON of `vestnik plan` says it."""
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
