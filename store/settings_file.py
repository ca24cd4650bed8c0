"""Applying and exporting the settings file."""

import os
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import Any, cast

import yaml
from sqlalchemy import Connection, select

from store import settings, tables
from store.cards import MailConnection, Person, StatusRules, Team
from store.catalogue.standard import STANDARD
from store.connection_checks import DEFAULT_PORTS, GRAPH_SERVER
from store.directory import Book, people_in, teams_in
from store.engine import Store
from store.errors import SettingsError
from store.retention import retention_in, save_retention_in
from store.rulebook import rules_in, save_in, to_values
from store.rules import OwnText, Repeat, Rule, Threshold
from store.sanitise import clean_line
from store.settings_schema import (
    ConnectionSection,
    RepeatSection,
    RuleSection,
    SecretSource,
    SettingsFile,
    SettingsFileError,
    ThresholdSection,
    parse_settings,
)
from store.vocabulary import SECRETS, Language, Protocol, RuleKind


@dataclass(frozen=True, slots=True)
class Change:
    """What happens to one entry: `kind` is `added`, `changed` or `unchanged`."""

    kind: str
    path: str


class _DryRunEndedError(Exception):
    """Takes a dry run's transaction back."""

    def __init__(self, changes: list[Change]) -> None:
        super().__init__()
        self.changes = changes


Prove = Callable[[Connection], Callable[[Rule], None]]
"""Makes, for a transaction, what refuses a rule that does not stand the test of what happened."""


def apply_settings(
    store: Store, text: str, folder: Path, who: str, *, dry_run: bool = False, prove: Prove | None = None
) -> list[Change]:
    """Apply a settings file in one transaction; gives what was added, changed, left.

    Relative secret files are looked for in `folder`. With `dry_run` everything is done, then taken back. `prove`
    makes a further check of the rules that are changed.

    Raises:
        SettingsFileError: Something is wrong; nothing was changed.
    """
    document = parse_settings(text)

    def work(connection: Connection) -> list[Change]:
        run = _Run(connection, store, folder, who, prove)
        run.cards(document)
        for index, card in enumerate(document.mail.connections if document.mail else []):
            run.connection(card, f"mail.connections[{index}]")
        run.directory(document)
        for kind, section, rules in (
            (RuleKind.EVENT_ACTION, "event_actions", document.event_actions),
            (RuleKind.ESCALATION, "escalations", document.escalations),
        ):
            for index, rule in enumerate(rules):
                run.rule(kind, rule, f"{section}[{index}]")
        if run.errors:
            raise SettingsFileError(run.errors)
        if dry_run:
            raise _DryRunEndedError(run.changes)
        return run.changes

    try:
        return store.write(work)
    except _DryRunEndedError as end:
        return end.changes


