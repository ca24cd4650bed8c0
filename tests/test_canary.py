"""A secret is planted, then everything the program can write is searched for it."""

import base64
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from rich.console import Console
from textual.widgets import Input

from store import tables
from store.engine import Store
from store.settings import connection_secret
from tests.conftest import sqlite_url
from tests.desk import event, lines
from tests.mail_server import MailServer
from tests.tui.waiting import until
from tui.app import ConsoleApp

pytestmark = pytest.mark.no_cover  # whole programs go where the tests of their parts have been
ROOT = Path(__file__).parent.parent
CANARY = "Kanarienvogel-7391"
OTHER = "Gefiederter-5527"
TOKEN = "Singdrossel-2846"
COMMANDS = ("apply", "emit", "dispatch", "check-mail", "doctor", "status", "deliveries", "why", "export", "rekey")
SETTINGS = """
company: {name: ACME}
mail:
  connections:
    - {name: main, server: localhost, port: %d, encryption: none, authentication: true, login: robot,
       password: {env: CANARY}}
    - {name: cloud, server: ex.example.org, protocol: ews, oauth2: true, login: robot@example.org, priority: 9,
       enabled: false, application_id: a, directory_id: d, client_secret: {file: secret.txt}}
    - {name: pasted, server: smtp.example.org, oauth2: true, login: robot@example.org, priority: 10, enabled: false,
       token_source: pasted, access_token: {file: token.txt}}
  sending: {support_address: help@example.org, system_address: robot@example.org, sender_name: Поддержка}
people: [{email: olga@example.org, name: Ольга}, {email: ivanov@example.org, name: Иван, login: ivanov}]
"""


def spellings() -> list[bytes]:
    """The planted secrets as they are, and as AUTH and addresses write them."""
    found: list[bytes] = []
    for secret in (CANARY, OTHER, TOKEN):
        plain = secret.encode()
        found += [plain, base64.b64encode(plain), base64.b64encode(b"\0robot\0" + plain), quote(secret).encode()]
    return found


def assert_clean(what: str, content: bytes | str) -> None:
    data = content.encode() if isinstance(content, str) else content
    for secret in spellings():
        assert secret not in data, f"{what} holds {secret!r}"


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A store in which both secrets were planted; its server takes another password."""
    (tmp_path / "secret.txt").write_text(OTHER)
    (tmp_path / "token.txt").write_text(TOKEN)
    with MailServer(tmp_path, "none", "robot", "quite another") as server:
        (tmp_path / "s.yaml").write_text(SETTINGS % server.port, "utf-8")
        (tmp_path / "e.jsonl").write_text(lines(event()), "utf-8")
        yield tmp_path


def vestnik(folder: Path, *words: str) -> tuple[bytes, bytes]:
    """What a command says on standard output and on standard error, where the interpreter's own warnings go too."""
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-m", "tui", "--store", sqlite_url(folder), *words],
        capture_output=True, cwd=ROOT, timeout=90, check=False, env={**os.environ, "CANARY": CANARY},
    )  # fmt: skip
    return done.stdout, done.stderr


def test_no_command_says_a_secret_and_the_store_keeps_none_in_clear(folder: Path) -> None:
    said = {
        next(word for word in words if word in COMMANDS): vestnik(folder, *words)
        for words in (
            ("apply", str(folder / "s.yaml"), "--json"),
            ("emit", str(folder / "e.jsonl"), "--json"),
            ("--log-level", "debug", "--log-format", "json", "dispatch", "--until-idle", "--json"),
            ("check-mail", "main", "--json"),
            ("doctor", "--connections", "--json"),
            ("status", "--json"),
            ("deliveries", "--json"),
            ("why", "RP-1", "--json"),
            ("export",),
            ("rekey",),
        )
    }
    assert json.loads(said["dispatch"][0])["sent"] == 0  # the password was tried, and refused
    log = [json.loads(line) for line in said["dispatch"][1].splitlines()]
    assert {"event planned", "no attempt"} <= {line["message"] for line in log}
    assert "auth_failed" in {line.get("error_class") for line in log}
    findings = json.loads(said["doctor"][0])["findings"]
    assert "authentication" in {one["params"].get("step") for one in findings}
    checked = json.loads(said["check-mail"][0])
    assert checked["ok"] is False
    assert checked["steps"][-1]["name"] == "authentication"
    for name, (out, err) in said.items():
        assert out, name
        assert_clean(name, out)
        assert_clean(f"{name} on standard error", err)
    store = Store.open(sqlite_url(folder))
    try:
        assert connection_secret(store, 1, "password") == CANARY
        assert connection_secret(store, 2, "client_secret") == OTHER
        with store.read() as connection:
            assert_clean("the audit", repr(connection.execute(tables.audit.select()).all()))
    finally:
        store.close()
    kept = [file for file in folder.iterdir() if file.name.startswith("vestnik.db")]
    assert len(kept) >= 2
    for file in kept:
        assert_clean(file.name, file.read_bytes())


def fail_with(secret: str) -> None:
    """Fail with a secret in a local variable, which the framework's own report would print."""
    raise RuntimeError(f"something else failed, {len(secret)} characters on")


async def test_no_screen_and_no_crash_report_shows_a_secret(folder: Path) -> None:
    vestnik(folder, "apply", str(folder / "s.yaml"))
    store = Store.open(sqlite_url(folder))
    app = ConsoleApp(store, language="ru", start_dispatcher=False)
    try:
        async with app.run_test(size=(120, 40), notifications=True) as pilot:
            for key in "1234567":
                await pilot.press(key)
                await pilot.pause()
                assert_clean(f"section {key}", app.export_screenshot())
            await pilot.press("5")
            await until(pilot, lambda: app.screen.query("#connection-1"))
            await pilot.press("e")
            await until(pilot, lambda: app.screen.query("#field-password"))
            app.screen.query_one("#field-password", Input).value = CANARY
            await pilot.pause()
            assert_clean("the form", app.export_screenshot())
            try:
                fail_with(CANARY)
            except RuntimeError:
                app._fatal_error()
            report = io.StringIO()
            Console(file=report, width=200).print(*app._exit_renderables)
            assert "something else failed" in report.getvalue()
            assert_clean("the crash report", report.getvalue())
    finally:
        store.close()
