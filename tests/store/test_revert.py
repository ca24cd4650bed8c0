"""Changes taken back: what is put back, what is refused, and that it all is in the audit."""

from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import delete

from store import directory, tables
from store.audit import page, record, settings_revision
from store.cards import (
    Company,
    DeadlineSettings,
    MailConnection,
    Person,
    Sending,
    SilentMode,
    StatusRules,
    StormLimits,
    Team,
)
from store.catalogue.standard import STANDARD
from store.directory import delete_person, delete_team, people, rename_team, save_people, save_teams, teams
from store.engine import Store
from store.errors import SettingsError
from store.revert import Outlook, preview, revert
from store.rulebook import list_rules, save_rule, set_enabled
from store.rules import Repeat, Threshold
from store.settings import (
    company,
    connection_secret,
    connections,
    deadline_settings,
    delete_connection,
    save_company,
    save_connection,
    save_deadline_settings,
    save_sending,
    save_silent_mode,
    save_storm_limits,
    sending,
    silent_mode,
    storm_limits,
)
from store.vocabulary import CatchUp, Channel, Encryption, Language, PauseMoves, Role, SilentState, StormAction
from tests.desk import NOON, SENDING, furnish

OWN = replace(STANDARD[0], code="own.email", standard=False, titles={"ru": "Своё", "en": "My own"})
MAIN = MailConnection("main", "mail.example.org", authentication=True, login="robot")
CLOUD = MailConnection(
    "cloud", "smtp.office365.com", oauth2=True, application_id="app", directory_id="example.org", login="r@example.org",
    secret_expires=date(2027, 3, 31),
)  # fmt: skip


def newest(store: Store) -> int:
    return page(store, limit=1)[0].id


def refused(store: Store, entry: int, key: str) -> SettingsError:
    """Taking the entry back is refused for this reason, by the preview as well, and nothing is changed."""
    before = settings_revision(store)
    with pytest.raises(SettingsError) as caught:
        preview(store, entry, "анна")
    assert caught.value.key == key
    with pytest.raises(SettingsError) as caught:
        revert(store, entry, "анна")
    assert caught.value.key == key
    assert settings_revision(store) == before
    return caught.value


def change_company(store: Store) -> None:
    save_company(store, Company("B", "два\nслова", notify_unregistered=True, language=Language.EN), "test")


def change_silent_mode(store: Store) -> None:
    until = datetime(2026, 12, 1, 10, 30, tzinfo=UTC)
    save_silent_mode(store, SilentMode(SilentState.EXCEPTIONS, ("example.org", "a@b.org"), until), "test")


def change_connection(store: Store) -> None:
    card = connections(store)[0]
    changed = replace(card, server="other.example.org", port=465, encryption=Encryption.SSL, priority=7)
    save_connection(store, changed, who="test")


def change_rule(store: Store) -> None:
    rule = list_rules(store)[0]
    changed = replace(rule, recipients=(Role.FIXED, Role.HEAD), fixed_addresses=("x@example.org",), tell_actor=True)
    save_rule(store, replace(changed, channel=Channel.EMAIL, titles={"ru": "Иначе", "en": "Other"}), "test")


def change_escalation(store: Store) -> None:
    rule = next(rule for rule in list_rules(store) if rule.threshold is not None)
    threshold = Threshold("minutes_after", 17, working_time=True)
    save_rule(store, replace(rule, threshold=threshold, repeat=Repeat(30, 4, until_status_change=True)), "test")


def change_person(store: Store) -> None:
    person = people(store)[0]
    save_people(store, [replace(person, name="Иная", language=Language.EN, teams=(), head=None)], "test")


DEADLINES = DeadlineSettings({"request": StatusRules(("hold",), ())}, PauseMoves.NOTHING, CatchUp.ALL, 3)


