"""The settings file: applied whole or not at all, every fault with its path, exported without a secret."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
import yaml
from sqlalchemy import select

from store import tables
from store.audit import settings_revision
from store.cards import DeadlineSettings, Person, StatusRules
from store.directory import people, teams
from store.engine import Store
from store.rulebook import list_rules
from store.rules import Repeat, Threshold
from store.settings import (
    company,
    connection_secret,
    connections,
    deadline_settings,
    delete_connection,
    secret_of,
    sending,
    silent_mode,
    storm_limits,
)
from store.settings_file import Change, apply_settings, export_settings
from store.settings_schema import SettingsFileError
from store.vocabulary import CatchUp, Encryption, Language, PauseMoves, Protocol, Role, SilentState, TokenSource
from tests.conftest import sqlite_url

CONTRACT = """
company: {holidays: RU, special_days: {2026-12-31: "09:00-14:00", 2026-12-30: off},
  name: ACME, signature: "С уважением, служба поддержки", notify_unregistered: false, language: ru,
          timezone: Europe/Moscow}
mail:
  connections:
    - name: main
      protocol: smtp
      server: mail.example.org
      port: 587
      encryption: tls
      authentication: true
      login: robot
      password: {env: MAIL_PASSWORD}
      ca_file: /etc/ssl/own-ca.pem
      enabled: true
      priority: 1
    - name: exchange
      protocol: ews
      server: https://ex.example.org/EWS/Exchange.asmx
      oauth2: true
      application_id: 00000000-0000-0000-0000-000000000000
      directory_id: 00000000-0000-0000-0000-000000000000
      client_secret: {file: secret.txt}
      authority: https://login.microsoftonline.com
      login: robot@example.org
  sending: {support_address: help@example.org, system_address: robot@example.org, sender_name: Служба поддержки,
            encoding: utf-8, transliterate_headers: false, max_attempts: 5, pause_s: 120, batch_size: 0,
            batch_interval_s: 0, transcripts: all}
silent_mode: {state: off, exceptions: [], until: null}
deadlines: {statuses: {request: {paused: [deferred, waiting_client], ended: [resolved, closed]}},
  pause: working_time, catch_up: all, catch_up_days: 10}
storms: {object_letters: 20, object_minutes: 5, recipient_letters: 0, recipient_minutes: 10, then: hold,
         digest_minutes: 15}
teams: [{code: net, name: Сетевики, leader: petrov@example.org}]
people: [{email: Ivanov@example.org, name: Иван Иванов, login: ivanov, teams: [net], head: petrov@example.org,
          language: ru, active: true}]
event_actions: [{code: request.added.client.email, enabled: false}]
escalations: [{code: request.resolution.25.responsible.email, enabled: true, threshold: {percent_left: 25}}]
"""
CUSTOM = """
teams: [{code: net, name: Сетевики, leader: petrov@example.org}]
event_actions:
  - {code: own.vip, titles: {ru: VIP}, object_type: request, event_type: added, channel: email, recipients: [fixed],
     fixed_addresses: [duty@example.org], template: status.staff, condition: "object.priority == 'vip'"}
  - {code: own.words, titles: {ru: Слова}, object_type: request, event_type: status_changed, channel: email,
     recipients: [teams], teams: [net], template: status.staff, from_status: [registered], once_minutes: 30,
     working_hours: true, texts: {ru: {subject: "{{ object.number }}", short: s, body: "Привет\n\nвсем"}}}
escalations:
  - {code: own.late, object_type: request, event_type: deadline, deadline: resolution, channel: email,
     recipients: [head], template: deadline.staff, threshold: {at_due: true}}
  - {code: own.again, object_type: request, event_type: deadline, deadline: resolution, channel: email,
     recipients: [head], template: deadline.staff, threshold: {percent_left: 25, working_time: true},
     repeat: {every_minutes: 30, times: 4, until_status_change: true}}
"""
SECRETS = ("pw-from-the-environment", "secret-from-the-file", "typed-in")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MAIL_PASSWORD", SECRETS[0])
    (tmp_path / "secret.txt").write_text(SECRETS[1] + "\r\n", "utf-8")
    return tmp_path


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store that stays as it is: all it is given is refused."""
    store = Store.open(sqlite_url(tmp_path_factory.mktemp("desk")))
    yield store
    store.close()


