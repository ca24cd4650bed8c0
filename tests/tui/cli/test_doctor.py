"""`doctor` on desks that have this or that amiss, as an administrator runs it."""

import ast
import os
import re
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url

from dispatch.intake import emit
from dispatch.planner import Planner
from store.cards import DispatcherCard, MailConnection, SilentMode
from store.engine import Store
from store.heartbeats import beat
from store.rulebook import list_rules, set_enabled
from store.settings import connections, save_connection, save_silent_mode
from store.status import save_health
from store.vocabulary import Encryption, Language, SilentState
from tests.desk import event, furnish, lines
from tests.mail_server import MailServer
from tests.tui.cli.conftest import Done, Vestnik
from tui.checkup import Case, machine
from tui.texts import catalogue

Found = dict[str, dict[str, Any]]


def found(done: Done) -> Found:
    """The findings by their words; each of one word once."""
    return {one["word"]: one for one in done.json["findings"]}


@pytest.fixture
def desk(url: str) -> Iterator[Store]:
    with closing(Store.open(url)) as store:
        yield store


def live(store: Store, **ago: float) -> None:
    """A dispatcher whose last heartbeat is so long ago."""
    now = store.clock()
    card = DispatcherCard("desk:1:x", "desk", 1, now - timedelta(hours=3), now - timedelta(**ago), alive=True)
    store.write(lambda connection: beat(connection, card))


def test_on_a_desk_that_works_all_is_well(vestnik: Vestnik, desk: Store, tmp_path: Path) -> None:
    with MailServer(tmp_path) as server:
        furnish(desk, port=server.port)
        live(desk, seconds=1)
        emit(desk, lines(event()))
        while Planner(desk).plan_now():
            pass
        before = [file.read_bytes() for file in sorted(tmp_path.glob("vestnik.db"))]
        done = vestnik("doctor", "--connections", "--language", "en")
        assert server.letters == []
    assert (done.code, done.err) == (0, "")
    assert "+ ok       mail server   main: all " in done.out
    assert "+ ok       dispatcher    desk:1 lives, begun 3 h ago\n" in done.out
    assert done.out.endswith(("All is well.\n", "Mail goes. To be seen to: 1.\n"))  # a machine may have little room
    assert before == [file.read_bytes() for file in sorted(tmp_path.glob("vestnik.db"))]


def test_what_keeps_mail_back_is_named_with_its_remedy_in_both_languages(
    vestnik: Vestnik, desk: Store, tmp_path: Path
) -> None:
    furnish(desk, port=1)
    (card,) = connections(desk)
    save_connection(
        desk, MailConnection("main", card.server, card.id, port=1, encryption=Encryption.NONE, insecure=True), who="t"
    )
    set_enabled(desk, [rule.code for rule in list_rules(desk)], False, "t")
    save_silent_mode(desk, SilentMode(SilentState.ON), "t")
    error = {"circuit": "open", "last_error": "nobody\x1b[31m there", "error_class": "refused"}
    desk.write(lambda connection: save_health(connection, card.id, **error))
    live(desk, minutes=5)
    done = vestnik("doctor", "--json", "--connections")
    assert not list(tmp_path.glob("*.key")), "it made a key"
    assert (done.code, done.json["ok"]) == (1, False)
    said = found(done)
    failed = {word for word, one in said.items() if one["level"] == "failed"}
    assert failed == {"rules_off", "dispatcher_none", "dispatcher_silent", "circuit_open", "server_failed"}
    warned = {word for word, one in said.items() if one["level"] == "warning"}
    assert warned - {"disk_free"} == {"connection_insecure", "silent_on", "events_none"}
    assert said["circuit_open"]["params"]["reason"] == "refused"
    assert said["dispatcher_silent"]["params"]["ago"] == pytest.approx(300, abs=60)
    for one in said.values():
        if one["level"] in {"failed", "warning"}:
            assert set(one["remedy"]) == {"ru", "en"}
            assert all(one["remedy"].values())
    spoken = vestnik("doctor", "--language", "ru")
    assert spoken.code == 1
    assert "x сбой      диспетчер      Ни один диспетчер не работает: ничего не отправляется\n" in spoken.out
    assert "что делать: по шагам: vestnik check-mail main" in spoken.out
    assert "\x1b" not in spoken.out


