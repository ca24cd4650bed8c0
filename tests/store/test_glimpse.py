"""The glimpse at a store for the first frame."""

import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from store.engine import Store
from store.glimpse import company_language
from store.settings import company, save_company
from store.vocabulary import Language


@pytest.mark.parametrize("language", list(Language))
def test_the_language_of_the_company_is_read(tmp_path: Path, language: Language) -> None:
    url = f"sqlite:///{tmp_path / 'v.db'}"
    store = Store.open(url)
    save_company(store, replace(company(store), language=language), "test")
    store.close()
    assert company_language(url) is language


def test_a_store_that_is_not_there_is_neither_read_nor_made(tmp_path: Path) -> None:
    assert company_language(f"sqlite:///{tmp_path / 'none.db'}") is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"not a database at all, but long enough to be looked at closely" * 20])
def test_what_is_no_store_is_left_to_the_real_opening(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "v.db").write_bytes(content)
    assert company_language(f"sqlite:///{tmp_path / 'v.db'}") is None


def test_a_language_of_a_newer_version_is_no_language(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "v.db") as connection:
        connection.execute("CREATE TABLE company (language TEXT)")
        connection.execute("INSERT INTO company VALUES ('tlh')")
    connection.close()
    assert company_language(f"sqlite:///{tmp_path / 'v.db'}") is None


def test_another_engine_is_not_tried() -> None:
    assert company_language("postgresql+psycopg://nowhere/none") is None


def test_it_does_not_load_sqlalchemy() -> None:
    program = "import sys, store.glimpse; sys.exit('sqlalchemy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
