"""Reading events: CloudEvents 1.0 structured JSON, one document, an array, or one per line.

`id` and `source` are the key against duplicates, so they are required and never invented
(https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md#required-attributes).
"""

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parseaddr
from typing import Any, NoReturn, cast

from store.events import NewEvent
from store.sanitise import clean_line, clean_text

PREFIX = "org.vestnik."
MAX_EVENT_BYTES = 256 * 1024
"""An event may be this long."""
MAX_UTF8_BYTES = 4
MAX_WORD = 255
"""Characters of an id, a number, a status: what is a key, or part of one, in the store."""
MAX_PERSON = 998
"""Characters of a name or an address: no header line may be longer (RFC 5322, section 2.1.1)."""
MAX_SHOWN = 60
"""Characters of a wrong value repeated in the reason."""
MAX_DEPTH = 20
"""How deep free-form values (attributes, changes) and parents of parents may nest."""
YEARS = range(1970, 3000)
"""Times outside cannot be shown in every zone, and are a fault of the desk's in any case."""
_KNOWN_FIELDS = frozenset(
    {
        "type", "id", "number", "title", "status", "url", "client", "author", "responsible", "team", "observers",
        "subscribers", "approvers", "voted", "parent", "deadlines", "attributes", "text_changed",
    }
)  # fmt: skip
_LISTS = ("observers", "subscribers", "approvers", "voted")
_PERSONS = ("client", "author", "responsible")
_WORDS = ("id", "number", "status", "team")
_MESSAGE_ID = re.compile(r"<[^<>\s]+>")
_WHO = "must be an address, a login, or an object with email and name"


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
        whole = _loads(text)
    except EventError as error:
        yield from _lines(text, error)
        return
    try:
        _check_size(text)
    except EventError as fault:
        yield 1, fault
        return
    items = cast("list[object]", whole) if isinstance(whole, list) else [whole]
    short = len(text) * MAX_UTF8_BYTES <= MAX_EVENT_BYTES
    for line, one in enumerate(items, 1):
        yield line, one if short else _checked(one)


def _lines(text: str, whole_fault: EventError) -> Iterator[tuple[int, object]]:
    # Only LF ends a line: JSON texts may hold the other separators as they are.
    found = ((line, _line(one)) for line, one in enumerate(text.split("\n"), 1) if one.strip())
    if text.lstrip().partition("\n")[0].strip() in {"{", "["}:
        # A line that only opens a bracket begins a document of many lines; its lines are no events.
        found = list(found)
        if not any(isinstance(one, dict) for _, one in found):
            found = [(1, whole_fault)]
    yield from found


def _line(text: str) -> object:
    try:
        return _loads(text, MAX_EVENT_BYTES)
    except EventError as fault:
        return fault


def _checked(document: object) -> object:
    try:
        _check_size(json.dumps(document, ensure_ascii=False).encode("utf-8", "replace").decode(), MAX_EVENT_BYTES)
    except EventError as fault:
        return fault
    return document


def _refuse_constant(name: str) -> NoReturn:
    msg = f"{name} is not a number in JSON"
    raise ValueError(msg)


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)


def _loads(text: str, most_bytes: int | None = None) -> object:
    if most_bytes is not None:
        _check_size(text, most_bytes)
    try:
        return _DECODER.decode(text)
    except RecursionError:
        raise EventError("not an event: it is nested too deeply") from None
    except ValueError as error:
        raise EventError(f"not JSON: {error}") from error


def _check_size(text: str, most_bytes: int | None = None) -> None:
    try:
        size = len(text) if text.isascii() else len(text.encode())
    except UnicodeEncodeError:
        raise EventError("is not UTF-8 text") from None
    if most_bytes is not None and size > most_bytes:
        raise EventError(f"is {size} bytes long; an event may have {most_bytes}. Shorten its comment or attributes")


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
    if not isinstance(document, dict):
        raise EventError("the event: must be a JSON object")
    body = cast("dict[str, Any]", document)
    if body.get("specversion") != "1.0":
        raise EventError('specversion: must be "1.0"')
    external_id, source = _text(body, "id"), _text(body, "source")
    object_type, event_type = _type(body)
    data = _mapping(body.get("data"), "data")
    given = _object(_mapping(data.get("object"), "data.object"), "data.object")
    subject = _word(body["subject"], "subject") if body.get("subject") is not None else ""
    object_id = given.get("id") or subject
    if not object_id:
        raise EventError("data.object.id: is missing; give the object's id, or its number as the subject")
    given["id"], given["type"] = object_id, object_type
    if subject and not given.get("number"):
        given["number"] = subject
    actor = data.get("actor")
    rest = {
        "object": given,
        "changes": _changes(data.get("changes")),
        "actor": _person(actor, "data.actor") if actor is not None else None,
        "comment": _comment(data.get("comment")),
    }
    if "file" in data:
        rest["file"] = _plain(data["file"], "data.file")
    if data.get("mail") is not None:
        rest["mail"] = _mail(_mapping(data["mail"], "data.mail"))
    if data.get("deadline") is not None:
        rest["deadline"] = _deadline(_mapping(data["deadline"], "data.deadline"))
    if data.get("waiting_days") is not None:
        if type(data["waiting_days"]) is not int:
            raise EventError("data.waiting_days: must be a whole number")
        rest["waiting_days"] = data["waiting_days"]
    return NewEvent(source, external_id, object_type, event_type, object_id, _time(body.get("time")), rest)