def test_letters_events_and_deadlines_that_wait_are_seen(vestnik: Vestnik, desk: Store) -> None:
    furnish(desk, port=1)
    emit(desk, lines(event(number=1)))
    Planner(desk).plan_now()
    emit(desk, lines(event(number=2)))
    late = 3_600_000_000
    desk.write(
        lambda connection: [
            connection.exec_driver_sql(f"UPDATE event SET accepted_at = accepted_at - {late}"),
            connection.exec_driver_sql(f"UPDATE delivery SET next_at = next_at - {late} WHERE state = 0"),
        ]
    )
    said = found(vestnik("doctor", "--json"))
    assert (said["planner_late"]["level"], said["planner_late"]["params"]["count"]) == ("failed", 1)
    assert said["queue_late"]["text"]["en"] == "Letters that could leave now: 2, the first waits for 1 h"
    assert said["events_come"]["level"] == "ok"
    live(desk, seconds=-30)
    assert found(vestnik("doctor", "--json"))["clock_ahead"]["params"]["seconds"] == "30"


def test_a_store_that_is_not_there_or_not_ours_is_left_as_it_is(
    vestnik: Vestnik, desk: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = vestnik("doctor", "--json", "--store", tmp_path / "none" / "vestnik.db")
    assert (missing.code, "store_missing" in found(missing)) == (3, True)
    assert not (tmp_path / "none").exists()
    (tmp_path / "empty.db").touch(0o600)
    empty = vestnik("doctor", "--json", "--store", tmp_path / "empty.db")
    assert (empty.code, found(empty)["store_empty"]["remedy"]["en"].endswith("empty.db upgrade")) == (3, True)
    assert (tmp_path / "empty.db").stat().st_size == 0
    (tmp_path / "other.db").write_text("no store at all, and long enough to be looked at" * 100)
    assert vestnik("doctor", "--store", tmp_path / "other.db").code == 3
    assert vestnik("doctor", "--store", "mysql://u:s3cret@x/y").code == 3
    assert "s3cret" not in vestnik("doctor", "--store", "mysql://u:s3cret@x/y").out


def test_a_damaged_store_a_lost_key_and_open_files_are_seen(vestnik: Vestnik, desk: Store, tmp_path: Path) -> None:
    furnish(desk, port=25)
    card = MailConnection("second", "mail.example.org", authentication=True, login="robot")
    save_connection(desk, card, password="pass-word", who="t")
    key, file = tmp_path / "vestnik.db.key", tmp_path / "vestnik.db"
    file.chmod(0o644)
    assert {"key_file", "secrets_open", "store_open_to_others"} <= set(found(vestnik("doctor", "--json")))
    key.chmod(0o640)
    said = found(vestnik("doctor", "--json"))
    assert said["key_bad"]["text"]["en"].endswith(f"chmod 600 {key}")
    key.chmod(0o600)
    key.write_text("dGVzdHMtdGVzdHMtdGVzdHMtdGVzdHMtdGVzdHMtdGU=\n")
    assert found(vestnik("doctor", "--json"))["secret_bad"]["params"]["connection"] == "second"
    key.unlink()
    said = found(vestnik("doctor", "--json"))
    assert (said["key_missing"]["level"], "secrets_open" in said, key.exists()) == ("failed", False, False)
    desk.close()
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript(
            "PRAGMA writable_schema = ON; DELETE FROM sqlite_schema WHERE name = 'ix_delivery_due'"
        )
    damaged = vestnik("doctor", "--json")
    assert (damaged.code, found(damaged)["store_damaged"]["level"]) == (1, "failed")


def test_a_server_s_version_and_clock_are_looked_at(vestnik: Vestnik, postgresql_url: str) -> None:
    done = vestnik("doctor", "--json", "--store", postgresql_url)
    said = found(done)
    assert done.code == 1  # nothing is set up
    assert said["server_version"]["params"]["engine"].startswith("PostgreSQL 1")
    assert said["clock_same"]["level"] == said["key_fits"]["level"] == "ok"
    nowhere = make_url(postgresql_url).set(database="nowhere").render_as_string(hide_password=False)
    gone = vestnik("doctor", "--json", "--store", nowhere)
    assert (gone.code, "does not exist" in found(gone)["store_fault"]["text"]["en"]) == (3, True)


SYSTEMCTL = """#!/bin/sh
test "$*" = "show vestnik.service --property=LoadState,ActiveState,SubState,NRestarts,ExecStart" || exit 1
cat {said}
"""


@pytest.mark.parametrize(
    ("state", "url", "words"),
    [
        ("not-found inactive dead", "", {"service_none": "skipped"}),
        ("loaded active running", "{url}", {"service_active": "ok"}),
        ("loaded failed failed", "sqlite:////x", {"service_other_store": "warning", "service_inactive": "failed"}),
    ],
    ids=["none", "active", "failed"],
)
def test_the_service_of_systemd_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: str, url: str, words: dict[str, str]
) -> None:
    """By a program that says what systemd says; where the tests run there is none."""
    program, case = tmp_path / "systemctl", Case("sqlite:////var/lib/vestnik/vestnik.db")
    said: dict[str, str] = dict(zip(("LoadState", "ActiveState", "SubState"), state.split(), strict=True))
    said["ExecStart"] = f"{{ path=/x ; argv[]=vestnik --store {url.format(url=case.url)} dispatch ; }}"
    (tmp_path / "said").write_text("".join(f"{name}={value}\n" for name, value in said.items()))
    program.write_text(SYSTEMCTL.format(said=tmp_path / "said"))
    program.chmod(0o755)
    monkeypatch.setattr(machine, "RUNNING", tmp_path)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert {one.word: one.level.value for one in machine.service(case)} == words


