"""`plan` and `why`: the same reasons before and after."""

from collections.abc import Callable
from pathlib import Path

from tests.desk import event, lines
from tests.mail_server import MailServer
from tests.tui.cli.conftest import Vestnik

PEOPLE = "people: [{email: olga@example.org, name: Ольга}, {email: ivanov@example.org, name: Иван, login: ivanov}]"
Events = Callable[[str | bytes], Path]


def test_a_plan_shows_each_reason_and_each_letter_and_changes_nothing(vestnik: Vestnik, events: Events) -> None:
    vestnik("apply", "-", stdin=PEOPLE)
    done = vestnik("plan", events(lines(event())))
    assert done.code == 0
    assert done.out.startswith("RP-1 · request.added · desk/request.added-1\n")
    assert "  + request.added.client.email · olga@example.org: told (role client)" in done.out
    assert "  - request.added.responsible_team.email: has_person" in done.out
    assert "  → email to olga@example.org: RP-1 принята: Не печатает принтер [этаж 3]" in done.out
    assert "      Здравствуйте, Ольга!" in done.out
    assert "  → interface to ivanov@example.org: RP-1 теперь у вас" in done.out
    assert vestnik("status", "--json").json["events"] == 0
    assert vestnik("why", "RP-1").code == 1


def test_a_plan_in_json_has_decisions_recipients_and_texts(vestnik: Vestnik, events: Events) -> None:
    vestnik("apply", "-", stdin=PEOPLE)
    (document,) = vestnik("plan", events(lines(event())), "--json").json
    assert document["event"] == {"source": "desk", "id": "request.added-1", "type": "request.added"}
    letter = next(one for one in document["notifications"] if one["rule"] == "request.added.client.email")
    assert letter["recipients"] == [{"name": "Ольга", "address": "olga@example.org", "role": "client"}]
    assert letter["subject"].startswith("RP-1 принята")
    assert {"rule", "recipient", "taken", "reason", "params"} == set(document["decisions"][0])


def test_each_event_of_a_plan_sees_what_the_ones_before_said(vestnik: Vestnik) -> None:
    vestnik("apply", "-", stdin=PEOPLE)
    changed = event("request.status_changed", changes={"status": {"to": "in_progress"}})
    del changed["data"]["object"]["title"], changed["data"]["object"]["status"]
    second = vestnik("plan", "-", "--json", stdin=lines(event(), changed)).json[1]
    letter = next(one for one in second["notifications"] if one["rule"] == "request.status_changed.client.email")
    assert "«Не печатает принтер [этаж 3]»" in letter["text"]
    assert "(был «Новая»)" in letter["text"]


def test_a_plan_says_what_emitting_would_drop(vestnik: Vestnik) -> None:
    out = vestnik("plan", "-", stdin=lines(event(), event())).out
    assert [
        line.endswith("duplicate: emitted, it would be dropped") for line in out.splitlines() if "desk/" in line
    ] == [
        False,
        True,
    ]


def test_a_rejected_line_of_a_plan_is_told_and_the_others_are_planned(vestnik: Vestnik) -> None:
    done = vestnik("plan", "-", stdin="{}\n" + lines(event()))
    assert done.code == 1
    assert done.out.startswith('line 1: rejected: specversion: must be "1.0"\nRP-1 · request.added')


def test_what_nobody_knows_is_accepted_and_planned_to_nothing_with_the_reason(vestnik: Vestnik) -> None:
    strange = (event("gizmo.added"), event("request.exploded"), event("article.deleted"))
    assert vestnik("emit", stdin=lines(*strange)).code == 0
    vestnik("dispatch", "--until-idle")
    reasons = [vestnik("why", one["id"], "--json").json[0]["decisions"][0]["reason"] for one in strange]
    assert reasons == ["unknown_object_type", "unknown_event_type", "no_rule"]
    assert "unknown_object_type (type gizmo.added)" in vestnik("plan", "-", stdin=lines(strange[0])).out


