"""Secrets at rest."""

import base64
import stat
import threading
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import select

from store import tables
from store.cards import MailConnection
from store.engine import Store
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


def test_a_key_file_open_to_others_is_refused(tmp_path: Path) -> None:
    Keyring.for_store(tmp_path / "v.db")
    (tmp_path / "v.db.key").chmod(0o640)
    with pytest.raises(SecretError, match=r"mode 0640\). Run: chmod 600 .*v\.db\.key"):
        Keyring.for_store(tmp_path / "v.db")


def test_a_key_file_that_is_no_key_is_named(tmp_path: Path) -> None:
    (tmp_path / "v.db.key").write_bytes(b"\xff\xfe")
    (tmp_path / "v.db.key").chmod(0o600)
    with pytest.raises(SecretError, match=r"v\.db\.key does not hold"):
        Keyring.for_store(tmp_path / "v.db")


def test_a_key_that_cannot_be_made_names_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(SecretError, match=r"cannot be created: .* VESTNIK_KEY"):
        Keyring.for_store(tmp_path / "nowhere" / "v.db")


def test_processes_that_start_together_come_to_one_whole_key(tmp_path: Path) -> None:
    store = tmp_path / "v.db"
    together = threading.Barrier(8)
    rings: list[Keyring] = []

    def make() -> None:
        together.wait()
        rings.append(Keyring.for_store(store))

    threads = [threading.Thread(target=make) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(rings) == 8
    assert len({ring.keys for ring in rings}) == 1
    assert [file.name for file in tmp_path.iterdir()] == ["v.db.key"]


def test_a_store_on_a_server_asks_for_its_key(store_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VESTNIK_KEY", raising=False)
    with closing(Store.open(store_url)) as store:
        if store.engine.dialect.name == "sqlite":
            assert store.keyring.keys
            return
        with pytest.raises(SecretError, match=r"Set VESTNIK_KEY to the base64 of 32 random bytes"):
            _ = store.keyring


def test_passwords_are_not_readable_in_the_store_or_its_audit(store: Store, tmp_path: Path) -> None:
    card = MailConnection("main", "mail.example.org", authentication=True, login="robot")
    key = save_connection(store, card, password="s3cr3t-пароль", who="test")
    assert connection_secret(store, key, "password") == "s3cr3t-пароль"
    with store.read() as connection:
        trail = [str(row.after) for row in connection.execute(select(tables.audit))]
        assert "s3cr3t" not in str([connection.execute(select(table)).all() for table in tables.METADATA.sorted_tables])
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