@pytest.mark.parametrize(
    ("size", "environment", "word"),
    [
        ((80, 24), {"TERM": "xterm"}, "terminal_fits"),
        ((79, 24), {"TERM": "xterm"}, "terminal_small"),
        ((80, 24), {"TERM": "dumb"}, "terminal_dumb"),
        ((80, 24), {"TERM": "xterm", "LC_ALL": "en_US.ISO8859-1"}, "terminal_encoding"),
        ((80, 24), {"TERM": "xterm", "LC_ALL": "ru_RU.KOI8-R"}, "terminal_fits"),
    ],
)
def test_a_terminal_that_cannot_show_the_console_is_told_of(
    monkeypatch: pytest.MonkeyPatch, size: tuple[int, int], environment: dict[str, str], word: str
) -> None:
    for name, value in {"COLUMNS": str(size[0]), "LINES": str(size[1]), "PYTHONIOENCODING": "", **environment}.items():
        monkeypatch.setenv(name, value)
    for stream in (sys.stdin, sys.stdout):
        monkeypatch.setattr(stream, "isatty", lambda: True)
    assert [one.word for one in machine.terminal(Case(""))] == [word]


MADE = {
    *(f"{check}_{how}" for check in ("planner", "deadlines", "queue") for how in ("well", "late")),
    *(f"fix_{check}" for check in ("planner", "deadlines", "queue")),
    *(f"missing_{name}" for name in ("support_address", "system_address", "sender_name")),
    *(f"server_{level}" for level in ("failed", "warning")),
    *(f"sum_{word}" for word in ("failed", "warning", "ok")),
}
"""Words that the code puts together; the tests of the texts know the section by its beginning alone."""


def test_each_text_of_it_is_said_and_each_it_says_is_there() -> None:
    folder = Path(__file__).parents[3] / "tui"
    files = [*folder.glob("checkup/*.py"), folder / "cli" / "doctor.py"]
    trees = [ast.parse(file.read_text("utf-8")) for file in files]
    constants = [node.value for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    words = {word.removeprefix("doctor.") for word in constants if isinstance(word, str)}
    for language in Language:
        texts = {key.removeprefix("doctor.") for key in catalogue(language) if key.startswith("doctor.")}
        assert {text for text in texts - MADE if text.removeprefix("at_") not in words} == set()
        assert {word for word in words if re.fullmatch("fix_[a-z_]+", word)} <= texts
        assert texts >= MADE
