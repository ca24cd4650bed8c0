"""The settings file as it may be written: parsed once, frozen, unknown keys refused, all faults told at once."""

import difflib
from collections.abc import Iterator
from datetime import date, datetime
from typing import Annotated, Any, Literal, TypeVar, cast

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, Strict, ValidationError, model_validator
from pydantic_core import ErrorDetails

from store.cards import StatusRules
from store.errors import SettingsError
from store.sanitise import clean_line
from store.vocabulary import (
    SECRETS,
    CatchUp,
    Channel,
    DeadlineKind,
    Encryption,
    EventType,
    Language,
    PauseMoves,
    Protocol,
    Role,
    SilentState,
    StormAction,
    TokenSource,
    Transcripts,
)
from store.working_hours import OFF
from store.yaml_text import YamlError, read_yaml


class SettingsFileError(SettingsError):
    """The settings file is refused; `errors` holds every fault with its path."""

    def __init__(self, errors: list[SettingsError]) -> None:
        super().__init__("", "; ".join(str(error) for error in errors))
        self.errors = errors


def _moment(value: object) -> object:
    # A bare number would be read as seconds since 1970.
    if isinstance(value, str | datetime) or value is None:
        return value
    msg = "must be a date and time with a zone. Example: 2026-11-23T18:00:00+03:00"
    raise ValueError(msg)


_DAY = "must be a day. Example: 2027-03-31"


def _day(value: object) -> object:
    # A bare number would be read as seconds since 1970, and a moment is a day in one zone only.
    if isinstance(value, str) or (isinstance(value, date) and not isinstance(value, datetime)) or value is None:
        return value
    raise ValueError(_DAY)


def _silent_word(value: object) -> object:
    # YAML 1.1 reads a bare `off` or `on` as a boolean.
    return {False: "off", True: "on"}.get(value, value) if isinstance(value, bool) else value


def _nothing_is_empty(value: object) -> object:
    # A section with all its entries commented out reads as null.
    return [] if value is None else value


Flag = Annotated[bool, Strict()]
Whole = Annotated[int, Strict()]
Moment = Annotated[datetime, BeforeValidator(_moment)]
Day = Annotated[date, BeforeValidator(_day)]
Entry = TypeVar("Entry")
Entries = Annotated[list[Entry], BeforeValidator(_nothing_is_empty)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)

    def given(self) -> dict[str, Any]:
        """The fields that stand in the file."""
        return {name: getattr(self, name) for name in self.model_fields_set}


class SecretSource(_Section):
    """Where a secret comes from: exactly one of these."""

    model_config = ConfigDict(str_strip_whitespace=False)  # a secret is taken as it is

    env: str = ""
    file: str = ""
    value: str = Field(default="", repr=False)
    stored: Literal[True] = True
    """Keep what is stored: what an export writes for a secret that was given directly."""

    @model_validator(mode="after")
    def _exactly_one(self) -> "SecretSource":
        if len(self.given()) != 1:
            msg = "give exactly one of env, file, value, stored"
            raise ValueError(msg)
        return self

    @property
    def kind(self) -> str:
        """Which of them it is."""
        return next(iter(self.given()))


def _special_days(value: object) -> object:
    # YAML reads a bare 2026-12-31 as a date, and a bare `off` as a boolean.
    if not isinstance(value, dict):
        return value
    days = cast("dict[object, object]", value)
    return {
        day.isoformat() if isinstance(day, date) else day: OFF if span is False else span for day, span in days.items()
    }


class CompanySection(_Section):
    """The company card."""

    name: str = ""
    signature: str = ""
    signature_html: str = ""
    notify_unregistered: Flag = False
    language: Language = Language.RU
    timezone: str = "UTC"
    working_hours: dict[str, str] = {}
    holidays: str = ""
    special_days: Annotated[dict[str, str], BeforeValidator(_special_days)] = {}


class ConnectionSection(_Section):
    """A mail connection, told apart by its name."""

    name: str
    server: str = ""
    """Needed, except for `graph`, which has a server of its own."""
    protocol: Protocol = Protocol.SMTP
    port: Whole | None = None
    encryption: Encryption = Encryption.TLS
    authentication: Flag = False
    login: str = ""
    password: SecretSource | None = None
    ca_file: str = ""
    insecure: Flag = False
    client_cert: str = ""
    client_key: str = ""
    oauth2: Flag = False
    application_id: str = ""
    directory_id: str = ""
    client_secret: SecretSource | None = None
    secret_expires: Day | None = None
    authority: str = ""
    token_source: TokenSource = TokenSource.APPLICATION
    access_token: SecretSource | None = None
    enabled: Flag = True
    priority: Whole = 1


