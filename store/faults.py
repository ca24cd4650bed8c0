"""What a driver's error means to whoever runs the store, and the remedy.

A *fault* is the store's: unreachable, locked, full, read-only, damaged. Anything else a driver raises is about one
statement, and belongs to whoever wrote it.
"""

import re
import shutil
import sqlite3
from collections.abc import Mapping
from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from store.errors import StoreUnreachableError

SECRET_PARAMETERS = frozenset({"password", "passfile", "sslpassword"})
"""Parts of a URL's query that are never shown."""

_SQLITE: Mapping[int, str] = {
    sqlite3.SQLITE_BUSY: "another program keeps the store {store} locked. Find and end it, or try again later",
    sqlite3.SQLITE_LOCKED: "another program keeps the store {store} locked. Find and end it, or try again later",
    sqlite3.SQLITE_FULL: "the disk is full: the store {store} cannot grow. Free some space",
    sqlite3.SQLITE_READONLY: "the store {store} is read-only. Mend its mode or its file system, or give another place "
    "with --store",
    sqlite3.SQLITE_PERM: "the store {store} may not be used. Mend its owner or mode",
    sqlite3.SQLITE_CANTOPEN: "the store {store} cannot be opened. Mend its owner or mode, or give another place with "
    "--store",
    sqlite3.SQLITE_NOTADB: "{store} is not a store of Vestnik: the file is no SQLite database. Give another place with "
    "--store",
    sqlite3.SQLITE_CORRUPT: "the store {store} is damaged. Put back a copy of it",
    sqlite3.SQLITE_IOERR: "the disk under the store {store} fails. Look into the system's log",
    sqlite3.SQLITE_PROTOCOL: "another program keeps the store {store} locked. Find and end it, or try again later",
}
"""By primary result code (https://sqlite.org/rescode.html)."""

_OUT_OF_SPACE = frozenset({sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN})
"""What SQLite says where a file beside the store's, like the index of its log, cannot grow or be made."""
_NO_ROOM = 256 * 1024
"""Bytes that are not enough to open a store."""

_POSTGRESQL: Mapping[str, str] = {
    "(password|peer|ident|certificate) authentication failed": "the PostgreSQL server of {store} refuses the user "
    "name or the password. Mend them in the URL",
    "no password supplied": "the PostgreSQL server of {store} asks for a password. Put one into the URL",
    'role ".*" does not exist': "the PostgreSQL server does not know the user of {store}. Create that role",
    'database ".*" does not exist': "the database of {store} does not exist. Create it, then run: vestnik upgrade",
}
"""By the words of the server's refusal: libpq hands on no SQLSTATE when connecting fails."""

_FAULT_STATES = ("08", "53", "57", "58", "XX", "42501", "25006", "25P03", "55P03")
"""SQLSTATE classes and codes that are the server's or the administrator's doing: connection, resources, shutdown,
system error, internal error, no privilege, read-only, silent for too long, lock timeout (PostgreSQL, appendix A)."""
_LOST = frozenset({"23503", "23505"})
"""What somebody else has just removed (a foreign key leads nowhere), what somebody else has just made (unique)."""
_ROLLED_BACK = frozenset({"40001", "40P01"})
"""Serialization failure, deadlock."""


def is_fault(error: DBAPIError) -> bool:
    """Whether the store is at fault, rather than the statement."""
    if error.connection_invalidated:
        return True
    if isinstance(error.orig, sqlite3.Error):
        return _sqlite_code(error.orig) in _SQLITE
    state = _state(error)
    if state is None:
        return isinstance(error, OperationalError | InterfaceError)
    return state.startswith(_FAULT_STATES)


def fault_in(error: BaseException) -> DBAPIError | None:
    """The fault an error came of: SQLite gives a transaction up when the disk is full, and undoing it fails too."""
    found: BaseException | None = error
    while found is not None:
        if isinstance(found, DBAPIError) and is_fault(found):
            return found
        found = found.__context__
    return None


def is_lost_race(error: Exception) -> bool:
    """Whether another process was quicker on PostgreSQL, so that doing the same again sees what it did."""
    return isinstance(error, DBAPIError) and _state(error) in _LOST


def is_deadlock(error: Exception) -> bool:
    """Whether PostgreSQL gave up the transaction for another one's sake: all of it is to be done again."""
    return isinstance(error, DBAPIError) and _state(error) in _ROLLED_BACK


def unreachable(error: DBAPIError, url: URL) -> StoreUnreachableError:
    """The error to raise instead: what is wrong, and what to do about it."""
    shown = shown_url(url)
    if isinstance(error.orig, sqlite3.Error):
        code = _sqlite_code(error.orig)
        if code in _OUT_OF_SPACE and _is_full(url.database):
            code = sqlite3.SQLITE_FULL
        known = _SQLITE.get(code)
        if known is not None:
            return StoreUnreachableError(known.format(store=url.database or shown))
    said = _said(error, url)
    for words, meaning in _POSTGRESQL.items():
        if re.search(words, said, re.IGNORECASE):
            return StoreUnreachableError(meaning.format(store=shown))
    return StoreUnreachableError(f"the store {shown} cannot be reached: {said}. Is it running, is the URL right?")


def shown_url(url: URL | str) -> str:
    """A store's URL for people, without its secrets."""
    parsed = make_url(url)
    hidden = {name: "***" for name in parsed.query if name in SECRET_PARAMETERS}
    return parsed.update_query_dict(hidden).render_as_string(hide_password=True)


def _said(error: DBAPIError, url: URL) -> str:
    """The driver's words on one line; should a password be among them, it is not."""
    said = " ".join(str(error.orig).split()).removesuffix(".")
    return said.replace(str(url.password), "***") if url.password else said


def _sqlite_code(error: sqlite3.Error) -> int:
    # The low byte is the primary code. Errors the module itself raises have none.
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_OK) & 0xFF


def _is_full(file: str | None) -> bool:
    """Whether there is no room where a store lies."""
    try:
        return file is not None and shutil.disk_usage(Path(file).parent).free < _NO_ROOM
    except OSError:
        return False


def _state(error: DBAPIError) -> str | None:
    return getattr(error.orig, "sqlstate", None)
