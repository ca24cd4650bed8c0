"""The words of the field, as enumerations: what the rows, the settings file and the events may say."""

from enum import IntEnum, StrEnum
from typing import Literal


class ObjectType(StrEnum):
    """What a service desk keeps; other types are accepted and planned to nothing."""

    REQUEST = "request"
    TASK = "task"
    APPROVAL = "approval"
    PROBLEM = "problem"
    CHANGE = "change"
    ARTICLE = "article"


class EventType(StrEnum):
    """What can happen to an object. `DEADLINE` and `WAITING` come from the clock."""

    ADDED = "added"
    EDITED = "edited"
    DELETED = "deleted"
    STATUS_CHANGED = "status_changed"
    RESPONSIBLE_CHANGED = "responsible_changed"
    COMMENT_ADDED = "comment_added"
    MENTIONED = "mentioned"
    FILE_ADDED = "file_added"
    DEADLINE = "deadline"
    WAITING = "waiting"
    MAIL_RECEIVED = "mail_received"
    MANUAL = "manual"


class Role(StrEnum):
    """Who is told, relative to the object; `TEAMS` and `FIXED` stand for the teams and addresses an action names."""

    CLIENT = "client"
    AUTHOR = "author"
    RESPONSIBLE = "responsible"
    RESPONSIBLE_TEAM = "responsible_team"
    TEAM_LEADER = "team_leader"
    RESPONSIBLE_TEAM_LEADER = "responsible_team_leader"
    HEAD = "head"
    PREVIOUS_RESPONSIBLE = "previous_responsible"
    OBSERVERS = "observers"
    SUBSCRIBERS = "subscribers"
    APPROVERS = "approvers"
    MENTIONED = "mentioned"
    PARENT_RESPONSIBLE = "parent_responsible"
    CHOSEN = "chosen"
    TEAMS = "teams"
    FIXED = "fixed"


class Channel(StrEnum):
    """How a notification travels."""

    EMAIL = "email"
    INTERFACE = "interface"


class RuleKind(StrEnum):
    """An escalation is an event action whose event is a deadline threshold."""

    EVENT_ACTION = "event_action"
    ESCALATION = "escalation"


class DeadlineKind(StrEnum):
    """The clocks an object may run against."""

    REACTION = "reaction"
    RESOLUTION = "resolution"
    APPROVAL = "approval"
    PLANNED_START = "planned_start"


class DeadlineState(IntEnum):
    """Where a deadline stands. Values below 2 are open: the partial indexes say `state < 2`."""

    RUNNING = 0
    PAUSED = 1
    """A status stops it for a while."""
    MET = 2
    ENDED = 3
    """A status has ended it, or the desk has taken it away."""

    @property
    def word(self) -> str:
        """The name used in the command line and JSON, e.g. `running`."""
        return self.name.lower()


class DeliveryState(IntEnum):
    """Where a delivery stands. Values below 2 are due work: the partial index and the claim say `state < 2`."""

    PENDING = 0
    """Waits for its time in `next_at`."""
    SENDING = 1
    """Leased to a dispatcher until `next_at`."""
    HELD = 2
    """Waits for a cause to go away; the reason says which."""
    SENT = 3
    """Accepted by the server, or visible in the interface."""
    DEAD = 4
    """Given up; carries its error class and the last answer."""
    CANCELLED = 5
    """Withdrawn by a person, or told of in a digest."""

    @property
    def word(self) -> str:
        """The name used in the command line and JSON, e.g. `pending`."""
        return self.name.lower()


class Lane(IntEnum):
    """Which letters go first when there are more than can go at once."""

    URGENT = 0
    """Before all others: what tells of a deadline."""
    ORDINARY = 1
    BULK = 2
    """Behind the others, but not without end: the rest of a flood."""


class Protocol(StrEnum):
    """Protocols of an outgoing mail connection."""

    SMTP = "smtp"
    """Submission to any mail server."""
    EWS = "ews"
    """Exchange Web Services: Exchange on one's own premises."""
    GRAPH = "graph"
    """Microsoft Graph `sendMail`: Exchange Online, where EWS is being switched off."""


class TokenSource(StrEnum):
    """Where a connection with OAuth2 has its access tokens from."""

    APPLICATION = "application"
    """Got for an application of Microsoft Entra (client credentials), anew whenever one expires."""
    PASTED = "pasted"
    """Given by a person or a script, for providers whose tokens we cannot get; used until it is refused."""


SecretName = Literal["password", "client_secret", "access_token"]
SECRETS: tuple[SecretName, ...] = ("password", "client_secret", "access_token")
"""What a mail connection keeps sealed."""


class Encryption(StrEnum):
    """`SSL` is TLS from the first byte; `TLS` is STARTTLS, required."""

    SSL = "ssl"
    TLS = "tls"
    NONE = "none"


class SilentState(StrEnum):
    """Silent mode: letters are held, not dropped."""

    OFF = "off"
    ON = "on"
    EXCEPTIONS = "exceptions"


class Transcripts(StrEnum):
    """Of which attempts it is kept what was said to the mail server and by it."""

    FAILURES = "failures"
    """Of those that failed; of the others the last answer."""
    ALL = "all"
    NONE = "none"
    """Of no attempt but the last answer."""


class StormAction(StrEnum):
    """What becomes of letters above a limit: they are held in either case."""

    DIGEST = "digest"
    """One letter tells of all of them when its time has come."""
    HOLD = "hold"
    """They wait for an operator."""


class MuteKind(StrEnum):
    """What can be muted."""

    RULE = "rule"
    OBJECT = "object"
    PERSON = "person"


class PauseMoves(StrEnum):
    """By how much a pause moves a deadline, unless the desk sends a due time of its own."""

    TIME = "time"
    """By as long as the pause was."""
    WORKING_TIME = "working_time"
    """By the working time in it, counted on from when it ends."""
    NOTHING = "nothing"
    """Not at all: while it lasts nothing is told, and the due time stays."""


class CatchUp(StrEnum):
    """What is told of thresholds that passed while no dispatcher looked."""

    LATEST = "latest"
    """Of each deadline only the latest: who is told that it is over need not hear that it came near."""
    ALL = "all"
    NONE = "none"


class Language(StrEnum):
    """Languages of the console and of the letters."""

    RU = "ru"
    EN = "en"


TERMINAL_STATUSES = frozenset({"resolved", "closed", "accepted", "rejected", "archived"})
"""A deadline stops here."""

PAUSED_STATUSES = frozenset({"deferred", "waiting_client", "planned"})
"""A deadline does not run here (except a planned start, which runs while `planned`)."""