class SendingSection(_Section):
    """Sending parameters."""

    support_address: str = ""
    system_address: str = ""
    sender_name: str = ""
    encoding: str = "utf-8"
    transliterate_headers: Flag = False
    max_attempts: Whole = 5
    pause_s: Whole = 120
    batch_size: Whole = 0
    batch_interval_s: Whole = 0
    transcripts: Transcripts = Transcripts.FAILURES


class MailSection(_Section):
    """Outgoing mail."""

    connections: Entries[ConnectionSection] = []
    sending: SendingSection | None = None


class SilentSection(_Section):
    """Silent mode."""

    state: Annotated[SilentState, BeforeValidator(_silent_word)] = SilentState.OFF
    exceptions: Entries[str] = []
    until: Moment | None = None


class StormSection(_Section):
    """Limits against floods of letters."""

    object_letters: Whole = 100
    object_minutes: Whole = 10
    recipient_letters: Whole = 0
    recipient_minutes: Whole = 10
    then: StormAction = StormAction.DIGEST
    digest_minutes: Whole = 10


class StatusSection(_Section):
    """In which statuses of an object type its deadlines do not run."""

    paused: Entries[str] = []
    ended: Entries[str] = []


class DeadlineSection(_Section):
    """How deadlines run, and what is told after a downtime."""

    statuses: dict[str, StatusSection] = {}
    pause: PauseMoves = PauseMoves.TIME
    catch_up: CatchUp = CatchUp.LATEST
    catch_up_days: Whole = 7

    def given(self) -> dict[str, Any]:
        """The fields that stand in the file, as the card has them."""
        rules = {kind: StatusRules(tuple(one.paused), tuple(one.ended)) for kind, one in self.statuses.items()}
        return {**super().given(), **({"statuses": rules} if "statuses" in self.model_fields_set else {})}


class RetentionSection(_Section):
    """How long what is kept; 0 is for ever, and no limit."""

    events_days: Whole = 365
    audit_days: Whole = 0
    most_megabytes: Whole = 0


class TeamSection(_Section):
    """A team."""

    code: str
    name: str
    leader: str | None = None


class PersonSection(_Section):
    """Somebody in the directory."""

    email: str
    name: str
    login: str | None = None
    teams: Entries[str] = []
    head: str | None = None
    language: Language | None = None
    active: Flag = True


class ThresholdSection(_Section):
    """When an escalation fires: exactly one of these, and whether it is counted in working time."""

    percent_left: Whole = Field(default=1, ge=1, le=99)
    minutes_before: Whole = Field(default=1, ge=1)
    minutes_after: Whole = Field(default=1, ge=1)
    at_due: Literal[True] = True
    working_time: Flag = False

    @model_validator(mode="after")
    def _exactly_one(self) -> "ThresholdSection":
        if len(self.given().keys() - {"working_time"}) != 1:
            msg = "give exactly one of percent_left, minutes_before, minutes_after, at_due: true"
            raise ValueError(msg)
        return self


class RepeatSection(_Section):
    """How an escalation tells again."""

    every_minutes: Whole
    times: Whole
    until_status_change: Flag = False


class TextSection(_Section):
    """A rule's own words in one language."""

    subject: str
    short: str
    body: str


class RuleSection(_Section):
    """Fields of an event action or an escalation; what is left out stays as it is. Few may be null."""

    code: str
    titles: dict[Language, str] = {}
    object_type: str = ""
    event_type: EventType = EventType.ADDED
    channel: Channel = Channel.EMAIL
    recipients: list[Role] = []
    template: str = ""
    texts: dict[Language, TextSection] = {}
    from_status: Entries[str] = []
    to_status: Entries[str] = []
    not_to_status: Entries[str] = []
    waiting_days: Whole | None = None
    deadline: DeadlineKind | None = None
    threshold: ThresholdSection | None = None
    teams: Entries[str] = []
    fixed_addresses: Entries[str] = []
    condition: str | None = None
    reason: str | None = None
    tell_actor: Flag = False
    once_minutes: Whole | None = None
    working_hours: Flag = False
    repeat: RepeatSection | None = None
    enabled: Flag = True


