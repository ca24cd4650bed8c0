"""`dispatch`, `status`, `deliveries`, `retry`, `cancel` with a real mail server."""

import sys
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pytest
import yaml

from store import acknowledgements
from store.engine import Store
from store.limits import Learned
from store.status import save_health
from tests.desk import event, lines
from tests.mail_server import MailServer
from tests.tui.cli.conftest import Vestnik
from tui.operator import operator

REFUSED = {"olga@example.org": "550 5.1.1 no such mailbox"}


def settings(server: MailServer) -> str:
    card = {
        "name": "main", "server": "localhost", "port": server.port, "encryption": server.mode,
        "ca_file": server.ca_file,
    }  # fmt: skip
    if server.login:
        card |= {"authentication": True, "login": server.login, "password": {"value": server.password}}
    sending = {"support_address": "help@example.org", "system_address": "robot@example.org", "sender_name": "Поддержка"}
    people = [{"email": "olga@example.org", "name": "Ольга"}, {"email": "ivanov@example.org", "name": "Иван"}]
    return yaml.safe_dump({"mail": {"connections": [card], "sending": sending}, "people": people})


def test_letters_go_out_and_are_listed(vestnik: Vestnik, tmp_path: Path) -> None:
    with MailServer(tmp_path, "tls", "robot", "s3cret") as server:
        vestnik("apply", "-", stdin=settings(server))
        vestnik("emit", stdin=lines(event()))
        assert vestnik("deliveries").out == ""
        done = vestnik("dispatch", "--until-idle")
    assert (done.code, done.out) == (0, "planned 1 · sent 2 · failed 0 · held 0\n")
    assert len(server.letters) == 2
    rows = vestnik("deliveries", "--state", "SENT", "--json").json
    assert {row["state"] for row in rows} == {"sent"}
    assert [row["id"] for row in rows] == sorted((row["id"] for row in rows), reverse=True)
    assert len(vestnik("deliveries", "--limit", "1", "--json").json) == 1
    text = vestnik("deliveries", "--state", "sent").out
    assert "RP-1" in text
    assert "olga@example.org" in text
    assert vestnik("dispatch", "--until-idle", "--json").json["sent"] == 0


def test_a_refused_letter_is_dead_listed_and_sent_again_on_demand(vestnik: Vestnik, tmp_path: Path) -> None:
    with MailServer(tmp_path, refused=dict(REFUSED)) as server:
        vestnik("apply", "-", stdin=settings(server))
        vestnik("emit", stdin=lines(event()))
        done = vestnik("dispatch", "--until-idle", "--json")
        assert (done.code, done.json["dead"], done.json["sent"]) == (1, 1, 1)
        (dead,) = vestnik("deliveries", "--state", "dead", "--json").json
        sent = next(row for row in vestnik("deliveries", "--state", "sent", "--json").json if row["channel"] == "email")
        assert "· 550 5.1.1 no such mailbox" in vestnik("why", dead["id"]).out
        server.refused.clear()
        again = vestnik("retry", dead["id"], sent["id"].lower(), "D999")
        assert (again.code, again.out) == (1, "1 of 3 go out again (take it back: vestnik undo 1)\n")
        assert sorted(again.err.splitlines()) == sorted([f"{sent['id']}: is sent", "D999: there is no such delivery"])
        assert vestnik("dispatch", "--until-idle", "--json").json["sent"] == 1
        assert vestnik("retry", "--dead").out == "0 of 0 go out again\n"


