"""The whole line as its users run it, with Exchange and Microsoft Graph at its end: apply → emit → dispatch."""

import json
from email.message import EmailMessage
from pathlib import Path

import pytest
import yaml

from tests.desk import event, lines
from tests.dispatch.channels.ews_server import EwsServer
from tests.dispatch.channels.graph_server import GraphServer
from tests.dispatch.channels.token_server import APPLICATION, SECRET, TENANT, TokenServer
from tests.mail_server import Letter
from tests.test_whole_line import vestnik

pytestmark = pytest.mark.no_cover  # whole programs go where the tests of their parts have been


def settings(protocol: str, server: EwsServer | GraphServer, tokens: TokenServer) -> str:
    connection = {
        "name": "cloud", "protocol": protocol, "server": server.url, "oauth2": True, "application_id": APPLICATION,
        "directory_id": TENANT, "client_secret": {"file": "secret.txt"}, "authority": tokens.url,
        "ca_file": tokens.ca_file,
    }  # fmt: skip
    sending = {
        "support_address": "help@example.org",
        "system_address": "robot@example.org",
        "sender_name": "Служба поддержки",
    }
    return yaml.safe_dump({
        "company": {"name": "ACME", "timezone": "Europe/Moscow"},
        "mail": {"connections": [connection], "sending": sending},
        "people": [
            {"email": "olga@example.org", "name": "Ольга Смирнова"},
            {"email": "ivanov@example.org", "name": "Иван Иванов", "login": "ivanov"},
        ],
    })  # fmt: skip


@pytest.mark.parametrize("protocol", ["ews", "graph"])
def test_letters_arrive_exactly_once_over_https(tmp_path: Path, protocol: str) -> None:
    store = f"sqlite:///{tmp_path / 'vestnik.db'}"
    tokens = TokenServer(tmp_path)
    ews = EwsServer(tmp_path, schemes=("Bearer",), tokens=tokens.issued)
    server = ews if protocol == "ews" else GraphServer(tmp_path, tokens=tokens.issued)
    with tokens, server:
        (tmp_path / "secret.txt").write_text(SECRET + "\n", "utf-8")
        (tmp_path / "settings.yaml").write_text(settings(protocol, server, tokens), "utf-8")
        (tmp_path / "events.jsonl").write_text(lines(event()), "utf-8")
        vestnik(store, "apply", str(tmp_path / "settings.yaml"))
        vestnik(store, "emit", str(tmp_path / "events.jsonl"))
        assert json.loads(vestnik(store, "dispatch", "--until-idle", "--json"))["sent"] == 2
        assert json.loads(vestnik(store, "dispatch", "--until-idle", "--json"))["sent"] == 0
    assert len(tokens.issued) == 1  # all sessions share it
    assert ews.faults == []
    assert set(ews.impersonated) <= {"robot@example.org"}
    arrived = {letter.rcpt_to: letter for letter in server.letters}
    assert sorted(letter.rcpt_to for letter in server.letters) == ["ivanov@example.org", "olga@example.org"]
    check_letter(arrived["olga@example.org"])


def check_letter(letter: Letter) -> None:
    """It is our MIME, to the last header."""
    message: EmailMessage = letter.message
    assert letter.mail_from == "robot@example.org"
    assert message["From"] == "Служба поддержки <robot@example.org>"
    assert message["Reply-To"] == "help@example.org"
    assert message["To"] == "Ольга Смирнова <olga@example.org>"
    assert message["Subject"] == "RP-1 принята: Не печатает принтер [этаж 3]"
    assert (message["Auto-Submitted"], message["X-Auto-Response-Suppress"]) == ("auto-generated", "All")
    assert message["Message-ID"].endswith("@example.org>")
    text = message.get_body(("plain",))
    assert text is not None
    assert "Ольга Смирнова" in text.get_content()
