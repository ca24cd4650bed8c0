"""Migrations."""

from pathlib import Path

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect, text

from store.errors import StoreVersionError
from store.migrate import alembic_config, make_current, revision
from store.migrations import HEAD, KNOWN
from store.tables import METADATA
from tests.desk import open_store


def test_known_revisions_are_the_scripts() -> None:
    script = ScriptDirectory.from_config(alembic_config())
    assert tuple(reversed([one.revision for one in script.walk_revisions()])) == KNOWN
    assert script.get_current_head() == HEAD


def test_migrated_schema_is_the_declared_one(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    migrated = inspect(store.engine)
    declared_engine = create_engine("sqlite://")
    METADATA.create_all(declared_engine)
    declared = inspect(declared_engine)
    names = set(declared.get_table_names())
    assert set(migrated.get_table_names()) - {"alembic_version"} == names
    for name in names:
        assert {c["name"]: str(c["type"]) for c in migrated.get_columns(name)} == {
            c["name"]: str(c["type"]) for c in declared.get_columns(name)
        }
    query = text("SELECT name FROM sqlite_master WHERE type = 'index' AND name LIKE 'ix_%' ORDER BY name")
    with store.read() as one, declared_engine.connect() as other:
        assert one.execute(query).scalars().all() == other.execute(query).scalars().all()
    store.close()
    declared_engine.dispose()


def test_a_newer_store_is_refused(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    store.write(lambda connection: connection.execute(text("UPDATE alembic_version SET version_num = '9999'")))
    store.close()
    with pytest.raises(StoreVersionError, match="newer Vestnik"):
        open_store(tmp_path)


def test_a_store_that_is_current_is_left_alone(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    assert revision(store) == HEAD
    assert make_current(store, upgrade=False).before == HEAD
    store.close()