def everything(store: Store) -> dict[str, Any]:
    """All settings."""
    return {
        "company": company(store), "sending": sending(store), "silent": silent_mode(store),
        "storms": storm_limits(store), "deadlines": deadline_settings(store),
        "connections": connections(store), "rules": list_rules(store), "people": people(store), "teams": teams(store),
    }  # fmt: skip


CHANGES: dict[str, Callable[[Store], Any]] = {
    "company": change_company,
    "sending": lambda store: save_sending(store, Sending("a@b.org", "c@d.org", "X", pause_s=9), "test"),
    "silent mode": change_silent_mode,
    "limits": lambda store: save_storm_limits(store, StormLimits(5, 6, 7, 8, StormAction.HOLD, 9), "test"),
    "deadlines": lambda store: save_deadline_settings(store, DEADLINES, "test"),
    "connection": change_connection,
    "rule": change_rule,
    "escalation": change_escalation,
    "rule switched": lambda store: set_enabled(store, [list_rules(store)[3].code], False, "test"),
    "person": change_person,
    "team": lambda store: save_teams(store, [replace(teams(store)[0], name="Иные", leader=None)], "test"),
}


@pytest.fixture
def desk(store: Store) -> Store:
    """A store with something in every setting."""
    furnish(store, port=2525)
    return store


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_change_is_taken_back_whole_and_so_is_its_taking_back(desk: Store, change: Callable[[Store], Any]) -> None:
    before = everything(desk)
    change(desk)
    changed = everything(desk)
    assert changed != before
    entry = newest(desk)
    outlook = preview(desk, entry, "анна")
    assert everything(desk) == changed
    assert newest(desk) == entry
    done = revert(desk, entry, "анна")
    assert done.outlook == outlook
    assert everything(desk) == before
    newer, older = page(desk, limit=2)
    assert (newer.id, newer.who, newer.reverts, older.reverted_by) == (done.entry_id, "анна", entry, done.entry_id)
    assert newer.what == older.what
    revert(desk, done.entry_id, "анна")
    assert everything(desk) == changed


def test_only_the_fields_of_the_entry_are_put_back(desk: Store) -> None:
    save_sending(desk, replace(SENDING, pause_s=300), "test")
    entry = newest(desk)
    save_sending(desk, replace(SENDING, pause_s=300, sender_name="Иначе"), "test")
    outlook = preview(desk, entry, "анна")
    assert [(c.name, c.now, c.then) for c in outlook.changes] == [("pause_s", 300, SENDING.pause_s)]
    assert outlook.overwritten == ()
    revert(desk, entry, "анна")
    assert sending(desk) == replace(SENDING, sender_name="Иначе")


def test_a_later_change_of_the_same_field_is_not_overwritten_unasked(desk: Store) -> None:
    save_sending(desk, replace(SENDING, pause_s=300, max_attempts=9), "test")
    entry = newest(desk)
    save_sending(desk, replace(SENDING, pause_s=400, max_attempts=9), "test")
    outlook = preview(desk, entry, "анна")
    assert outlook.overwritten == ("pause_s",)
    with pytest.raises(SettingsError) as caught:
        revert(desk, entry, "анна")
    assert (caught.value.key, caught.value.params) == ("changed_since", {"fields": "pause_s"})
    assert sending(desk).pause_s == 400
    revert(desk, entry, "анна", agreed=outlook)
    assert sending(desk) == SENDING


def test_what_was_agreed_to_is_done_and_nothing_else(desk: Store) -> None:
    save_sending(desk, replace(SENDING, pause_s=300), "test")
    entry = newest(desk)
    outlook = preview(desk, entry, "анна")
    save_sending(desk, replace(SENDING, pause_s=400), "test")
    with pytest.raises(SettingsError) as caught:
        revert(desk, entry, "анна", agreed=outlook)
    assert caught.value.key == "changed_meanwhile"
    assert sending(desk).pause_s == 400


