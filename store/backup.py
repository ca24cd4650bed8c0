"""Copies of a store on SQLite, and putting one back.

A copy is one snapshot, whole or not there: it is written beside its place, checked, and then renamed. Whoever writes to
the store meanwhile is not held up. What is put back is as old as the copy, so nothing goes out of it by itself: letters
that were waiting then may have been sent since.
"""

import os
import sqlite3
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from glob import escape
from pathlib import Path

from sqlalchemy import Connection

from store import outbox
from store.audit import record
from store.cards import SilentMode
from store.clock import system_clock
from store.engine import SET_ASIDE, Store, check_url, prepare_file, sqlite_path
from store.errors import SecretError, StoreError, StoreUnreachableError
from store.secrets import Keyring, key_file
from store.settings import save_silent_mode_in, secret_place
from store.vocabulary import SECRETS, SilentState

Progress = Callable[[int, int], None]
"""Told how many bytes are written, of about how many."""
HOLD_RESTORED = "restored"
"""Why letters wait that were waiting when the copy was made."""
STEP = 20_000
"""Steps of SQLite's between two tellings of progress, some milliseconds."""
MOST_PROBLEMS = 20
MODE = 0o600
STAMP = "%Y%m%d-%H%M%S"


@dataclass(frozen=True, slots=True)
class Backup:
    """A copy of a store.

    Attributes:
        size: In bytes.
        schema: Its schema's revision.
        key: The file without which the secrets in it cannot be opened; `None` where they are given otherwise.
    """

    path: Path
    size: int
    schema: str
    events: int
    deliveries: int
    key: Path | None


@dataclass(frozen=True, slots=True)
class Restored:
    """What putting back a copy did.

    Attributes:
        before: Where the store is kept that was there; `None` where there was none.
        held: Letters that were waiting in the copy, and wait for an operator now.
        silent: Whether silent mode was switched on.
        unopened: Secrets that no key here opens.
    """

    path: Path
    before: Path | None
    held: int
    silent: bool
    unopened: int


def back_up(store: Store, target: Path, progress: Progress | None = None) -> Backup:
    """Copy a store to a file, or into a folder under a name with the time.

    Raises:
        StoreUnreachableError: It is not on SQLite, the place is taken or cannot be written, or the copy is damaged.
    """
    source = _file_of(store.url, "backup", "pg_dump makes copies of it")
    target = target / f"{source.stem}-{store.clock().strftime(STAMP)}.db" if target.is_dir() else target
    if target.exists():
        msg = f"{target} exists already, and a backup replaces nothing. Give another name, or a folder"
        raise StoreUnreachableError(msg)
    with _partial(target) as partial:
        with closing(sqlite3.connect(source, isolation_level=None)) as connection:
            if progress is not None:
                pages, free, size = (
                    connection.execute(f"PRAGMA {name}").fetchone()[0]
                    for name in ("page_count", "freelist_count", "page_size")
                )
                total, told = (pages - free) * size, progress

                def tell() -> int:
                    told(min(partial.stat().st_size, total), total)
                    return 0

                connection.set_progress_handler(tell, STEP)
            connection.execute("VACUUM INTO ?", (str(partial),))
        _refuse_damaged(partial, store.shown_url)
        events, deliveries = (_count(partial, name) for name in ("event", "delivery"))
        made = Backup(target, partial.stat().st_size, _schema(partial), events, deliveries, key_file(source))
        _put(partial, target)
    return made


def restore(copy: Path, url: str, who: str, *, send: bool = False) -> Restored:
    """Put a copy in the place of a store. What was there is kept beside it.

    Args:
        copy: The file that `back_up` made.
        url: The store to replace; there need not be one.
        who: Who does it, for the audit.
        send: Let letters go out at once. Otherwise those that were waiting are held, and silent mode is on.

    Raises:
        StoreUnreachableError: The copy is none, or damaged, or the store is in use; then nothing was changed.
        StoreVersionError: The copy was made by a newer program.
    """
    check_url(url)
    target = _file_of(url, "restore", "pg_restore puts copies back")
    _refuse_no_file(copy)
    _refuse_damaged(copy, str(copy))
    prepare_file(target)
    with _partial(target) as partial:
        with _reading(copy) as source, closing(sqlite3.connect(partial)) as connection:
            source.backup(connection)
        with closing(Store.open(f"sqlite:///{partial}")) as store:
            held = store.write(lambda connection: _calm(connection, store, who, copy, send=send))
        unopened = _unopened(partial, target)
        before = _set_aside(target)
        try:
            _put(partial, target)
        except OSError:
            if before is not None and target.exists():
                before.unlink()  # its second name
            elif before is not None:
                before.replace(target)
            raise
    return Restored(target, before, held, not send, unopened)


def problems(url: str, stopped: Callable[[], bool] = lambda: False) -> list[str]:
    """What is damaged in a store on SQLite; empty when nothing is. Reads all of it, and holds up nobody.

    `stopped` is asked now and then, and ends it where it says so.

    Raises:
        StoreUnreachableError: It is not on SQLite, or cannot be read at all, or it was stopped.
    """
    path = _file_of(url, "verify", "its own tools check it (amcheck)")
    _refuse_no_file(path)
    found = _damage(path, stopped)
    if stopped():
        msg = f"the check of {path} was stopped"
        raise StoreUnreachableError(msg)
    return found


