"""The standard escalations, all of them on: alerts before a deadline and at it."""

from collections.abc import Iterator

from store.rules import Rule, Threshold
from store.vocabulary import Channel, DeadlineKind, EventType, Role, RuleKind

MANAGERS = (Role.TEAM_LEADER, Role.HEAD)
BOTH = (Channel.EMAIL, Channel.INTERFACE)
AT_DUE = Threshold("at_due")
Audience = tuple[str, tuple[Role, ...]]

RESPONSIBLE: Audience = ("responsible", (Role.RESPONSIBLE,))
TEAM: Audience = ("responsible_team", (Role.RESPONSIBLE_TEAM,))
LEADERS: Audience = ("managers", MANAGERS)
AUTHOR: Audience = ("author", (Role.AUTHOR,))
APPROVERS: Audience = ("approvers", (Role.APPROVERS,))

TABLE: tuple[tuple[str, DeadlineKind, Threshold, tuple[Audience, ...]], ...] = (
    ("request", DeadlineKind.RESOLUTION, Threshold("percent_left", 25), (RESPONSIBLE, TEAM, LEADERS)),
    ("request", DeadlineKind.RESOLUTION, AT_DUE, (RESPONSIBLE, TEAM, LEADERS)),
    ("request", DeadlineKind.REACTION, Threshold("percent_left", 25), (RESPONSIBLE, LEADERS)),
    ("request", DeadlineKind.REACTION, AT_DUE, (RESPONSIBLE, LEADERS)),
    ("task", DeadlineKind.RESOLUTION, Threshold("percent_left", 25), (RESPONSIBLE, LEADERS)),
    ("task", DeadlineKind.RESOLUTION, AT_DUE, (RESPONSIBLE, AUTHOR, LEADERS)),
    ("approval", DeadlineKind.APPROVAL, Threshold("percent_left", 30), (APPROVERS,)),
    ("approval", DeadlineKind.APPROVAL, AT_DUE, (AUTHOR, APPROVERS)),
)
DEADLINE_TITLES = {
    DeadlineKind.RESOLUTION: ("Срок решения", "Resolution"),
    DeadlineKind.REACTION: ("Срок реакции", "Reaction"),
    DeadlineKind.APPROVAL: ("Срок согласования", "Approval"),
}
AUDIENCE_TITLES = {
    "responsible": ("ответственному", "responsible"),
    "responsible_team": ("команде", "team"),
    "managers": ("руководителям", "managers"),
    "author": ("автору", "author"),
    "approvers": ("согласующим", "approvers"),
}
NOT_FINISHED = ("object.status not in ['resolved', 'closed']", "finished")


def escalations() -> Iterator[Rule]:
    """The table as rules, and the planned start of a task, which is a deadline that is only told at its time."""
    for object_type, deadline, threshold, audiences in TABLE:
        for audience in audiences:
            for channel in BOTH:
                yield _rule(object_type, deadline, threshold, audience, channel)
    yield Rule(
        code="task.planned_start.due.responsible.email",
        kind=RuleKind.ESCALATION,
        titles={"ru": "Плановое начало → ответственному", "en": "Planned start → responsible"},
        object_type="task",
        event_type=EventType.DEADLINE,
        channel=Channel.EMAIL,
        recipients=(Role.RESPONSIBLE,),
        template="planned_start",
        deadline=DeadlineKind.PLANNED_START,
        threshold=AT_DUE,
        condition=NOT_FINISHED[0],
        reason=NOT_FINISHED[1],
    )


def _rule(object_type: str, deadline: DeadlineKind, threshold: Threshold, audience: Audience, channel: Channel) -> Rule:
    name, roles = audience
    when = "due" if threshold.kind == "at_due" else str(threshold.value)
    titles: dict[str, str] = {}
    for side, language in enumerate(("ru", "en")):
        left = (f"осталось {when} %", f"{when} % left")[side] if when != "due" else ("наступил", "due")[side]
        titles[language] = f"{DEADLINE_TITLES[deadline][side]}: {left} → {AUDIENCE_TITLES[name][side]}"
    asked = object_type == "approval" and name == "approvers"
    return Rule(
        code=f"{object_type}.{deadline.value}.{when}.{name}.{channel.value}",
        kind=RuleKind.ESCALATION,
        titles=titles,
        object_type=object_type,
        event_type=EventType.DEADLINE,
        channel=channel,
        recipients=roles,
        template="approval.reminder" if asked else f"deadline.{'managers' if name == 'managers' else 'staff'}",
        deadline=deadline,
        threshold=threshold,
    )
