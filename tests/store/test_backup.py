"""Copies of a store: whole, made beside whoever writes, put back without anything going out twice."""

import sqlite3
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from dispatch.intake import emit
from dispatch.planner import Planner
from store import moves, outbox
from store.audit import page as changes
from store.backup import HOLD_RESTORED, back_up, problems, restore
from store.cards import MailConnection
from store.engine import Store
from store.errors import StoreUnreachableError, StoreVersionError
from store.journal import delivery
from store.moves import Deed
from store.settings import company, connection_secret, connections, save_connection, silent_mode
from store.status import read_status
from store.vocabulary import DeliveryState, SilentState
from tests.desk import event, furnish, lines, open_store


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.delenv("VESTNIK_KEY", raising=False)
    with closing(open_store(tmp_path)) as store:
        furnish(store, port=25)
        save_connection(store, MailConnection("second", "mail.example.org"), password="пароль", who="t")
        happen(store, 1)
        yield store


def happen(store: Store, number: int) -> None:
    emit(store, lines(event(number=number)))
    while Planner(store).plan_now():
        pass


def test_a_copy_is_the_store_as_it_was_and_private(store: Store, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    made = back_up(store, tmp_path / "copy.db", lambda done, of: told.append((done, of)))
    rows = outbox.page(store)
    assert (made.events, made.deliveries, made.key) == (1, len(rows), tmp_path / "vestnik.db.key")
    assert made.path.stat().st_mode & 0o777 == 0o600
    assert made.size == made.path.stat().st_size
    assert all(0 <= done <= of for done, of in told)
    assert problems(f"sqlite:///{made.path}") == []
    with closing(Store.open(f"sqlite:///{made.path}")) as copy:
        assert outbox.page(copy) == rows
        assert company(copy) == company(store)
    assert sorted(one.name for one in tmp_path.iterdir() if "partial" in one.name) == []


def test_any_sign_may_be_in_the_name_of_a_copy(store: Store, tmp_path: Path) -> None:
    made = back_up(store, tmp_path / "copy #1?100%.db")
    restored = restore(made.path, f"sqlite:///{tmp_path / 'again.db'}", "t", send=True)
    with closing(Store.open(f"sqlite:///{restored.path}")) as again:
        assert outbox.page(again) == outbox.page(store)


def test_it_is_one_moment_although_others_write_meanwhile(store: Store, tmp_path: Path) -> None:
    ended = threading.Event()

    def write() -> None:
        number = 100
        while not ended.is_set():
            happen(store, number)
            number += 1

    thread = threading.Thread(target=write)
    thread.start()
    try:
        made = [back_up(store, tmp_path / f"copy-{number}.db") for number in range(5)]
    finally:
        ended.set()
        thread.join()
    assert [one.events for one in made] == sorted(one.events for one in made)
    assert read_status(store).events > made[0].events
    for one in made:
        with closing(sqlite3.connect(one.path)) as connection:
            orphans = "SELECT count(*) FROM delivery WHERE notification_id NOT IN (SELECT id FROM notification)"
            assert connection.execute(orphans).fetchone() == (0,)
            assert connection.execute("SELECT count(*) FROM delivery").fetchone() == (one.deliveries,)


def test_a_place_that_is_taken_is_left_alone_and_a_folder_gets_a_name(store: Store, tmp_path: Path) -> None:
    taken = tmp_path / "taken.db"
    taken.write_text("mine")
    with pytest.raises(StoreUnreachableError, match="exists already"):
        back_up(store, taken)
    assert taken.read_text() == "mine"
    (tmp_path / "copies").mkdir()
    made = back_up(store, tmp_path / "copies")
    assert made.path.name.startswith("vestnik-2")
    with pytest.raises(StoreUnreachableError, match="cannot be written"):
        back_up(store, tmp_path / "no such folder" / "copy.db")


def test_what_is_put_back_sends_nothing_by_itself_and_loses_nothing(store: Store, tmp_path: Path) -> None:
    made = back_up(store, tmp_path / "copy.db")
    waiting = [row.id for row in outbox.page(store, state=DeliveryState.PENDING)]
    assert waiting
    happen(store, 2)
    url = store.url
    store.close()
    done = restore(made.path, url, "анна")
    assert (done.held, done.silent, done.unopened) == (len(waiting), True, 0)
    assert done.before is not None
    with closing(Store.open(f"sqlite:///{done.before}")) as before:
        assert read_status(before).events == 2
    with closing(Store.open(url)) as again:
        assert read_status(again).events == 1
        held = outbox.page(again, state=DeliveryState.HELD)
        assert ([row.id for row in held], {row.reason for row in held}) == (waiting, {HOLD_RESTORED})
        assert silent_mode(again).state is SilentState.ON
        secrets = [connection_secret(again, card.id, "password") for card in connections(again)]
        assert "пароль" in secrets
        (change,) = [line for line in changes(again) if line.what == "store:restore"]
        assert change.who == "анна"
        assert moves.carry_out(again, Deed.RETRY, waiting, "анна").letters == len(waiting)


def test_with_send_it_goes_on_where_it_was(store: Store, tmp_path: Path) -> None:
    made = back_up(store, tmp_path / "copy.db")
    other = f"sqlite:///{tmp_path / 'other' / 'v.db'}"
    done = restore(made.path, other, "t", send=True)
    assert (done.before, done.held, done.silent, done.unopened) == (None, 0, False, 1), "the key is not there"
    with closing(Store.open(other)) as again:
        assert outbox.page(again, state=DeliveryState.PENDING) == outbox.page(store, state=DeliveryState.PENDING)
        assert silent_mode(again).state is SilentState.OFF


def test_a_number_that_is_given_again_is_another_letter_to_the_servers(store: Store, tmp_path: Path) -> None:
    made = back_up(store, tmp_path / "copy.db")
    happen(store, 2)
    first = {row.id: delivery(store, row.id) for row in outbox.page(store)}
    restored = restore(made.path, f"sqlite:///{tmp_path / 'other.db'}", "t")
    (tmp_path / "other.db.key").write_text((tmp_path / "vestnik.db.key").read_text())
    (tmp_path / "other.db.key").chmod(0o600)
    with closing(Store.open(f"sqlite:///{restored.path}")) as again:
        happen(again, 3)
        for row in outbox.page(again):
            before, now = first[row.id], delivery(again, row.id)
            assert before is not None
            assert now is not None
            same = before.row.created_at == now.row.created_at
            assert (before.message_id == now.message_id) is (same or not now.message_id)


def test_what_is_in_use_damaged_newer_or_not_ours_is_not_put_back(store: Store, tmp_path: Path) -> None:
    made = back_up(store, tmp_path / "copy.db")
    before = outbox.page(store)
    with pytest.raises(StoreUnreachableError, match="is in use"):
        restore(made.path, store.url, "t")
    whole = made.path.read_bytes()
    (tmp_path / "cut").write_bytes(whole[:30_000])
    (tmp_path / "text").write_text("no store")
    _run(tmp_path / "other", "CREATE TABLE t (x)")
    (tmp_path / "newer").write_bytes(whole)
    _run(tmp_path / "newer", "UPDATE alembic_version SET version_num = '9999'")
    for name, error, says in (
        ("cut", StoreUnreachableError, "is damaged"),
        ("text", StoreUnreachableError, "is damaged"),
        ("other", StoreUnreachableError, "no store of Vestnik's"),
        ("newer", StoreVersionError, "newer Vestnik"),
        ("none", StoreUnreachableError, "is no file"),
    ):
        with pytest.raises(error, match=says):
            restore(tmp_path / name, f"sqlite:///{tmp_path / 'target.db'}", "t")
    assert outbox.page(store) == before
    assert not [one.name for one in tmp_path.iterdir() if "partial" in one.name or "before-restore" in one.name]


def test_damage_is_found_and_told(store: Store, tmp_path: Path) -> None:
    assert problems(store.url) == []
    made = back_up(store, tmp_path / "copy.db")
    _run(made.path, "PRAGMA foreign_keys=OFF; DELETE FROM notification WHERE id = 1")
    assert any("belongs to no notification" in one for one in problems(f"sqlite:///{made.path}"))
    data = bytearray(made.path.read_bytes())
    data[4096 * 5 : 4096 * 40] = b"\xff" * (4096 * 35)
    made.path.write_bytes(data)
    assert problems(f"sqlite:///{made.path}")
    with pytest.raises(StoreUnreachableError, match="is no file"):
        problems(f"sqlite:///{tmp_path / 'none.db'}")


def test_a_store_on_a_server_has_tools_of_its_own(tmp_path: Path) -> None:
    url = "postgresql+psycopg://vestnik@db.example.org/vestnik"
    with pytest.raises(StoreUnreachableError, match="pg_restore"):
        restore(tmp_path / "copy.db", url, "t")
    with pytest.raises(StoreUnreachableError, match="amcheck"):
        problems(url)


def _run(path: Path, script: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(script)


def killed_between_its_last_steps(copy: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A restore that gets as far as setting the store aside."""

    def killed(*_: object) -> None:
        sys.exit()

    with monkeypatch.context() as patch:
        patch.setattr("store.backup._put", killed)
        with pytest.raises(SystemExit):
            restore(copy, url, "t")


def set_aside(folder: Path) -> list[Path]:
    return [one for one in folder.iterdir() if "before-restore" in one.name]


def test_a_restore_that_is_killed_leaves_the_store_in_its_place(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = store.url
    made = back_up(store, tmp_path / "copies.db")
    happen(store, 2)
    store.close()
    killed_between_its_last_steps(made.path, url, monkeypatch)
    assert len(set_aside(tmp_path)) == 1
    with closing(Store.open(url)) as again:
        assert read_status(again).events == 2, "it is the store as it was"
    assert set_aside(tmp_path) == [], "its second name is gone"
    assert restore(made.path, url, "t").before is not None
    with closing(Store.open(url)) as restored:
        assert read_status(restored).events == 1
    assert len(set_aside(tmp_path)) == 1, "what a restore that ended has put aside stays"


def test_where_a_store_has_lost_its_name_nobody_begins_with_an_empty_one(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def without(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr("store.backup.os.link", without)  # as on a file system that knows no second names
    url, path = store.url, tmp_path / "vestnik.db"
    made = back_up(store, tmp_path / "copies.db")
    happen(store, 2)
    store.close()
    killed_between_its_last_steps(made.path, url, monkeypatch)
    (aside,) = set_aside(tmp_path)
    assert not path.exists()
    with pytest.raises(StoreUnreachableError, match=f"a restore was interrupted.* mv {aside} {path}"):
        Store.open(url)
    assert not path.exists()
    aside.rename(path)
    with closing(Store.open(url)) as again:
        assert read_status(again).events == 2
    killed_between_its_last_steps(made.path, url, monkeypatch)
    assert restore(made.path, url, "t").before is None, "to restore again is a remedy as well"
    with closing(Store.open(url)) as restored:
        assert read_status(restored).events == 1
