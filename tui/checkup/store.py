"""The store: is it there, does it open, is there room, is it whole, can it be written."""

import os
import shutil
import sqlite3
import stat
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import text

from store.engine import Store, check_url
from store.errors import StoreError, StoreVersionError
from store.migrations import HEAD
from tui.checkup.case import Case, Finding, Level, Size
from tui.checkup.words import seconds

LITTLE_ROOM, NO_ROOM = 1_000_000_000, 100_000_000
"""Free bytes: a day of a busy desk; some minutes of it."""
LARGE_WAL = 256_000_000
"""SQLite begins its log anew at 4 MB, unless somebody keeps reading an old state."""
QUICK_CHECK_S = 5.0
QUICK_CHECK_STEPS = 100_000
LOCKED_S = 1.0
SKEW_S = 2.0
"""Clocks that differ by more make letters due too early or too late, and dispatchers seem dead."""
FEW_CONNECTIONS = 10
WAL, KEY = "-wal", ".key"


def place(case: Case) -> Iterator[Finding]:
    """Whether there is a file to open."""
    try:
        check_url(case.url)
    except StoreError as error:
        yield Finding("store", Level.FAILED, "store_url", {"error": str(error)}, "fix_store_url", unreachable=True)
        return
    path = case.path
    if path is not None and not path.is_file():
        params = {"path": str(path), "run": f"vestnik --store {case.url} upgrade"}
        yield Finding("store", Level.FAILED, "store_missing", params, "fix_store_missing", unreachable=True)
    elif path is not None and not os.access(path, os.R_OK):
        params = {"path": str(path), "who": _owner(path)}
        yield Finding("store", Level.FAILED, "store_unreadable", params, "fix_store_owner", unreachable=True)
    elif path is not None and not path.stat().st_size:
        params = {"path": str(path), "run": f"vestnik --store {case.url} upgrade"}
        yield Finding("store", Level.FAILED, "store_empty", params, "fix_store_missing", unreachable=True)


def opening(case: Case) -> Iterator[Finding]:
    """Open it as it is; its schema is not brought up to date, nor a file made."""
    path = case.path
    if path is not None and not (path.is_file() and os.access(path, os.R_OK) and path.stat().st_size):
        return
    try:
        case.opened = Store.open(case.url, upgrade=False)
    except StoreVersionError as error:
        params = {"error": str(error), "run": "vestnik upgrade"}
        yield Finding("store", Level.FAILED, "store_version", params, "fix_store_version", unreachable=True)
    except StoreError as error:
        yield Finding("store", Level.FAILED, "store_fault", {"error": str(error)}, unreachable=True)
    else:
        params = {"url": case.store.shown_url, "schema": HEAD}
        yield Finding("store", Level.OK, "store_opens", params)


def room(case: Case) -> Iterator[Finding]:
    """How large it is, and how much room there is."""
    path = case.path
    if path is None or not path.parent.is_dir():
        return
    free = shutil.disk_usage(path.parent).free
    params = {"free": Size(free), "folder": str(path.parent)}
    level = Level.OK if free >= LITTLE_ROOM else Level.WARNING if free >= NO_ROOM else Level.FAILED
    yield Finding("disk", level, "disk_free", params, "" if level is Level.OK else "fix_disk")


def private(case: Case) -> Iterator[Finding]:
    """Letters and addresses are in the file: it is nobody else's to read."""
    path = case.path
    if path is not None and path.is_file() and (mode := stat.S_IMODE(path.stat().st_mode)) & 0o077:
        params = {"path": str(path), "mode": f"{mode:04o}", "run": f"chmod 600 {path}"}
        yield Finding("store", Level.WARNING, "store_open_to_others", params, "fix_by_command")


def size(case: Case) -> Iterator[Finding]:
    """The file and its write-ahead log."""
    path = case.path
    if path is None:
        return
    log = path.with_name(path.name + WAL)
    wal = log.stat().st_size if log.exists() else 0
    # The log is made, empty, by whoever opens the file: that is no change.
    written = max(one.stat().st_mtime for one in (path, log) if one.exists() and one.stat().st_size)
    params = {
        "size": Size(path.stat().st_size), "wal": Size(wal), "events": case.status.events,
        "deliveries": sum(case.status.deliveries.values()),
        "ago": timedelta(seconds=max(time.time() - written, 0)),
    }  # fmt: skip
    yield Finding("store", Level.OK, "store_size", params)
    if wal > LARGE_WAL:
        yield Finding("store", Level.WARNING, "store_wal", params, "fix_wal")


def writable(case: Case) -> Iterator[Finding]:
    """Whether a change can be begun, and whether somebody holds others up; none is made."""
    begun = time.monotonic()
    case.store.write(lambda _connection: None)
    params = {"seconds": seconds(time.monotonic() - begun)}
    if case.path is None:
        return
    slow = time.monotonic() - begun > LOCKED_S
    yield (
        Finding("store", Level.WARNING, "store_locked", params, "fix_locked")
        if slow
        else Finding("store", Level.OK, "store_writable", params)
    )


def whole(case: Case) -> Iterator[Finding]:
    """SQLite's quick check, as far as it comes in a few seconds."""
    path = case.path
    if path is None:
        return
    until = time.monotonic() + QUICK_CHECK_S
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        connection.set_progress_handler(lambda: time.monotonic() > until, QUICK_CHECK_STEPS)
        try:
            found = [str(row[0]) for row in connection.execute("PRAGMA quick_check(3)") if row[0] != "ok"]
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_INTERRUPT:
                raise
            yield Finding("store", Level.SKIPPED, "store_large", {"run": "vestnik verify"}, "fix_by_command")
            return
        except sqlite3.DatabaseError as error:
            found = [str(error)]
    if found:
        params = {"problem": "; ".join(found), "run": "vestnik restore"}
        yield Finding("store", Level.FAILED, "store_damaged", params, "fix_damaged")
    else:
        yield Finding("store", Level.OK, "store_whole")


def server(case: Case) -> Iterator[Finding]:
    """The server of a store on PostgreSQL: its version, its clock, whether it takes changes, whether there is room."""
    if case.path is not None:
        return
    with case.store.read() as connection:
        begun = datetime.now(UTC)
        theirs = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
        ended = datetime.now(UTC)
        version = str(connection.execute(text("SHOW server_version")).scalar_one())
        standby = bool(connection.execute(text("SELECT pg_is_in_recovery()")).scalar_one())
        used = connection.execute(text("SELECT count(*) FROM pg_stat_activity")).scalar_one()
        most = int(connection.execute(text("SHOW max_connections")).scalar_one())
    params = {"engine": f"PostgreSQL {version.split(' ', maxsplit=1)[0]}", "used": used, "most": most}
    if standby:
        yield Finding("store", Level.FAILED, "server_standby", params, "fix_standby")
    few = most - int(used) < FEW_CONNECTIONS
    yield Finding("store", Level.WARNING if few else Level.OK, "server_version", params, "fix_few" if few else "")
    # In its answer's half time the server's clock was read, give or take the other half.
    apart = (theirs - (begun + (ended - begun) / 2)).total_seconds()
    params = {"seconds": seconds(abs(apart))}
    wrong = abs(apart) > SKEW_S + (ended - begun).total_seconds() / 2
    yield (
        Finding("clock", Level.FAILED, "clock_apart", params, "fix_clock")
        if wrong
        else Finding("clock", Level.OK, "clock_same", params)
    )


def _owner(path: Path) -> str:
    try:
        return path.owner()
    except (KeyError, OSError):
        return "?"


opening_checks = (place, room, private, opening)
store_checks = (size, writable, whole, server)