class SettingsFile(_Section):
    """The whole file; sections left out stay as they are."""

    company: CompanySection | None = None
    mail: MailSection | None = None
    silent_mode: SilentSection | None = None
    storms: StormSection | None = None
    deadlines: DeadlineSection | None = None
    retention: RetentionSection | None = None
    teams: Entries[TeamSection] = []
    people: Entries[PersonSection] = []
    event_actions: Entries[RuleSection] = []
    escalations: Entries[RuleSection] = []


def parse_settings(text: str) -> SettingsFile:
    """Read a settings file.

    Raises:
        SettingsFileError: It is refused, with every fault.
    """
    try:
        document = read_yaml(text)
    except YamlError as error:
        raise SettingsFileError([SettingsError("", str(error))]) from error
    if not isinstance(document, dict):
        raise SettingsFileError([SettingsError("", "the file must hold sections such as company: and mail:")])
    try:
        found = SettingsFile.model_validate(document)
    except ValidationError as error:
        raise SettingsFileError([_fault(one) for one in error.errors(include_input=False)]) from None
    twice = list(_twice(found))
    if twice:
        raise SettingsFileError(twice)
    return found


def _twice(found: SettingsFile) -> Iterator[SettingsError]:
    """Entries that say the same thing twice: which of them counts would be a guess."""
    rules = [(f"event_actions[{i}].code", rule.code) for i, rule in enumerate(found.event_actions)]
    rules += [(f"escalations[{i}].code", rule.code) for i, rule in enumerate(found.escalations)]
    cards = found.mail.connections if found.mail else []
    entries = (
        [(f"mail.connections[{i}].name", card.name) for i, card in enumerate(cards)],
        [(f"teams[{i}].code", team.code) for i, team in enumerate(found.teams)],
        [(f"people[{i}].email", person.email.lower()) for i, person in enumerate(found.people)],
        rules,
    )
    for section in entries:
        seen: dict[str, str] = {}
        for path, key in section:
            if key in seen:
                yield SettingsError(path, f"{key!r} is there already, at {seen[key]}")
            seen.setdefault(key, path)


_WORDS = {
    "missing": "is missing",
    "string_type": "must be a text; put it in quotes",
    "string_unicode": "must be a text",
    "int_type": "must be a whole number, without quotes",
    "bool_type": "must be true or false, without quotes",
    "list_type": "must be a list, e.g. [a, b]",
    "dict_type": "must be a mapping, e.g. {name: value}",
    "model_type": "must be a mapping, e.g. {name: value}",
    "invalid_key": "is not a key; keys are texts",
    "greater_than_equal": "must be 1 or more",
    "less_than_equal": "must be 99 or less",
    "date_from_datetime_parsing": _DAY,
    "date_from_datetime_inexact": _DAY,
    "date_parsing": _DAY,
}
"""pydantic's kinds of faults in plain words; the others keep its own."""
_SECRET = "must be {env: NAME}, {file: PATH} or {value: TEXT}"  # noqa: S105 - no secret


def _fault(error: ErrorDetails) -> SettingsError:
    path = ""
    for part in error["loc"]:
        path += f"[{part}]" if isinstance(part, int) else f".{clean_line(part)}"
    path = path.removeprefix(".")
    kind = error["type"]
    if kind == "extra_forbidden":
        unknown = str(error["loc"][-1])
        near = difflib.get_close_matches(unknown, _all_fields(), n=1)
        return SettingsError(path, "unknown key" + (f"; did you mean {near[0]}?" if near else ""))
    if kind == "model_type" and path.endswith(tuple(f".{name}" for name in SECRETS)):
        return SettingsError(path, _SECRET)
    if kind == "enum":
        expected = error.get("ctx", {}).get("expected", "")
        return SettingsError(path, f"must be {expected}")
    return SettingsError(path, _WORDS.get(kind) or error["msg"].removeprefix("Value error, "))


def _all_fields() -> list[str]:
    models = cast("list[type[BaseModel]]", _Section.__subclasses__())
    return sorted({name for model in models for name in model.model_fields})
