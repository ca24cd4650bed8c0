"""Cards of the settings: saving, refusing, auditing."""

from dataclasses import replace

import pytest
from sqlalchemy import select

from store import tables
from store.audit import settings_revision
from store.cards import Company, MailConnection, Sending, SilentMode, Team
from store.directory import people, save_people, save_teams, teams
from store.engine import Store
from store.errors import SettingsError
from store.rulebook import list_rules, set_enabled
from store.settings import (
    company,
    connection_secret,
    connections,
    delete_connection,
    save_company,
    save_connection,
    save_sending,
    save_silent_mode,
    sending,
    silent_mode,
)
from store.vocabulary import RuleKind, SilentState
from tests.desk import NOON, PEOPLE, SENDING, TEAMS, furnish


def test_cards_come_back_as_saved(store: Store) -> None:
    furnish(store, port=25)
    assert company(store).name == "ACME"
    assert sending(store) == SENDING
    assert teams(store) == list(TEAMS)
    assert people(store) == sorted(PEOPLE, key=lambda person: person.email)
    mode = SilentMode(SilentState.EXCEPTIONS, ("example.org",), NOON)
    save_silent_mode(store, mode, "test")
    assert silent_mode(store) == mode


def test_saving_the_same_again_changes_nothing(store: Store) -> None:
    furnish(store)
    before = settings_revision(store)
    furnish(store)
    assert not save_company(store, company(store), "test")
    assert settings_revision(store) == before


def test_moving_teams_is_kept(store: Store) -> None:
    furnish(store)
    save_teams(store, [Team("a", "A"), Team("b", "B")], "test")
    save_people(store, [replace(PEOPLE[0], teams=("b", "a", "b"))], "test")
    assert next(p for p in people(store) if p.email == "ivanov@example.org").teams == ("a", "b")


@pytest.mark.parametrize(
    ("card", "path"),
    [
        (replace(SENDING, support_address="help"), "mail.sending.support_address"),
        (replace(SENDING, system_address="a b@c.ru"), "mail.sending.system_address"),
        (replace(SENDING, system_address="a@b.ru\r\nBcc: x@y.ru"), "mail.sending.system_address"),
        (replace(SENDING, max_attempts=0), "mail.sending.max_attempts"),
        (replace(SENDING, pause_s=0), "mail.sending.pause_s"),
        (replace(SENDING, encoding="klingon"), "mail.sending.encoding"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_bad_sending_parameters_are_refused_whole(store: Store, card: Sending, path: str) -> None:
    with pytest.raises(SettingsError) as caught:
        save_sending(store, card, "test")
    assert caught.value.path == path
    assert sending(store) == Sending()


def test_internal_domains_are_allowed(store: Store) -> None:
    assert save_sending(store, replace(SENDING, system_address="robot@exchange.local"), "test")
    assert save_sending(store, replace(SENDING, system_address="robot@почта.рф"), "test")


def test_an_unknown_time_zone_is_refused(store: Store) -> None:
    with pytest.raises(SettingsError, match="Europe/Moscow"):
        save_company(store, Company(timezone="Moskau"), "test")


@pytest.mark.parametrize(
    ("card", "path"),
    [
        (MailConnection("", "h"), "name"),
        (MailConnection("m", " "), "server"),
        (MailConnection("m", "h", port=0), "port"),
        (MailConnection("m", "h", port=None), "port"),
        (MailConnection("m", "h", port=70_000), "port"),
        (MailConnection("m", "h", authentication=True), "login"),
    ],
)
def test_a_connection_that_cannot_work_is_refused(store: Store, card: MailConnection, path: str) -> None:
    with pytest.raises(SettingsError) as caught:
        save_connection(store, card, who="test")
    assert caught.value.path == path
    assert connections(store) == []


def test_a_secret_is_kept_unless_given_anew_and_erased_by_an_empty_one(store: Store) -> None:
    key = save_connection(store, MailConnection("m", "h"), password="one", who="test")
    card = connections(store)[0]
    save_connection(store, replace(card, server="other"), who="test")
    assert connection_secret(store, key, "password") == "one"
    save_connection(store, card, password="", who="test")
    assert connection_secret(store, key, "password") == ""
    assert not connections(store)[0].has_password


def test_two_connections_of_one_name_are_refused(store: Store) -> None:
    save_connection(store, MailConnection("m", "h"), who="test")
    with pytest.raises(SettingsError, match="another connection"):
        save_connection(store, MailConnection("m", "other"), who="test")


def test_deleting_a_connection_is_audited(store: Store) -> None:
    key = save_connection(store, MailConnection("m", "h"), who="test")
    delete_connection(store, key, "анна")
    delete_connection(store, 999, "анна")
    assert connections(store) == []
    with store.read() as connection:
        last = connection.execute(select(tables.audit).order_by(tables.audit.c.id.desc())).first()
    assert last is not None
    assert (last.who, last.what, last.after) == ("анна", "mail.connections:m", None)


def test_rules_are_switched_together_or_not_at_all(store: Store) -> None:
    codes = [rule.code for rule in list_rules(store, RuleKind.EVENT_ACTION)][:3]
    with pytest.raises(SettingsError, match="no such"):
        set_enabled(store, [*codes, "no.such"], False, "test")
    assert all(rule.enabled for rule in list_rules(store))
    assert set_enabled(store, codes, False, "test") == 3
    assert set_enabled(store, codes, False, "test") == 0
    assert [rule.code for rule in list_rules(store) if not rule.enabled] == codes
