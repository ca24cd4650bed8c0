"""The plan: which rules an event takes, who is told, and why everybody and everything else is left out.

`plan` is pure: the same event, rules and directory give the same plan. Live sending, the dry run and the *why*
screen all call this one function.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

from dispatch import context as contexts
from dispatch.condition import ConditionError, holds
from dispatch.directory import Directory, Known
from dispatch.loops import Ours, cause
from dispatch.roles import MANAGERS, RANK, people_in_role
from dispatch.thresholds import threshold_key
from store.addresses import AddressError, mailbox_key, parse_address
from store.calendar import WorkCalendar
from store.cards import Company, DecisionCard, Mute
from store.events import StoredEvent, part
from store.mutes import Mutes
from store.rules import Rule
from store.sanitise import clean_line
from store.vocabulary import Channel, EventType, Language, ObjectType, Role

ALREADY_TOLD = "already_told"
"""Why a person is dropped whom another rule told of the event over the same channel; `by` names that rule."""
MUTED = "muted"
"""Why a person is dropped whom a mute keeps from being told; `mute`, `until`, `who` and `why` say which one.

`again` stands where another rule would have told the same person over the same channel: that counts once.
"""
NOBODYS = Ours()
CONDITION_ERROR = "condition_error"
MAX_PROBLEM = 500
"""Characters of an error that are recorded."""
NOTHING: Mapping[tuple[str, str], datetime] = MappingProxyType({})
NO_MUTES = Mutes()


@dataclass(frozen=True, slots=True)
class Recipient:
    """Somebody who is told. `address` is empty only for the interface."""

    address: str
    name: str
    language: Language
    role: Role


@dataclass(frozen=True, slots=True)
class Taken:
    """A rule that is taken, and whom it tells; its letters wait until `not_before`, where that is said."""

    rule: Rule
    recipients: tuple[Recipient, ...]
    not_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What an event leads to: the rules taken, and every decision on the way, in order.

    Attributes:
        context: What the conditions saw, in the company's language; letters in it are rendered from the same.
    """

    taken: tuple[Taken, ...]
    decisions: tuple[DecisionCard, ...]
    context: dict[str, Any] = field(default_factory=dict[str, Any])


