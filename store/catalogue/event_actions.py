"""The standard event actions, all of them on. One row is one alert; each channel of it is an action of its own."""

from collections.abc import Iterator
from dataclasses import dataclass

from store.rules import Rule
from store.vocabulary import Channel, EventType, Role, RuleKind

EMAIL = (Channel.EMAIL,)
INTERFACE = (Channel.INTERFACE,)
BOTH = (Channel.EMAIL, Channel.INTERFACE)

HAS_RESPONSIBLE = ("responsible is not none", "no_responsible")
TEAM_ONLY = ("team is not none and responsible is none", "has_person")
NOT_TOLD_YET = ("responsible is not none and not told_at_added", "told_at_added")
HAD_PREVIOUS = ("previous_responsible is not none", "no_previous_responsible")
PUBLIC = ("comment is not none and not comment.private", "private_comment")
CHOSEN = ("chosen", "nobody_chosen")
LINKED = ("parent is not none", "no_parent")
TEXT_CHANGED = ("text_changed", "text_unchanged")


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the table below.

    Attributes:
        to: Statuses it is for; one status becomes part of the code.
        never: Statuses it is not for, because they have alerts of their own.
        when: Condition and the reason code recorded when it fails.
    """

    event: EventType
    role: Role
    channels: tuple[Channel, ...]
    template: str
    when: tuple[str, str] | None = None
    to: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    waiting_days: int | None = None


ADDED, STATUS, COMMENT = EventType.ADDED, EventType.STATUS_CHANGED, EventType.COMMENT_ADDED
RESPONSIBLE_CHANGED = EventType.RESPONSIBLE_CHANGED
CLOSING = ("resolved", "closed")

REQUEST = (
    Row(ADDED, Role.CLIENT, EMAIL, "added.client"),
    Row(ADDED, Role.RESPONSIBLE, BOTH, "assigned.responsible", HAS_RESPONSIBLE),
    Row(ADDED, Role.RESPONSIBLE_TEAM, BOTH, "assigned.team", TEAM_ONLY),
    Row(RESPONSIBLE_CHANGED, Role.RESPONSIBLE, BOTH, "assigned.responsible", NOT_TOLD_YET),
    Row(RESPONSIBLE_CHANGED, Role.RESPONSIBLE_TEAM, BOTH, "assigned.team", TEAM_ONLY),
    Row(RESPONSIBLE_CHANGED, Role.PREVIOUS_RESPONSIBLE, INTERFACE, "reassigned.previous", HAD_PREVIOUS),
    Row(STATUS, Role.CLIENT, EMAIL, "status.client", never=(*CLOSING, "waiting_client")),
    Row(STATUS, Role.CLIENT, EMAIL, "resolved.client", to=("resolved",)),
    Row(STATUS, Role.CLIENT, EMAIL, "closed.client", to=("closed",)),
    Row(STATUS, Role.CLIENT, EMAIL, "waiting.client", to=("waiting_client",)),
    Row(STATUS, Role.RESPONSIBLE, BOTH, "status.staff", never=("closed",)),
    Row(STATUS, Role.RESPONSIBLE_TEAM, INTERFACE, "status.staff"),
    Row(STATUS, Role.RESPONSIBLE, EMAIL, "closed.staff", to=("closed",)),
    Row(STATUS, Role.OBSERVERS, EMAIL, "status.follower"),
    Row(STATUS, Role.SUBSCRIBERS, EMAIL, "status.follower"),
    Row(COMMENT, Role.CLIENT, EMAIL, "comment.client", PUBLIC),
    Row(COMMENT, Role.RESPONSIBLE, BOTH, "comment.staff"),
    Row(COMMENT, Role.RESPONSIBLE_TEAM, EMAIL, "comment.staff", TEAM_ONLY),
    Row(COMMENT, Role.OBSERVERS, EMAIL, "comment.follower", PUBLIC),
    Row(COMMENT, Role.SUBSCRIBERS, EMAIL, "comment.follower", PUBLIC),
    Row(COMMENT, Role.CHOSEN, EMAIL, "comment.chosen", CHOSEN),
    Row(EventType.MENTIONED, Role.MENTIONED, BOTH, "mentioned"),
    Row(EventType.WAITING, Role.CLIENT, EMAIL, "waiting.reminder", to=("waiting_client",), waiting_days=3),
)
TASK = (
    Row(ADDED, Role.RESPONSIBLE, BOTH, "assigned.responsible"),
    Row(ADDED, Role.RESPONSIBLE_TEAM, EMAIL, "assigned.team", TEAM_ONLY),
    Row(ADDED, Role.PARENT_RESPONSIBLE, EMAIL, "added.parent", LINKED),
    Row(RESPONSIBLE_CHANGED, Role.RESPONSIBLE, BOTH, "assigned.responsible", NOT_TOLD_YET),
    Row(STATUS, Role.AUTHOR, EMAIL, "status.author"),
    Row(STATUS, Role.RESPONSIBLE, BOTH, "status.staff"),
    Row(STATUS, Role.SUBSCRIBERS, EMAIL, "status.follower"),
    Row(COMMENT, Role.AUTHOR, BOTH, "comment.author"),
    Row(COMMENT, Role.RESPONSIBLE, BOTH, "comment.staff"),
    Row(COMMENT, Role.SUBSCRIBERS, EMAIL, "comment.follower", PUBLIC),
)
APPROVAL = (
    Row(ADDED, Role.APPROVERS, BOTH, "approval.asked"),
    Row(ADDED, Role.PARENT_RESPONSIBLE, EMAIL, "added.parent", LINKED),
    Row(STATUS, Role.AUTHOR, BOTH, "approval.outcome"),
    Row(COMMENT, Role.AUTHOR, EMAIL, "comment.author"),
    Row(COMMENT, Role.APPROVERS, EMAIL, "comment.staff", PUBLIC),
)
PROBLEM = (
    Row(ADDED, Role.RESPONSIBLE, EMAIL, "assigned.responsible", HAS_RESPONSIBLE),
    Row(ADDED, Role.RESPONSIBLE_TEAM, EMAIL, "assigned.team", TEAM_ONLY),
    Row(RESPONSIBLE_CHANGED, Role.RESPONSIBLE, EMAIL, "assigned.responsible", NOT_TOLD_YET),
    Row(RESPONSIBLE_CHANGED, Role.RESPONSIBLE_TEAM, EMAIL, "assigned.team", TEAM_ONLY),
    Row(STATUS, Role.AUTHOR, EMAIL, "status.author"),
    Row(STATUS, Role.RESPONSIBLE, EMAIL, "status.staff"),
    Row(COMMENT, Role.AUTHOR, EMAIL, "comment.author", PUBLIC),
    Row(COMMENT, Role.RESPONSIBLE, EMAIL, "comment.staff"),
)
CHANGE = (*PROBLEM, Row(COMMENT, Role.RESPONSIBLE_TEAM, EMAIL, "comment.staff"))
ARTICLE = (
    Row(ADDED, Role.RESPONSIBLE, EMAIL, "assigned.responsible"),
    Row(EventType.EDITED, Role.RESPONSIBLE, EMAIL, "article.edited", TEXT_CHANGED),
)
TABLE = {
    "request": REQUEST,
    "task": TASK,
    "approval": APPROVAL,
    "problem": PROBLEM,
    "change": CHANGE,
    "article": ARTICLE,
}

EVENT_TITLES = {
    EventType.ADDED: ("Добавление", "Added"),
    EventType.EDITED: ("Изменение", "Edited"),
    EventType.STATUS_CHANGED: ("Смена статуса", "Status changed"),
    EventType.RESPONSIBLE_CHANGED: ("Смена ответственного", "Responsible changed"),
    EventType.COMMENT_ADDED: ("Новый комментарий", "Comment added"),
    EventType.MENTIONED: ("Упоминание в комментарии", "Mentioned in a comment"),
    EventType.WAITING: ("Ожидание ответа", "Waiting for an answer"),
}
ROLE_TITLES = {
    Role.CLIENT: ("контактному лицу", "client"),
    Role.AUTHOR: ("автору", "author"),
    Role.RESPONSIBLE: ("ответственному", "responsible"),
    Role.RESPONSIBLE_TEAM: ("команде", "team"),
    Role.TEAM_LEADER: ("руководителям", "managers"),
    Role.PREVIOUS_RESPONSIBLE: ("прежнему ответственному", "previous responsible"),
    Role.OBSERVERS: ("наблюдателям", "observers"),
    Role.SUBSCRIBERS: ("подписчикам", "subscribers"),
    Role.APPROVERS: ("согласующим", "approvers"),
    Role.MENTIONED: ("упомянутым", "those mentioned"),
    Role.PARENT_RESPONSIBLE: ("ответственному за связанный объект", "responsible for the parent"),
    Role.CHOSEN: ("выбранным", "those chosen"),
}
STATUS_TITLES = {
    "resolved": ("решена", "resolved"),
    "closed": ("закрыта", "closed"),
    "waiting_client": ("ожидает ответа", "waiting for the client"),
}


def event_actions() -> Iterator[Rule]:
    """The table as rules."""
    for object_type, rows in TABLE.items():
        for row in rows:
            for channel in row.channels:
                yield _rule(object_type, row, channel)


def _rule(object_type: str, row: Row, channel: Channel) -> Rule:
    # The reminder is for one status as well, but its event says so already.
    status = row.to[0] if len(row.to) == 1 and row.event is EventType.STATUS_CHANGED else None
    condition, reason = row.when or (None, None)
    code = ".".join(part for part in (object_type, row.event.value, status, row.role.value, channel.value) if part)
    return Rule(
        code=code,
        kind=RuleKind.EVENT_ACTION,
        titles={language: _title(row, status, side) for side, language in enumerate(("ru", "en"))},
        object_type=object_type,
        event_type=row.event,
        channel=channel,
        recipients=(row.role,),
        template=row.template,
        to_status=row.to,
        not_to_status=row.never,
        waiting_days=row.waiting_days,
        condition=condition,
        reason=reason,
    )


def _title(row: Row, status: str | None, side: int) -> str:
    what = EVENT_TITLES[row.event][side] + (f" ({STATUS_TITLES[status][side]})" if status else "")
    return f"{what} → {ROLE_TITLES[row.role][side]}"
