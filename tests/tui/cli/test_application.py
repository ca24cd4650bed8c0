"""The command itself: its version, its help, the console without a terminal."""

import getpass
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import typer

from tests.tui.cli.conftest import Vestnik
from tui import operator as operators
from tui.cli.application import MODULES, load

ROOT = Path(__file__).parents[3]
COMMANDS = (
    "demo", "upgrade", "apply", "export", "emit", "dispatch", "status", "deliveries", "retry", "cancel", "plan", "why",
    "check-mail",
)  # fmt: skip


def test_the_version_is_the_packages(vestnik: Vestnik) -> None:
    assert vestnik("--version").out == f"vestnik {version('vestnik')}\n"


def loaded(*words: str) -> list[str]:
    """The commands there are for these arguments."""
    group: Any = typer.main.get_command(load(words))
    return [str(name) for name in group.commands]


def test_help_names_every_command(vestnik: Vestnik) -> None:
    out = vestnik("-h").out
    assert all(command in out for command in (*COMMANDS, *loaded()))
    assert "FILE" in vestnik("apply", "--help").out


def test_each_command_is_where_it_is_looked_for() -> None:
    assert sorted(loaded()) == sorted(command for commands in MODULES.values() for command in commands)
    for commands in MODULES.values():
        for command in commands:
            assert loaded(command) == list(commands)


@pytest.mark.parametrize(
    ("words", "some"),
    [
        (["emit", "status"], True),
        (["--store", "demo", "emit"], True),
        (["--store=x", "--log-level", "debug", "--log-format", "json", "emit", "--help"], True),
        (["--language", "emit"], False),
        (["emitt"], False),
        (["--help"], False),
        (["--store"], False),
    ],
)
def test_only_the_command_that_is_asked_for_is_loaded(words: list[str], some: bool) -> None:
    assert loaded(*words) == (["emit", "status", "deliveries"] if some else loaded())


def test_accepting_an_event_loads_no_more_than_it_takes() -> None:
    program = (
        "import sys; from tui.cli.application import load; load(['emit']); import dispatch.intake;"
        "print(*sorted({'jinja2', 'aiosmtplib', 'exchangelib', 'textual', 'rich.text', 'requests', 'yaml',"
        "'cryptography', 'holidays', 'alembic', 'email_validator'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, cwd=ROOT, capture_output=True, text=True)
    assert done.stdout == "\n"


def test_a_command_that_is_not_there_is_told_with_those_like_it(vestnik: Vestnik) -> None:
    done = vestnik("emitt")
    assert done.code == 2
    assert "Did you mean 'emit'" in done.err


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
