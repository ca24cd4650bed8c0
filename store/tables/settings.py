"""Tables of the settings: who there is, how mail leaves, which rules hold."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, LargeBinary
from sqlmodel import Column, Field

from store.tables.row import Row
from store.types import EPOCH, BigKey, Sortable, UtcMicros


class MetaRow(Row, table=True):
    """Facts about the store itself: `settings_revision`, `store_id`."""

    __tablename__: Any = "meta"
    key: str = Field(primary_key=True)
    value: str


class PersonRow(Row, table=True):
    """Somebody in the directory; `email` is kept in lower case. `search` is as in `store.folding`."""

    __tablename__: Any = "person"
    id: int | None = Field(default=None, sa_type=BigKey, primary_key=True)
    email: str = Field(unique=True)
    name: str
    login: str | None = Field(default=None, index=True)
    head: str | None = None
    language: str | None = None
    active: bool = True
    search: str = Field(sa_type=Sortable, index=True)


class TeamRow(Row, table=True):
    """A team; `leader` is an e-mail address."""

    __tablename__: Any = "team"
    id: int | None = Field(default=None, sa_type=BigKey, primary_key=True)
    code: str = Field(unique=True)
    name: str
    leader: str | None = None


class MembershipRow(Row, table=True):
    """Who is in which team."""

    __tablename__: Any = "membership"
    person_id: int = Field(sa_column=Column(BigKey, ForeignKey("person.id", ondelete="CASCADE"), primary_key=True))
    team_code: str = Field(primary_key=True, index=True)


class CompanyRow(Row, table=True):
    """The company card; one row."""

    __tablename__: Any = "company"
    id: int = Field(default=1, primary_key=True)
    name: str = ""
    signature: str = ""
    notify_unregistered: bool = False
    language: str = "ru"
    timezone: str = "UTC"
    working_hours: dict[str, str] = Field(default_factory=dict, sa_type=JSON)
    signature_html: str = ""
    holidays: str = ""
    special_days: dict[str, str] = Field(default_factory=dict, sa_type=JSON)


class SendingRow(Row, table=True):
    """Sending parameters; one row."""

    __tablename__: Any = "sending_parameters"
    id: int = Field(default=1, primary_key=True)
    support_address: str = ""
    system_address: str = ""
    sender_name: str = ""
    encoding: str = "utf-8"
    transliterate_headers: bool = False
    max_attempts: int = 5
    pause_s: int = 120
    batch_size: int = 0
    batch_interval_s: int = 0
    transcripts: str = Field(default="failures", sa_column_kwargs={"server_default": "failures"})


class SilentModeRow(Row, table=True):
    """Silent mode; one row."""

    __tablename__: Any = "silent_mode"
    id: int = Field(default=1, primary_key=True)
    state: str = "off"
    exceptions: list[str] = Field(default_factory=list, sa_type=JSON)
    until: datetime | None = Field(default=None, sa_type=UtcMicros)


class StormLimitsRow(Row, table=True):
    """Limits against floods of letters; one row."""

    __tablename__: Any = "storm_limits"
    id: int = Field(default=1, primary_key=True)
    object_letters: int = 100
    object_minutes: int = 10
    recipient_letters: int = 0
    recipient_minutes: int = 10
    then: str = "digest"
    digest_minutes: int = 10


class DeadlineSettingsRow(Row, table=True):
    """How deadlines run, and what is told of those that passed while nobody looked; one row."""

    __tablename__: Any = "deadline_settings"
    id: int = Field(default=1, primary_key=True)
    statuses: dict[str, dict[str, list[str]]] = Field(default_factory=dict, sa_type=JSON)
    pause: str = "time"
    catch_up: str = "latest"
    catch_up_days: int = 7


class MailConnectionRow(Row, table=True):
    """A connection for outgoing mail. Secrets are sealed; `*_source` is where they came from, for the export."""

    __tablename__: Any = "mail_connection"
    id: int | None = Field(default=None, sa_type=BigKey, primary_key=True)
    name: str = Field(unique=True)
    protocol: str = "smtp"
    server: str
    port: int | None = None
    encryption: str = "tls"
    authentication: bool = False
    login: str = ""
    password: bytes | None = Field(default=None, sa_type=LargeBinary)
    password_source: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    ca_file: str = ""
    insecure: bool = False
    client_cert: str = ""
    client_key: str = ""
    oauth2: bool = False
    application_id: str = ""
    directory_id: str = ""
    client_secret: bytes | None = Field(default=None, sa_type=LargeBinary)
    client_secret_source: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    secret_expires: date | None = None
    authority: str = ""
    token_source: str = "application"  # noqa: S105 - no secret
    access_token: bytes | None = Field(default=None, sa_type=LargeBinary)
    access_token_source: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    enabled: bool = True
    priority: int = 1


class ConnectionHealthRow(Row, table=True):
    """How a connection does; written by dispatchers."""

    __tablename__: Any = "connection_health"
    connection_id: int = Field(
        sa_column=Column(BigKey, ForeignKey("mail_connection.id", ondelete="CASCADE"), primary_key=True)
    )
    circuit: str = "closed"
    opened_at: datetime | None = Field(default=None, sa_type=UtcMicros)
    retry_at: datetime | None = Field(default=None, sa_type=UtcMicros)
    last_sent_at: datetime | None = Field(default=None, sa_type=UtcMicros)
    last_error: str = ""
    error_class: str = ""
    letters_limit: int | None = None
    letters_limit_at: datetime | None = Field(default=None, sa_type=UtcMicros)
    connections_limit: int | None = None
    connections_limit_at: datetime | None = Field(default=None, sa_type=UtcMicros)
    rate_limit: int | None = None
    rate_limit_at: datetime | None = Field(default=None, sa_type=UtcMicros)


class RuleRow(Row, table=True):
    """An event action or an escalation."""

    __tablename__: Any = "rule"
    id: int | None = Field(default=None, sa_type=BigKey, primary_key=True)
    code: str = Field(unique=True)
    kind: str
    titles: dict[str, str] = Field(sa_type=JSON)
    object_type: str
    event_type: str
    channel: str
    recipients: list[str] = Field(sa_type=JSON)
    template: str
    texts: dict[str, dict[str, str]] = Field(default_factory=dict, sa_type=JSON)
    from_status: list[str] = Field(default_factory=list, sa_type=JSON)
    to_status: list[str] = Field(default_factory=list, sa_type=JSON)
    not_to_status: list[str] = Field(default_factory=list, sa_type=JSON)
    waiting_days: int | None = None
    deadline: str | None = None
    threshold_kind: str | None = None
    threshold_value: int | None = None
    teams: list[str] = Field(default_factory=list, sa_type=JSON)
    fixed_addresses: list[str] = Field(default_factory=list, sa_type=JSON)
    condition: str | None = None
    reason: str | None = None
    tell_actor: bool = False
    once_minutes: int | None = None
    working_hours: bool = False
    working_time: bool = False
    repeat_minutes: int | None = None
    repeat_times: int | None = None
    repeat_until_status_change: bool = False
    armed_at: datetime = Field(default=EPOCH, sa_type=UtcMicros)
    enabled: bool = True
    standard: bool = False


class RuleViewRow(Row, table=True):
    """A view of the lists of rules: what is filtered for, and by which column they are sorted."""

    __tablename__: Any = "rule_view"
    id: int | None = Field(default=None, sa_type=BigKey, primary_key=True)
    name: str = Field(unique=True)
    filter: str
    sort: str
    descending: bool


class DeliveryViewRow(Row, table=True):
    """A view of the list of deliveries: what is filtered for; `place` is the number of its key, 1 to 9."""

    __tablename__: Any = "delivery_view"
    id: int | None = Field(default=None, sa_type=BigKey, primary_key=True)
    name: str = Field(unique=True)
    filter: str
    place: int | None = None


class AuditRow(Row, table=True):
    """Every change of a setting: who, when, before, after. Secrets appear as the word "changed".

    `reverts` is the entry this one took back.
    """

    __tablename__: Any = "audit"
    id: int | None = Field(default=None, sa_type=BigKey, primary_key=True)
    at: datetime = Field(sa_type=UtcMicros)
    who: str
    what: str = Field(index=True)
    before: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    after: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    reverts: int | None = Field(default=None, sa_type=BigKey, index=True)