class _Run:
    """One application of a file, within its transaction."""

    def __init__(self, connection: Connection, store: Store, folder: Path, who: str, prove: Prove | None) -> None:
        self._connection = connection
        self._prove = prove(connection) if prove else None
        self._store = store
        self._folder = folder
        self._who = who
        self._rules = {rule.code: rule for rule in rules_in(connection)}
        self.changes: list[Change] = []
        self.errors: list[SettingsError] = []

    def cards(self, document: SettingsFile) -> None:
        con, store, who = self._connection, self._store, self._who
        if document.company:
            card = replace(settings.company_in(con), **document.company.given())
            self._note("company", lambda: settings.save_company_in(con, store, card, who))
        if document.mail and document.mail.sending:
            parameters = replace(settings.sending_in(con), **document.mail.sending.given())
            self._note("mail.sending", lambda: settings.save_sending_in(con, store, parameters, who))
        if document.storms:
            limits = replace(settings.storm_limits_in(con), **document.storms.given())
            self._note("storms", lambda: settings.save_storm_limits_in(con, store, limits, who))
        if document.deadlines:
            running = replace(settings.deadline_settings_in(con), **document.deadlines.given())
            self._note("deadlines", lambda: settings.save_deadline_settings_in(con, store, running, who))
        if document.retention:
            kept = replace(retention_in(con), **document.retention.given())
            self._note("retention", lambda: save_retention_in(con, store, kept, who))
        if document.silent_mode:
            given = document.silent_mode.given()
            until = given.get("until")
            if until is not None and until.tzinfo is None:
                self.errors.append(SettingsError("silent_mode.until", "has no zone; add Z or an offset"))
                return
            mode = replace(settings.silent_mode_in(con), **{**given, "exceptions": tuple(given.get("exceptions", ()))})
            self._note("silent_mode", lambda: settings.save_silent_mode_in(con, store, mode, who))

    def connection(self, section: ConnectionSection, path: str) -> None:
        con, store = self._connection, self._store
        known = {card.name: card for card in settings.connections_in(con)}
        before = known.get(section.name)
        given = {name: value for name, value in section.given().items() if name not in SECRETS}
        start = before or MailConnection(section.name, section.server, port=None)
        card = replace(start, **given)
        card = _with_protocol(card)
        if card.protocol is not Protocol.SMTP:
            card = replace(card, port=None)
        elif "port" not in given and (before is None or "encryption" in given):
            card = replace(card, port=DEFAULT_PORTS[card.encryption])
        secrets: settings.Secrets = {}
        sources: dict[str, dict[str, Any]] = {}
        for name in SECRETS:
            source = cast("SecretSource | None", getattr(section, name))
            secrets[name] = None
            if source is not None and source.kind != "stored":
                try:
                    secrets[name] = self._secret(source, f"{path}.{name}")
                except SettingsError as error:
                    self.errors.append(error)
                    return
                if source.kind != "value":
                    sources[name] = source.given()
        added = before is None
        save = lambda: settings.save_connection_in(con, store, card, secrets, sources, self._who)[1]  # noqa: E731
        self._note(f"mail.connections.{section.name}", save, added=added, error_path=path)

    def directory(self, document: SettingsFile) -> None:
        book = Book(self._connection, self._store, self._who)
        for index, team in enumerate(document.teams):
            card = Team(team.code, team.name, team.leader)
            added, save = team.code not in book.teams, partial(book.save_team, card)
            self._note(f"teams.{team.code}", save, added=added, error_path=f"teams[{index}]")
        for index, section in enumerate(document.people):
            email = section.email.lower()
            given = {**section.given(), "email": email}
            given |= {"teams": tuple(section.teams)} if "teams" in given else {}
            person = replace(book.people.get(email, Person(email, section.name)), **given)
            added, save = email not in book.people, partial(book.save_person, person)
            self._note(f"people.{email}", save, added=added, error_path=f"people[{index}]")

    def rule(self, kind: RuleKind, section: RuleSection, path: str) -> None:
        given = {name: _rule_value(name, value) for name, value in section.given().items()}
        before = self._rules.get(section.code)
        if before is None:
            needed = ("object_type", "event_type", "channel", "recipients", "template")
            missing = [name for name in needed if name not in given]
            if missing:
                problem = f"{section.code!r} is unknown; to add it, also give {', '.join(missing)}"
                self.errors.append(SettingsError(path, problem))
                return
            values: dict[str, Any] = {**given, "titles": {}}
            before = rule = Rule(kind=kind, standard=False, **values)
        elif before.kind is not kind:
            place = "escalations" if before.kind is RuleKind.ESCALATION else "event_actions"
            self.errors.append(SettingsError(f"{path}.code", f"{section.code!r} belongs under {place}"))
            return
        else:
            rule = replace(before, **given)
        # One title given stands for the other language as well, where that has none.
        titles = {**before.titles, **given.get("titles", {})}
        either = next(iter(titles.values()), section.code)
        rule = replace(rule, titles={language.value: titles.get(language.value, either) for language in Language})
        place = f"{path.partition('[')[0]}.{section.code}"
        self._note(place, partial(self._save_rule, rule), added=section.code not in self._rules, error_path=path)

    def _save_rule(self, rule: Rule) -> bool:
        changed = save_in(self._connection, self._store, rule, self._who)
        if changed and self._prove is not None:
            self._prove(rule)
        return changed

    def _note(self, path: str, save: Callable[[], bool], *, added: bool = False, error_path: str = "") -> None:
        try:
            changed = save()
        except SettingsError as error:
            where = f"{error_path}.{error.path}" if error_path else error.path
            self.errors.append(SettingsError(where, error.problem))
            return
        self.changes.append(Change("added" if added else "changed" if changed else "unchanged", path))

    def _secret(self, source: SecretSource, path: str) -> str:
        if source.kind == "env":
            if source.env not in os.environ:
                raise SettingsError(path, f"the environment variable {clean_line(source.env)} is not set")
            return os.environ[source.env]
        if source.kind == "file":
            try:
                return (self._folder / source.file).read_text("utf-8").rstrip("\r\n")
            except (OSError, ValueError) as error:
                reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
                raise SettingsError(path, f"the file {clean_line(source.file)} cannot be read: {reason}") from error
        return source.value


def _with_protocol(card: MailConnection) -> MailConnection:
    """What follows from the protocol: Graph has one server for all and knows no passwords."""
    if card.protocol is not Protocol.GRAPH:
        return card
    return replace(card, server=card.server or GRAPH_SERVER, oauth2=True)


