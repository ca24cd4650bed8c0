"""Reading events: CloudEvents 1.0 structured JSON, one document, an array, or one per line.

`id` and `source` are the key against duplicates, so they are required and never invented
(https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md#required-attributes).
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

from store.events import NewEvent
from store.sanitise import clean_line, clean_text

PREFIX = "org.vestnik."
MAX_EVENT_BYTES = 256 * 1024
_KNOWN_FIELDS = frozenset(
    {
        "type", "id", "number", "title", "status", "url", "client", "author", "responsible", "team", "observers",
        "subscribers", "approvers", "voted", "parent", "deadlines", "attributes", "text_changed",
    }
)  # fmt: skip
_LISTS = ("observers", "subscribers", "approvers", "voted")
_PERSONS = ("client", "author", "responsible")


@dataclass(frozen=True, slots=True)
class Incoming:
    """A well-formed event and the line it stood on (1-based)."""

    line: int
    event: NewEvent


@dataclass(frozen=True, slots=True)
class Rejected:
    """What is not an event, and why."""

    line: int
    reason: str


class EventError(ValueError):
    """An event is malformed; says which field and what is expected."""


def read_events(text: str) -> list[Incoming | Rejected]:
    """Take a text apart: one event, an array, or one per line. A bad one is rejected, the others stand."""
    return [_read(line, document) for line, document in _documents(text)]


def _documents(text: str) -> Iterator[tuple[int, object]]:
    text = text.removeprefix("\ufeff")
    try:
        whole = json.loads(text)
    except ValueError:
        for line, one in enumerate(text.splitlines(), 1):
            if one.strip():
                try:
                    yield line, json.loads(one)
                except ValueError as error:
                    yield line, EventError(f"not JSON: {error}")
        return
    if isinstance(whole, list):
        yield from enumerate(cast("list[object]", whole), 1)
    else:
        yield 1, whole


def _read(line: int, document: object) -> Incoming | Rejected:
    try:
        if isinstance(document, EventError):
            raise document
        return Incoming(line, parse_event(document))
    except EventError as error:
        return Rejected(line, clean_line(str(error)))


def parse_event(document: object) -> NewEvent:
    """One event from a JSON document.

    Raises:
        EventError: A field is missing or has a wrong shape.
    """
    body = _mapping(document, "the event")
    if body.get("specversion") != "1.0":
        raise EventError('specversion: must be "1.0"')
    external_id, source = _text(body, "id"), _text(body, "source")
    object_type, event_type = _type(body)
    data = _mapping(body.get("data"), "data")
    given = _object(_mapping(data.get("object"), "data.object"))
    object_id = str(given.get("id") or "").strip() or clean_line(str(body.get("subject") or "")).strip()
    if not object_id:
        raise EventError("data.object.id: is missing; give the object's id, or its number as the subject")
    given["id"], given["type"] = object_id, object_type
    if body.get("subject") and not given.get("number"):
        given["number"] = clean_line(str(body["subject"]))
    actor = data.get("actor")
    rest = {
        "object": given,
        "changes": _changes(data.get("changes")),
        "actor": _person(actor, "data.actor") if actor else None,
        "comment": _comment(data.get("comment")),
    }
    rest.update({name: data[name] for name in ("file", "mail", "deadline", "waiting_days") if name in data})
    return NewEvent(source, external_id, object_type, event_type, object_id, _time(body.get("time")), rest)


def _type(body: dict[str, Any]) -> tuple[str, str]:
    name = _text(body, "type").removeprefix(PREFIX)
    object_type, dot, event_type = name.partition(".")
    if not dot or not object_type or not event_type:
        raise EventError(f"type: {name!r} is not <object type>.<event type>. Example: request.added")
    return object_type, event_type


def _time(value: object) -> datetime:
    if value is None:
        return datetime.now(UTC)
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        raise EventError(f"time: {str(value)!r} is not RFC 3339. Example: 2026-11-23T08:15:00Z") from None
    if moment.tzinfo is None:
        raise EventError("time: has no zone; add Z or an offset")
    return moment.astimezone(UTC)


def _mapping(value: object, path: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise EventError(f"{path}: must be a JSON object")
    return cast("dict[str, Any]", value)


def _text(body: dict[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not clean_line(value).strip():
        raise EventError(f"{name}: is missing or not a text")
    return clean_line(value).strip()


def _object(given: dict[str, Any]) -> dict[str, Any]:
    """The object's fields, cleaned; unknown ones go to `attributes`."""
    out: dict[str, Any] = {}
    attributes = dict(_mapping(given.get("attributes") or {}, "data.object.attributes"))
    for name, value in given.items():
        path = f"data.object.{name}"
        if name not in _KNOWN_FIELDS:
            attributes[clean_line(name)] = value
        elif value is None:
            continue
        elif name in _PERSONS:
            out[name] = _person(value, path)
        elif name in _LISTS:
            out[name] = _persons(value, path)
        elif name == "deadlines":
            out[name] = _deadlines(_mapping(value, path))
        elif name == "parent":
            out[name] = _object(_mapping(value, path))
        elif name == "text_changed":
            out[name] = bool(value)
        elif name not in {"attributes", "type"}:
            out[name] = clean_line(str(value)).strip()
    out["attributes"] = attributes
    return out


def _persons(value: object, path: str) -> list[object]:
    items: list[object] = cast("list[object]", value) if isinstance(value, list) else [value]
    return [_person(item, f"{path}[{index}]") for index, item in enumerate(items)]


def _person(value: object, path: str) -> object:
    """An address, a login, or an object with `email` and `name`."""
    if isinstance(value, str):
        return clean_line(value).strip()
    body = _mapping(value, path)
    email = body.get("email") or body.get("login") or ""
    if not isinstance(email, str):
        raise EventError(f"{path}.email: must be a text")
    return {"email": clean_line(email).strip(), "name": clean_line(str(body.get("name") or "")).strip()}


def _deadlines(given: dict[str, Any]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for kind, value in given.items():
        path = f"data.object.deadlines.{kind}"
        body: dict[str, Any] = {} if value is None else _mapping(value, path)
        moments: dict[str, Any] = {}
        for name in ("started", "due", "met"):
            if body.get(name) is not None:
                try:
                    moments[name] = _time(body[name]).isoformat()
                except EventError as error:
                    raise EventError(f"{path}.{name}{str(error).removeprefix('time')}") from None
        out[clean_line(kind)] = moments
    return out


def _changes(value: object) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for name, change in _mapping(value or {}, "data.changes").items():
        body = _mapping(change, f"data.changes.{name}")
        out[clean_line(name)] = {
            side: clean_line(body[side]) if isinstance(body[side], str) else body[side]
            for side in ("from", "to")
            if side in body
        }
    return out


def _comment(value: object) -> dict[str, Any] | None:
    if value is None:
        return None
    body = _mapping(value, "data.comment")
    return {
        "text": clean_text(str(body.get("text") or "")),
        "private": bool(body.get("private")),
        "mentions": _persons(body.get("mentions") or [], "data.comment.mentions"),
        "chosen": _persons(body.get("chosen") or [], "data.comment.chosen"),
    }
