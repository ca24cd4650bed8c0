"""`apply`, `export`, `upgrade` as a script sees them."""

import os
import sqlite3
import stat
from pathlib import Path

import pytest

from store.cards import Upgrade
from store.engine import Store
from store.migrations import HEAD
from tests.store.test_settings_file import CONTRACT
from tests.tui.cli.conftest import Vestnik


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MAIL_PASSWORD", "s3cret-in-env")
    (tmp_path / "secret.txt").write_text("s3cret-in-file", "utf-8")
    file = tmp_path / "settings.yaml"
    file.write_text(CONTRACT, "utf-8")
    return file


def test_apply_prints_the_plan_and_export_takes_it_back(vestnik: Vestnik, settings: Path, tmp_path: Path) -> None:
    first = vestnik("apply", settings)
    assert first.code == 0
    assert "added      mail.connections.main" in first.out.splitlines()
    assert "unchanged  silent_mode" in first.out.splitlines()
    assert first.err == "4 added, 5 changed, 2 unchanged\n"
    exported = tmp_path / "exported.yaml"
    assert vestnik("export", exported).code == 0
    assert exported.read_text("utf-8") == vestnik("export").out
    again = vestnik("apply", exported, "--json")
    assert again.json["applied"] is True
    assert {change["kind"] for change in again.json["changes"]} == {"unchanged"}


def test_a_dry_run_changes_nothing(vestnik: Vestnik, settings: Path) -> None:
    before = vestnik("export").out
    dry = vestnik("apply", settings, "--dry-run")
    assert (dry.code, dry.err) == (0, "4 added, 5 changed, 2 unchanged (dry run)\n")
    assert vestnik("apply", settings, "--dry-run", "--json").json["applied"] is False
    assert vestnik("export").out == before


def test_settings_come_on_standard_input(vestnik: Vestnik) -> None:
    assert vestnik("apply", "-", stdin="company: {name: ACME}").out == "changed  company\n"


def test_every_fault_is_told_on_a_line_and_nothing_is_saved(vestnik: Vestnik, settings: Path) -> None:
    before = vestnik("export").out
    settings.write_text(CONTRACT.replace("587", "'587'").replace("petrov@", "petrov"), "utf-8")
    done = vestnik("apply", settings, "--json")
    assert (done.code, done.out) == (2, "")
    assert done.err == "mail.connections[0].port: must be a whole number, without quotes\n"
    settings.write_text(CONTRACT.replace("587", "70000").replace("petrov@", "petrov"), "utf-8")
    told = vestnik("apply", settings).err.splitlines()
    assert [line.partition(":")[0] for line in told] == [
        "mail.connections[0].port",
        "teams[0].leader",
        "people[0].head",
    ]
    assert vestnik("export").out == before


def test_no_secret_is_told_by_any_command(vestnik: Vestnik, settings: Path, tmp_path: Path) -> None:
    commands = (
        ("apply", settings, "--json"),
        ("export",),
        ("status", "--json"),
        ("status",),
        ("deliveries", "--json"),
        ("why", "D1", "--json"),
        ("check-mail", "exchange", "--json"),
    )
    for words in commands:
        done = vestnik(*words)
        assert "s3cret" not in done.out + done.err, words
    assert b"s3cret" not in (tmp_path / "vestnik.db").read_bytes()


@pytest.mark.parametrize(
    ("file", "content", "answer"),
    [
        ("no.yaml", None, "No such file or directory"),
        (".", None, "Is a directory"),
        ("bytes.yaml", b"\xff\xfe\x00", "is not UTF-8 text"),
        ("empty.yaml", b"", "the file must hold sections"),
    ],
)
def test_a_file_that_is_none_is_bad_input(
    vestnik: Vestnik, tmp_path: Path, file: str, content: bytes | None, answer: str
) -> None:
    if content is not None:
        (tmp_path / file).write_bytes(content)
    done = vestnik("apply", tmp_path / file)
    assert done.code == 2
    assert answer in done.err


def test_an_export_that_cannot_be_written_is_bad_input(vestnik: Vestnik, tmp_path: Path) -> None:
    done = vestnik("export", tmp_path / "no" / "such.yaml")
    assert (done.code, done.err.endswith("No such file or directory\n")) == (2, True)


def test_upgrade_says_what_it_did(vestnik: Vestnik, url: str, tmp_path: Path) -> None:
    (tmp_path / "vestnik.db").unlink()
    assert vestnik("upgrade").out == f"{url}: created with schema {HEAD}\n"
    assert vestnik("upgrade").out == f"{url}: schema {HEAD} is current, nothing to do\n"