def _rule_value(name: str, value: Any) -> Any:
    if isinstance(value, ThresholdSection):
        words = value.given()
        working_time = words.pop("working_time", False)
        ((kind, number),) = words.items()
        return Threshold(cast("Any", kind), 0 if number is True else number, working_time)
    if isinstance(value, RepeatSection):
        return Repeat(value.every_minutes, value.times, value.until_status_change)
    if name == "texts":
        return {language.value: OwnText(**text.given()) for language, text in value.items()}
    if name == "titles" and value is not None:
        return {language.value: title for language, title in value.items()}
    return tuple(value) if isinstance(value, list) else value  # pyright: ignore[reportUnknownVariableType,reportUnknownArgumentType]


def export_settings(store: Store) -> str:
    """The settings as a file that `apply_settings` takes back unchanged. Secrets leave as references only.

    Of the standard rules those are written that were changed, with the fields that were.
    """
    with store.read() as connection:
        rows = {row.name: row for row in connection.execute(select(tables.mail_connection))}
        sources = {name: {secret: _reference(row, secret) for secret in SECRETS} for name, row in rows.items()}
        cards = settings.connections_in(connection)
        document: dict[str, Any] = {
            "company": _fields(settings.company_in(connection)),
            "mail": {
                "connections": [_connection(card, sources[card.name]) for card in cards],
                "sending": _fields(settings.sending_in(connection)),
            },
            "silent_mode": _fields(settings.silent_mode_in(connection)),
            "storms": _fields(settings.storm_limits_in(connection)),
            "deadlines": _fields(settings.deadline_settings_in(connection)),
            "retention": _fields(retention_in(connection)),
            "teams": [_fields(team) for team in teams_in(connection)],
            "people": [_fields(person) for person in people_in(connection)],
        }
        shipped = {rule.code: to_values(rule) for rule in STANDARD}
        for section, kind in (("event_actions", RuleKind.EVENT_ACTION), ("escalations", RuleKind.ESCALATION)):
            document[section] = [
                _rule(rule, shipped) for rule in rules_in(connection, kind) if to_values(rule) != shipped.get(rule.code)
            ]
    return yaml.safe_dump(document, allow_unicode=True, sort_keys=False, width=100)


def _fields(card: Any) -> dict[str, Any]:
    # All of them, also those at their default: applied to another store, the file sets them back.
    return {field.name: _plain(getattr(card, field.name)) for field in fields(card)}


def _connection(card: MailConnection, references: dict[str, Any]) -> dict[str, Any]:
    hidden = {"id", "secrets_mark", *(f"has_{name}" for name in SECRETS)}
    found = {name: value for name, value in _fields(card).items() if name not in hidden}
    return {**found, **{name: reference for name, reference in references.items() if reference}}


def _reference(row: Any, name: str) -> dict[str, Any] | None:
    if getattr(row, name) is None:
        return None
    return getattr(row, f"{name}_source") or {"stored": True}


def _rule(rule: Rule, shipped: dict[str, dict[str, Any]]) -> dict[str, Any]:
    values = _nested(to_values(rule))
    before = _nested(shipped[rule.code]) if rule.code in shipped else {}
    found = {
        name: value
        for name, value in values.items()
        if name not in {"kind", "standard", "code"}
        and (value != before.get(name) if before else value not in (None, []))
    }
    return {"code": rule.code, **found}


def _nested(values: dict[str, Any]) -> dict[str, Any]:
    """The columns of a rule as the file has them: threshold and repeat are sections of their own."""
    kind, number, working = (values[name] for name in ("threshold_kind", "threshold_value", "working_time"))
    minutes, times, until = (values[f"repeat_{name}"] for name in ("minutes", "times", "until_status_change"))
    threshold = {kind: True if kind == "at_due" else number, **({"working_time": True} if working else {})}
    repeat = {"every_minutes": minutes, "times": times, "until_status_change": until}
    flat = {name: value for name, value in values.items() if not name.startswith(("threshold_", "repeat_"))}
    del flat["working_time"]
    return {**flat, "threshold": threshold if kind else None, "repeat": repeat if minutes is not None else None}


def _plain(value: Any) -> Any:
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in cast("dict[str, Any]", value).items()}
    if isinstance(value, StatusRules):
        return _fields(value)
    if isinstance(value, tuple):
        return list(value)  # pyright: ignore[reportUnknownVariableType,reportUnknownArgumentType]
    return value.value if hasattr(value, "value") else value