def test_the_story_is_found_by_event_number_object_and_delivery(vestnik: Vestnik) -> None:
    vestnik("apply", "-", stdin=PEOPLE)
    vestnik("emit", stdin=lines(event(number=7, id="id-7", key="e-7")))
    vestnik("dispatch", "--until-idle")
    rows = vestnik("deliveries", "--json").json
    for key in ("e-7", "RP-7", "id-7", rows[0]["id"], rows[0]["id"].lower()):
        done = vestnik("why", key)
        assert done.code == 0
        assert done.out.startswith("RP-7 · request.added · desk/e-7 · 2026-11-23T12:00:00+00:00\n")
        assert "olga@example.org: held (sending_parameters)" in done.out
    (story,) = vestnik("why", "RP-7", "--json").json
    assert {delivery["id"] for delivery in story["deliveries"]} == {row["id"] for row in rows}
    assert story["external_id"] == "e-7"


def test_what_was_said_to_the_server_is_told_of_the_delivery_one_names_or_of_all(
    vestnik: Vestnik, tmp_path: Path
) -> None:
    refused = {"olga@example.org": "550 5.1.1 nobody \x1b[2J", "ivanov@example.org": "550 5.1.1 nobody either"}
    with MailServer(tmp_path, refused=refused) as server:
        mail = (
            f"mail: {{connections: [{{name: main, server: 127.0.0.1, port: {server.port}, encryption: none}}],"
            " sending: {support_address: help@example.org, system_address: robot@example.org, sender_name: S}}"
        )
        vestnik("apply", "-", stdin=f"{PEOPLE}\n{mail}")
        vestnik("emit", stdin=lines(event(number=7)))
        vestnik("dispatch", "--until-idle")
    rows = {row["recipient_address"]: row["id"] for row in vestnik("deliveries", "--json", "--state", "dead").json}
    said = "       C: RCPT TO:<olga@example.org>\n       S: 550 5.1.1 nobody [2J\n"
    out = vestnik("why", rows["olga@example.org"]).out
    assert said in out
    assert "<ivanov@example.org>" not in out
    assert "C: RCPT" not in vestnik("why", "RP-7").out
    everything = vestnik("why", "RP-7", "--transcript").out
    assert said in everything
    assert "       S: 550 5.1.1 nobody either\n" in everything
    (story,) = vestnik("why", "RP-7", "--json").json
    told = {one["id"]: one["attempts"][0]["transcript"] for one in story["deliveries"] if one["attempts"]}
    assert told[rows["olga@example.org"]][2:4] == ["C: RCPT TO:<olga@example.org>", "S: 550 5.1.1 nobody [2J"]
    assert {one["connection_failure"] for one in story["deliveries"]} == {None}


def test_a_connection_that_failed_is_told_beside_the_attempts(vestnik: Vestnik) -> None:
    mail = (
        "mail: {connections: [{name: main, server: 127.0.0.1, port: 1, encryption: none}],"
        " sending: {support_address: help@example.org, system_address: robot@example.org, sender_name: S}}"
    )
    vestnik("apply", "-", stdin=f"{PEOPLE}\n{mail}")
    vestnik("emit", stdin=lines(event(number=7, responsible=None, team=None)))
    vestnik("dispatch", "--until-idle")
    (row,) = vestnik("deliveries", "--json", "--state", "pending").json
    out = vestnik("why", row["id"]).out
    assert " main: connection failed · Error connecting to 127.0.0.1 on port 1" in out
    assert "       -- 127.0.0.1:1\n" in out


def test_an_unknown_key_is_told(vestnik: Vestnik) -> None:
    for key in ("nonsense", "D99", "D" + "9" * 30, "%", "'; --"):
        done = vestnik("why", key)
        assert (done.code, done.out) == (1, "")
        assert "nothing is known of" in done.err
        assert vestnik("why", key, "--json").json == []


def test_wicked_text_reaches_no_terminal_and_no_other_line(vestnik: Vestnik, events: Events) -> None:
    wicked = "[/b]\x1b[31m\r\nBcc: x@y.ru\u202e\x00end"
    document = event(title=wicked, client={"email": "olga@example.org", "name": wicked}, comment={"text": wicked})
    vestnik("apply", "-", stdin=PEOPLE)
    vestnik("emit", events(lines(document)))
    vestnik("dispatch", "--until-idle")
    for words in (("plan", events(lines(document))), ("why", "RP-1"), ("deliveries",)):
        out = vestnik(*words).out
        assert not set(out) & set("\x1b\r\x00\u202e")
        assert not any(line.startswith("Bcc") for line in out.splitlines())
    assert "[/b][31m Bcc: x@y.ru" in vestnik("plan", events(lines(document))).out
