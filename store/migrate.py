"""Bringing the schema up to date: all or nothing, one process at a time, with a copy kept of an SQLite file."""

import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import DBAPIError

from store.cards import Upgrade
from store.engine import Store, make_engine, sqlite_path
from store.errors import StoreUnreachableError, StoreVersionError
from store.faults import is_fault, unreachable
from store.migrations import KNOWN

if TYPE_CHECKING:
    from alembic.config import Config

ADVISORY_LOCK = 0x7665_7374  # "vest"
"""The lock on PostgreSQL that lets one migration run at a time. On SQLite, BEGIN IMMEDIATE does."""
LEFT_BEHIND = 8
"""Tables named in a refusal at most."""


@dataclass(frozen=True, slots=True)
class Scripts:
    """Migration scripts and the revisions they make, oldest first."""

    folder: Path = Path(__file__).parent / "migrations"
    known: tuple[str, ...] = KNOWN

    @property
    def head(self) -> str:
        """The revision they lead to."""
        return self.known[-1]


OURS = Scripts()


def revision(store: Store) -> str | None:
    """The schema revision of a store, `None` when it is empty. Two milliseconds: Alembic is not needed for it."""
    with store.read() as connection:
        return _revision_in(connection)


def make_current(store: Store, *, upgrade: bool, scripts: Scripts = OURS) -> Upgrade:
    """Migrate the store if it needs it.

    Raises:
        StoreUnreachableError: It cannot be opened, or there is no room for the copy.
        StoreVersionError: It is newer than this program, needs an upgrade that was not asked for, or is not a store.
    """
    before = revision(store)
    _check(before, scripts)
    if before == scripts.head:
        return Upgrade(before, scripts.head, None)
    if not upgrade:
        state = "is empty" if before is None else f"has schema {before}, this program needs {scripts.head}"
        msg = f"the store {store.shown_url} {state}. Run: vestnik upgrade"
        raise StoreVersionError(msg)
    # Rebuilding a table with foreign keys on would delete the rows of its children through ON DELETE CASCADE.
    engine = make_engine(store.url, migrating=True)
    try:
        with engine.begin() as connection:
            return _upgrade(connection, sqlite_path(store.url), scripts, store.clock())
    except DBAPIError as error:
        if is_fault(error):
            raise unreachable(error, engine.url) from error
        raise
    finally:
        engine.dispose()


def _upgrade(connection: Connection, path: Path | None, scripts: Scripts, now: datetime) -> Upgrade:
    """Migrate in one transaction, which holds everybody else off."""
    if path is None:
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ADVISORY_LOCK})
    before = _revision_in(connection)
    _check(before, scripts)
    if before == scripts.head:
        return Upgrade(before, scripts.head, None)  # another process was quicker
    if before is None:
        _refuse_another_programs(connection)
    copy = _keep_copy(path, before) if path is not None and before is not None else None
    from alembic import command

    from store.standard import install_in

    command.upgrade(alembic_config(connection, scripts), "head")
    if path is not None:
        broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
        if broken:
            msg = f"the migration would leave {len(broken)} rows without their parents; nothing was changed"
            raise StoreVersionError(msg)
    install_in(connection, now)
    return Upgrade(before, scripts.head, copy)


def alembic_config(connection: Connection | None = None, scripts: Scripts = OURS) -> "Config":
    """Alembic's settings for our scripts, to migrate on a connection."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(scripts.folder))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def _revision_in(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()


def _check(before: str | None, scripts: Scripts) -> None:
    if before is not None and before not in scripts.known:
        msg = (
            f"the store was written by a newer Vestnik (schema {before}, this program knows {scripts.head}). "
            "Upgrade Vestnik"
        )
        raise StoreVersionError(msg)


def _refuse_another_programs(connection: Connection) -> None:
    names = sorted(inspect(connection).get_table_names())
    if names and names != ["alembic_version"]:
        shown = ", ".join(names[:LEFT_BEHIND])
        msg = f"the database holds tables of another program ({shown}). Give Vestnik a database of its own with --store"
        raise StoreVersionError(msg)


def _keep_copy(path: Path, before: str) -> Path:
    """A copy of an SQLite file as it was last committed, private like the file itself, complete or not there."""
    copy = path.with_name(f"{path.name}.before-{before}")
    partial = copy.with_name(f"{copy.name}.partial")
    try:
        partial.unlink(missing_ok=True)
        os.close(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(partial)) as target:
            source.backup(target)
        partial.replace(copy)
    except (OSError, sqlite3.Error) as error:
        partial.unlink(missing_ok=True)
        msg = f"no copy of the store could be kept at {copy}, so it was not upgraded: {error}. Make room and try again"
        raise StoreUnreachableError(msg) from error
    return copy
