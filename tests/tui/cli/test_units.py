"""`units` as an administrator uses it."""

from pathlib import Path

from tests.tui.cli.conftest import Vestnik


def test_the_files_are_shown_written_and_not_written_over(vestnik: Vestnik, tmp_path: Path) -> None:
    shown = vestnik("units")
    assert shown.code == 0
    assert "# /etc/systemd/system/vestnik.service\n" in shown.out
    assert "sqlite:////var/lib/vestnik/vestnik.db dispatch\n" in shown.out
    done = vestnik("units", tmp_path)
    assert (done.code, len(done.out.splitlines())) == (0, 5)
    assert done.err.endswith("enable --now vestnik vestnik-backup.timer\n")
    assert vestnik("units", tmp_path).code == 0
    place = tmp_path / "etc/systemd/system/vestnik.service"
    place.write_text("mine")
    refused = vestnik("units", tmp_path)
    assert (refused.code, "--replace" in refused.err, place.read_text()) == (2, True, "mine")
    assert vestnik("units", tmp_path, "--replace").code == 0
    assert "WatchdogSec" in place.read_text()


def test_no_password_gets_into_a_file_that_everybody_reads(vestnik: Vestnik, tmp_path: Path) -> None:
    refused = vestnik("units", tmp_path, "--store", "postgresql+psycopg://u:hush@db.example.org/v")
    assert (refused.code, "pgpass" in refused.err, "hush" in refused.err) == (2, True, False)
    assert not list(tmp_path.rglob("*.service"))
    done = vestnik("units", tmp_path, "--store", "postgresql+psycopg://u@db.example.org/v")
    assert (done.code, "backup" in done.out) == (0, False)
