"""`backup`, `restore`, `verify` as a script sees them."""

import sqlite3
from contextlib import closing
from pathlib import Path

from store.engine import Store
from tests.desk import event, furnish, lines
from tests.tui.cli.conftest import Vestnik


def filled(vestnik: Vestnik, url: str) -> None:
    with closing(Store.open(url)) as store:
        furnish(store, port=25)
    assert vestnik("emit", "-", stdin=lines(event())).code == 0


def test_a_store_is_copied_checked_and_put_back(vestnik: Vestnik, url: str, tmp_path: Path) -> None:
    filled(vestnik, url)
    copy = tmp_path / "copy.db"
    made = vestnik("backup", copy, "--json")
    assert (made.code, made.json["path"], made.json["events"]) == (0, str(copy), 1)
    again = vestnik("backup", copy)
    assert (again.code, "exists already" in again.err) == (3, True)
    assert (vestnik("verify").code, vestnik("verify", copy).err) == (0, "whole\n")
    refused = vestnik("restore", copy)
    assert (refused.code, "--yes" in refused.err) == (2, True)
    done = vestnik("restore", copy, "--yes")
    assert done.code == 0
    assert "before-restore" in done.out
    assert "silent mode is on" in done.err
    assert vestnik("status", "--json").json["silent"]["state"] == "on"
    assert vestnik("audit", "--json").json[0]["what"] == "store:restore"


def test_damage_ends_with_one(vestnik: Vestnik, url: str, tmp_path: Path) -> None:
    filled(vestnik, url)
    copy = tmp_path / "copy.db"
    assert vestnik("backup", copy).code == 0
    with closing(sqlite3.connect(copy)) as connection:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
    data = copy.read_bytes()
    half = len(data) // pages * (pages // 2)
    copy.write_bytes(data[:half] + b"\xff" * (len(data) - half))
    found = vestnik("verify", copy, "--json")
    assert (found.code, found.json["ok"]) == (1, False)
    assert found.json["problems"]
    assert "damaged" in vestnik("verify", copy).err
    assert vestnik("verify", tmp_path / "none.db").code == 3
