"""One rule for event actions and escalations: on this event, if this holds, tell these roles over this channel."""

from dataclasses import dataclass
from typing import Literal

from store.vocabulary import Channel, DeadlineKind, EventType, Role, RuleKind


@dataclass(frozen=True, slots=True)
class Threshold:
    """When an escalation fires, relative to the time given (started → due).

    Attributes:
        kind: `percent_left` of the time given, `minutes_before` the due time, `minutes_after` it, or `at_due`.
        value: Percent or minutes; 0 for `at_due`.
    """

    kind: Literal["percent_left", "minutes_before", "minutes_after", "at_due"]
    value: int = 0


@dataclass(frozen=True, slots=True)
class Rule:
    """An event action or an escalation, as stored.

    Attributes:
        code: Stable id, e.g. `request.added.client.email`.
        titles: Title per language code (`ru`, `en`).
        to_status: Statuses the object must have changed to; empty means any.
        not_to_status: Statuses that exclude the rule (they have an alert of their own).
        waiting_days: For `waiting` rules: days in one of `to_status`.
        fixed_addresses: Addresses for the role `fixed`.
        condition: Jinja expression over the plan's context; `None` always holds.
        reason: Reason code recorded when the condition fails, e.g. `no_responsible`.
        template: Template key in the catalogue, e.g. `request.added.client` (no channel).
        tell_actor: Whether the person who caused the event is told as well.
    """

    code: str
    kind: RuleKind
    titles: dict[str, str]
    object_type: str
    event_type: EventType
    channel: Channel
    recipients: tuple[Role, ...]
    template: str
    to_status: tuple[str, ...] = ()
    not_to_status: tuple[str, ...] = ()
    waiting_days: int | None = None
    deadline: DeadlineKind | None = None
    threshold: Threshold | None = None
    fixed_addresses: tuple[str, ...] = ()
    condition: str | None = None
    reason: str | None = None
    tell_actor: bool = False
    enabled: bool = True
    standard: bool = True