def _kinds(changes: list[Change]) -> dict[str, str]:
    return {change.path: change.kind for change in changes}


def test_the_documented_file_is_applied_as_it_stands(store: Store, folder: Path) -> None:
    kinds = _kinds(apply_settings(store, CONTRACT, folder, "анна"))
    assert kinds == {
        "company": "changed",
        "mail.sending": "changed",
        "silent_mode": "unchanged",
        "storms": "changed",
        "deadlines": "changed",
        "mail.connections.main": "added",
        "mail.connections.exchange": "added",
        "teams.net": "added",
        "people.ivanov@example.org": "added",
        "event_actions.request.added.client.email": "changed",
        "escalations.request.resolution.25.responsible.email": "unchanged",
    }
    assert company(store).special_days == {"2026-12-31": "09:00-14:00", "2026-12-30": "off"}
    rules = StatusRules(("deferred", "waiting_client"), ("resolved", "closed"))
    running = DeadlineSettings({"request": rules}, PauseMoves.WORKING_TIME, CatchUp.ALL, 10)
    assert deadline_settings(store) == running
    main, exchange = connections(store)
    assert (main.port, main.encryption, main.login, main.authentication) == (587, Encryption.TLS, "robot", True)
    assert (exchange.protocol, exchange.port, exchange.oauth2) == (Protocol.EWS, None, True)
    assert connection_secret(store, main.id, "password") == SECRETS[0]
    assert connection_secret(store, exchange.id, "client_secret") == SECRETS[1]
    assert people(store) == [
        Person("ivanov@example.org", "Иван Иванов", "ivanov", ("net",), "petrov@example.org", Language.RU)
    ]
    assert set(_kinds(apply_settings(store, CONTRACT, folder, "анна")).values()) == {"unchanged"}


def test_an_export_applied_again_changes_nothing(store: Store, folder: Path) -> None:
    apply_settings(store, CONTRACT, folder, "test")
    apply_settings(store, CUSTOM, folder, "test")
    exported = export_settings(store)
    before = settings_revision(store)
    assert set(_kinds(apply_settings(store, exported, folder, "test")).values()) == {"unchanged"}
    assert settings_revision(store) == before


def test_an_export_makes_another_store_the_same(store: Store, folder: Path) -> None:
    apply_settings(store, CONTRACT, folder, "test")
    apply_settings(store, CUSTOM, folder, "test")
    (folder / "other").mkdir()
    other = Store.open(sqlite_url(folder / "other"))
    apply_settings(other, "company: {notify_unregistered: true}\nmail: {sending: {max_attempts: 9}}", folder, "test")
    apply_settings(other, export_settings(store), folder, "test")
    for read in (company, sending, silent_mode, storm_limits, deadline_settings, people, teams, list_rules):
        assert read(other) == read(store)
    ours, theirs = ([replace(card, secrets_mark="") for card in connections(one)] for one in (store, other))
    assert theirs == ours
    other.close()


def test_rules_of_ones_own_are_added_whole(store: Store, folder: Path) -> None:
    apply_settings(store, CUSTOM, folder, "test")
    own = {rule.code: rule for rule in list_rules(store) if not rule.standard}
    assert own["own.vip"].titles == {"ru": "VIP", "en": "VIP"}
    assert own["own.vip"].recipients == (Role.FIXED,)
    assert own["own.vip"].fixed_addresses == ("duty@example.org",)
    assert own["own.late"].threshold == Threshold("at_due")
    assert own["own.again"].threshold == Threshold("percent_left", 25, working_time=True)
    assert own["own.again"].repeat == Repeat(30, 4, until_status_change=True)
    assert own["own.late"].titles == {"ru": "own.late", "en": "own.late"}


