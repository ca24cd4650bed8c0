"""Bringing the schema up to date, with a copy kept of an SQLite file."""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from store.engine import Store, make_engine, sqlite_path
from store.errors import StoreVersionError
from store.migrations import HEAD, KNOWN

if TYPE_CHECKING:
    from alembic.config import Config


@dataclass(frozen=True, slots=True)
class Upgrade:
    """What an upgrade did. `before` is `None` for a new store, `copy` the kept file, if any."""

    before: str | None
    after: str
    copy: Path | None


def revision(store: Store) -> str | None:
    """The schema revision of a store, `None` when it is empty. Two milliseconds: Alembic is not needed for it."""
    with store.read() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()


def make_current(store: Store, *, upgrade: bool) -> Upgrade:
    """Migrate the store if it needs it.

    Raises:
        StoreVersionError: It is newer than this program, or needs an upgrade that was not asked for.
    """
    before = revision(store)
    if before == HEAD:
        return Upgrade(before, HEAD, None)
    if before is not None and before not in KNOWN:
        msg = f"the store was written by a newer Vestnik (schema {before}, this program knows {HEAD}). Upgrade Vestnik"
        raise StoreVersionError(msg)
    if before is not None and not upgrade:
        msg = f"the store has schema {before}, this program needs {HEAD}. Run: vestnik upgrade"
        raise StoreVersionError(msg)
    path = sqlite_path(store.url)
    copy = _keep_copy(path, before) if path is not None and before is not None else None
    _run_migrations(store.url)
    from store.standard import install

    install(store)
    return Upgrade(before, HEAD, copy)


def _keep_copy(path: Path, before: str) -> Path:
    copy = path.with_name(f"{path.name}.before-{before}")
    with sqlite3.connect(path) as source, sqlite3.connect(copy) as target:
        source.backup(target)
    source.close()
    target.close()
    copy.chmod(0o600)
    return copy


def alembic_config(run: Callable[[], Connection] | None = None) -> "Config":
    """Alembic's settings for our scripts; `run` gives the connection to migrate on."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    if run is not None:
        config.attributes["connection"] = run()
    return config


def _run_migrations(url: str) -> None:
    from alembic import command

    # Rebuilding a table with foreign keys on would delete the rows of its children through ON DELETE CASCADE.
    engine = make_engine(url, foreign_keys=False)
    try:
        with engine.begin() as connection:
            command.upgrade(alembic_config(lambda: connection), "head")
            if engine.dialect.name == "sqlite":
                broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
                if broken:
                    msg = f"the migration would leave {len(broken)} rows without their parents; nothing was changed"
                    raise StoreVersionError(msg)
    finally:
        engine.dispose()