def test_the_checks_of_any_save_hold(desk: Store) -> None:
    save_teams(desk, [Team("new", "Новые")], "test")
    save_people(desk, [replace(people(desk)[0], teams=("new",))], "test")
    save_people(desk, [replace(people(desk)[0], teams=())], "test")
    entry = newest(desk)
    desk.write(lambda connection: connection.execute(delete(tables.team).where(tables.team.c.code == "new")))
    with pytest.raises(SettingsError, match="there is no team 'new'"):
        revert(desk, entry, "анна")
    with pytest.raises(SettingsError) as caught:
        preview(desk, entry, "анна")
    assert caught.value.path == "teams[0]"


def test_a_name_taken_meanwhile_is_refused(store: Store) -> None:
    save_connection(store, MailConnection("a", "h"), who="test")
    save_connection(store, replace(connections(store)[0], name="b"), who="test")
    entry = newest(store)
    save_connection(store, MailConnection("a", "other"), who="test")
    assert refused(store, entry, "name_taken").path == "name"


def test_a_connection_is_found_by_the_name_it_has_now(store: Store) -> None:
    save_connection(store, MailConnection("a", "one"), who="test")
    save_connection(store, replace(connections(store)[0], server="two"), who="test")
    entry = newest(store)
    for name in ("b", "c"):
        save_connection(store, replace(connections(store)[0], name=name), who="test")
    assert preview(store, entry, "анна").what == "mail.connections:c"
    revert(store, entry, "анна")
    assert [(card.name, card.server) for card in connections(store)] == [("c", "one")]


def test_an_added_connection_is_deleted(store: Store) -> None:
    save_connection(store, MAIN, password="hunter2", who="test")
    entry = newest(store)
    outlook = preview(store, entry, "анна")
    assert (outlook.action, outlook.overwritten, outlook.secrets) == ("delete", (), ())
    assert revert(store, entry, "анна").entry_id == newest(store)
    assert connections(store) == []
    refused(store, entry, "gone")


def test_later_changes_of_an_added_thing_are_not_deleted_unasked(store: Store) -> None:
    save_connection(store, MAIN, who="test")
    entry = newest(store)
    save_connection(store, replace(connections(store)[0], server="other"), who="test")
    assert preview(store, entry, "анна").overwritten == ("server",)
    with pytest.raises(SettingsError) as caught:
        revert(store, entry, "анна")
    assert caught.value.key == "changed_since"


@pytest.mark.parametrize(
    ("card", "secret"), [(MAIN, "password"), (CLOUD, "client_secret")], ids=["password", "client secret"]
)
def test_a_deleted_connection_comes_back_without_its_secret_and_switched_off(
    store: Store, card: MailConnection, secret: str
) -> None:
    key = save_connection(store, card, **{secret: "hunter2"}, who="test")  # pyright: ignore[reportArgumentType]
    delete_connection(store, key, "test")
    entry = newest(store)
    done = revert(store, entry, "анна")
    assert (done.outlook.action, done.outlook.secrets, done.outlook.switched_off) == ("add", (secret,), True)
    (back,) = connections(store)
    assert back == replace(card, id=back.id, enabled=False, secrets_mark=back.secrets_mark)
    refused(store, entry, "there_again")
    revert(store, done.entry_id, "анна")
    assert connections(store) == []


def test_a_deleted_connection_that_needs_no_secret_comes_back_as_it_was(store: Store) -> None:
    card = MailConnection("relay", "127.0.0.1", port=25, encryption=Encryption.NONE, priority=3)
    delete_connection(store, save_connection(store, card, who="test"), "test")
    outlook = revert(store, newest(store), "анна").outlook
    assert (outlook.secrets, outlook.switched_off) == ((), False)
    (back,) = connections(store)
    assert back == replace(card, id=back.id, secrets_mark=back.secrets_mark)