def test_a_repeat_of_the_standard_set_is_exported_and_ends_with_null(store: Store, folder: Path) -> None:
    code = "request.resolution.25.responsible.email"
    text = f"escalations: [{{code: {code}, repeat: {{every_minutes: 30, times: 4}}}}]"
    (change,) = apply_settings(store, text, folder, "test", dry_run=True)
    assert (change.kind, change.path) == ("changed", f"escalations.{code}")
    apply_settings(store, text, folder, "test")
    exported = {one["code"]: one for one in yaml.safe_load(export_settings(store))["escalations"]}
    assert exported[code] == {
        "code": code, "repeat": {"every_minutes": 30, "times": 4, "until_status_change": False},
    }  # fmt: skip
    apply_settings(store, text.replace("{every_minutes: 30, times: 4}", "null"), folder, "test")
    assert {rule.code: rule.repeat for rule in list_rules(store)}[code] is None


def test_a_title_in_one_language_leaves_the_other(store: Store, folder: Path) -> None:
    code = "request.added.client.email"
    before = next(rule for rule in list_rules(store) if rule.code == code)
    apply_settings(store, f"event_actions: [{{code: {code}, titles: {{ru: Своё}}}}]", folder, "test")
    after = next(rule for rule in list_rules(store) if rule.code == code)
    assert after.titles == {"ru": "Своё", "en": before.titles["en"]}


def test_a_dry_run_tells_the_same_and_changes_nothing(store: Store, folder: Path) -> None:
    dry = apply_settings(store, CONTRACT, folder, "test", dry_run=True)
    assert settings_revision(store) == 0
    assert connections(store) == []
    assert apply_settings(store, CONTRACT, folder, "test") == dry


def test_one_fault_and_nothing_is_saved_while_all_faults_are_told(store: Store, folder: Path) -> None:
    text = CONTRACT.replace("support_address: help@example.org", "support_address: help").replace("587", "0")
    with pytest.raises(SettingsFileError) as caught:
        apply_settings(store, text, folder, "test")
    assert [error.path for error in caught.value.errors] == [
        "mail.sending.support_address",
        "mail.connections[0].port",
    ]
    assert settings_revision(store) == 0
    assert teams(store) == []


def test_no_secret_leaves_by_export_audit_or_plan(store: Store, folder: Path) -> None:
    typed = CONTRACT.replace("{env: MAIL_PASSWORD}", f"{{value: {SECRETS[2]}}}")
    changes = apply_settings(store, CONTRACT, folder, "test") + apply_settings(store, typed, folder, "test")
    with store.read() as connection:
        audit = [list(map(str, row)) for row in connection.execute(select(tables.audit))]
    told = json.dumps([export_settings(store), audit, [str(change) for change in changes], repr(connections(store))])
    for secret in SECRETS:
        assert secret not in told
    assert "'password': 'changed'" in json.dumps(audit)
    exported = yaml.safe_load(export_settings(store))["mail"]["connections"]
    assert [card.get("password") or card.get("client_secret") for card in exported] == [
        {"stored": True},
        {"file": "secret.txt"},
    ]


def test_a_pasted_token_and_certificates_are_applied_exported_and_kept(store: Store, folder: Path) -> None:
    (folder / "token.txt").write_text("ya29.token\n", "utf-8")
    text = (
        "mail: {connections: [{name: g, server: smtp.gmail.com, oauth2: true, login: robot@example.org,"
        " token_source: pasted, access_token: {file: token.txt}, client_cert: c.pem, client_key: k.pem,"
        " insecure: true, secret_expires: 2027-03-31}]}"
    )
    apply_settings(store, text, folder, "test")
    (card,) = connections(store)
    assert (card.token_source, card.has_access_token, card.insecure) == (TokenSource.PASTED, True, True)
    assert (card.client_cert, card.client_key, card.secret_expires) == ("c.pem", "k.pem", date(2027, 3, 31))
    assert connection_secret(store, card.id, secret_of(card)) == "ya29.token"
    exported = export_settings(store)
    assert "ya29" not in exported
    assert set(_kinds(apply_settings(store, exported, folder, "test")).values()) == {"unchanged"}
    delete_connection(store, card.id, "test")  # what it was goes into the trail, the day as well
    assert connections(store) == []