def _type(body: dict[str, Any]) -> tuple[str, str]:
    name = _text(body, "type").removeprefix(PREFIX)
    object_type, dot, event_type = name.partition(".")
    if not dot or not object_type or not event_type:
        raise EventError(f"type: {name!r} is not <object type>.<event type>. Example: request.added")
    return object_type, event_type


def _time(value: object, path: str = "time") -> datetime:
    if value is None:
        return datetime.now(UTC)
    try:
        moment = datetime.fromisoformat(value if isinstance(value, str) else "")
    except ValueError:
        raise EventError(f"{path}: {_shown(value)} is not RFC 3339. Example: 2026-11-23T08:15:00Z") from None
    if moment.tzinfo is None:
        raise EventError(f"{path}: has no zone; add Z or an offset")
    if moment.year not in YEARS:
        raise EventError(f"{path}: the year {moment.year} is not from {YEARS.start} to {YEARS.stop - 1}")
    return moment.astimezone(UTC)


def _shown(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= MAX_SHOWN else f"{shown[:MAX_SHOWN]}…"


def _mapping(value: object, path: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise EventError(f"{path}: " + ("is missing" if value is None else "must be a JSON object"))
    return cast("dict[str, Any]", value)


def _text(body: dict[str, Any], name: str) -> str:
    value = body.get(name)
    if value is None:
        raise EventError(f"{name}: is missing")
    if not isinstance(value, str):
        raise EventError(f"{name}: must be a text; put it in quotes")
    word = _word(value, name)
    if not word:
        raise EventError(f"{name}: is empty")
    return word


def _word(value: object, path: str, most: int = MAX_WORD) -> str:
    """A short text; a whole number is taken as one."""
    if type(value) is int:
        value = str(value)
    if not isinstance(value, str):
        raise EventError(f"{path}: must be a text")
    word = clean_line(value).strip()
    if len(word) > most:
        raise EventError(f"{path}: has {len(word)} characters; {most} are allowed")
    return word


def _flag(value: object, path: str) -> bool:
    if not isinstance(value, bool):
        raise EventError(f"{path}: must be true or false")
    return value


def _plain(value: object, path: str, depth: int = 0) -> Any:
    """A free-form value, cleaned: every engine can store it, and it can be shown."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, float):
        if math.isfinite(value):
            return value
        raise EventError(f"{path}: is not a finite number")
    if depth >= MAX_DEPTH:
        raise EventError(f"{path.partition('[')[0]}: is nested more than {MAX_DEPTH} deep")
    if isinstance(value, list):
        items = cast("list[object]", value)
        return [_plain(item, f"{path}[{index}]", depth + 1) for index, item in enumerate(items)]
    body = cast("dict[str, object]", value)
    return {clean_line(name): _plain(item, f"{path}[{name}]", depth + 1) for name, item in body.items()}


def _object(given: dict[str, Any], path: str, depth: int = 0) -> dict[str, Any]:
    """The object's fields, cleaned; unknown ones go to `attributes`."""
    if depth >= MAX_DEPTH:
        raise EventError(f"data.object.parent: is nested more than {MAX_DEPTH} deep")
    out: dict[str, Any] = {}
    attributes: dict[str, Any] = {}
    for name, value in given.items():
        if name not in _KNOWN_FIELDS:
            attributes[clean_line(name)] = _plain(value, f"{path}.{clean_line(name)}")
        elif value is not None and name != "attributes":
            out[name] = _field(name, value, f"{path}.{name}", depth)
    sent = _mapping(given.get("attributes") or {}, f"{path}.attributes")
    out["attributes"] = {**_plain(sent, f"{path}.attributes"), **attributes}
    return out


def _field(name: str, value: object, path: str, depth: int) -> Any:
    if name in _PERSONS:
        return _person(value, path)
    if name in _LISTS:
        return _persons(value, path)
    if name == "deadlines":
        return _deadlines(_mapping(value, path), path)
    if name == "parent":
        return _object(_mapping(value, path), path, depth + 1)
    if name == "text_changed":
        return _flag(value, path)
    return _word(value, path, MAX_WORD if name in _WORDS else MAX_EVENT_BYTES)


def _persons(value: object, path: str) -> list[object]:
    items: list[object] = cast("list[object]", value) if isinstance(value, list) else [value]
    return [_person(item, f"{path}[{index}]") for index, item in enumerate(items)]


def _person(value: object, path: str) -> object:
    """An address, a login, or an object with `email` and `name`."""
    if isinstance(value, str):
        return _word(value, path, MAX_PERSON)
    if not isinstance(value, dict):
        raise EventError(f"{path}: {_WHO}" + (", not a list" if isinstance(value, list) else ""))
    body = cast("dict[str, Any]", value)
    found = {name: body.get(name) for name in ("email", "login", "name")}
    for name, word in found.items():
        if word is not None and not isinstance(word, str):
            raise EventError(f"{path}.{name}: must be a text")
    return {
        "email": _word(found["email"] or found["login"] or "", f"{path}.email", MAX_PERSON),
        "name": _word(found["name"] or "", f"{path}.name", MAX_PERSON),
    }


def _mail(given: dict[str, Any]) -> dict[str, Any]:
    """The letter that caused the event, by its headers. What is not known is kept as it came."""
    path = "data.mail"
    readers = {
        "message_id": _message_id, "in_reply_to": _message_ids, "references": _message_ids, "from": _sender,
        "auto_submitted": _auto_submitted,
    }  # fmt: skip
    return {
        clean_line(name): readers.get(name, _plain)(value, f"{path}.{clean_line(name)}")
        for name, value in given.items()
        if value is not None
    }


def _message_id(value: object, path: str) -> str:
    found = _message_ids(value, path)
    if isinstance(value, list) or len(found) != 1:
        raise EventError(f"{path}: must be one Message-ID. Example: <4711@mail.example.org>")
    return found[0]


def _message_ids(value: object, path: str) -> list[str]:
    """Message-IDs of a header (RFC 5322, section 3.6.4), or of a list; angle brackets may be left out."""
    texts = cast("list[object]", value) if isinstance(value, list) else [value]
    if not all(isinstance(text, str) for text in texts):
        raise EventError(f"{path}: must be a text of Message-IDs, or a list of them. Example: <4711@mail.example.org>")
    text = clean_line(" ".join(cast("list[str]", texts)))
    return _MESSAGE_ID.findall(text) or [f"<{word}>" for word in text.split()]


def _sender(value: object, path: str) -> str:
    """The address in a From header or of an object with `email`; empty for the null sender of a bounce."""
    person = _person(value, path)
    text = str(cast("dict[str, Any]", person)["email"]) if isinstance(person, dict) else str(person)
    return "" if "<>" in text else parseaddr(text)[1] or text.strip()


def _auto_submitted(value: object, path: str) -> str:
    """The keyword of the header (RFC 3834, section 5), without its parameters."""
    if not isinstance(value, str):
        raise EventError(f'{path}: must be the header\'s text. Examples: "no", "auto-replied", "auto-generated"')
    return clean_line(value).partition(";")[0].strip().lower()


def _deadline(given: dict[str, Any]) -> dict[str, Any]:
    """The deadline an event is about, as the clock writes it."""
    path = "data.deadline"
    if given.get("due") is None:
        raise EventError(f"{path}.due: is missing")
    words = {name: _word(given.get(name) or "", f"{path}.{name}") for name in ("kind", "threshold")}
    return {**words, "due": _time(given["due"], f"{path}.due").isoformat()}


def _deadlines(given: dict[str, Any], path: str) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for kind, value in given.items():
        place = f"{path}.{clean_line(kind)}"
        body: dict[str, Any] = {} if value is None else _mapping(value, place)
        out[_word(kind, place)] = {
            name: _time(body[name], f"{place}.{name}").isoformat()
            for name in ("started", "due", "met")
            if body.get(name) is not None
        }
    return out


def _changes(value: object) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for name, change in _mapping(value or {}, "data.changes").items():
        path = f"data.changes.{clean_line(name)}"
        body = _mapping(change, path)
        out[clean_line(name)] = {
            side: _changed(name, body[side], f"{path}.{side}") for side in ("from", "to") if side in body
        }
    return out


def _changed(name: str, value: object, path: str) -> Any:
    if value is None:
        return None
    if name in _PERSONS:
        return _person(value, path)
    if name in _WORDS:
        return _word(value, path)
    return clean_line(value) if isinstance(value, str) else _plain(value, path)


def _comment(value: object) -> dict[str, Any] | None:
    if value is None:
        return None
    path = "data.comment"
    body = _mapping(value, path)
    text = body.get("text")
    if text is not None and not isinstance(text, str):
        raise EventError(f"{path}.text: must be a text")
    return {
        "text": clean_text(text or ""),
        "private": _flag(body.get("private") or False, f"{path}.private"),
        "mentions": _persons(body.get("mentions") or [], f"{path}.mentions"),
        "chosen": _persons(body.get("chosen") or [], f"{path}.chosen"),
    }