def test_a_connection_put_back_cannot_be_switched_on_before_its_secret_is_typed(store: Store) -> None:
    delete_connection(store, save_connection(store, CLOUD, client_secret="hunter2", who="test"), "test")
    revert(store, newest(store), "анна")
    on = replace(connections(store)[0], enabled=True)
    with pytest.raises(SettingsError) as caught:
        save_connection(store, on, who="test")
    assert caught.value.path == "client_secret"
    save_connection(store, on, client_secret="typed anew", who="test")
    assert connections(store)[0].enabled


def test_other_fields_are_put_back_and_the_secret_is_asked_for(store: Store) -> None:
    key = save_connection(store, MAIN, password="one", who="test")
    save_connection(store, replace(connections(store)[0], login="other"), password="two", who="test")
    entry = newest(store)
    done = revert(store, entry, "анна")
    assert done.outlook.secrets == ("password",)
    assert [change.name for change in done.outlook.changes] == ["login"]
    assert connections(store)[0].login == "robot"
    assert connection_secret(store, key, "password") == "two"
    assert "password" not in (page(store, limit=1)[0].after or {})


def test_a_secret_alone_is_not_put_back(store: Store) -> None:
    key = save_connection(store, MAIN, password="one", who="test")
    save_connection(store, connections(store)[0], password="two", who="test")
    refused(store, newest(store), "secret_only")
    assert connection_secret(store, key, "password") == "two"


def test_a_secret_that_counts_no_more_is_not_asked_for(store: Store) -> None:
    save_connection(store, MailConnection("m", "h"), who="test")
    card = replace(connections(store)[0], authentication=True, login="robot")
    save_connection(store, card, password="one", who="test")
    outlook = revert(store, newest(store), "анна").outlook
    assert outlook.secrets == ()
    assert not connections(store)[0].authentication


def test_own_rules_are_added_and_deleted_back_and_forth(store: Store) -> None:
    save_rule(store, OWN, "test")
    added = newest(store)
    deletion = revert(store, added, "анна")
    assert OWN.code not in {rule.code for rule in list_rules(store)}
    again = revert(store, deletion.entry_id, "анна")
    assert again.outlook.action == "add"
    assert OWN in list_rules(store)
    revert(store, again.entry_id, "анна")
    assert OWN not in list_rules(store)


def test_a_change_of_what_was_deleted_since_is_refused(store: Store) -> None:
    save_rule(store, OWN, "test")
    added = newest(store)
    set_enabled(store, [OWN.code], False, "test")
    switched = newest(store)
    revert(store, added, "анна", agreed=preview(store, added, "анна"))
    refused(store, switched, "deleted_since")


def test_an_older_version_s_rule_comes_back_with_what_rules_have_now(store: Store) -> None:
    save_rule(store, replace(OWN, condition="responsible is none", reason="has_person"), "test")
    deletion = revert(store, newest(store), "анна")
    with store.read() as connection:
        row = connection.execute(tables.audit.select().where(tables.audit.c.id == deletion.entry_id)).one()
    old = {name: value for name, value in row.before.items() if name not in {"reason", "condition"}} | {"gone": 1}
    store.write(lambda connection: record(connection, NOON, "test", row.what, old, None))
    revert(store, newest(store), "анна")
    assert OWN in list_rules(store)


def test_a_rule_of_the_standard_set_is_not_deleted(store: Store) -> None:
    rule = list_rules(store)[0]
    values = {"code": rule.code}
    store.write(lambda connection: record(connection, NOON, "test", f"rule:{rule.code}", None, values))
    refused(store, newest(store), "standard_rule")
    assert rule in list_rules(store)


def test_people_are_added_and_deleted_back_and_forth(desk: Store) -> None:
    person = Person("new@example.org", "Новый", "new", ("net",), "boss@example.org", Language.EN)
    save_people(desk, [person], "test")
    deletion = revert(desk, newest(desk), "анна")
    assert person not in people(desk)
    again = revert(desk, deletion.entry_id, "анна")
    assert (again.outlook.action, again.outlook.not_kept) == ("add", ())
    assert person in people(desk)
    delete_person(desk, person.email, "test")
    revert(desk, newest(desk), "анна")
    assert person in people(desk)