def test_a_stored_secret_is_kept_and_an_empty_one_erases(store: Store, folder: Path) -> None:
    first = "mail: {connections: [{name: m, server: h, password: {value: one}}]}"
    apply_settings(store, first, folder, "test")
    kept = apply_settings(store, first.replace("value: one", "stored: true"), folder, "test")
    assert _kinds(kept) == {"mail.connections.m": "unchanged"}
    assert connection_secret(store, connections(store)[0].id, "password") == "one"
    apply_settings(store, first.replace("value: one", "value: ''"), folder, "test")
    assert not connections(store)[0].has_password


@pytest.mark.parametrize(("encryption", "port"), [("ssl", 465), ("tls", 587), ("none", 25)])
def test_a_port_left_out_follows_the_encryption(store: Store, folder: Path, encryption: str, port: int) -> None:
    text = f"mail: {{connections: [{{name: m, server: h, encryption: {encryption}}}]}}"
    apply_settings(store, text, folder, "test")
    assert connections(store)[0].port == port
    apply_settings(store, "mail: {connections: [{name: m, server: other}]}", folder, "test")
    assert (connections(store)[0].port, connections(store)[0].server) == (port, "other")


@pytest.mark.parametrize(
    ("word", "state"), [("off", "off"), ("on", "on"), ("'on'", "on"), ("exceptions", "exceptions")]
)
def test_silent_mode_may_be_written_as_yaml_reads_it(store: Store, folder: Path, word: str, state: str) -> None:
    text = f"silent_mode: {{state: {word}, exceptions: ['@a.org', b.org, c@d.local], until: 2026-11-23T18:00:00+03:00}}"
    apply_settings(store, text, folder, "test")
    mode = silent_mode(store)
    assert (mode.state, mode.exceptions) == (SilentState(state), ("@a.org", "b.org", "c@d.local"))
    assert mode.until is not None
    assert mode.until.isoformat() == "2026-11-23T15:00:00+00:00"


@pytest.mark.parametrize("text", ["company:", "teams:\npeople:\nmail: {connections: }"])
def test_a_section_with_nothing_in_it_changes_nothing(desk: Store, folder: Path, text: str) -> None:
    assert apply_settings(desk, text, folder, "test") == []


def test_many_people_are_applied_in_one_go(desk: Store, folder: Path) -> None:
    text = yaml.safe_dump({"people": [{"email": f"p{i}@example.org", "name": f"P {i}"} for i in range(300)]})
    changes = apply_settings(desk, text, folder, "test", dry_run=True)
    assert len(changes) == 300
    assert people(desk) == []


def _connection(fields: str) -> str:
    return f"mail: {{connections: [{{name: m, server: h, {fields}}}]}}"


def _action(fields: str) -> str:
    return f"event_actions: [{{code: request.added.client.email, {fields}}}]"


def _escalation(fields: str) -> str:
    return f"escalations: [{{code: request.resolution.25.responsible.email, {fields}}}]"


BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{one}: &{one} [{','.join([f'*{other}'] * 9)}]\n" for other, one in zip("abcdefgh", "bcdefghi", strict=True)
)
NEW = "object_type: request, event_type: added, channel: email, recipients: [client]"
MANY_FAULTS: list[tuple[str, str]] = [
    # the file itself
    ("", "the file must hold sections"),
    ("- company", "the file must hold sections"),
    ("company: [", "not YAML: line 1, column 11"),
    ("company: {name: !!python/name:os.system x}", "not YAML: line 1, column 17: could not determine a constructor"),
    ("company: {name: a}\n---\ncompany: {name: b}", "not YAML: line 2"),
    ("company: {name: 'a\x01b'}", "not YAML: unacceptable character"),
    ("silent_mode: {until: 2026-13-45}", "not YAML: month must be in 1..12"),
    ("teams: " + "[" * 3000, "not a settings file: it is nested too deeply"),
    (BOMB, "line 7: the aliases stand for more than"),
    ("teams: &t [*t]", "line 1: an alias stands for what it is part of"),
    ("company: {name: A}\ncompany: {name: B}", "line 2: the key 'company' is there twice"),
    # keys and shapes
    ("compny: {name: A}", "compny: unknown key; did you mean company?"),
    ("company: {nam: A}", "company.nam: unknown key; did you mean name?"),
    ("company: {xyzzy: A}", "company.xyzzy: unknown key"),
    ("1: 2", "[1]: is not a key; keys are texts"),
    ("company: ACME", "company: must be a mapping"),
    ("teams: {code: a}", "teams: must be a list"),
    ("company: {name: 5}", "company.name: must be a text; put it in quotes"),
    ("company: {notify_unregistered: 'no'}", "company.notify_unregistered: must be true or false, without quotes"),
    ("company: {language: de}", "company.language: must be 'ru' or 'en'"),
    ("company: {timezone: ../../etc/passwd}", "company.timezone: '../../etc/passwd' is not a time zone. Example:"),
    # text that could steer a terminal or a header
    (r'company: {name: "a\e[31mb"}', "company.name: has a line break or a control character"),
    (r'company: {signature: "a\u202eb"}', "company.signature: has a control character"),
    (f"company: {{signature: {'x' * 20_001}}}", "company.signature: has 20001 characters; 20000 are allowed"),
    (r'mail: {sending: {sender_name: "x\r\nBcc: a@b.ru"}}', "mail.sending.sender_name: has a line break"),
    (r'mail: {sending: {encoding: "utf-8\r\nX: y"}}', "mail.sending.encoding: 'utf-8 X: y' is not a text encoding"),
    (r'mail: {sending: {system_address: "a@b.ru\r\nBcc: c@d.ru"}}', "mail.sending.system_address: 'a@b.ru Bcc: c@d.ru"),
    (_connection(r'login: "a\r\nb"'), "mail.connections[0].login: has a line break"),
    (r'teams: [{code: a, name: "x\u0007"}]', "teams[0].name: has a line break"),
    (r'people: [{email: a@b.ru, name: "x\r\nBcc: c@d.ru"}]', "people[0].name: has a line break"),
    (_action(r'titles: {ru: "a\nb"}'), "event_actions[0].titles.ru: has a line break"),
    (_action("once_minutes: 0"), "event_actions[0].once_minutes: is 0; it must be from 1"),
    (_action("from_status: [registered]"), "event_actions[0].from_status: belongs to rules with the event type"),
    (_action("recipients: [teams]"), "event_actions[0].teams: is empty"),
    (_action("texts: {ru: {subject: a, short: b}}"), "event_actions[0].texts.ru.body: is missing"),
    (_action("texts: {ru: {subject: a, short: b, body: '{{ nobody }}'}}"), "event_actions[0].texts.ru.body: nothing"),
    ("company: {working_hours: {mon: 9-18}}", "company.working_hours.mon: '9-18' is not a span"),
    ("company: {working_hours: {monday: '09:00-18:00'}}", "company.working_hours: 'monday' is no day"),
    # connections
    (_connection("port: '587'"), "mail.connections[0].port: must be a whole number, without quotes"),
    (_connection("port: smtp"), "mail.connections[0].port: must be a whole number"),
    (_connection("port: true"), "mail.connections[0].port: must be a whole number"),
    (_connection("port: 0"), "mail.connections[0].port: must be a number from 1 to 65535: 465 for SSL"),
    (_connection("port: 70000"), "mail.connections[0].port: must be a number from 1 to 65535"),
    (_connection("port: null"), "mail.connections[0].port: must be a number from 1 to 65535"),
    (_connection("priority: 99999999999999999999"), "mail.connections[0].priority: is 99999999999999999999; it must b"),
    (_connection("encryption: starttls"), "mail.connections[0].encryption: must be 'ssl', 'tls' or 'none'"),
    (_connection("authentication: true"), "mail.connections[0].login: is needed when authentication is on"),
    ("mail: {connections: [{name: m}]}", "mail.connections[0].server: is missing"),
    ("mail: {connections: [{name: m, server: 'smtp://h'}]}", "mail.connections[0].server: give the name alone"),
    ("mail: {connections: [{name: m, server: 'h:25'}]}", "mail.connections[0].server: give the name alone; the number"),
    ("mail: {connections: [{name: m, server: a b}]}", "mail.connections[0].server: has a space in it"),
    ("mail: {connections: [{name: m, server: a}, {name: m, server: b}]}", "mail.connections[1].name: 'm' is there alr"),
    (_connection("client_key: k.pem"), "mail.connections[0].client_cert: is needed with a key"),
    (_connection(r'client_cert: "a\nb"'), "mail.connections[0].client_cert: has a line break"),
    (_connection("insecure: 'no'"), "mail.connections[0].insecure: must be true or false, without quotes"),
    (_connection("secret_expires: 5"), "mail.connections[0].secret_expires: must be a day. Example: 2027-03-31"),
    (_connection("secret_expires: 2027-03-31T10:00:00Z"), "mail.connections[0].secret_expires: must be a day"),
    (_connection("secret_expires: tomorrow"), "mail.connections[0].secret_expires: must be a day"),
    (_connection("token_source: mine"), "mail.connections[0].token_source: must be 'application' or 'pasted'"),
    (_connection("oauth2: true, login: a@b.ru, token_source: pasted"), "mail.connections[0].access_token: paste a t"),
    (_connection("protocol: ews, oauth2: true, token_source: pasted"), "mail.connections[0].token_source: must be app"),
    (
        _connection("oauth2: true, login: a@b.ru, token_source: pasted, access_token: {value: 'hunter2 x'}"),
        "mail.connections[0].access_token: is not a token",
    ),
    # secrets
    (_connection("password: hunter2"), "mail.connections[0].password: must be {env: NAME}, {file: PATH} or {value: TE"),
    (_connection("password: {}"), "mail.connections[0].password: give exactly one of env, file, value, stored"),
    (_connection("password: {env: A, value: hunter2}"), "mail.connections[0].password: give exactly one of"),
    (_connection("password: {value: 1234}"), "mail.connections[0].password.value: must be a text; put it in quotes"),
    (_connection("password: {env: NO_SUCH}"), "mail.connections[0].password: the environment variable NO_SUCH is not"),
    (_connection("password: {file: no.txt}"), "mail.connections[0].password: the file no.txt cannot be read: No such"),
    (_connection("password: {file: binary}"), "mail.connections[0].password: the file binary cannot be read: it is no"),
    # sending parameters, silent mode
    ("mail: {sending: {support_address: help}}", "mail.sending.support_address: 'help' is not an e-mail address"),
    ("mail: {sending: {encoding: klingon}}", "mail.sending.encoding: 'klingon' is not a text encoding"),
    ("mail: {sending: {encoding: idna}}", "mail.sending.encoding: 'idna' is not a text encoding"),
    ("mail: {sending: {max_attempts: 0}}", "mail.sending.max_attempts: is 0; it must be from 1 to 100"),
    ("mail: {sending: {pause_s: 999999999}}", "mail.sending.pause_s: is 999999999; it must be from 1 to 86400"),
    ("mail: {sending: {batch_size: 1.5}}", "mail.sending.batch_size: must be a whole number"),
    ("silent_mode: {state: maybe}", "silent_mode.state: must be 'off', 'on' or 'exceptions'"),
    ("silent_mode: {exceptions: [a b]}", "silent_mode.exceptions[0]: 'a b' is neither an e-mail address nor a domain"),
    ("silent_mode: {until: 5}", "silent_mode.until: must be a date and time with a zone"),
    ("silent_mode: {until: 2026-01-01T00:00:00}", "silent_mode.until: has no zone; add Z or an offset"),
    ("silent_mode: {until: 0001-01-01T00:00:00+14:00}", "silent_mode.until: the year is not from 1970 to 2999"),
    # limits on letters
    ("company: {holidays: XX}", "company.holidays: 'XX' is no country with known holidays. Example: RU"),
    ("company: {holidays: ru}", "company.holidays: 'ru' is no country with known holidays. Example: RU"),
    ("company: {holidays: DE-QQ}", "company.holidays: DE has no part 'QQ'; there are BB, BE"),
    ("company: {holidays: RU-}", "company.holidays: RU has no part ''; it has none"),
    ("company: {special_days: {31.12.2026: off}}", "company.special_days: '31.12.2026' is no date"),
    ("company: {special_days: {'2026-02-30': off}}", "company.special_days: '2026-02-30' is no date"),
    ("company: {special_days: {2026-12-31: on}}", "company.special_days.2026-12-31: must be a text"),
    ("company: {special_days: {2026-12-31: 9-14}}", "company.special_days.2026-12-31: '9-14' is not a span"),
    ("deadlines: {pause: often}", "deadlines.pause: must be 'time', 'working_time' or 'nothing'"),
    ("deadlines: {catch_up: some}", "deadlines.catch_up: must be 'latest', 'all' or 'none'"),
    ("deadlines: {catch_up_days: 0}", "deadlines.catch_up_days: is 0; it must be from 1 to 30"),
    ("deadlines: {catch_up_days: 31}", "deadlines.catch_up_days: is 31; it must be from 1 to 30"),
    ("deadlines: {statuses: {request: {paused: [a], ended: [a]}}}", "deadlines.statuses.request.ended: 'a' is both"),
    ("deadlines: {statuses: {request: {paused: [a, a]}}}", "deadlines.statuses.request.paused[1]: 'a' is there twice"),
    ("deadlines: {statuses: {request: {paused: ['']}}}", "deadlines.statuses.request.paused[0]: is empty"),
    ("deadlines: {statuses: {request: {stopped: [a]}}}", "deadlines.statuses.request.stopped: unknown key"),
    ("storms: {then: drop}", "storms.then: must be 'digest' or 'hold'"),
    ("storms: {object_letters: -1}", "storms.object_letters: is -1; it must be from 0 to 1000000"),
    ("storms: {recipient_minutes: 0}", "storms.recipient_minutes: is 0; it must be from 1 to 1440"),
    ("storms: {digest_minutes: '10'}", "storms.digest_minutes: must be a whole number, without quotes"),
    ("storms: {letters: 5}", "storms.letters: unknown key"),
    # directory
    ("teams: [{code: '', name: x}]", "teams[0].code: is empty"),
    ("teams: [{code: a, name: x, leader: boss}]", "teams[0].leader: 'boss' is not an e-mail address"),
    ("teams: [{code: a, name: x}, {code: a, name: y}]", "teams[1].code: 'a' is there already, at teams[0].code"),
    ("people: [{email: nobody, name: x}]", "people[0].email: 'nobody' is not an e-mail address"),
    ("people: [{email: a>b@mail.local, name: x}]", "people[0].email: 'a>b@mail.local' is not an e-mail address"),
    ("people: [{email: a@b.ru, name: ''}]", "people[0].name: is empty"),
    ("people: [{email: a@b.ru, name: x, head: boss}]", "people[0].head: 'boss' is not an e-mail address"),
    ("people: [{email: a@b.ru, name: x, teams: [sales]}]", "people[0].teams[0]: there is no team 'sales'; there are n"),
    ("people: [{email: a@b.ru, name: x}, {email: A@B.ru, name: y}]", "people[1].email: 'a@b.ru' is there already"),
    ("people: [{email: a@b.ru, name: x, login: l}, {email: c@b.ru, name: y, login: L}]", "people[1].login: 'L' is the"),
    # rules
    ("event_actions: [{code: nope}]", "event_actions[0]: 'nope' is unknown; to add it, also give object_type,"),
    (f"event_actions: [{{code: own, template: nope, {NEW}}}]", "event_actions[0].template: there is no template 'nope"),
    (f"event_actions: [{{code: own, template: ../../x, {NEW}}}]", "event_actions[0].template: there is no template"),
    (_action("object_type: 'a b'"), "event_actions[0].object_type: 'a b' is not a type. Example: request"),
    (_action("enabled: null"), "event_actions[0].enabled: must be true or false"),
    (_action("channel: sms"), "event_actions[0].channel: must be 'email' or 'interface'"),
    (_action("recipients: []"), "event_actions[0].recipients: is empty; name at least one role"),
    (_action("recipients: [boss]"), "event_actions[0].recipients[0]: must be 'client', 'author'"),
    (_action("recipients: [fixed]"), "event_actions[0].fixed_addresses: is empty"),
    (_action("recipients: [fixed], fixed_addresses: [x]"), "event_actions[0].fixed_addresses[0]: 'x' is not an e-mail"),
    (_action("to_status: ['']"), "event_actions[0].to_status[0]: is empty"),
    (_action("condition: 'a ('"), "event_actions[0].condition: cannot be read"),
    (_action("condition: 'responsible client'"), "event_actions[0].condition: cannot be read"),
    (_action("condition: 'nobody is none'"), "event_actions[0].condition: nothing is called 'nobody'; there are actor"),
    (_action("condition: 'object.title * 9'"), "event_actions[0].condition: may compare and combine, but not multiply"),
    (_action("condition: 'object.title | shout'"), "event_actions[0].condition: 'shout' is no filter or test"),
    (_action("threshold: {percent_left: 5}"), "event_actions[0].threshold: belongs to escalations"),
    (_action("deadline: reaction"), "event_actions[0].deadline: belongs to escalations"),
    (_action("event_type: deadline"), "event_actions[0].event_type: deadline belongs to escalations"),
    (_action("event_type: exploded"), "event_actions[0].event_type: must be 'added'"),
    (_action("waiting_days: 3"), "event_actions[0].waiting_days: belongs to rules with the event type waiting"),
    (_action("event_type: waiting"), "event_actions[0].waiting_days: is missing"),
    (_action("event_type: waiting, waiting_days: -3"), "event_actions[0].waiting_days: is -3; it must be from 1"),
    (_action("event_type: waiting, waiting_days: 3"), "event_actions[0].to_status: is empty"),
    (_action("reason: x}, {code: request.added.client.email"), "event_actions[1].code: 'request.added.client.email' i"),
    (
        "escalations: [{code: request.added.client.email}]",
        "escalations[0].code: 'request.added.client.email' belongs under event_actions",
    ),
    (
        "event_actions: [{code: request.resolution.25.responsible.email}]",
        "event_actions[0].code: 'request.resolution.25.responsible.email' belongs under escalations",
    ),
    (_escalation("threshold: 25"), "escalations[0].threshold: must be a mapping"),
    (_escalation("threshold: {percent_left: 0}"), "escalations[0].threshold.percent_left: must be 1 or more"),
    (_escalation("threshold: {percent_left: 100}"), "escalations[0].threshold.percent_left: must be 99 or less"),
    (_escalation("threshold: {minutes_before: 99999999}"), "escalations[0].threshold.minutes_before: is 99999999; it"),
    (_escalation("threshold: {percent_left: 5, at_due: true}"), "escalations[0].threshold: give exactly one of"),
    (_escalation("threshold: {working_time: true}"), "escalations[0].threshold: give exactly one of"),
    (_escalation("threshold: {percent_left: 5, working_time: soon}"), "escalations[0].threshold.working_time: must be"),
    (_escalation("threshold: {at_due: true, working_time: true}"), "escalations[0].threshold.working_time: means"),
    (_escalation("repeat: {every_minutes: 0, times: 1}"), "escalations[0].repeat.every_minutes: is 0; it must be from"),
    (_escalation("repeat: {every_minutes: 30}"), "escalations[0].repeat.times: is missing"),
    (_escalation("repeat: {every_minutes: 30, times: 101}"), "escalations[0].repeat.times: is 101; it must be from 1"),
    (_escalation("repeat: 30"), "escalations[0].repeat: must be a mapping"),
    (_action("repeat: {every_minutes: 30, times: 1}"), "event_actions[0].repeat: belongs to escalations"),
    (_escalation("threshold: null"), "escalations[0].threshold: is missing. Example: {percent_left: 25}"),
    (_escalation("deadline: null"), "escalations[0].deadline: is missing"),
    (_escalation("event_type: added"), "escalations[0].event_type: must be deadline for an escalation"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "answer"), MANY_FAULTS)
def test_bad_input_gets_an_answer_that_names_the_field(desk: Store, tmp_path: Path, text: str, answer: str) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    before = settings_revision(desk)
    with pytest.raises(SettingsFileError) as caught:
        apply_settings(desk, text, tmp_path, "test")
    assert str(caught.value.errors[0]).startswith(answer)
    assert "hunter2" not in str(caught.value)
    assert settings_revision(desk) == before
