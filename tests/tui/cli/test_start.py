"""How `vestnik` starts the console."""

import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tui.cli import console_options

ROOT = Path(__file__).parents[3]
DEADLINE_S = 60


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


def test_without_a_terminal_the_console_says_what_to_use_instead(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tui", "--store", str(tmp_path / "v.db")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False, stdin=subprocess.DEVNULL)
    assert done.returncode == 2
    assert "needs a terminal" in done.stderr
    assert not (tmp_path / "v.db").exists()


def run_in_terminal(*words: str, keys: bytes = b"", until: str = "", **environment: str) -> tuple[int, str]:
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
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), seen.decode("utf-8", "replace")


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


def test_a_terminal_that_would_drop_cyrillic_is_refused(tmp_path: Path) -> None:
    code, seen = run_in_terminal("--store", str(tmp_path / "v.db"), PYTHONIOENCODING="latin-1")
    assert code == 2
    assert "UTF-8" in seen


def test_a_terminal_that_can_do_nothing_is_refused(tmp_path: Path) -> None:
    code, seen = run_in_terminal("--store", str(tmp_path / "v.db"), TERM="dumb")
    assert code == 2
    assert "vestnik status" in seen
