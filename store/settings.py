"""Company card, sending parameters, silent mode and mail connections: reading and saving, with audit."""

from dataclasses import asdict
from datetime import date, datetime
from enum import Enum
from hashlib import blake2b
from typing import Any
from zoneinfo import available_timezones

from sqlalchemy import Connection, Row, Table, delete, func, insert, select, update

from store import tables
from store.audit import record
from store.calendar import check_holidays
from store.cards import Company, DeadlineSettings, MailConnection, Sending, SilentMode, StatusRules, StormLimits
from store.checks import MAX_KEY, check_address, check_encoding, check_line, check_number, check_text
from store.connection_checks import check_connection, check_secret
from store.engine import Store
from store.errors import SettingsError
from store.html_check import check_html
from store.limits import forget_limits
from store.sanitise import clean_line
from store.vocabulary import (
    SECRETS,
    CatchUp,
    Encryption,
    Language,
    PauseMoves,
    Protocol,
    SecretName,
    SilentState,
    StormAction,
    TokenSource,
    Transcripts,
)
from store.working_hours import check_special_days, check_working_hours

Secrets = dict[SecretName, str | None]
"""New secrets of a connection, in clear; `None` keeps what is stored."""
SENDING_RANGES = {
    "max_attempts": (1, 100),
    "pause_s": (1, 86_400),
    "batch_size": (0, 1_000_000),
    "batch_interval_s": (0, 86_400),
}
"""From and to which the numbers of the sending parameters may go."""
STORM_RANGES = {
    "object_letters": (0, 1_000_000),
    "object_minutes": (1, 1440),
    "recipient_letters": (0, 1_000_000),
    "recipient_minutes": (1, 1440),
    "digest_minutes": (1, 1440),
}
"""From and to which the limits against floods may go."""
MOST_TYPES = 20
"""Object types that are asked for: a desk has a few; more than so many are a fault of whoever sends them."""
CATCH_UP_DAYS = (1, 30)
"""From and to how many days back may be told of what passed in a downtime."""
YEARS = range(1970, 3000)
"""Times outside cannot be shown in every zone."""
CONNECTION_FIELDS = (
    "name",
    "protocol",
    "server",
    "port",
    "encryption",
    "authentication",
    "login",
    "ca_file",
    "insecure",
    "client_cert",
    "client_key",
    "oauth2",
    "application_id",
    "directory_id",
    "secret_expires",
    "authority",
    "token_source",
    "enabled",
    "priority",
)
"""What a connection is set to, apart from its secrets."""


def company(store: Store) -> Company:
    """The company card."""
    with store.read() as connection:
        return company_in(connection)


def company_in(connection: Connection) -> Company:
    """Like `company`, within a transaction."""
    row = connection.execute(select(tables.company)).one()
    return Company(
        row.name, row.signature, row.notify_unregistered, Language(row.language), row.timezone, row.working_hours,
        row.signature_html, row.holidays, row.special_days,
    )  # fmt: skip


def save_company(store: Store, card: Company, who: str) -> bool:
    """Save the company card; gives whether anything changed.

    Raises:
        SettingsError: `timezone` is not a zone, or a text, the hours, the holidays or a special day are wrong.
    """
    return store.write(lambda connection: save_company_in(connection, store, card, who))


def save_company_in(connection: Connection, store: Store, card: Company, who: str) -> bool:
    """Like `save_company`, within a transaction."""
    if card.timezone not in available_timezones():
        problem = f"{card.timezone!r} is not a time zone. Example: Europe/Moscow"
        raise SettingsError("company.timezone", problem, key="timezone", value=card.timezone)
    check_line(card.name, "company.name")
    check_text(card.signature, "company.signature")
    check_text(card.signature_html, "company.signature_html")
    check_html(card.signature_html, "company.signature_html")
    check_working_hours(card.working_hours, "company.working_hours")
    check_holidays(card.holidays, "company.holidays")
    check_special_days(card.special_days, "company.special_days")
    return save_card(connection, store, tables.company, "company", company_in(connection), card, who)


def sending(store: Store) -> Sending:
    """The sending parameters."""
    with store.read() as connection:
        return sending_in(connection)


def sending_in(connection: Connection) -> Sending:
    """Like `sending`, within a transaction."""
    row = connection.execute(select(tables.sending)).one()
    values: dict[str, Any] = {name: value for name, value in row._mapping.items() if name != "id"}  # noqa: SLF001 - public in SQLAlchemy
    values["transcripts"] = Transcripts(row.transcripts)
    return Sending(**values)


