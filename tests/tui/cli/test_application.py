"""The command itself: its version, its help, the console without a terminal."""

import getpass
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.tui.cli.conftest import Vestnik
from tui import operator as operators

ROOT = Path(__file__).parents[3]
COMMANDS = (
    "demo", "upgrade", "apply", "export", "emit", "dispatch", "status", "deliveries", "retry", "cancel", "plan", "why",
    "check-mail",
)  # fmt: skip


def test_the_version_is_the_packages(vestnik: Vestnik) -> None:
    assert vestnik("--version").out == f"vestnik {version('vestnik')}\n"


def test_help_names_every_command(vestnik: Vestnik) -> None:
    out = vestnik("-h").out
    assert all(command in out for command in COMMANDS)
    assert "FILE" in vestnik("apply", "--help").out


def test_the_console_needs_a_terminal(vestnik: Vestnik) -> None:
    done = vestnik("--language", "ru")
    assert done.code == 2
    assert "Консоли нужен терминал" in done.err
    assert "needs a terminal" in vestnik("demo", "--language", "en").err
    assert vestnik("--store", "x.db", "--language", "de").code == 2


def test_it_runs_as_a_module() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tui", "--version"], capture_output=True, text=True, cwd=ROOT, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (0, f"vestnik {version('vestnik')}\n")


def test_somebody_without_a_name_is_the_console(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> str:
        raise KeyError

    monkeypatch.setattr(getpass, "getuser", nobody)
    assert operators.operator() == "console"