def test_letters_held_go_when_told_and_a_cancelled_one_does_not(
    vestnik: Vestnik, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(acknowledgements, "PORTION", 1)
    with MailServer(tmp_path) as server:
        vestnik("apply", "-", stdin=settings(server) + "silent_mode: {state: on}")
        vestnik("emit", stdin=lines(event()))
        assert vestnik("dispatch", "--until-idle", "--json").json["held"] == 2
        held = [row["id"] for row in vestnik("deliveries", "--state", "held", "--json").json]
        assert "silent_mode" in vestnik("deliveries", "--state", "held").out
        assert vestnik("status", "--json").json["silent"]["state"] == "on"
        assert vestnik("cancel", held[0]).out.startswith("1 of 1 cancelled (")
        again = vestnik("cancel", held[0])
        assert (again.code, again.err) == (1, f"{held[0]}: is cancelled\n")
        vestnik("apply", "-", stdin="silent_mode: {state: off}")
        assert vestnik("retry", "--held", held[0]).out.startswith("2 of 2 go out again (")
        assert vestnik("dispatch", "--until-idle", "--json").json["sent"] == 2


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (("retry",), "say which: ids like D12, --dead, --held or --class"),
        (("cancel",), "say which: ids like D12"),
        (("retry", "x"), "'x' is not a delivery; they look like D12"),
        (("cancel", "D9" * 30), "is not a delivery"),
        (("cancel", "99999999999999999999"), "is not a delivery"),
        (("deliveries", "--state", "lost"), "'lost' is not a state; there are pending, sending, held"),
        (("deliveries", "--limit", "0"), "--limit"),
        (("deliveries", "--limit", "many"), "--limit"),
        (("nonsense",), "nonsense"),
        (("status", "--nonsense"), "--nonsense"),
        (("apply",), "FILE"),
        (("--language", "de", "status"), "'de' is not one of"),
    ],
)
def test_bad_usage_is_told_on_stderr_with_code_2(vestnik: Vestnik, words: tuple[str, ...], answer: str) -> None:
    done = vestnik(*words)
    assert (done.code, done.out) == (2, "")
    assert answer in done.err


def test_a_server_that_is_away_is_a_failure_but_no_letter_is_lost(vestnik: Vestnik, tmp_path: Path) -> None:
    with MailServer(tmp_path) as server:
        vestnik("apply", "-", stdin=settings(server))
    vestnik("emit", stdin=lines(event()))
    done = vestnik("dispatch", "--until-idle", "--json")
    assert done.code == 1
    assert done.json["connection_faults"] >= 1
    status = vestnik("status", "--json").json
    assert (status["deliveries"]["pending"], status["deliveries"]["dead"]) == (2, 0)
    assert status["health"][0]["error_class"] == "refused"
    assert "circuit open (refused:" in vestnik("status").out


def test_status_says_what_a_server_takes(vestnik: Vestnik, url: str, tmp_path: Path) -> None:
    with MailServer(tmp_path) as server:
        vestnik("apply", "-", stdin=settings(server))
    assert vestnik("status", "--json").json["health"] == []
    with closing(Store.open(url)) as store:
        at = store.clock()
        learned = Learned(letters_limit=20, letters_limit_at=at, connections_limit=2, connections_limit_at=at)
        store.write(lambda connection: save_health(connection, 1, **learned.columns()))
    limits = vestnik("status", "--json").json["health"][0]["limits"]
    assert limits == {"letters": 20, "connections": 2, "per_minute": None, "learned_at": at.isoformat()}
    told = f"takes at most 20 letters over one connection, 2 connections at once (learned {at.isoformat()[:19]}"
    assert told in vestnik("status").out


def test_status_says_what_is_missing(vestnik: Vestnik) -> None:
    status = vestnik("status", "--json").json
    assert status["missing"] == ["support_address", "system_address", "sender_name", "connection"]
    text = vestnik("status").out
    assert "none: nothing is being sent" in text
    assert "support_address, system_address, sender_name, connection" in text
    only_ews = "mail: {connections: [{name: x, protocol: ews, server: ex.example.org}]}"
    vestnik("apply", "-", stdin=only_ews)
    assert "connection" in vestnik("status", "--json").json["missing"]


def test_json_has_words_for_states_and_iso_times_with_a_zone(vestnik: Vestnik) -> None:
    vestnik("emit", stdin=lines(event()))
    vestnik("apply", "-", stdin="people: [{email: ivanov@example.org, name: Иван}]")
    vestnik("dispatch", "--until-idle")
    row = vestnik("deliveries", "--json").json[0]
    assert row["state"] in {"held", "sent"}
    assert datetime.fromisoformat(row["created_at"]).tzinfo is not None