def _calm(connection: Connection, store: Store, who: str, copy: Path, *, send: bool) -> int:
    """Leave nothing of the copy's time going on by itself, unless it is to `send`; gives how many letters are held."""
    now = store.clock()
    held = 0 if send else outbox.hold_queued(connection, now, HOLD_RESTORED)
    if not send:
        save_silent_mode_in(connection, store, SilentMode(SilentState.ON), who)
    record(connection, now, who, "store:restore", None, {"copy": copy.name, "held": held, "silent": not send})
    return held


def _set_aside(path: Path) -> Path | None:
    """Rename a store that nobody has open; gives its new name, `None` where it is new."""
    if not path.stat().st_size:
        path.unlink()
        return None
    try:
        with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as connection:
            # Leaving write-ahead logging needs the file alone: this is how SQLite tells that others have it open.
            alone = connection.execute("PRAGMA journal_mode=DELETE").fetchone()[0] == "delete"
    except sqlite3.DatabaseError as error:
        alone = "not a database" in str(error)  # whatever it was, it is kept
    if not alone:
        msg = f"the store {path} is in use. End the consoles and dispatchers on it (systemctl stop vestnik), then again"
        raise StoreUnreachableError(msg)
    before = _beside(path, f"{SET_ASIDE}{system_clock().strftime(STAMP)}")
    try:
        # A second name, and the first goes to the copy in one step: whenever this is killed, there is a store.
        os.link(path, before)
    except OSError:
        path.replace(before)  # the file system knows no second names; what is killed now, `settle_restore` tells of
    return before


def _unopened(partial: Path, target: Path) -> int:
    """How many secrets of a copy no key opens in the place it comes to."""
    names = ", ".join(SECRETS)
    with closing(sqlite3.connect(partial)) as connection:
        rows = connection.execute(f"SELECT id, {names} FROM mail_connection").fetchall()  # noqa: S608 - ours
    secrets = [
        (sealed, secret_place(key, name))
        for key, *found in rows
        for name, sealed in zip(SECRETS, found, strict=True)
        if sealed
    ]
    keys = key_file(target)
    if keys is not None and not keys.is_file():
        return len(secrets)
    keyring = Keyring.for_store(target)
    return sum(not _opens(keyring, *secret) for secret in secrets)


def _opens(keyring: Keyring, sealed: bytes, place: str) -> bool:
    try:
        keyring.open(sealed, place)
    except SecretError:
        return False
    return True


def _refuse_no_file(path: Path) -> None:
    if not path.is_file():
        msg = f"{path} is no file"
        raise StoreUnreachableError(msg)


def _refuse_damaged(path: Path, shown: str) -> None:
    """Only what is a store of ours, and whole, may be copied or put back."""
    found = _damage(path)
    if found:
        msg = f"{shown} is damaged: {'; '.join(found[:3])}. Take an older backup"
        raise StoreUnreachableError(msg)
    if _schema(path) == "":
        msg = f"{path} is no store of Vestnik's"
        raise StoreUnreachableError(msg)


def _damage(path: Path, stopped: Callable[[], bool] = lambda: False) -> list[str]:
    try:
        with _reading(path) as connection:
            connection.set_progress_handler(stopped, STEP)
            checked = connection.execute(f"PRAGMA integrity_check({MOST_PROBLEMS})")
            found = [str(row[0]) for row in checked if row[0] != "ok"]
            lost = connection.execute("PRAGMA foreign_key_check").fetchmany(MOST_PROBLEMS)
    except sqlite3.DatabaseError as error:
        return [str(error)]
    return [*found, *(f"row {row[1]} of {row[0]} belongs to no {row[2]}" for row in lost)]


def _schema(path: Path) -> str:
    """The revision of the schema, empty where it is no store."""
    with _reading(path) as connection:
        try:
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
            connection.execute("SELECT id FROM delivery LIMIT 1")
        except sqlite3.DatabaseError:
            return ""
    return row[0] if row else ""


def _count(path: Path, table: str) -> int:
    with _reading(path) as connection:
        return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608 - ours


def _file_of(url: str, command: str, instead: str) -> Path:
    path = sqlite_path(url)
    if path is None:
        msg = f"{command} is for stores on SQLite. This one is on PostgreSQL: {instead}"
        raise StoreUnreachableError(msg)
    return path


def _reading(path: Path) -> "closing[sqlite3.Connection]":
    """A file opened for reading alone; any sign may be in its name."""
    return closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True))


@contextmanager
def _partial(target: Path) -> Generator[Path]:
    """A private file beside a target, to be renamed when it is whole; gone when it is not."""
    partial = _beside(target, ".partial")
    try:
        partial.unlink(missing_ok=True)
        os.close(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, MODE))
        yield partial
    except StoreError:
        raise  # one of them is an OSError as well, and knows better
    except (OSError, sqlite3.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        msg = f"{target} cannot be written: {reason}. Make room, or give another place"
        raise StoreUnreachableError(msg) from error
    finally:
        for left in target.parent.glob(f"{escape(partial.name)}*"):  # with what SQLite and an upgrade put beside it
            left.unlink()


def _put(partial: Path, target: Path) -> None:
    """Give a file its name, so that it is there after a power cut as well."""
    for name in (partial, target.parent):
        handle = os.open(name, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
        if name == partial:
            partial.replace(target)


def _beside(path: Path, ending: str) -> Path:
    return path.with_name(path.name + ending)
