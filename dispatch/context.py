"""What templates and conditions see: plain dicts and texts, in the reader's language and time zone."""

from datetime import datetime, timedelta
from typing import Any, cast
from zoneinfo import ZoneInfo

from dispatch.directory import Directory, Known
from store.cards import Company
from store.catalogue.names import names, status_name
from store.events import StoredEvent, part
from store.plurals import plural
from store.vocabulary import Language

MINUTES_PER_HOUR = 60
HOURS_PER_DAY = 24
QUOTES = {Language.RU: "«»", Language.EN: "“”"}
NO_STATUS = {Language.RU: "не указан", Language.EN: "not given"}


def build(
    event: StoredEvent, directory: Directory, company: Company, language: Language, now: datetime
) -> dict[str, Any]:
    """The context of one event in one language.

    `now` is for "time left" of a deadline; the planner passes the event's own time, so that a replay says the same.
    """
    thing = cast("dict[str, Any]", event.data["object"])
    changes = part(event.data, "changes")
    old_status = part(changes, "status").get("from")
    comment = cast("dict[str, Any] | None", event.data.get("comment"))
    team = directory.team(thing.get("team"))
    actor = _person(directory.know(event.data.get("actor")))
    return {
        "object": _thing(thing, event, language),
        "old_status": old_status,
        "old_status_name": status_name(event.object_type, old_status, language) if old_status else None,
        "client": _person(directory.know(thing.get("client"))),
        "author": _person(directory.know(thing.get("author"))),
        "responsible": _person(directory.know(thing.get("responsible"))),
        "previous_responsible": _person(directory.know(part(changes, "responsible").get("from"))),
        "actor": actor,
        "team": {"code": thing["team"], "name": team.name if team else thing["team"]} if thing.get("team") else None,
        "comment": _comment(comment, actor) if comment else None,
        "deadline": _deadline(event, company, language, now),
        "waiting_days": event.data.get("waiting_days"),
        "parent": _parent(cast("dict[str, Any] | None", thing.get("parent")), language),
        "company": {"name": company.name},
        "text_changed": bool(thing.get("text_changed") or "text" in changes),
        "told_at_added": bool(event.data.get("told_at_added")),
        "chosen": _named(directory, comment, "chosen"),
        "mentioned": _named(directory, comment, "mentions"),
    }


def format_moment(moment: datetime, zone: str, language: Language) -> str:
    """A moment as people write it: `23.11.2026 11:15` or `23 Nov 2026 11:15`."""
    local = moment.astimezone(ZoneInfo(zone))
    return local.strftime("%d.%m.%Y %H:%M" if language is Language.RU else "%d %b %Y %H:%M")


def humanise(span: timedelta, language: Language) -> str:
    """A span in its two largest units: `2 часа 15 минут`, `2 hours 15 minutes`."""
    minutes = max(0, round(abs(span).total_seconds() / 60))
    days, minutes = divmod(minutes, HOURS_PER_DAY * MINUTES_PER_HOUR)
    hours, minutes = divmod(minutes, MINUTES_PER_HOUR)
    parts = [(days, "day"), (hours, "hour"), (minutes, "minute")]
    spoken = [counted(n, unit, language) for n, unit in parts if n][:2]
    return " ".join(spoken) or counted(0, "minute", language)


_RUSSIAN_UNITS = {
    "notification": ("уведомление", "уведомления", "уведомлений"),
    "day": ("день", "дня", "дней"),
    "hour": ("час", "часа", "часов"),
    "minute": ("минута", "минуты", "минут"),
}


def counted(n: int, unit: str, language: Language) -> str:
    """A number and what it counts (`day`, `hour`, `minute`, `notification`): `2 часа`, `2 hours`."""
    return f"{n} {_unit(n, unit, language)}"


def _unit(n: int, unit: str, language: Language) -> str:
    return plural(n, _RUSSIAN_UNITS[unit] if language is Language.RU else (unit, f"{unit}s"), language)


def _thing(thing: dict[str, Any], event: StoredEvent, language: Language) -> dict[str, Any]:
    status = thing.get("status") or ""
    priority = part(thing, "attributes").get("priority")
    return {
        "type": event.object_type,
        "type_name": names(language).object_type(event.object_type),
        "id": event.object_id,
        "number": event.object_number,
        "title": event.title,
        "name": named_thing(event.object_number, event.title, language),
        "status": status,
        "status_name": status_name(event.object_type, status, language) if status else NO_STATUS[language],
        "url": thing.get("url") or "",
        "priority": priority if isinstance(priority, str | int) else None,
        "attributes": part(thing, "attributes"),
    }


def named_thing(number: str, title: str, language: Language) -> str:
    """The number and, where there is one, the title: `RP-1 «Не печатает принтер»`."""
    if not title:
        return number
    opening, closing = QUOTES[language]
    return f"{number} {opening}{title}{closing}"


def _parent(parent: dict[str, Any] | None, language: Language) -> dict[str, Any] | None:
    if not parent:
        return None
    kind = str(part(parent, "attributes").get("type") or parent.get("type") or "request")
    number = str(parent.get("number") or parent.get("id") or "")
    return {
        "type": kind,
        "type_name": names(language).object_type(kind),
        "number": number,
        "title": str(parent.get("title") or ""),
    }


def _person(known: Known | None) -> dict[str, str] | None:
    return {"name": known.name or known.email, "email": known.email} if known else None


def _comment(comment: dict[str, Any], actor: dict[str, str] | None) -> dict[str, Any]:
    return {
        "text": comment.get("text") or "",
        "private": bool(comment.get("private")),
        "author_name": actor["name"] if actor else "",
    }


def _named(directory: Directory, comment: dict[str, Any] | None, name: str) -> list[dict[str, str]]:
    mentions = cast("list[object]", (comment or {}).get(name) or [])
    people = [_person(directory.know(mention)) for mention in mentions]
    return [person for person in people if person]


def _deadline(event: StoredEvent, company: Company, language: Language, now: datetime) -> dict[str, Any] | None:
    deadline = cast("dict[str, Any] | None", event.data.get("deadline"))
    if not deadline:
        return None
    due, reached = datetime.fromisoformat(str(deadline["due"])), deadline.get("reached")
    return {
        "kind": deadline["kind"],
        "kind_name": names(language).deadline(str(deadline["kind"])),
        "due": format_moment(due, company.timezone, language),
        "left": humanise(due - now, language),
        "overdue": due <= now,
        "ago": humanise(now - due, language) if now - due >= timedelta(minutes=1) else None,
        "again": bool(deadline.get("again")),
        "late": bool(reached),
        "reached": format_moment(datetime.fromisoformat(str(reached)), company.timezone, language) if reached else None,
    }
