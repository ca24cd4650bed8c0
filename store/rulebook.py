"""Event actions and escalations: reading, switching on and off, saving."""

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, asdict, fields
from datetime import datetime
from types import SimpleNamespace
from typing import Any, Literal, cast

from sqlalchemy import Connection, Row, delete, insert, select, update

from store import tables
from store.audit import record
from store.engine import Store
from store.errors import SettingsError
from store.rule_check import check_rule
from store.rules import OwnText, Repeat, Rule, Threshold
from store.sanitise import clean_line
from store.vocabulary import Channel, DeadlineKind, EventType, Role, RuleKind

_ESCALATION = tables.rule.c.event_type == EventType.DEADLINE.value
_WATCHES = frozenset(
    {"enabled", "object_type", "event_type", "deadline", "threshold_kind", "threshold_value", "working_time"}
)
"""What a rule watches for."""
ThresholdKind = Literal["percent_left", "minutes_before", "minutes_after", "at_due"]


def list_rules(store: Store, kind: RuleKind | None = None) -> list[Rule]:
    """All rules, or those of one kind, in the order they were made."""
    with store.read() as connection:
        return rules_in(connection, kind)


def rules_in(connection: Connection, kind: RuleKind | None = None) -> list[Rule]:
    """Like `list_rules`, within a transaction."""
    query = select(tables.rule).order_by(tables.rule.c.id)
    if kind is not None:
        query = query.where(tables.rule.c.kind == kind.value)
    return [_to_rule(row) for row in connection.execute(query)]


def waiting_rules_in(connection: Connection) -> list[Rule]:
    """The rules that are on and wait for days in a status."""
    waiting = tables.rule.c.event_type == EventType.WAITING.value
    query = select(tables.rule).where(waiting, tables.rule.c.enabled).order_by(tables.rule.c.id)
    return [_to_rule(row) for row in connection.execute(query)]


def armed_rules_in(connection: Connection) -> list[tuple[Rule, datetime]]:
    """The escalations that are on, each with when it was armed: what was reached until then is not its business."""
    query = select(tables.rule).where(_ESCALATION, tables.rule.c.enabled).order_by(tables.rule.c.id)
    return [(_to_rule(row), row.armed_at) for row in connection.execute(query)]


def armed_among(armed: Sequence[tuple[Rule, datetime]], codes: Sequence[str]) -> list[tuple[Rule, datetime]]:
    """Of the escalations that are on, as `armed_rules_in` gives them, those with these codes.

    Raises:
        SettingsError: A code is unknown, or is none of an escalation that is on.
    """
    known = {rule.code for rule, _ in armed}
    for code in codes:
        if code not in known:
            problem = "is no escalation that is switched on"
            raise SettingsError(f"rule:{clean_line(code)}", problem, key="no_escalation_on")
    return [(rule, at) for rule, at in armed if rule.code in codes]


def tell_past(store: Store, codes: Sequence[str], who: str, since: datetime) -> int:
    """Have escalations that are on tell of what was reached after `since` as well; gives how many will.

    Raises:
        SettingsError: A code is unknown, or is none of an escalation that is on; nothing was changed.
    """

    def change(connection: Connection) -> int:
        armed = {rule.code: at for rule, at in armed_among(armed_rules_in(connection), codes)}
        later = [code for code in dict.fromkeys(codes) if armed[code] > since]
        connection.execute(update(tables.rule).where(tables.rule.c.code.in_(later)).values(armed_at=since))
        for code in later:
            before, after = ({"tells_since": at.isoformat()} for at in (armed[code], since))
            record(connection, store.clock(), who, f"rule:{code}", before, after)
        return len(later)

    return store.write(change)


def set_enabled(store: Store, codes: Sequence[str], enabled: bool, who: str) -> int:  # noqa: FBT001 - reads as a sentence
    """Switch rules on or off; gives how many were changed.

    Raises:
        SettingsError: A code is unknown; nothing was changed.
    """

    def change(connection: Connection) -> int:
        known = {
            row.code: row.enabled
            for row in connection.execute(
                select(tables.rule.c.code, tables.rule.c.enabled).where(tables.rule.c.code.in_(codes))
            )
        }
        for code in codes:
            if code not in known:
                raise SettingsError(code, "no such event action or escalation")
        changed = [code for code in known if known[code] != enabled]
        ours = update(tables.rule).where(tables.rule.c.code.in_(changed))
        connection.execute(ours.values(enabled=enabled))
        if enabled:
            connection.execute(ours.where(_ESCALATION).values(armed_at=store.clock()))
        for code in changed:
            record(connection, store.clock(), who, f"rule:{code}", {"enabled": not enabled}, {"enabled": enabled})
        return len(changed)

    return store.write(change)


def save_rule(store: Store, rule: Rule, who: str) -> None:
    """Add a rule, or replace the one with the same code.

    Raises:
        SettingsError: It cannot work; its path is the field at fault.
    """
    store.write(lambda connection: save_in(connection, store, rule, who))


def save_in(connection: Connection, store: Store, rule: Rule, who: str) -> bool:
    """Like `save_rule`, within a transaction; gives whether anything changed."""
    check_rule(rule)
    _check_teams(connection, rule)
    row = connection.execute(select(tables.rule).where(tables.rule.c.code == rule.code)).one_or_none()
    values = to_values(rule)
    if row is None:
        connection.execute(insert(tables.rule).values(**values, armed_at=store.clock()))
        record(connection, store.clock(), who, f"rule:{rule.code}", None, values)
        return True
    before = to_values(_to_rule(row))
    changed = {name: value for name, value in values.items() if before[name] != value}
    if not changed:
        return False
    # A rule that watches for something new does not tell of what was there before: it is armed from now on.
    armed = {"armed_at": store.clock()} if rule.enabled and _WATCHES & changed.keys() else {}
    connection.execute(update(tables.rule).where(tables.rule.c.code == rule.code).values(**changed, **armed))
    record(connection, store.clock(), who, f"rule:{rule.code}", {name: before[name] for name in changed}, changed)
    return True


