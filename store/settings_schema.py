"""The settings file as it may be written: parsed once, frozen, unknown keys refused, all faults told at once."""

import difflib
from datetime import datetime
from typing import Annotated, Any, Literal, cast

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from store.errors import SettingsError
from store.vocabulary import Channel, DeadlineKind, Encryption, EventType, Language, Protocol, Role, SilentState


class SettingsFileError(SettingsError):
    """The settings file is refused; `errors` holds every fault with its path."""

    def __init__(self, errors: list[SettingsError]) -> None:
        super().__init__("", "; ".join(str(error) for error in errors))
        self.errors = errors


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)

    def given(self) -> dict[str, Any]:
        """The fields that stand in the file."""
        return {name: getattr(self, name) for name in self.model_fields_set}


class SecretSource(_Section):
    """Where a secret comes from: exactly one of these."""

    env: str | None = None
    file: str | None = None
    value: str | None = Field(default=None, repr=False)
    stored: Literal[True] | None = None
    """Keep what is stored: what an export writes for a secret that was given directly."""

    @model_validator(mode="after")
    def _exactly_one(self) -> "SecretSource":
        if len(self.given()) != 1:
            msg = "give exactly one of env, file, value, stored"
            raise ValueError(msg)
        return self


class CompanySection(_Section):
    """The company card."""

    name: str = ""
    signature: str = ""
    notify_unregistered: bool = False
    language: Language = Language.RU
    timezone: str = "UTC"


class ConnectionSection(_Section):
    """A mail connection, told apart by its name."""

    name: str
    server: str
    protocol: Protocol = Protocol.SMTP
    port: int | None = None
    encryption: Encryption = Encryption.TLS
    authentication: bool = False
    login: str = ""
    password: SecretSource | None = None
    ca_file: str = ""
    oauth2: bool = False
    application_id: str = ""
    directory_id: str = ""
    client_secret: SecretSource | None = None
    authority: str = ""
    enabled: bool = True
    priority: int = 1


class SendingSection(_Section):
    """Sending parameters."""

    support_address: str = ""
    system_address: str = ""
    sender_name: str = ""
    encoding: str = "utf-8"
    transliterate_headers: bool = False
    max_attempts: int = 5
    pause_s: int = 120
    batch_size: int = 0
    batch_interval_s: int = 0


class MailSection(_Section):
    """Outgoing mail."""

    connections: list[ConnectionSection] = []
    sending: SendingSection | None = None


def _silent_word(value: object) -> object:
    # YAML 1.1 reads a bare `off` or `on` as a boolean.
    return {False: "off", True: "on"}.get(value, value) if isinstance(value, bool) else value


class SilentSection(_Section):
    """Silent mode."""

    state: Annotated[SilentState, BeforeValidator(_silent_word)] = SilentState.OFF
    exceptions: list[str] = []
    until: datetime | None = None


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
    teams: list[str] = []
    head: str | None = None
    language: Language | None = None
    active: bool = True


class ThresholdSection(_Section):
    """When an escalation fires: exactly one of these."""

    percent_left: int | None = Field(default=None, ge=1, le=99)
    minutes_before: int | None = Field(default=None, ge=1)
    minutes_after: int | None = Field(default=None, ge=1)
    at_due: Literal[True] | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> "ThresholdSection":
        if len(self.given()) != 1:
            msg = "give exactly one of percent_left, minutes_before, minutes_after, at_due: true"
            raise ValueError(msg)
        return self


class RuleSection(_Section):
    """Fields of an event action or an escalation; what is left out stays as it is."""

    code: str
    titles: dict[Language, str] | None = None
    object_type: str | None = None
    event_type: EventType | None = None
    channel: Channel | None = None
    recipients: list[Role] | None = None
    template: str | None = None
    to_status: list[str] | None = None
    not_to_status: list[str] | None = None
    waiting_days: int | None = None
    deadline: DeadlineKind | None = None
    threshold: ThresholdSection | None = None
    fixed_addresses: list[str] | None = None
    condition: str | None = None
    reason: str | None = None
    tell_actor: bool | None = None
    enabled: bool | None = None


class SettingsFile(_Section):
    """The whole file; sections left out stay as they are."""

    company: CompanySection | None = None
    mail: MailSection | None = None
    silent_mode: SilentSection | None = None
    teams: list[TeamSection] = []
    people: list[PersonSection] = []
    event_actions: list[RuleSection] = []
    escalations: list[RuleSection] = []


def parse_settings(text: str) -> SettingsFile:
    """Read a settings file.

    Raises:
        SettingsFileError: It is refused, with every fault.
    """
    try:
        document: object = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise SettingsFileError([SettingsError("", f"not YAML: {error}")]) from error
    if not isinstance(document, dict):
        raise SettingsFileError([SettingsError("", "the file must hold sections such as company: and mail:")])
    try:
        found = SettingsFile.model_validate(document)
    except ValidationError as error:
        raise SettingsFileError([_fault(one) for one in error.errors()]) from None
    names = [card.name for card in found.mail.connections] if found.mail else []
    twice = [i for i, name in enumerate(names) if name in names[:i]]
    if twice:
        path = f"mail.connections[{twice[0]}].name"
        raise SettingsFileError([SettingsError(path, f"there are two connections named {names[twice[0]]!r}")])
    return found


def _fault(error: ErrorDetails) -> SettingsError:
    path = ""
    for part in error["loc"]:
        path += f"[{part}]" if isinstance(part, int) else f".{part}"
    path = path.removeprefix(".")
    if error["type"] == "extra_forbidden":
        unknown = str(error["loc"][-1])
        near = difflib.get_close_matches(unknown, _all_fields(), n=1)
        return SettingsError(path, "unknown key" + (f"; did you mean {near[0]}?" if near else ""))
    return SettingsError(path, error["msg"].removeprefix("Value error, "))


def _all_fields() -> list[str]:
    models = cast("list[type[BaseModel]]", _Section.__subclasses__())
    return sorted({name for model in models for name in model.model_fields})