def test_a_reader_that_has_gone_is_no_crash(vestnik: Vestnik, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(_text: str) -> int:
        raise BrokenPipeError

    vestnik("upgrade")

    def nothing(_from: int, _to: int) -> int:
        return 0

    monkeypatch.setattr("tui.cli.output.os.dup2", nothing)
    monkeypatch.setattr(sys.stdout, "write", gone)
    monkeypatch.setattr(sys.stdout, "fileno", lambda: 1)
    done = vestnik("status")
    assert (done.code, done.err) == (1, "")


def test_the_queue_is_filtered_by_the_words_of_the_console(vestnik: Vestnik) -> None:
    vestnik("apply", "-", stdin=yaml.safe_dump({"people": [{"email": "olga@example.org", "name": "Ольга"}]}))
    vestnik("emit", stdin=lines(event(), event(number=2, title="Сканер")))
    vestnik("dispatch", "--until-idle")

    def found(words: str, *more: str) -> set[str]:
        return {row["object_number"] for row in vestnik("deliveries", "--filter", words, *more, "--json").json}

    assert found("") == {"RP-1", "RP-2"}
    assert found("ПРИНТ кому:ольга since:1h") == {"RP-1"}
    assert found("-принт", "--state", "held") == {"RP-2"}
    assert found("объект:RP-2 state:sent", "--state", "held") == {"RP-2"}, "the option is the last word"
    refused = vestnik("deliveries", "--filter", "colour:blue state:grey")
    assert (refused.code, refused.out) == (2, "")
    assert "colour" in refused.err
    assert "grey" in refused.err


def test_deliveries_are_acknowledged_and_that_is_taken_back(vestnik: Vestnik) -> None:
    vestnik("apply", "-", stdin=yaml.safe_dump({"people": [{"email": "olga@example.org", "name": "Ольга"}]}))
    vestnik("emit", stdin=lines(event()))
    vestnik("dispatch", "--until-idle")
    ids = [row["id"] for row in vestnik("deliveries", "--json").json]
    done = vestnik("acknowledge", *ids, "--note", "звоню [b]")
    assert (done.code, done.out) == (0, f"{len(ids)} of {len(ids)} acknowledged\n")
    assert {row["acknowledged"]["note"] for row in vestnik("deliveries", "--json").json} == {"звоню [b]"}
    assert ": звоню [b]]" in vestnik("deliveries").out
    assert "acknowledged by" in vestnik("why", ids[0]).out
    assert vestnik("acknowledge", ids[0], "D999").code == 1
    me = operator()

    def found(words: str) -> list[str]:
        return [row["id"] for row in vestnik("deliveries", "--filter", words, "--json").json]

    assert found("acknowledged:yes") == found(f"взято:{me.upper()[:2]}") == ids
    assert found("acknowledged:no") == found(f"-acknowledged:{me}") == []
    assert vestnik("acknowledge", ids[0], "--withdraw").out == "1 of 1 no longer acknowledged\n"
    assert found("принято:нет") == ids[:1]
    assert vestnik("acknowledge").code == 2
    assert vestnik("acknowledge", ids[0], "--withdraw", "--note", "x").code == 2


def test_dead_letters_are_grouped_sent_again_at_a_pace_and_stopped(vestnik: Vestnik, tmp_path: Path) -> None:
    with MailServer(tmp_path, refused=dict(REFUSED)) as server:
        vestnik("apply", "-", stdin=settings(server))
        vestnik("emit", stdin=lines(*(event(number=number) for number in (1, 2, 3))))
        vestnik("dispatch", "--until-idle")
        (group,) = vestnik("deliveries", "--group", "--json").json
        assert (group["letters"], group["connection"]) == (3, "main")
        assert "550 5.1.1 no such mailbox" in vestnik("deliveries", "--group").out
        assert vestnik("deliveries", "--group", "--follow").code == 2
        assert vestnik("retry", "--class", "nothing").code == 1
        again = vestnik("retry", "--class", group["reason"], "--per-minute", "1")
        assert again.out == "3 of 3 go out again within 0:02:00 (take it back: vestnik undo 1)\n"
        server.refused.clear()
        done = vestnik("dispatch", "--until-idle", "--json").json
        assert done["sent"] == 1, "the others are not due yet"
        assert vestnik("undo", "1").out == "2 letters are as they were\n"
        assert "was taken back" in vestnik("undo", "1").err
        dead = [row["id"] for row in vestnik("deliveries", "--state", "dead", "--json").json]
        assert len(dead) == 2
        assert vestnik("resend", dead[0], "other@example.org").out.endswith("goes to other@example.org\n")
        assert "--second-copy" in vestnik("resend", dead[0], "other@example.org").err
        assert vestnik("dispatch", "--until-idle", "--json").json["sent"] == 1
    assert server.letters[-1].rcpt_to == "other@example.org"
    told = vestnik("why", dead[0]).out
    assert "other@example.org: resent" in told