def save_sending(store: Store, card: Sending, who: str) -> bool:
    """Save the sending parameters; empty required fields are allowed (letters are held meanwhile).

    Raises:
        SettingsError: An address is not one, a number is out of range, or the encoding is unknown.
    """
    return store.write(lambda connection: save_sending_in(connection, store, card, who))


def save_sending_in(connection: Connection, store: Store, card: Sending, who: str) -> bool:
    """Like `save_sending`, within a transaction."""
    for name in ("support_address", "system_address"):
        check_address(getattr(card, name), f"mail.sending.{name}", required=False)
    check_line(card.sender_name, "mail.sending.sender_name")
    for name, (least, most) in SENDING_RANGES.items():
        check_number(getattr(card, name), f"mail.sending.{name}", least, most)
    check_encoding(card.encoding, "mail.sending.encoding")
    return save_card(connection, store, tables.sending, "mail.sending", sending_in(connection), card, who)


def silent_mode(store: Store) -> SilentMode:
    """Silent mode."""
    with store.read() as connection:
        return silent_mode_in(connection)


def silent_mode_in(connection: Connection) -> SilentMode:
    """Like `silent_mode`, within a transaction."""
    row = connection.execute(select(tables.silent_mode)).one()
    return SilentMode(SilentState(row.state), tuple(row.exceptions), row.until)


def save_silent_mode(store: Store, card: SilentMode, who: str) -> bool:
    """Save silent mode.

    Raises:
        SettingsError: An exception is neither an address nor a domain, or the end is out of range.
    """
    return store.write(lambda connection: save_silent_mode_in(connection, store, card, who))


def save_silent_mode_in(connection: Connection, store: Store, card: SilentMode, who: str) -> bool:
    """Like `save_silent_mode`, within a transaction."""
    for index, word in enumerate(card.exceptions):
        local, _, domain = word.rpartition("@")
        path = f"silent_mode.exceptions[{index}]"
        try:
            check_address(f"{local or 'anybody'}@{domain}", path, required=True)
        except SettingsError:
            shown = clean_line(word)
            problem = f"{shown!r} is neither an e-mail address nor a domain"
            raise SettingsError(path, problem, key="exception", value=shown) from None
    if card.until is not None and card.until.year not in YEARS:
        raise SettingsError("silent_mode.until", f"the year is not from {YEARS.start} to {YEARS.stop - 1}")
    return save_card(connection, store, tables.silent_mode, "silent_mode", silent_mode_in(connection), card, who)


def storm_limits(store: Store) -> StormLimits:
    """The limits against floods of letters."""
    with store.read() as connection:
        return storm_limits_in(connection)


def storm_limits_in(connection: Connection) -> StormLimits:
    """Like `storm_limits`, within a transaction."""
    row = connection.execute(select(tables.storm_limits)).one()
    return StormLimits(
        row.object_letters, row.object_minutes, row.recipient_letters, row.recipient_minutes, StormAction(row.then),
        row.digest_minutes,
    )  # fmt: skip


def deadline_settings(store: Store) -> DeadlineSettings:
    """How deadlines run."""
    with store.read() as connection:
        return deadline_settings_in(connection)


def deadline_settings_in(connection: Connection) -> DeadlineSettings:
    """Like `deadline_settings`, within a transaction."""
    row = connection.execute(select(tables.deadline_settings)).one()
    statuses = {
        kind: StatusRules(tuple(rules["paused"]), tuple(rules["ended"])) for kind, rules in row.statuses.items()
    }
    return DeadlineSettings(statuses, PauseMoves(row.pause), CatchUp(row.catch_up), row.catch_up_days)


def met_types_in(connection: Connection) -> list[str]:
    """The types of the objects there are, by steps along their index: a look at each type, not at each object."""
    column, met = tables.object_.c.type, list[str]()
    while len(met) < MOST_TYPES:
        query = select(func.min(column)).where(column > met[-1]) if met else select(func.min(column))
        if (found := connection.execute(query).scalar_one()) is None:
            break
        met.append(found)
    return met


