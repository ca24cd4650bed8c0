"""Rotating the key: nothing is lost, whatever runs meanwhile."""

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from store import message_ids, tables
from store.cards import MailConnection
from store.engine import Store
from store.errors import SecretError
from store.rekey import rekey
from store.settings import connection_secret, save_connection
from tests.desk import open_store

OLD = base64.b64encode(b"o" * 32).decode()
NEW = base64.b64encode(b"n" * 32).decode()


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.delenv("VESTNIK_KEY", raising=False)
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    store = open_store(tmp_path)
    yield store
    store.close()


def add(store: Store, name: str = "main", password: str = "пароль", secret: str = "тайна") -> int:
    return save_connection(
        store, MailConnection(name, "mail.example.org"), password=password, client_secret=secret, who="t"
    )


def sealed(store: Store) -> list[bytes]:
    t = tables.mail_connection
    with store.read() as connection:
        return [value for row in connection.execute(select(t.c.password, t.c.client_secret)) for value in row if value]


def test_every_secret_is_sealed_with_a_new_key_and_still_opens(store: Store, tmp_path: Path) -> None:
    key = add(store)
    before = sealed(store)
    keys = (tmp_path / "vestnik.db.key").read_text().split()
    done = rekey(store, "t")
    assert (done.made, done.sealed, done.secrets) == (True, 2, 2)
    assert not set(before) & set(sealed(store))
    assert (tmp_path / "vestnik.db.key").read_text().split()[1:] == keys
    assert (tmp_path / "vestnik.db.key").stat().st_mode & 0o777 == 0o600
    assert connection_secret(store, key, "password") == "пароль"
    assert connection_secret(store, key, "client_secret") == "тайна"


def test_the_old_key_alone_opens_nothing_any_more(store: Store, tmp_path: Path) -> None:
    key = add(store)
    old = (tmp_path / "vestnik.db.key").read_text()
    rekey(store, "t")
    (tmp_path / "vestnik.db.key").write_text(old)
    store.read_keys()
    with pytest.raises(SecretError, match="another key"):
        connection_secret(store, key, "password")


def test_message_ids_stay_what_they_were(store: Store) -> None:
    before = store.keyring.derive(message_ids.PURPOSE)
    rekey(store, "t")
    assert store.keyring.derive(message_ids.PURPOSE) == before


def test_a_process_that_runs_meanwhile_reads_the_new_key_by_itself(store: Store, tmp_path: Path) -> None:
    key = add(store)
    other = open_store(tmp_path)
    try:
        assert connection_secret(other, key, "password") == "пароль"
        rekey(store, "t")
        assert connection_secret(other, key, "password") == "пароль"
        fresh = add(other, "second", "другой")
        assert connection_secret(store, fresh, "password") == "другой"
        assert all(store.read_keys().sealed_by_first(one) for one in sealed(store))
    finally:
        other.close()


def test_a_secret_that_does_not_open_changes_nothing(store: Store) -> None:
    add(store)
    t = tables.mail_connection
    store.write(lambda connection: connection.execute(t.update().values(client_secret=b"\x01spoiled and too short")))
    before = sealed(store)
    with pytest.raises(SecretError):
        rekey(store, "t")
    assert sealed(store) == before


def test_a_key_from_the_environment_is_not_ours_to_make(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VESTNIK_KEY", OLD)
    store.read_keys()
    key = add(store)
    assert rekey(store, "t").sealed == 0
    monkeypatch.setenv("VESTNIK_KEY", f"{NEW} {OLD}")
    done = rekey(store, "t")
    assert (done.made, done.sealed, done.secrets) == (False, 2, 2)
    monkeypatch.setenv("VESTNIK_KEY", NEW)
    store.read_keys()
    assert connection_secret(store, key, "password") == "пароль"