@pytest.mark.parametrize("address", ["petrov@example.org", "boss@example.org"], ids=["a leader", "a head"])
def test_somebody_gets_their_address_back_and_those_who_name_it_follow(desk: Store, address: str) -> None:
    before = people(desk), teams(desk)
    person = next(one for one in people(desk) if one.email == address)
    directory.change_person(desk, address, replace(person, email="new@example.org"), "test")
    assert (people(desk), teams(desk)) != before
    entry = next(one.id for one in page(desk, what="person") if (one.before or {}).get("email") == address)
    assert [(one.name, one.then) for one in preview(desk, entry, "анна").changes] == [("email", address)]
    revert(desk, entry, "анна")
    assert (people(desk), teams(desk)) == before
    again = newest(desk)
    revert(desk, page(desk, what="person", limit=1)[0].id, "анна")
    assert newest(desk) > again
    assert any(one.email == "new@example.org" for one in people(desk))


def test_a_deleted_team_comes_back_without_its_members_and_that_is_said(desk: Store) -> None:
    before = teams(desk)
    delete_team(desk, "net", "test")
    outlook = revert(desk, newest(desk), "анна").outlook
    assert outlook.not_kept == ("members",)
    assert teams(desk) == before
    assert all(person.teams == () for person in people(desk))


def test_an_added_team_is_deleted_unless_there_are_people_in_it(desk: Store) -> None:
    save_teams(desk, [Team("new", "Новая")], "test")
    entry = newest(desk)
    someone = people(desk)[0]
    save_people(desk, [replace(someone, teams=("new",))], "test")
    assert refused(desk, entry, "team_has_members").params == {"count": 1}
    save_people(desk, [someone], "test")
    revert(desk, entry, "анна")
    assert {team.code for team in teams(desk)} == {"net"}


def test_a_team_gets_its_code_back_with_its_members(desk: Store) -> None:
    before = everything(desk)
    rename_team(desk, "net", replace(teams(desk)[0], code="lan", name="Сеть"), "test")
    entry = newest(desk)
    save_teams(desk, [replace(teams(desk)[0], leader=None)], "test")
    leader = newest(desk)
    assert preview(desk, entry, "анна").what == "team:lan"
    revert(desk, entry, "анна")
    revert(desk, leader, "анна")
    assert everything(desk) == before


def test_deeds_are_not_taken_back(store: Store) -> None:
    store.write(lambda connection: record(connection, NOON, "test", "secrets:rekey", None, {"sealed": 2}))
    refused(store, newest(store), "deed")
    store.write(lambda connection: record(connection, NOON, "test", "deliveries:retry", None, {"ids": ["D1"]}))
    refused(store, newest(store), "deed")


def test_an_entry_that_is_not_there_is_refused(store: Store) -> None:
    assert refused(store, 4711, "no_entry").params == {"number": 4711}


def test_what_is_as_it_was_already_is_refused(desk: Store) -> None:
    save_sending(desk, replace(SENDING, pause_s=300), "test")
    entry = newest(desk)
    revert(desk, entry, "анна")
    refused(desk, entry, "already")


def test_a_word_that_is_none_any_more_is_refused(desk: Store) -> None:
    before, after = {"language": "tlh"}, {"language": "ru"}
    desk.write(lambda connection: record(connection, NOON, "test", "company", before, after))
    assert refused(desk, newest(desk), "no_longer").path == "language"


def test_an_outlook_is_told_in_words_of_json(desk: Store) -> None:
    change_silent_mode(desk)
    outlook: Outlook = preview(desk, newest(desk), "анна")
    assert {change.name: change.now for change in outlook.changes} == {
        "state": "exceptions", "exceptions": ["example.org", "a@b.org"], "until": "2026-12-01T10:30:00+00:00",
    }  # fmt: skip
    assert asdict(outlook)["entry"]["what"] == "silent_mode"
