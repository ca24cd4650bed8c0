"""What systemd hears of a dispatcher, over a socket as systemd opens it; and that its files are as it wants them."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from dispatch.supervisor import TELL_S, Supervisor
from dispatch.units import units
from tests.desk import open_store

ROOT = Path(__file__).parents[2]
DEADLINE_S = 60


@pytest.fixture
def line(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.bind(str(tmp_path / "notify"))
        line.settimeout(DEADLINE_S)
        yield line


def heard(line: socket.socket) -> dict[str, str]:
    return dict(one.split("=", 1) for one in line.recv(4096).decode().split("\n"))


def test_a_dispatcher_tells_that_it_is_ready_lives_and_ends(tmp_path: Path, line: socket.socket) -> None:
    with closing(open_store(tmp_path)) as store:
        url = store.url
    environment = {**os.environ, "NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "400000"}
    command = [sys.executable, "-m", "tui", "--store", url, "dispatch"]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
    try:
        assert heard(line) == {"READY": "1"}
        begun = time.monotonic()
        for _ in range(5):
            said = heard(line)
            assert (said["WATCHDOG"], said["STATUS"]) == ("1", "planned 0, sent 0, failed 0, gave up 0")
        assert time.monotonic() - begun > 0.6, "twice within the time systemd gives, not oftener"
        process.send_signal(signal.SIGTERM)
        while "STOPPING" not in (said := heard(line)):
            assert said["WATCHDOG"] == "1"
        assert process.wait(DEADLINE_S) == 0
    finally:
        process.kill()
        process.wait()


def test_nobody_listens_and_nothing_is_held_up(tmp_path: Path, line: socket.socket) -> None:
    assert not Supervisor({}).listens
    Supervisor({}).tell(READY="1")
    Supervisor({"NOTIFY_SOCKET": str(tmp_path / "gone")}).tell(READY="1")
    full = Supervisor({"NOTIFY_SOCKET": str(tmp_path / "notify")})
    for _ in range(5_000):  # nobody reads: the socket is full after some hundred
        full.tell(WATCHDOG="1")
    assert heard(line) == {"WATCHDOG": "1"}


@pytest.mark.parametrize(
    ("environment", "every_s"),
    [
        ({}, TELL_S),
        ({"WATCHDOG_USEC": "60000000"}, TELL_S),
        ({"WATCHDOG_USEC": "3000000"}, 1.5),
        ({"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "1"}, TELL_S),
        ({"WATCHDOG_USEC": "0"}, TELL_S),
        ({"WATCHDOG_USEC": "soon"}, TELL_S),
    ],
)
def test_it_tells_as_often_as_systemd_wants(environment: dict[str, str], every_s: float) -> None:
    assert Supervisor(environment).every_s == every_s


def test_an_abstract_socket_is_found() -> None:
    name = f"vestnik-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.bind(f"\0{name}")
        line.settimeout(DEADLINE_S)
        Supervisor({"NOTIFY_SOCKET": f"@{name}"}).tell(READY="1")
        assert heard(line) == {"READY": "1"}


def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["systemd-analyze", *words], check=False, capture_output=True, text=True)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
@pytest.mark.parametrize(
    "url", ["sqlite:////var/lib/vestnik/a b 100%.db", "postgresql+psycopg://vestnik@db.example.org/vestnik"]
)
def test_systemd_takes_the_files_and_finds_them_safe(tmp_path: Path, url: str) -> None:
    program = tmp_path / "vest nik"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    made = units([str(program)], url)
    for unit in made:
        (tmp_path / unit.path.name).write_text(unit.text, "utf-8")
        assert "@" not in re.sub(r"@[a-z-]+\b|vestnik@db", "", unit.text)
    services = [tmp_path / unit.path.name for unit in made if unit.path.suffix in {".service", ".timer"}]
    assert len(services) == (3 if url.startswith("sqlite") else 1)
    checked = run("verify", "--man=no", *services)
    assert (checked.returncode, checked.stderr) == (0, "")
    all_on = tmp_path / "vestnik.service"  # with every choice that is written as a comment
    all_on.write_text(re.sub(r"^#(?=[A-Z][A-Za-z]+=)", "", all_on.read_text("utf-8"), flags=re.MULTILINE), "utf-8")
    assert all_on.read_text("utf-8").count("LoadCredentialEncrypted=") == 2
    checked = run("verify", "--man=no", all_on)
    assert (checked.returncode, checked.stderr) == (0, "")
    for service in services:
        if service.suffix == ".service":
            found = run("security", "--offline=yes", "--threshold=30", service)
            assert found.returncode == 0, found.stdout