def save_deadline_settings(store: Store, card: DeadlineSettings, who: str) -> bool:
    """Save how deadlines run; gives whether anything changed.

    Raises:
        SettingsError: A type or a status is empty or no line, a status is both, or the days are out of range.
    """
    return store.write(lambda connection: save_deadline_settings_in(connection, store, card, who))


def save_deadline_settings_in(connection: Connection, store: Store, card: DeadlineSettings, who: str) -> bool:
    """Like `save_deadline_settings`, within a transaction."""
    for kind, rules in card.statuses.items():
        check_line(kind, "deadlines.statuses", required=True, most=MAX_KEY)
        _check_statuses(rules, f"deadlines.statuses.{kind}")
    check_number(card.catch_up_days, "deadlines.catch_up_days", *CATCH_UP_DAYS)
    before = deadline_settings_in(connection)
    return save_card(connection, store, tables.deadline_settings, "deadlines", before, card, who)


def _check_statuses(rules: StatusRules, path: str) -> None:
    for name, statuses in (("paused", rules.paused), ("ended", rules.ended)):
        for index, status in enumerate(statuses):
            place = f"{path}.{name}[{index}]"
            check_line(status, place, required=True, most=MAX_KEY)
            if status in statuses[:index]:
                raise SettingsError(place, f"{status!r} is there twice", key="status_twice", value=status)
    if both := [status for status in rules.ended if status in rules.paused]:
        problem = f"{both[0]!r} is both paused and ended; leave it in one of them"
        raise SettingsError(f"{path}.ended", problem, key="status_both", value=both[0])


def save_storm_limits(store: Store, card: StormLimits, who: str) -> bool:
    """Save the limits; gives whether anything changed.

    Raises:
        SettingsError: A number is out of range.
    """
    return store.write(lambda connection: save_storm_limits_in(connection, store, card, who))


def save_storm_limits_in(connection: Connection, store: Store, card: StormLimits, who: str) -> bool:
    """Like `save_storm_limits`, within a transaction."""
    for name, (least, most) in STORM_RANGES.items():
        check_number(getattr(card, name), f"storms.{name}", least, most)
    return save_card(connection, store, tables.storm_limits, "storms", storm_limits_in(connection), card, who)


def connections(store: Store) -> list[MailConnection]:
    """Mail connections in the order they are tried."""
    with store.read() as connection:
        return connections_in(connection)


def connections_in(connection: Connection) -> list[MailConnection]:
    """Like `connections`, within a transaction."""
    table = tables.mail_connection
    return [_to_connection(row) for row in connection.execute(select(table).order_by(table.c.priority, table.c.id))]


def connection_secret(store: Store, connection_id: int, name: SecretName) -> str:
    """A secret in clear, empty when none is stored. Unwrap it on the line that uses it.

    Raises:
        SecretError: The key is missing or does not fit.
    """
    table = tables.mail_connection
    with store.read() as connection:
        sealed = connection.execute(select(table.c[name]).where(table.c.id == connection_id)).scalar_one_or_none()
    return store.unseal(sealed, secret_place(connection_id, name))


def secret_of(card: MailConnection) -> SecretName:
    """Which of its secrets a connection is opened with."""
    if not card.oauth2:
        return "password"
    return "access_token" if card.token_source is TokenSource.PASTED else "client_secret"


def secret_place(connection_id: int, name: str) -> str:
    """What a sealed secret of a connection is bound to."""
    return f"mail_connection:{connection_id}:{name}"


def save_connection(
    store: Store,
    card: MailConnection,
    *,
    password: str | None = None,
    client_secret: str | None = None,
    access_token: str | None = None,
    who: str,
) -> int:
    """Add a connection (`id` 0) or change one; gives its id. A secret of `None` keeps what is stored.

    Raises:
        SettingsError: A field is wrong, or the name is taken.
    """
    secrets: Secrets = {"password": password, "client_secret": client_secret, "access_token": access_token}
    return store.write(lambda connection: save_connection_in(connection, store, card, secrets, {}, who)[0])