class Rulebook:
    """Rules indexed by (object type, event type): an event costs what matches, not what exists."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._index: dict[tuple[str, str], list[Rule]] = defaultdict(list)
        self.seldom: list[Rule] = []
        """Rules that tell once in a while."""
        for rule in rules:
            if rule.once_minutes:
                self.seldom.append(rule)
            self._index[rule.object_type, rule.event_type].append(rule)
        for found in self._index.values():
            # The nearest role comes first, so that a person told once is told in the role that fits best.
            found.sort(key=lambda rule: (min((RANK[role] for role in rule.recipients), default=99), rule.code))

    def matching(self, object_type: str, event_type: str) -> list[Rule]:
        """Rules for this event, in the order they are tried."""
        return self._index.get((object_type, event_type), [])


@dataclass(slots=True)
class _Planning:
    event: StoredEvent
    directory: Directory
    company: Company
    actor: str | None
    responsible: str | None
    told_before: Mapping[tuple[str, str], datetime]
    robot: str | None
    mutes: Mutes
    moments: tuple[datetime, ...]
    decisions: list[DecisionCard] = field(default_factory=list[DecisionCard])
    told: dict[tuple[Channel, str], str] = field(default_factory=dict[tuple[Channel, str], str])
    kept_back: set[tuple[Channel, str]] = field(default_factory=set[tuple[Channel, str]])

    def decide(self, rule: Rule, reason: str, *, taken: bool = False, recipient: str = "", **params: str) -> None:
        self.decisions.append(DecisionCard(rule.code, recipient, taken, reason, params))

    def muted(self, rule: Rule, known: Known) -> Mute | None:
        """What keeps a person from being told by a rule."""
        found = self.mutes
        return found.of(rule.code, self.event.object_number, known.key, self.moments) if found else None


def plan(
    event: StoredEvent,
    rules: Rulebook,
    directory: Directory,
    company: Company,
    told_before: Mapping[tuple[str, str], datetime] = NOTHING,
    ours: Ours = NOBODYS,
    *,
    mutes: Mutes = NO_MUTES,
    now: datetime | None = None,
) -> Plan:
    """Decide what an event leads to. Pure.

    Args:
        event: The event.
        rules: All rules.
        directory: People and teams.
        company: The company card.
        told_before: When a rule (by code) last told a person (by `Known.key`) about this object; asked only of rules
            that tell once in a while.
        ours: What our own letters are known by: what they caused raises nothing.
        mutes: What is not told for a time: of what happens meanwhile, and of what is planned meanwhile.
        now: When it is planned, where that counts: not for events of the past that are gone over again.
    """
    letter = cause(event, ours)
    if letter.quiet is not None:
        return Plan((), (letter.quiet,))
    matching = rules.matching(event.object_type, event.event_type)
    if not matching:
        return Plan((), (DecisionCard("", "", taken=False, reason=_why_nothing(event), params={"type": _type(event)}),))
    context = contexts.build(event, directory, company, company.language, event.at)
    moments = (event.at,) if now is None else (event.at, now)
    actor = directory.know(event.data.get("actor"))
    responsible = directory.know(event.data["object"].get("responsible"))
    planning = _Planning(
        event, directory, company, actor and actor.key, responsible and responsible.key, told_before, letter.robot,
        mutes, moments,
    )  # fmt: skip
    taken: list[Taken] = []
    for rule in matching:
        left = left_out(rule, event, context)
        if left is not None:
            planning.decisions.append(left)
            continue
        opens = _opens(planning, rule)
        recipients = _recipients(planning, rule, opens)
        if recipients:
            taken.append(Taken(rule, recipients, opens))
    return Plan(tuple(taken), tuple(planning.decisions), context)


def _type(event: StoredEvent) -> str:
    return f"{event.object_type}.{event.event_type}"


def _why_nothing(event: StoredEvent) -> str:
    if event.object_type not in set(ObjectType):
        return "unknown_object_type"
    return "unknown_event_type" if event.event_type not in set(EventType) else "no_rule"


def left_out(rule: Rule, event: StoredEvent, context: dict[str, Any]) -> DecisionCard | None:
    """Why a rule for this kind of event is left out, or `None`."""
    params: dict[str, str] = {}
    reason = _other_threshold(event, rule) or _other_status(rule, context)
    if reason is not None:
        pass
    elif not rule.enabled:
        reason = "rule_off"
    else:
        try:
            if not holds(rule.condition, context):
                reason = rule.reason or "condition"
        except ConditionError as error:
            reason, params = CONDITION_ERROR, {"problem": clean_line(str(error))[:MAX_PROBLEM]}
    if reason is None:
        return None
    return (
        DecisionCard(rule.code, "", taken=False, reason=reason, params=params) if params else _left(rule.code, reason)
    )


@lru_cache(maxsize=4096)
def _left(code: str, reason: str) -> DecisionCard:
    """Most of what is decided is that a rule is not for this event: the same card each time."""
    return DecisionCard(code, "", taken=False, reason=reason)


def _opens(planning: _Planning, rule: Rule) -> datetime | None:
    """Until when the letters of a rule wait, if they do."""
    if not rule.working_hours or rule.channel is not Channel.EMAIL:
        return None
    return WorkCalendar.of(planning.company).next_opening(planning.event.at)


def _other_status(rule: Rule, context: dict[str, Any]) -> str | None:
    status = context["object"]["status"]
    if rule.from_status and context["old_status"] not in rule.from_status:
        return "other_old_status"
    if rule.to_status and status not in rule.to_status:
        return "other_status"
    if status in rule.not_to_status:
        return "own_alert" if rule.event_type is EventType.STATUS_CHANGED else "status_excluded"
    return None


def _other_threshold(event: StoredEvent, rule: Rule) -> str | None:
    """Why an event of the clock is not for a rule: it names the threshold it is for, and the rules that waited for it.

    Who emits one by hand need not name the rules.
    """
    if rule.event_type is EventType.DEADLINE:
        deadline = part(event.data, "deadline")
        if deadline.get("threshold") != threshold_key(rule):
            return "other_threshold"
        # One that is off says so itself, which is the better reason.
        waited = rule.code in deadline.get("rules", (rule.code,))
        return None if waited or not rule.enabled else "not_waiting"
    if rule.event_type is EventType.WAITING and event.data.get("waiting_days") != rule.waiting_days:
        return "other_threshold"
    return None


def _recipients(planning: _Planning, rule: Rule, opens: datetime | None) -> tuple[Recipient, ...]:
    waits = {"not_before": opens.isoformat()} if opens else {}
    chosen: list[Recipient] = []
    for role, known, reason in _holders(planning, rule):
        shown = known.email or known.name
        if reason is not None:
            more = _which(planning, rule, known, reason)
            planning.decide(rule, reason, taken=False, recipient=shown, role=role.value, **more)
            continue
        planning.told[rule.channel, known.key] = rule.code
        planning.decide(rule, "told", taken=True, recipient=shown, role=role.value, **waits)
        language = known.person.language if known.person and known.person.language else planning.company.language
        chosen.append(Recipient(known.email, known.name or known.email, language, role))
    return tuple(chosen)


def _which(planning: _Planning, rule: Rule, known: Known, reason: str) -> dict[str, str]:
    """What a reason to drop somebody goes back to."""
    if reason == ALREADY_TOLD:
        return {"by": planning.told[rule.channel, known.key]}
    found = planning.muted(rule, known) if reason == MUTED else None
    if found is None:
        return {}
    until = found.until.astimezone(ZoneInfo(planning.company.timezone)).isoformat(timespec="minutes")
    telling = (rule.channel, known.key)
    again = {"again": "yes"} if telling in planning.kept_back else {}
    planning.kept_back.add(telling)
    which = {"mute": str(found.id), "kind": found.kind.value, "until": until}
    return {**which, "who": found.who, "why": found.reason, **again}


def _holders(planning: _Planning, rule: Rule) -> list[tuple[Role, Known, str | None]]:
    """Everybody in the rule's roles once, and why they are dropped; who holds several counts in one that tells them."""
    held: dict[str, tuple[Role, Known, str | None]] = {}
    for role in rule.recipients:
        for known in people_in_role(role, planning.event, planning.directory, rule):
            before = held.get(known.key)
            if before is not None and before[2] is None:
                continue
            reason = _dropped(planning, rule, role, known)
            # Muted is who would be told, so it is the better reason of two.
            if before is None or reason is None or (reason == MUTED and before[2] != MUTED):
                held[known.key] = (role, known, reason)
    if not held:
        planning.decide(rule, "nobody_in_role", role=", ".join(role.value for role in rule.recipients))
    return list(held.values())


