"""Secrets at rest."""

import base64
import stat
from pathlib import Path

import pytest
from sqlalchemy import select

from store import tables
from store.cards import MailConnection
from store.errors import SecretError
from store.secrets import Keyring
from store.settings import connection_secret, save_connection
from tests.desk import open_store

KEY = base64.b64encode(b"k" * 32).decode()
OTHER = base64.b64encode(b"o" * 32).decode()


def test_a_secret_moved_to_another_place_does_not_open() -> None:
    ring = Keyring.parse(KEY, "test")
    sealed = ring.seal("пароль", "mail_connection:1:password")
    assert ring.open(sealed, "mail_connection:1:password") == "пароль"
    with pytest.raises(SecretError, match="changed or moved"):
        ring.open(sealed, "mail_connection:2:password")


def test_an_old_key_still_opens_after_rotation() -> None:
    sealed = Keyring.parse(KEY, "test").seal("x", "p")
    assert Keyring.parse(f"{OTHER} {KEY}", "test").open(sealed, "p") == "x"
    with pytest.raises(SecretError, match="another key"):
        Keyring.parse(OTHER, "test").open(sealed, "p")


@pytest.mark.parametrize("text", ["", "short", "!!!!"])
def test_a_bad_key_is_named(text: str) -> None:
    with pytest.raises(SecretError, match="VESTNIK_KEY"):
        Keyring.parse(text, "VESTNIK_KEY")


def test_the_key_file_is_private_and_never_shown(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    assert "keys" not in repr(store.keyring)
    assert stat.S_IMODE((tmp_path / "vestnik.db.key").stat().st_mode) == 0o600
    store.close()


def test_passwords_are_not_readable_in_the_store_or_its_audit(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    card = MailConnection("main", "mail.example.org", authentication=True, login="robot")
    key = save_connection(store, card, password="s3cr3t-пароль", who="test")
    assert connection_secret(store, key, "password") == "s3cr3t-пароль"
    with store.read() as connection:
        trail = [str(row.after) for row in connection.execute(select(tables.audit))]
    assert any("'password': 'changed'" in entry for entry in trail)
    store.close()
    content = b"".join(file.read_bytes() for file in tmp_path.glob("vestnik.db*"))
    assert b"s3cr3t" not in content


def test_the_key_may_come_from_the_environment_or_a_credential(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "vestnik.key").write_text(OTHER)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert Keyring.for_store(None) == Keyring.parse(OTHER, "")
    monkeypatch.setenv("VESTNIK_KEY", KEY)
    assert Keyring.for_store(None) == Keyring.parse(KEY, "")
    monkeypatch.delenv("VESTNIK_KEY")
    monkeypatch.delenv("CREDENTIALS_DIRECTORY")
    with pytest.raises(SecretError, match="VESTNIK_KEY"):
        Keyring.for_store(None)
