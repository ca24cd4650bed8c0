"""What leaves the store: frozen dataclasses, one per thing a screen, a command or the dispatcher reads."""

from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path

from store.vocabulary import (
    CatchUp,
    Channel,
    DeliveryState,
    Encryption,
    Language,
    MuteKind,
    PauseMoves,
    Protocol,
    SecretName,
    SilentState,
    StormAction,
    TokenSource,
    Transcripts,
)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody in the directory. `teams` holds team codes, `head` an e-mail address."""

    email: str
    name: str
    login: str | None = None
    teams: tuple[str, ...] = ()
    head: str | None = None
    language: Language | None = None
    active: bool = True


@dataclass(frozen=True, slots=True)
class Team:
    """A team of the directory. `leader` is an e-mail address."""

    code: str
    name: str
    leader: str | None = None


@dataclass(frozen=True, slots=True)
class Company:
    """The company card."""

    name: str = ""
    signature: str = ""
    notify_unregistered: bool = False
    language: Language = Language.RU
    timezone: str = "UTC"
    working_hours: dict[str, str] = field(default_factory=dict[str, str])
    """By weekday (`mon` … `sun`), e.g. `09:00-18:00`; a day that is missing is free, none at all means always."""
    signature_html: str = ""
    """Stands under the HTML of letters; without it `signature` does there too."""
    holidays: str = ""
    """The country whose public holidays are free, e.g. `RU`, or a part of one, `DE-BY`; empty: none are."""
    special_days: dict[str, str] = field(default_factory=dict[str, str])
    """By date (`2026-12-31`) the hours of that day alone, e.g. `09:00-14:00`, or `off`."""


@dataclass(frozen=True, slots=True)
class Sending:
    """Sending parameters of outgoing mail; the first three are required before anything is sent."""

    support_address: str = ""
    system_address: str = ""
    sender_name: str = ""
    encoding: str = "utf-8"
    transliterate_headers: bool = False
    max_attempts: int = 5
    pause_s: int = 120
    batch_size: int = 0
    batch_interval_s: int = 0
    transcripts: Transcripts = Transcripts.FAILURES

    @property
    def missing(self) -> tuple[str, ...]:
        """Names of the required fields that are empty."""
        return tuple(n for n in ("support_address", "system_address", "sender_name") if not getattr(self, n).strip())


@dataclass(frozen=True, slots=True)
class SilentMode:
    """Silent mode. `exceptions` are addresses or domains that still get mail."""

    state: SilentState = SilentState.OFF
    exceptions: tuple[str, ...] = ()
    until: datetime | None = None

    def in_force(self, now: datetime) -> bool:
        """Whether letters are held by it now."""
        return self.state is not SilentState.OFF and (self.until is None or now < self.until)


@dataclass(frozen=True, slots=True)
class StormLimits:
    """How many letters one person gets before the others are held; 0 letters mean no limit.

    As it ships, only letters about one object are limited: nothing but a loop makes a hundred of them in ten minutes.
    Whatever about, one address may rightly get thousands: a mailbox that a team shares, a dispatcher's on the day of
    an import. Who is not to get them says so.

    Attributes:
        object_letters: Letters to one person about one object within `object_minutes`.
        recipient_letters: Letters to one person, whatever about, within `recipient_minutes`.
        then: What becomes of those above.
        digest_minutes: How long letters are gathered for a digest, from the first one held.
    """

    object_letters: int = 100
    object_minutes: int = 10
    recipient_letters: int = 0
    recipient_minutes: int = 10
    then: StormAction = StormAction.DIGEST
    digest_minutes: int = 10


@dataclass(frozen=True, slots=True)
class StatusRules:
    """In which statuses of an object type its deadlines do not run.

    All others are running ones: a status nobody has thought of must not silence an alarm.

    Attributes:
        paused: A deadline waits here, and goes on when another status comes.
        ended: It ends here; should the object come back, it goes on as after a pause.
    """

    paused: tuple[str, ...] = ()
    ended: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DeadlineSettings:
    """How deadlines run, and what is told of thresholds that passed while no dispatcher looked.

    Attributes:
        statuses: By object type, in place of the standard ones (`store.vocabulary.PAUSED_STATUSES` and
            `TERMINAL_STATUSES`).
        catch_up_days: Thresholds that passed longer ago are not told: nobody is helped by an alarm of last month.
    """

    statuses: dict[str, StatusRules] = field(default_factory=dict[str, StatusRules])
    pause: PauseMoves = PauseMoves.TIME
    catch_up: CatchUp = CatchUp.LATEST
    catch_up_days: int = 7


@dataclass(frozen=True, slots=True)
class Retention:
    """How long what is kept; 0 days are for ever, 0 megabytes are no limit.

    As it ships, a year: what people ask for about a request is asked for while they remember it, and next year's
    holidays and deadlines are compared with this year's. Who changed which setting stays: it is little, and it is what
    is asked for when nobody remembers.

    Attributes:
        events_days: Events with all that came of them: decisions, notifications, deliveries, attempts.
        audit_days: Entries of the audit.
        most_megabytes: What the store may hold (10⁶ bytes); above it the oldest events go before their days are over.
    """

    events_days: int = 365
    audit_days: int = 0
    most_megabytes: int = 0


EXPIRY_WARNING_DAYS = 30
"""So long before a secret or a certificate is over it is spoken of: time for whoever issues the next one."""


@dataclass(frozen=True, slots=True)
class MailConnection:
    """A connection for outgoing mail, without its secrets.

    Attributes:
        id: 0 for one that is not stored yet.
        insecure: Neither the server's certificate nor its name is checked: whoever sits between reads along.
        client_cert: PEM file of the certificate the server is shown, with those that lead to its authority.
        client_key: PEM file of its key, without a passphrase; empty when it is in `client_cert`.
        secrets_mark: Tells nothing of the secrets but that they were saved anew: whoever holds one reads it again.
        secret_expires: The last day the client secret is good for, where somebody has said so.
        has_password: Whether a password is stored; read it with `store.settings.connection_secret`.
    """

    name: str
    server: str
    id: int = 0
    protocol: Protocol = Protocol.SMTP
    port: int | None = 587
    encryption: Encryption = Encryption.TLS
    authentication: bool = False
    login: str = ""
    has_password: bool = False
    ca_file: str = ""
    insecure: bool = False
    client_cert: str = ""
    client_key: str = ""
    oauth2: bool = False
    application_id: str = ""
    directory_id: str = ""
    has_client_secret: bool = False
    secret_expires: date | None = None
    authority: str = ""
    token_source: TokenSource = TokenSource.APPLICATION
    has_access_token: bool = False
    enabled: bool = True
    priority: int = 1
    secrets_mark: str = ""

    def secret_days_left(self, today: date) -> int | None:
        """Days the client secret is good for after today, below 0 when it is over; `None` when nobody has said."""
        used = self.oauth2 and self.token_source is TokenSource.APPLICATION
        return (self.secret_expires - today).days if used and self.secret_expires is not None else None

    def has(self, name: SecretName) -> bool:
        """Whether this secret is stored."""
        return bool(getattr(self, f"has_{name}"))


@dataclass(frozen=True, slots=True)
class ServerLimits:
    """What a server has shown to take, and no more; `None` where no limit is known.

    Attributes:
        letters: Letters over one connection.
        connections: Connections at once.
        per_minute: Letters a minute.
        learned_at: When one of them was met last.
    """

    letters: int | None = None
    connections: int | None = None
    per_minute: int | None = None
    learned_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ConnectionHealth:
    """How a connection does: `circuit` is `closed` (well), `open` (down) or `half_open` (being tried)."""

    connection: str
    circuit: str = "closed"
    opened_at: datetime | None = None
    retry_at: datetime | None = None
    last_sent_at: datetime | None = None
    last_error: str = ""
    error_class: str = ""
    limits: ServerLimits = ServerLimits()


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """Who has seen to a delivery, when, and what they had to say."""

    who: str
    at: datetime
    note: str = ""


@dataclass(frozen=True, slots=True)
class FeedRow:
    """One line of the live pane: a delivery and what it is about.

    Attributes:
        id: Delivery number; grows with time. Shown as `D<id>`.
        reason: Why it is held, dead or cancelled (a reason code or error class), else empty.
        acknowledged: By whom, where somebody has.
    """

    id: int
    created_at: datetime
    object_type: str
    object_number: str
    event_type: str
    subject: str
    channel: Channel
    recipient_name: str
    recipient_address: str
    state: DeliveryState
    reason: str
    attempts: int
    rule_code: str
    event_key: str
    acknowledged: Acknowledgement | None = None


@dataclass(frozen=True, slots=True)
class AttemptCard:
    """One try at a delivery, with the server's answer.

    Attributes:
        outcome: `sent`, `failed`, or `connection_failed`, which counts as no attempt.
        transcript: Of a failed one what was said: `C: …` by us, `S: …` by the server, `-- …` is told beside;
            credentials are `***`, the letter is its size. At most 4 KB.
    """

    at: datetime
    connection: str
    outcome: str
    code: int | None
    answer: str
    error_class: str
    transcript: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DecisionCard:
    """Why a rule or a recipient was taken or left out. `recipient` is empty for a decision on the rule itself."""

    rule_code: str
    recipient: str
    taken: bool
    reason: str
    params: dict[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class DeliveryCard:
    """A delivery opened: the letter as its recipient sees it, and its story."""

    row: FeedRow
    sender: str
    reply_to: str
    to: str
    text: str
    html: str
    message_id: str
    sent_at: datetime | None
    next_at: datetime | None
    connection: str
    answer: str
    attempts: tuple[AttemptCard, ...]
    decisions: tuple[DecisionCard, ...]
    digest_id: int | None = None
    """The delivery that told of this one together with others."""
    connection_failure: AttemptCard | None = None
    """The last time a connection failed with it in hand."""


@dataclass(frozen=True, slots=True)
class EventCard:
    """An event with everything that was decided and done about it."""

    key: str
    source: str
    external_id: str
    type: str
    object_type: str
    object_id: str
    object_number: str
    title: str
    at: datetime
    accepted_at: datetime
    planned_at: datetime | None
    decisions: tuple[DecisionCard, ...]
    deliveries: tuple[DeliveryCard, ...]


@dataclass(frozen=True, slots=True)
class Mute:
    """What is not told for a time.

    Attributes:
        key: The code of a rule, the number of an object, the address of a person.
        left_out: Notifications it has kept back so far.
    """

    id: int
    kind: MuteKind
    key: str
    since: datetime
    until: datetime
    reason: str
    who: str
    ended_at: datetime | None = None
    ended_by: str = ""
    left_out: int = 0

    @property
    def over_at(self) -> datetime:
        """When it is over, or was ended."""
        return self.until if self.ended_at is None else min(self.until, self.ended_at)

    def in_force(self, at: datetime) -> bool:
        """Whether it holds at a moment."""
        return self.since <= at < self.over_at


@dataclass(frozen=True, slots=True)
class DispatcherCard:
    """A dispatcher and its heartbeat; alive while the last beat is younger than the limit."""

    id: str
    host: str
    pid: int
    started_at: datetime
    seen_at: datetime
    alive: bool


@dataclass(frozen=True, slots=True)
class Flow:
    """Letters that got there within some time: sent, put on hold (each time counts), given up."""

    sent: int = 0
    held: int = 0
    dead: int = 0


@dataclass(frozen=True, slots=True)
class Rates:
    """What became of letters within the last whole minute, and within the last hour."""

    minute: Flow = Flow()
    hour: Flow = Flow()


@dataclass(frozen=True, slots=True)
class Queue:
    """Letters that are still to go.

    Attributes:
        due: They could leave now.
        later: They wait for their time: the next attempt, working hours.
        in_hand: A dispatcher has claimed them.
        held: By the reason, the most frequent first.
    """

    due: int = 0
    later: int = 0
    in_hand: int = 0
    held: dict[str, int] = field(default_factory=dict[str, int])


@dataclass(frozen=True, slots=True)
class Status:
    """The state of the whole: what `vestnik status` and the status bar show.

    Attributes:
        deliveries: Count per state word, every state present.
        missing: What keeps letters from going out: names of empty sending parameters, `connection` when none is on.
        oldest_due_at: Since when the oldest due letter waits.
        unplanned: Events accepted and not planned yet.
        storm: Letters held because there were too many; the count of those held includes them.
        mutes: What is muted now, the first to end first.
    """

    deliveries: dict[str, int]
    events: int
    unplanned: int
    connections: tuple[MailConnection, ...]
    health: tuple[ConnectionHealth, ...]
    dispatchers: tuple[DispatcherCard, ...]
    oldest_due_at: datetime | None
    silent: SilentMode
    missing: tuple[str, ...]
    store: str
    revision: str
    storm: int = 0
    rates: Rates = Rates()
    queue: Queue = field(default_factory=Queue)
    mutes: tuple[Mute, ...] = ()


@dataclass(frozen=True, slots=True)
class Upgrade:
    """What opening a store did to its schema. `before` is `None` for a new store, `copy` the kept file, if any."""

    before: str | None
    after: str
    copy: Path | None
