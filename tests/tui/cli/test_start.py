"""How `vestnik` starts the console."""

import json
import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from types import MappingProxyType

import pytest

from tests.desk import open_store
from tests.tui.scripted_desk import add_notice
from tui.cli import console_options

ROOT = Path(__file__).parents[3]
DEADLINE_S = 60
KOI8 = {"LC_ALL": "ru_RU.KOI8-R"}


@pytest.mark.parametrize(
    ("words", "options"),
    [
        ([], {}),
        (["--store", "v.db"], {"--store": "v.db"}),
        (["--language", "en", "--store", "v.db"], {"--language": "en", "--store": "v.db"}),
        (["status"], None),
        (["--store", "v.db", "status"], None),
        (["--store"], None),
        (["--language", "tlh"], None),
        (["--help"], None),
        (["demo", "--headless"], None),
    ],
)
def test_only_the_plain_console_does_without_the_command_line_library(
    words: list[str], options: dict[str, str] | None
) -> None:
    assert console_options(words) == options


def test_the_first_frame_needs_neither_sqlalchemy_nor_the_command_line_library() -> None:
    program = (
        "import sys; import tui.cli, tui.cli.console, tui.cli.output, tui.app, store.glimpse;"
        "sys.exit(bool({'sqlalchemy', 'sqlmodel', 'pydantic', 'typer', 'jinja2', 'aiosmtplib'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False, cwd=ROOT).returncode == 0


@pytest.mark.parametrize(
    ("language", "russian", "english"), [("", True, True), ("ru", True, False), ("en", False, True)]
)
def test_without_a_terminal_the_console_says_what_to_use_instead(
    tmp_path: Path, language: str, russian: bool, english: bool
) -> None:
    command = [sys.executable, "-m", "tui", "--store", str(tmp_path / "v.db")]
    command += ["--language", language] if language else []
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False, stdin=subprocess.DEVNULL)
    assert (done.returncode, done.stdout) == (2, "")
    assert ("Консоли нужен терминал" in done.stderr) is russian
    assert ("needs a terminal" in done.stderr) is english
    assert "vestnik deliveries --follow" in done.stderr
    assert not (tmp_path / "v.db").exists()


def run_in_terminal(
    *words: str,
    environment: Mapping[str, str] = MappingProxyType({}),
    keys: bytes = b"",
    until: str = "",
    encoding: str = "utf-8",
) -> tuple[int, str]:
    """Run `vestnik` in a pseudo-terminal; press `keys` once `until` is on the screen. Gives exit code and output."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(ROOT)
        os.environ.update({"TERM": "xterm-256color", "LINES": "24", "COLUMNS": "80", **environment})
        os.execv(sys.executable, [sys.executable, "-m", "tui", *words])
    seen = b""
    ends = time.monotonic() + DEADLINE_S
    try:
        while time.monotonic() < ends and select.select([terminal], [], [], DEADLINE_S)[0]:
            seen += os.read(terminal, 65536)
            if until and until.encode() in seen:
                os.write(terminal, keys)
                until = ""
    except OSError:
        pass  # the program has ended
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), seen.decode(encoding, "replace")


def test_the_console_opens_its_store_and_ends_by_its_key(tmp_path: Path) -> None:
    code, seen = run_in_terminal(
        "--store", str(tmp_path / "v.db"), "--language", "en", until="Nothing has happened yet", keys=b"\x11"
    )
    assert code == 0
    assert "Deliveries" in seen
    assert "Traceback" not in seen


def test_a_store_that_cannot_be_opened_ends_the_console_with_its_message(tmp_path: Path) -> None:
    (tmp_path / "v.db").write_bytes(b"this is no database, however long one looks at it" * 100)
    code, seen = run_in_terminal("--store", str(tmp_path / "v.db"))
    assert code == 3
    assert "no SQLite database" in seen
    assert "Traceback" not in seen


@pytest.mark.parametrize(
    ("encoding", "environment", "russian"),
    [
        ("latin-1", {"PYTHONIOENCODING": "latin-1"}, False),
        ("koi8-r", {**KOI8, "TERM": "dumb"}, True),  # installed or not: it is what the terminal reads
        ("utf-8", {"LC_ALL": "C.UTF-8", "TERM": "dumb"}, True),
    ],
)
def test_a_terminal_that_cannot_show_it_is_refused_in_what_it_can_show(
    tmp_path: Path, encoding: str, environment: dict[str, str], russian: bool
) -> None:
    code, seen = run_in_terminal("--store", str(tmp_path / "v.db"), encoding=encoding, environment=environment)
    assert code == 2
    assert ("Без неё: vestnik status" in seen) is russian
    assert "Without it: vestnik status" in seen
    assert ("TERM=dumb" if "TERM" in environment else "UTF-8") in seen
    assert "\ufffd" not in seen
    assert "\\u" not in seen


def test_commands_write_what_the_terminal_can_read_and_lose_nothing(tmp_path: Path) -> None:
    with closing(open_store(tmp_path)) as store:
        add_notice(store, subject="Готово ✓", name="Ольга")
        words = ["--store", store.url, "deliveries"]
        code, seen = run_in_terminal(*words, encoding="koi8-r", environment=KOI8)
        assert (code, seen.rstrip().endswith("Готово \\u2713  (Готово \\u2713)")) == (0, True), seen
        code, seen = run_in_terminal(*words, "--json", encoding="ascii", environment=KOI8)
        assert (code, json.loads(seen)[0]["subject"]) == (0, "Готово ✓")
