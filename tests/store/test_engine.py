"""Opening a store."""

import stat
from pathlib import Path

import pytest
from sqlalchemy import insert, text

from store import tables
from store.engine import Store
from store.errors import StoreUnreachableError
from tests.desk import open_store


def test_pragmas_are_durable(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    with store.read() as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
        assert connection.execute(text("PRAGMA synchronous")).scalar() == 2
        assert connection.execute(text("PRAGMA foreign_keys")).scalar() == 1
    store.close()


def test_files_are_private(tmp_path: Path) -> None:
    store = Store.open(f"sqlite:///{tmp_path / 'new' / 'vestnik.db'}")
    store.close()
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "new" / "vestnik.db").stat().st_mode) == 0o600


@pytest.mark.parametrize("url", ["sqlite:////proc/nowhere/vestnik.db", "nonsense", "oracle://x"])
def test_unusable_url_names_the_remedy(url: str) -> None:
    with pytest.raises(StoreUnreachableError, match=r"--store|Example"):
        Store.open(url)


def test_a_file_that_is_no_database_is_unreachable(tmp_path: Path) -> None:
    (tmp_path / "vestnik.db").write_text("this is a letter, not a database" * 200)
    with pytest.raises(StoreUnreachableError):
        open_store(tmp_path)


def test_a_failed_job_leaves_the_others_of_its_group(tmp_path: Path) -> None:
    store = open_store(tmp_path)

    def put(key: str) -> None:
        store.submit(lambda connection: connection.execute(insert(tables.meta).values(key=key, value="")))

    put("one")
    broken = store.submit(lambda connection: connection.execute(text("SELECT * FROM nowhere")))
    put("two")
    with pytest.raises(Exception, match="nowhere"):
        broken.result()
    store.close()
    again = open_store(tmp_path)
    with again.read() as connection:
        assert {"one", "two"} <= set(connection.execute(text("SELECT key FROM meta")).scalars())
    again.close()


def test_writing_to_a_closed_store_is_refused(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    store.close()
    with pytest.raises(StoreUnreachableError, match="closed"):
        store.submit(lambda _connection: None)