def save_connection_in(
    connection: Connection,
    store: Store,
    card: MailConnection,
    secrets: Secrets,
    sources: dict[str, dict[str, Any]],
    who: str,
) -> tuple[int, bool]:
    """Like `save_connection`, within a transaction.

    `secrets` are new values; `None` keeps what is stored. `sources` say where a secret came from, e.g.
    `{"password": {"env": "MAIL_PASSWORD"}}`, for the export.

    Returns:
        The id, and whether anything changed.
    """
    check_connection(card)
    check_secret(card, secret_of(card), given=secrets.get(secret_of(card)))
    table = tables.mail_connection
    row = connection.execute(select(table).where(table.c.id == card.id)).one_or_none() if card.id else None
    taken = connection.execute(select(table.c.id).where(table.c.name == card.name)).scalar_one_or_none()
    if taken is not None and taken != card.id:
        raise SettingsError("name", f"there is another connection named {card.name!r}", key="name_taken")
    values = {name: _stored(getattr(card, name)) for name in CONNECTION_FIELDS}
    if row is None:
        key = connection.execute(insert(table).returning(table.c.id), [values]).scalar_one()
        before: dict[str, Any] | None = None
        changed = dict(values)
    else:
        key = card.id
        old = row._mapping  # noqa: SLF001 - public in SQLAlchemy
        before = {name: _plain(old[name]) for name in CONNECTION_FIELDS if old[name] != values[name]}
        changed = {name: values[name] for name in before}
    shown = {name: _plain(value) for name, value in changed.items()}
    for name, secret in secrets.items():
        place = secret_place(key, name)
        stored = row._mapping[name] if row is not None else None  # noqa: SLF001 - public in SQLAlchemy
        if secret is not None and secret != store.unseal(stored, place):
            changed[name] = store.read_keys().seal(secret, place) if secret else None
            shown[name] = "changed"
        source = sources.get(name)
        column = f"{name}_source"
        if secret is not None and (row is None or row._mapping[column] != source):  # noqa: SLF001
            changed[column] = source
    if not changed:
        return key, False
    connection.execute(update(table).where(table.c.id == key).values(**changed))
    forget_limits(connection, key)
    record(connection, store.clock(), who, f"mail.connections:{card.name}", before, shown)
    return key, True


def delete_connection(store: Store, connection_id: int, who: str) -> None:
    """Delete a connection; its letters are kept."""
    store.write(lambda connection: delete_connection_in(connection, store, connection_id, who))


def delete_connection_in(connection: Connection, store: Store, connection_id: int, who: str) -> None:
    """Like `delete_connection`, within a transaction."""
    table = tables.mail_connection
    row = connection.execute(select(table).where(table.c.id == connection_id)).one_or_none()
    if row is None:
        return
    connection.execute(delete(table).where(table.c.id == connection_id))
    before = {name: _plain(row._mapping[name]) for name in CONNECTION_FIELDS}  # noqa: SLF001 - public in SQLAlchemy
    record(connection, store.clock(), who, f"mail.connections:{row.name}", before, None)


def save_card(connection: Connection, store: Store, table: Table, what: str, before: Any, after: Any, who: str) -> bool:
    """Write what differs of a card there is one of, and tell the audit, where it is called `what`; whether any did."""
    old, new = ({name: _plain(value) for name, value in asdict(card).items()} for card in (before, after))
    changed = {name: value for name, value in new.items() if old[name] != value}
    if not changed:
        return False
    values = {
        name: getattr(after, name) if isinstance(getattr(after, name), datetime) else changed[name] for name in changed
    }
    connection.execute(update(table).values(**values))
    record(connection, store.clock(), who, what, {name: old[name] for name in changed}, changed)
    return True


def _stored(value: Any) -> Any:
    """As the column wants it."""
    return value.value if isinstance(value, Enum) else value


def _plain(value: Any) -> Any:
    """As JSON wants it."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, tuple):
        return list(value)  # pyright: ignore[reportUnknownVariableType,reportUnknownArgumentType]
    return value


def _to_connection(row: Row[Any]) -> MailConnection:
    values: dict[str, Any] = {name: row._mapping[name] for name in CONNECTION_FIELDS}  # noqa: SLF001 - public in SQLAlchemy
    values |= {"protocol": Protocol(row.protocol), "encryption": Encryption(row.encryption)}
    values["token_source"] = TokenSource(row.token_source)
    return MailConnection(
        id=row.id,
        has_password=row.password is not None,
        has_client_secret=row.client_secret is not None,
        has_access_token=row.access_token is not None,
        secrets_mark=_mark(row),
        **values,
    )


def _mark(row: Row[Any]) -> str:
    sealed = b"|".join(bytes(row._mapping[name] or b"") for name in SECRETS)  # noqa: SLF001 - public in SQLAlchemy
    return blake2b(sealed, digest_size=6).hexdigest()