def test_upgrade_names_the_copy_it_kept(vestnik: Vestnik, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    vestnik("upgrade")

    def upgraded(_store: Store, *, upgrade: bool) -> Upgrade:
        return Upgrade("0000", HEAD, Path("/kept/v.db.before-0000"))

    monkeypatch.setattr("store.migrate.make_current", upgraded)
    told = vestnik("upgrade").out.splitlines()
    assert told == [f"{url}: upgraded from schema 0000 to {HEAD}", "the store as it was: /kept/v.db.before-0000"]


def test_the_store_is_the_owners_alone(vestnik: Vestnik, tmp_path: Path) -> None:
    place = tmp_path / "new" / "v.db"
    assert vestnik("--store", place, "upgrade").code == 0
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    assert stat.S_IMODE(place.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("words", [("--store", "{}", "status", "--json"), ("status", "--json", "--store", "{}")])
def test_the_store_may_be_named_before_or_after_the_command(
    vestnik: Vestnik, tmp_path: Path, words: tuple[str, ...]
) -> None:
    other = tmp_path / "other.db"
    done = vestnik(*(word.format(other) for word in words))
    assert done.json["store"] == f"sqlite:///{other}"


def test_the_store_named_after_the_command_wins(vestnik: Vestnik, tmp_path: Path) -> None:
    done = vestnik("--store", tmp_path / "a.db", "status", "--json", "--store", tmp_path / "b.db")
    assert done.json["store"].endswith("b.db")
    assert not (tmp_path / "a.db").exists()


def test_without_a_word_the_store_is_in_the_users_folder(
    vestnik: Vestnik, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VESTNIK_STORE")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert vestnik("status", "--json").json["store"].endswith("/vestnik/vestnik.db")


def _newer(file: Path) -> None:
    Store.open(f"sqlite:///{file}").close()
    with sqlite3.connect(file) as store:
        store.execute("UPDATE alembic_version SET version_num = '9999'")
    store.close()


@pytest.mark.parametrize("command", ["upgrade", "status", "emit", "export", "dispatch"])
def test_a_store_of_a_newer_version_is_left_alone(vestnik: Vestnik, tmp_path: Path, command: str) -> None:
    file = tmp_path / "newer.db"
    _newer(file)
    before = file.read_bytes()
    done = vestnik("--store", file, command)
    assert (done.code, done.out) == (3, "")
    assert "newer Vestnik (schema 9999" in done.err
    assert file.read_bytes() == before


def _folder(place: Path) -> Path:
    place.mkdir()
    return place


def _noise(place: Path) -> Path:
    place.write_bytes(os.urandom(5000))
    return place


def _under_a_file(place: Path) -> Path:
    place.write_bytes(b"")
    return place / "v.db"


@pytest.mark.parametrize(
    ("make", "answer"),
    [
        (_folder, "is a folder"),
        (_noise, "is no SQLite database"),
        (_under_a_file, "cannot be created: Not a directory"),
    ],
    ids=["a folder", "another file", "under a file"],
)
def test_what_cannot_be_a_store_is_told_with_a_remedy(
    vestnik: Vestnik, tmp_path: Path, make: "object", answer: str
) -> None:
    assert callable(make)
    done = vestnik("--store", make(tmp_path / "place"), "status")
    assert (done.code, done.out) == (3, "")
    assert answer in done.err
    assert "--store" in done.err


@pytest.mark.parametrize("url", ["foo://x", "mysql://u:s3cret@h/x", "sqlite://", "postgresql://u:s3cret@h:port/x"])
def test_a_url_that_is_none_is_told_with_an_example_and_without_its_password(vestnik: Vestnik, url: str) -> None:
    done = vestnik("--store", url, "status")
    assert done.code == 3
    assert "sqlite:////var/lib/vestnik/vestnik.db" in done.err
    assert "s3cret" not in done.err


def test_a_locked_store_is_told(vestnik: Vestnik, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("store.engine.BUSY_TIMEOUT_MS", 50)
    vestnik("upgrade")
    other = sqlite3.connect(tmp_path / "vestnik.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    done = vestnik("apply", "-", stdin="company: {name: ACME}")
    other.execute("ROLLBACK")
    other.close()
    assert done.code == 3
    assert "locked" in done.err
    assert vestnik("apply", "-", stdin="company: {name: ACME}").code == 0


@pytest.mark.parametrize("key", ["zzz", "c2hvcnQ="])
def test_a_key_that_is_none_is_told_without_being_shown(
    vestnik: Vestnik, settings: Path, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setenv("VESTNIK_KEY", key)
    done = vestnik("apply", settings)
    assert (done.code, done.err) == (3, "VESTNIK_KEY does not hold the base64 of 32 bytes\n")


def test_rekey_says_how_many_secrets_it_sealed(
    vestnik: Vestnik, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VESTNIK_KEY", raising=False)
    settings = "mail: {connections: [{name: main, server: m.example.org, password: {value: пароль}}]}"
    (tmp_path / "s.yaml").write_text(settings, "utf-8")
    assert vestnik("apply", tmp_path / "s.yaml").code == 0
    done = vestnik("rekey")
    assert (done.code, done.out) == (0, "1 of 1 secrets sealed anew, with a new key\n")
    assert vestnik("rekey", "--json").json == {"made": True, "sealed": 1, "secrets": 1}


def test_rekey_tells_who_keeps_the_keys_elsewhere_what_to_do(
    vestnik: Vestnik, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VESTNIK_KEY", "b2xkb2xkb2xkb2xkb2xkb2xkb2xkb2xkb2xkb2xkb28=")
    settings = "mail: {connections: [{name: main, server: m.example.org, password: {value: пароль}}]}"
    (tmp_path / "s.yaml").write_text(settings, "utf-8")
    assert vestnik("apply", tmp_path / "s.yaml").code == 0
    done = vestnik("rekey")
    assert done.code == 0
    assert "put a new one before it" in done.err
