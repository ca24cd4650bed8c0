"""One rule for event actions and escalations: on this event, if this holds, tell these roles over this channel."""

from dataclasses import dataclass, field
from typing import Literal

from store.vocabulary import Channel, DeadlineKind, EventType, Role, RuleKind


@dataclass(frozen=True, slots=True)
class Threshold:
    """When an escalation fires, relative to the time given (started → due).

    Attributes:
        kind: `percent_left` of the time given, `minutes_before` the due time, `minutes_after` it, or `at_due`.
        value: Percent or minutes; 0 for `at_due`.
        working_time: Whether it is counted in the company's working time; means nothing for `at_due`.
    """

    kind: Literal["percent_left", "minutes_before", "minutes_after", "at_due"]
    value: int = 0
    working_time: bool = False


@dataclass(frozen=True, slots=True)
class Repeat:
    """Tell again, until the deadline is met, has ended, or somebody has acknowledged it.

    Attributes:
        every_minutes: Counted like the threshold: in working time where that is.
        times: At most so many after the first.
        until_status_change: Stop as well once the object's status is another than when the threshold was reached.
    """

    every_minutes: int
    times: int
    until_status_change: bool = False


@dataclass(frozen=True, slots=True)
class OwnText:
    """Words of a rule's own: `subject` of the letter, `short` line for the interface, `body` of the letter."""

    subject: str
    short: str
    body: str


@dataclass(frozen=True, slots=True)
class Rule:
    """An event action or an escalation, as stored.

    Attributes:
        code: Stable id, e.g. `request.added.client.email`.
        titles: Title per language code (`ru`, `en`).
        from_status: Statuses the object must have changed from; empty means any.
        to_status: Statuses the object must have changed to; empty means any.
        not_to_status: Statuses that exclude the rule (they have an alert of their own).
        waiting_days: For `waiting` rules: days in one of `to_status`.
        teams: Codes of the teams for the role `teams`.
        fixed_addresses: Addresses for the role `fixed`; one that is somebody's in the directory is that person.
        condition: Jinja expression over the plan's context; `None` always holds.
        reason: Reason code recorded when the condition fails, e.g. `no_responsible`.
        template: Template key in the catalogue, e.g. `request.added.client` (no channel).
        texts: The rule's own words per language code, in place of the template's.
        tell_actor: Whether the person who caused the event is told as well.
        once_minutes: A person is told by this rule about the same object once within so many minutes; `None`: always.
        working_hours: Letters wait for the company's working hours. The interface does not wait.
        repeat: For escalations: how often they tell again.
    """

    code: str
    kind: RuleKind
    titles: dict[str, str]
    object_type: str
    event_type: EventType
    channel: Channel
    recipients: tuple[Role, ...]
    template: str
    from_status: tuple[str, ...] = ()
    to_status: tuple[str, ...] = ()
    not_to_status: tuple[str, ...] = ()
    waiting_days: int | None = None
    deadline: DeadlineKind | None = None
    threshold: Threshold | None = None
    teams: tuple[str, ...] = ()
    fixed_addresses: tuple[str, ...] = ()
    condition: str | None = None
    reason: str | None = None
    texts: dict[str, OwnText] = field(default_factory=dict[str, OwnText])
    tell_actor: bool = False
    once_minutes: int | None = None
    working_hours: bool = False
    repeat: Repeat | None = None
    enabled: bool = True
    standard: bool = True
