"""Made-up events: for each kind one in which everything a rule may ask for is there."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from dispatch.thresholds import threshold_key
from store.cards import Person, Team
from store.rules import Rule
from store.vocabulary import EventType, Language

_NOBODY = Person("client@example.com", "Client")
_WORDS = {
    Language.RU: ("Не печатает принтер", "Перезапустили очередь печати, проверьте, пожалуйста."),
    Language.EN: ("The printer does not print", "We restarted the print queue, please check."),
}


def sample_event(
    rule: Rule, people: Sequence[Person], teams: Sequence[Team], language: Language, now: datetime
) -> dict[str, Any]:
    """A CloudEvent of the kind a rule is about, which fits its statuses and its threshold; people are of the directory.

    Its object is one that no desk has, so that nothing is known of it yet.
    """
    active = [person for person in people if person.active]
    client, responsible, actor = (active[place] if place < len(active) else _NOBODY for place in range(3))
    title, said = _WORDS[language]
    old = rule.from_status[0] if rule.from_status else "registered"
    status = rule.to_status[0] if rule.to_status else "in_progress"
    thing: dict[str, Any] = {
        "id": "vestnik-trial", "number": "RP-0", "title": title, "status": status,
        "url": "https://desk.example.com/RP-0", "client": _mention(client), "author": _mention(actor),
        "responsible": responsible.email, "team": teams[0].code if teams else None, "observers": [], "approvers": [],
        "parent": {"number": "RP-00", "title": title, "responsible": responsible.email}, "attributes": {},
    }  # fmt: skip
    data: dict[str, Any] = {"object": {name: value for name, value in thing.items() if value is not None}}
    data["actor"] = actor.email
    if rule.event_type is EventType.STATUS_CHANGED:
        data["changes"] = {"status": {"from": old, "to": status}}
    if rule.event_type is EventType.RESPONSIBLE_CHANGED:
        data["changes"] = {"responsible": {"from": client.email, "to": responsible.email}}
    if rule.event_type in {EventType.COMMENT_ADDED, EventType.MENTIONED, EventType.MANUAL}:
        data["comment"] = {
            "text": said, "private": False, "mentions": [responsible.email], "chosen": [responsible.email],
        }  # fmt: skip
    if rule.event_type is EventType.DEADLINE and rule.deadline is not None:
        due = (now + _left(rule)).isoformat(timespec="seconds")
        data["deadline"] = {"kind": rule.deadline.value, "due": due, "threshold": threshold_key(rule)}
    if rule.event_type is EventType.WAITING:
        data["waiting_days"] = rule.waiting_days
    return {
        "specversion": "1.0", "id": "vestnik-trial", "source": "vestnik-trial",
        "type": f"{rule.object_type}.{rule.event_type.value}", "time": now.isoformat(timespec="seconds"), "data": data,
    }  # fmt: skip


def _left(rule: Rule) -> timedelta:
    """The time that is left when the threshold of a rule is reached, working time taken for time."""
    if rule.threshold is None or rule.threshold.kind == "percent_left":
        return timedelta(hours=1)
    minutes = timedelta(minutes=rule.threshold.value)
    return minutes if rule.threshold.kind == "minutes_before" else -minutes


def _mention(person: Person) -> dict[str, str]:
    return {"email": person.email, "name": person.name}
