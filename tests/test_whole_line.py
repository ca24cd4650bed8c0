"""The whole line as its users run it: apply → emit → dispatch → letters."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.desk import event, lines
from tests.mail_server import MailServer, Mode

ROOT = Path(__file__).parent.parent


def vestnik(store_url: str, *words: str, code: int = 0) -> str:
    command = [sys.executable, "-m", "tui", "--store", store_url, *words]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=60, check=False)
    assert done.returncode == code, done.stderr
    return done.stdout


def settings(server: MailServer) -> str:
    connection = {
        "name": "main", "server": "localhost", "port": server.port, "encryption": server.mode,
        "ca_file": server.ca_file, "authentication": bool(server.login), "login": server.login,
        "password": {"value": server.password},
    }  # fmt: skip
    sending = {
        "support_address": "help@example.org",
        "system_address": "robot@example.org",
        "sender_name": "Служба поддержки",
    }
    return yaml.safe_dump(
        {
            "company": {"name": "ACME", "signature": "С уважением, поддержка", "timezone": "Europe/Moscow"},
            "mail": {"connections": [connection], "sending": sending},
            "people": [
                {"email": "olga@example.org", "name": "Ольга Смирнова"},
                {"email": "ivanov@example.org", "name": "Иван Иванов", "login": "ivanov"},
            ],
        },
        allow_unicode=True,
    )


@pytest.mark.parametrize(
    ("store_url", "mode", "login"),
    [
        ("sqlite", "none", ""),
        ("sqlite", "none", "robot"),
        ("sqlite", "ssl", "robot"),
        ("sqlite", "tls", "robot"),
        ("sqlite", "tls", ""),
        ("postgresql", "tls", "robot"),
    ],
    indirect=["store_url"],
)
def test_every_expected_letter_arrives_exactly_once(tmp_path: Path, store_url: str, mode: Mode, login: str) -> None:
    with MailServer(tmp_path, mode, login, "s3cret" if login else "") as server:
        (tmp_path / "settings.yaml").write_text(settings(server), "utf-8")
        (tmp_path / "events.jsonl").write_text(lines(event()), "utf-8")
        vestnik(store_url, "apply", str(tmp_path / "settings.yaml"))
        assert json.loads(vestnik(store_url, "emit", str(tmp_path / "events.jsonl"), "--json"))["accepted"] == 1
        assert json.loads(vestnik(store_url, "emit", str(tmp_path / "events.jsonl"), "--json"))["duplicate"] == 1
        assert json.loads(vestnik(store_url, "dispatch", "--until-idle", "--json"))["sent"] == 2
        assert json.loads(vestnik(store_url, "dispatch", "--until-idle", "--json"))["sent"] == 0
        assert sorted(letter.rcpt_to for letter in server.letters) == ["ivanov@example.org", "olga@example.org"]
        (letter,) = [letter for letter in server.letters if letter.rcpt_to == "olga@example.org"]
    message = letter.message
    assert letter.mail_from == "robot@example.org"
    assert message["From"] == "Служба поддержки <robot@example.org>"
    assert message["Reply-To"] == "help@example.org"
    assert message["To"] == "Ольга Смирнова <olga@example.org>"
    assert message["Subject"] == "RP-1 принята: Не печатает принтер [этаж 3]"
    assert (message["Auto-Submitted"], message["X-Auto-Response-Suppress"]) == ("auto-generated", "All")
    assert message["Message-ID"].endswith("@example.org>")
    assert message["References"]
    assert message["Date"].datetime.tzinfo is not None
    text, html = (message.get_body((kind,)) for kind in ("plain", "html"))
    assert text is not None
    assert html is not None
    assert "Ольга Смирнова" in text.get_content()
    assert "С уважением, поддержка" in text.get_content()
    assert "С уважением, поддержка" in html.get_content()
    rows = json.loads(vestnik(store_url, "deliveries", "--json"))
    assert sorted((row["channel"], row["state"]) for row in rows) == [
        ("email", "sent"),
        ("email", "sent"),
        ("interface", "sent"),
    ]
    story = json.loads(vestnik(store_url, "why", "RP-1", "--json"))
    assert story[0]["deliveries"][0]["attempts"] or story[0]["deliveries"][1]["attempts"]


def test_letters_are_held_while_the_sending_parameters_are_missing(tmp_path: Path, store_url: str) -> None:
    with MailServer(tmp_path) as server:
        whole = yaml.safe_load(settings(server))
        sending = whole["mail"].pop("sending")
        (tmp_path / "one.yaml").write_text(yaml.safe_dump(whole), "utf-8")
        (tmp_path / "two.yaml").write_text(yaml.safe_dump({"mail": {"sending": sending}}), "utf-8")
        (tmp_path / "events.jsonl").write_text(lines(event()), "utf-8")
        vestnik(store_url, "apply", str(tmp_path / "one.yaml"))
        vestnik(store_url, "emit", str(tmp_path / "events.jsonl"))
        assert json.loads(vestnik(store_url, "dispatch", "--until-idle", "--json"))["held"] == 2
        assert json.loads(vestnik(store_url, "status", "--json"))["deliveries"]["held"] == 2
        vestnik(store_url, "apply", str(tmp_path / "two.yaml"))
        assert json.loads(vestnik(store_url, "dispatch", "--until-idle", "--json"))["sent"] == 2
        assert len(server.letters) == 2


def test_bad_input_ends_with_code_2_and_changes_nothing(tmp_path: Path, store_url: str) -> None:
    (tmp_path / "bad.yaml").write_text("mail: {sendink: {}}\ncompany: {name: X}", "utf-8")
    vestnik(store_url, "upgrade")
    vestnik(store_url, "apply", str(tmp_path / "bad.yaml"), code=2)
    assert "name: X" not in vestnik(store_url, "export")


def test_a_malformed_line_is_listed_and_the_others_are_accepted(tmp_path: Path, store_url: str) -> None:
    (tmp_path / "events.jsonl").write_text(lines(event()) + "\n{broken\n", "utf-8")
    done = json.loads(vestnik(store_url, "emit", str(tmp_path / "events.jsonl"), "--json", code=1))
    assert (done["accepted"], done["rejected"], done["events"][1]["line"]) == (1, 1, 2)


def test_an_unreachable_store_ends_with_code_3() -> None:
    vestnik("sqlite:////proc/nowhere/v.db", "status", code=3)