def watches_anew(before: Rule | None, after: Rule) -> bool:
    """Whether a rule watches for something else than before, or is new."""
    then, now = to_values(before) if before else {}, to_values(after)
    return any(then.get(name) != now[name] for name in _WATCHES)


def _check_teams(connection: Connection, rule: Rule) -> None:
    """Refuse teams that are not there: a rule that names one would quietly reach nobody."""
    if not rule.teams:
        return
    table = tables.team
    known = set(connection.execute(select(table.c.code).where(table.c.code.in_(rule.teams))).scalars())
    for index, code in enumerate(rule.teams):
        if code not in known:
            raise SettingsError(f"teams[{index}]", f"there is no team {code!r}", key="no_team", team=code)


def delete_in(connection: Connection, store: Store, code: str, who: str) -> bool:
    """Delete a rule of one's own, within a transaction; gives whether there was one.

    Its notifications are kept. Its counters are not: the next rule of its kind may get its code.

    Raises:
        SettingsError: It belongs to the standard set: it can be switched off.
    """
    row = connection.execute(select(tables.rule).where(tables.rule.c.code == code)).one_or_none()
    if row is None:
        return False
    if row.standard:
        problem = "belongs to the standard set, which stays; switch it off"
        raise SettingsError(f"rule:{code}", problem, key="standard_rule")
    connection.execute(delete(tables.rule).where(tables.rule.c.code == code))
    connection.execute(delete(tables.rule_day).where(tables.rule_day.c.rule_code == code))
    record(connection, store.clock(), who, f"rule:{code}", to_values(_to_rule(row)), None)
    return True


def from_values(values: Mapping[str, Any]) -> Rule:
    """The rule of columns, as `to_values` gives them; those that are missing get their default.

    Raises:
        ValueError: A value is none any more.
        AttributeError: A column without a default is missing.
    """
    return _to_rule(SimpleNamespace(**{**_defaults(), **values}))


def to_values(rule: Rule) -> dict[str, Any]:
    """The columns of a rule."""
    threshold, again = rule.threshold, rule.repeat
    return {
        "code": rule.code,
        "kind": rule.kind.value,
        "titles": rule.titles,
        "object_type": rule.object_type,
        "event_type": rule.event_type.value,
        "channel": rule.channel.value,
        "recipients": [role.value for role in rule.recipients],
        "template": rule.template,
        "texts": {language: asdict(text) for language, text in rule.texts.items()},
        "from_status": list(rule.from_status),
        "to_status": list(rule.to_status),
        "not_to_status": list(rule.not_to_status),
        "waiting_days": rule.waiting_days,
        "deadline": rule.deadline.value if rule.deadline else None,
        "threshold_kind": threshold.kind if threshold else None,
        "threshold_value": threshold.value if threshold else None,
        "working_time": threshold is not None and threshold.working_time,
        "repeat_minutes": again.every_minutes if again else None,
        "repeat_times": again.times if again else None,
        "repeat_until_status_change": again is not None and again.until_status_change,
        "teams": list(rule.teams),
        "fixed_addresses": list(rule.fixed_addresses),
        "condition": rule.condition,
        "reason": rule.reason,
        "tell_actor": rule.tell_actor,
        "once_minutes": rule.once_minutes,
        "working_hours": rule.working_hours,
        "enabled": rule.enabled,
        "standard": rule.standard,
    }


def _defaults() -> dict[str, Any]:
    plain = Rule("", RuleKind.EVENT_ACTION, {}, "", EventType.MANUAL, Channel.EMAIL, (), "", standard=False)
    needed = {f.name for f in fields(Rule) if f.default is MISSING and f.default_factory is MISSING}
    return {name: value for name, value in to_values(plain).items() if name not in needed}


def _to_rule(row: Row[Any] | SimpleNamespace) -> Rule:
    threshold = None
    if row.threshold_kind is not None:
        kind = cast("ThresholdKind", row.threshold_kind)
        threshold = Threshold(kind, row.threshold_value or 0, row.working_time)
    repeat = None
    if row.repeat_minutes is not None:
        repeat = Repeat(row.repeat_minutes, row.repeat_times, row.repeat_until_status_change)
    return Rule(
        code=row.code,
        kind=RuleKind(row.kind),
        titles=row.titles,
        object_type=row.object_type,
        event_type=EventType(row.event_type),
        channel=Channel(row.channel),
        recipients=tuple(Role(role) for role in row.recipients),
        template=row.template,
        texts={language: OwnText(**text) for language, text in row.texts.items()},
        from_status=tuple(row.from_status),
        to_status=tuple(row.to_status),
        not_to_status=tuple(row.not_to_status),
        waiting_days=row.waiting_days,
        deadline=DeadlineKind(row.deadline) if row.deadline else None,
        threshold=threshold,
        teams=tuple(row.teams),
        fixed_addresses=tuple(row.fixed_addresses),
        condition=row.condition,
        reason=row.reason,
        tell_actor=row.tell_actor,
        once_minutes=row.once_minutes,
        working_hours=row.working_hours,
        repeat=repeat,
        enabled=row.enabled,
        standard=row.standard,
    )
