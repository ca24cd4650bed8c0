"""Settings by the names they have in the audit: read as JSON, saved and deleted through the checks of any save.

Fields come and go with versions: whatever fields a card has are taken, and none is named here.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import asdict, fields, is_dataclass, replace
from datetime import date
from enum import Enum
from types import UnionType
from typing import Any, ClassVar, Union, cast, get_args, get_origin, get_type_hints

from sqlalchemy import Connection, Table, func, select

from store import delivery_views, directory, retention, rule_views, rulebook, settings, tables
from store.audit import Values
from store.bulk import as_json
from store.cards import (
    Company,
    DeadlineSettings,
    MailConnection,
    Person,
    Retention,
    Sending,
    SilentMode,
    StormLimits,
    Team,
)
from store.engine import Store
from store.errors import SettingsError
from store.views import Views
from store.vocabulary import Protocol


class Audited(ABC):
    """Things of one kind, within a transaction. What is read stays locked until that ends.

    Attributes:
        key_field: The field that is its name in the audit, where that may change.
        not_kept: What goes with it when it is deleted, and does not come back with it.
    """

    key_field: ClassVar[str] = ""
    not_kept: ClassVar[tuple[str, ...]] = ()

    def __init__(self, connection: Connection, store: Store, who: str) -> None:
        self.connection, self.store, self.who = connection, store, who

    @abstractmethod
    def read(self, name: str) -> Values | None:
        """All its fields, `None` when there is no such thing."""

    @abstractmethod
    def save(self, name: str, values: Values) -> None:
        """Save it with these fields; those not given stay as they are, or get their default in a new one.

        Raises:
            SettingsError: It cannot be so.
        """

    @abstractmethod
    def delete(self, name: str) -> None:
        """Delete it.

        Raises:
            SettingsError: It is not deleted.
        """

    def secret(self, name: str, values: Values) -> tuple[str, bool]:
        """Which secret it would work with, if its fields were these, and whether one is stored; mostly it is none."""
        del name, values
        return "", True

    def _lock(self, table: Table, column: str = "", value: str = "") -> None:
        """Have everybody else who changes it wait. On SQLite a change is alone anyway."""
        query = select(table.c.id).with_for_update()
        self.connection.execute(query.where(table.c[column] == value) if column else query)


class _Card(Audited):
    """A card there is one of."""

    CARD: ClassVar[type]
    TABLE: ClassVar[Table]
    READ: ClassVar[Callable[[Connection], Any]]
    SAVE: ClassVar[Callable[[Connection, Store, Any, str], bool]]

    def read(self, name: str) -> Values | None:
        del name
        self._lock(self.TABLE)
        return as_values(type(self).READ(self.connection))

    def save(self, name: str, values: Values) -> None:
        del name
        card = replace(type(self).READ(self.connection), **as_fields(self.CARD, values))
        type(self).SAVE(self.connection, self.store, card, self.who)

    def delete(self, name: str) -> None:
        raise SettingsError(name, "is always there")


class _Company(_Card):
    CARD, TABLE = Company, tables.company
    READ, SAVE = staticmethod(settings.company_in), staticmethod(settings.save_company_in)


class _Sending(_Card):
    CARD, TABLE = Sending, tables.sending
    READ, SAVE = staticmethod(settings.sending_in), staticmethod(settings.save_sending_in)


class _SilentMode(_Card):
    CARD, TABLE = SilentMode, tables.silent_mode
    READ, SAVE = staticmethod(settings.silent_mode_in), staticmethod(settings.save_silent_mode_in)


class _StormLimits(_Card):
    CARD, TABLE = StormLimits, tables.storm_limits
    READ, SAVE = staticmethod(settings.storm_limits_in), staticmethod(settings.save_storm_limits_in)


class _DeadlineSettings(_Card):
    CARD, TABLE = DeadlineSettings, tables.deadline_settings
    READ, SAVE = staticmethod(settings.deadline_settings_in), staticmethod(settings.save_deadline_settings_in)


class _Retention(_Card):
    CARD, TABLE = Retention, tables.retention
    READ, SAVE = staticmethod(retention.retention_in), staticmethod(retention.save_retention_in)


class _Connections(Audited):
    key_field = "name"

    def _card(self, name: str) -> MailConnection | None:
        return next((card for card in settings.connections_in(self.connection) if card.name == name), None)

    def read(self, name: str) -> Values | None:
        self._lock(tables.mail_connection, "name", name)
        card = self._card(name)
        return (
            {key: value for key, value in as_values(card).items() if key in settings.CONNECTION_FIELDS}
            if card
            else None
        )

    def save(self, name: str, values: Values) -> None:
        given = as_fields(MailConnection, values)
        card = self._card(name)
        card = MailConnection(**given) if card is None else replace(card, **given)
        settings.save_connection_in(self.connection, self.store, card, {}, {}, self.who)

    def delete(self, name: str) -> None:
        if (card := self._card(name)) is not None:
            settings.delete_connection_in(self.connection, self.store, card.id, self.who)

    def secret(self, name: str, values: Values) -> tuple[str, bool]:
        card = MailConnection(**as_fields(MailConnection, values))
        if not (card.oauth2 or card.authentication or card.protocol is not Protocol.SMTP):
            return "", True
        used, stored = settings.secret_of(card), self._card(name)
        return used, stored is not None and stored.has(used)


class _Rules(Audited):
    def read(self, name: str) -> Values | None:
        self._lock(tables.rule, "code", name)
        found = next((rule for rule in rulebook.rules_in(self.connection) if rule.code == name), None)
        return _as_json(rulebook.to_values(found)) if found else None

    def save(self, name: str, values: Values) -> None:
        whole = {**(self.read(name) or {}), **values}
        rulebook.save_in(self.connection, self.store, _parsed(lambda: rulebook.from_values(whole)), self.who)

    def delete(self, name: str) -> None:
        rulebook.delete_in(self.connection, self.store, name, self.who)


class _Views(Audited):
    views: ClassVar[Views[Any]]

    def read(self, name: str) -> Values | None:
        view = self.views.one_in(self.connection, name)
        return as_values(view) if view else None

    def save(self, name: str, values: Values) -> None:
        before = self.views.one_in(self.connection, name) or self.views.card(name)
        view = replace(before, **as_fields(self.views.card, values))
        self.views.save_in(self.connection, self.store, view, self.who)

    def delete(self, name: str) -> None:
        self.views.delete_in(self.connection, self.store, name, self.who)


class _RuleViews(_Views):
    views = rule_views.VIEWS


class _DeliveryViews(_Views):
    views = delivery_views.VIEWS


class _People(Audited):
    key_field = "email"

    def _book(self, *about: Person) -> directory.Book:
        return directory.Book(self.connection, self.store, self.who, about=about)

    def read(self, name: str) -> Values | None:
        self._lock(tables.person, "email", name)
        found = self._book(Person(name, "")).people.get(name)
        return as_values(found) if found else None

    def save(self, name: str, values: Values) -> None:
        person = Person(**as_fields(Person, {**(self.read(name) or {}), **values}))
        self._book(Person(name, ""), person).change_person(name, person)

    def delete(self, name: str) -> None:
        self._book(Person(name, "")).delete_person(name)


class _Teams(Audited):
    key_field = "code"
    not_kept = ("members",)

    def _book(self) -> directory.Book:
        return directory.Book(self.connection, self.store, self.who, about=())

    def read(self, name: str) -> Values | None:
        self._lock(tables.team, "code", name)
        found = self._book().teams.get(name)
        return as_values(found) if found else None

    def save(self, name: str, values: Values) -> None:
        team = Team(**as_fields(Team, {**(self.read(name) or {}), **values}))
        self._book().rename_team(name, team)

    def delete(self, name: str) -> None:
        membership = tables.membership
        query = select(func.count()).select_from(membership).where(membership.c.team_code == name)
        if count := self.connection.execute(query).scalar_one():
            problem = f"has {count} members, who would not come back with it; take them out first"
            raise SettingsError(f"team:{name}", problem, key="team_has_members", count=count)
        self._book().delete_team(name)


KINDS: dict[str, type[Audited]] = {
    "company": _Company,
    "mail.sending": _Sending,
    "silent_mode": _SilentMode,
    "storms": _StormLimits,
    "deadlines": _DeadlineSettings,
    "retention": _Retention,
    "mail.connections": _Connections,
    "rule": _Rules,
    "rule_view": _RuleViews,
    "delivery_view": _DeliveryViews,
    "person": _People,
    "team": _Teams,
}
"""What stands before the colon of an audit entry. What else is in the audit tells of deeds, not of settings."""


def as_values(card: Any) -> Values:
    """The fields of a card as the audit has them."""
    return _as_json(asdict(card))


def as_fields(card: type, values: Values) -> dict[str, Any]:
    """Fields of a card, from how the audit has them; those it does not know any more are left out.

    Raises:
        SettingsError: A value is none any more.
    """
    kinds = get_type_hints(card)
    known = {field.name for field in fields(card) if field.init}
    return {
        name: _parsed(lambda name=name, value=value: _as_field(kinds[name], value), name)
        for name, value in values.items()
        if name in known
    }


def _as_json(values: dict[str, Any]) -> Values:
    return json.loads(as_json({name: _plain(value) for name, value in values.items()}))


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in cast("dict[Any, Any]", value).items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in cast("list[Any]", value)]
    return value


def _as_field(kind: Any, value: Any) -> Any:
    if value is None:
        return None
    if get_origin(kind) in {Union, UnionType}:
        (kind,) = (one for one in get_args(kind) if one is not type(None))
    if get_origin(kind) in {tuple, dict}:
        return _as_many(kind, value)
    if not isinstance(kind, type):
        return value
    if issubclass(kind, Enum):
        return kind(value)
    if issubclass(kind, date):
        return cast("Any", kind).fromisoformat(value)
    whole = cast("type[Any]", kind)
    return whole(**as_fields(whole, value)) if is_dataclass(whole) else value


def _as_many(kind: Any, value: Any) -> Any:
    of = get_args(kind)
    if get_origin(kind) is tuple:
        return tuple(_as_field(of[0], item) for item in value)
    return {key: _as_field(of[1], item) for key, item in value.items()}


def _parsed(make: Callable[[], Any], name: str = "") -> Any:
    try:
        return make()
    except (ValueError, TypeError, AttributeError) as error:
        if isinstance(error, SettingsError):
            raise
        raise SettingsError(name, f"is not understood any more: {error}", key="no_longer") from error
