"""What is around: the terminal, the libraries, systemd."""

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from tui import eight_bit
from tui.checkup.case import Case, Finding, Level
from tui.cli.encoding import is_utf8, terminal_encoding

COLUMNS, LINES = 80, 24
LIBRARIES = ("textual", "sqlalchemy", "sqlmodel", "aiosmtplib", "exchangelib", "cryptography", "jinja2", "msal")
OPTIONAL = {"prometheus_client": "metrics", "textual-serve": "web"}
"""Libraries that are there only where their extra was asked for."""
RUNNING = Path("/run/systemd/system")
"""It is there where systemd runs the machine (sd_booted(3))."""
UNIT = "vestnik.service"
ASK_S = 5


def terminal(case: Case) -> Iterator[Finding]:
    """Whether the console could be shown here."""
    del case
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        yield Finding("terminal", Level.SKIPPED, "terminal_none")
        return
    encoding, name = terminal_encoding(), os.environ.get("TERM", "")
    columns, rows = shutil.get_terminal_size()
    params = {"encoding": encoding, "columns": columns, "lines": rows, "name": name or "-"}
    if not is_utf8(encoding) and not eight_bit.fits(encoding):
        yield Finding("terminal", Level.WARNING, "terminal_encoding", params | {"run": "LANG=C.UTF-8"}, "fix_encoding")
    elif name in {"", "dumb", "unknown"}:
        params |= {"run": "vestnik deliveries --follow"}
        yield Finding("terminal", Level.WARNING, "terminal_dumb", params, "fix_dumb")
    elif columns < COLUMNS or rows < LINES:
        yield Finding("terminal", Level.WARNING, "terminal_small", params, "fix_small")
    else:
        yield Finding("terminal", Level.OK, "terminal_fits", params)


def libraries(case: Case) -> Iterator[Finding]:
    """Their versions; what is asked for in a report."""
    drivers = () if case.path is not None else ("psycopg",)
    found = {name: _version(name) for name in (*LIBRARIES, *drivers)}
    absent = [name for name, number in found.items() if not number]
    python = ".".join(map(str, sys.version_info[:3]))
    also = {name: number for name in OPTIONAL if (number := _version(name))}
    numbers = {"vestnik": _version("vestnik"), "python": python, "sqlite": sqlite3.sqlite_version} | found | also
    said = ", ".join(f"{name} {number}" for name, number in numbers.items() if number)
    if absent:
        params = {"names": ", ".join(absent), "run": "pip install vestnik"}
        yield Finding("versions", Level.FAILED, "versions_absent", params, "fix_by_command")
    yield Finding("versions", Level.OK, "versions", {"versions": said})


def service(case: Case) -> Iterator[Finding]:
    """The service of systemd, where there is one."""
    if not RUNNING.is_dir() or (program := shutil.which("systemctl")) is None:
        yield Finding("service", Level.SKIPPED, "service_no_systemd")
        return
    asked = ("LoadState", "ActiveState", "SubState", "NRestarts", "ExecStart")
    command = [program, "show", UNIT, f"--property={','.join(asked)}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=ASK_S, check=False)  # noqa: S603
    said = dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)
    if said.get("LoadState") != "loaded":
        yield Finding("service", Level.SKIPPED, "service_none", {"run": "vestnik units /"}, "fix_service_none")
        return
    params = {"state": f"{said.get('ActiveState')} ({said.get('SubState')})", "count": said.get("NRestarts", "0")}
    params["run"] = f"journalctl -u {UNIT}"
    command_line = said.get("ExecStart", "")
    if "--store" in command_line and case.url not in command_line:
        yield Finding("service", Level.WARNING, "service_other_store", params, "fix_other_store")
    if said.get("ActiveState") == "active":
        yield Finding("service", Level.OK, "service_active", params)
    else:
        level = Level.WARNING if case.opened is not None and case.alive else Level.FAILED
        yield Finding("service", level, "service_inactive", params, "fix_service")


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


machine_checks = (terminal, libraries, service)