def _dropped(  # noqa: PLR0911 - one for each reason
    planning: _Planning, rule: Rule, role: Role, known: Known
) -> str | None:
    """Why a person is dropped, or `None`: the first that applies."""
    mail, key = rule.channel is Channel.EMAIL, known.key
    if known.person is not None and not known.person.active:
        return "inactive"
    if key == planning.actor and not rule.tell_actor:
        return "actor"
    if key == planning.responsible and role in MANAGERS:
        return "responsible_told"
    if (rule.channel, key) in planning.told:
        return ALREADY_TOLD
    if mail and planning.robot is not None and planning.robot == mailbox_key(known.email):
        return "automatic_sender"
    if _told_recently(planning, rule, known):
        return "told_recently"
    if mail and not known.email:
        return "no_address"
    if known.person is None and not (mail and (planning.company.notify_unregistered or role is Role.FIXED)):
        return "unregistered"
    if mail and not _is_address(known.email):
        return "bad_address"
    # The last one, so that a mute counts only whom it keeps from being told.
    return MUTED if planning.muted(rule, known) is not None else None


def _told_recently(planning: _Planning, rule: Rule, known: Known) -> bool:
    """Whether the rule tells a person once in a while, and has told this one about this object within it."""
    if rule.once_minutes is None:
        return False
    last = planning.told_before.get((rule.code, known.key))
    return last is not None and planning.event.at - last < timedelta(minutes=rule.once_minutes)


def _is_address(text: str) -> bool:
    try:
        parse_address(text)
    except AddressError:
        return False
    return True
