"""A terminal that goes away: the console ends, nothing stays behind, nobody is blocked."""

import os
import pty
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast

import pytest

from tui.terminal import PatientWriter

ROOT = Path(__file__).parents[2]
DEADLINE_S = 60


class Gone:
    """A file whose terminal hung up after the first write."""

    def __init__(self) -> None:
        self.written: list[str] = []

    def write(self, text: str) -> None:
        if self.written:
            raise OSError(5, "Input/output error")
        self.written.append(text)

    def flush(self) -> None:
        """Nothing to do."""


def test_writes_to_a_terminal_that_is_gone_do_not_block_the_application() -> None:
    file = Gone()
    writer = PatientWriter(cast("IO[str]", file))
    writer.start()
    for number in range(500):  # the queue holds 30
        writer.write(str(number))
    writer.stop()
    assert not writer.is_alive()
    assert file.written == ["0"]


def test_everything_that_was_painted_is_written_and_flushed(tmp_path: Path) -> None:
    with (tmp_path / "out").open("w") as file:
        writer = PatientWriter(file)
        writer.start()
        for number in range(100):
            writer.write(f"{number} ")
        writer.stop()
        assert (tmp_path / "out").read_text().split() == [str(number) for number in range(100)]


class Demo:
    """The demo in a pseudo-terminal of its own, with a temporary folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.pid, self._terminal = pty.fork()
        if self.pid == 0:
            os.chdir(ROOT)
            os.environ.update({"TERM": "xterm-256color", "TMPDIR": str(folder)})
            os.execv(sys.executable, [sys.executable, "-m", "tui", "demo"])

    def read_until(self, text: str) -> None:
        seen, ends = b"", time.monotonic() + DEADLINE_S
        while text.encode() not in seen:
            assert time.monotonic() < ends
            assert select.select([self._terminal], [], [], DEADLINE_S)[0]
            seen += os.read(self._terminal, 65536)

    def hang_up(self) -> None:
        os.close(self._terminal)

    def drain(self) -> None:
        try:
            while select.select([self._terminal], [], [], 0.1)[0] and os.read(self._terminal, 65536):
                pass
        except OSError:
            return

    def wait(self, *, reading: bool) -> int:
        ends = time.monotonic() + DEADLINE_S
        while time.monotonic() < ends:
            if reading:
                self.drain()
            done, status = os.waitpid(self.pid, os.WNOHANG)
            if done:
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.02)
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        pytest.fail("it does not end")

    def dispatchers(self) -> list[str]:
        listing = subprocess.run(["ps", "-eww", "-o", "args"], capture_output=True, text=True, check=True).stdout
        return [line for line in listing.splitlines() if str(self.folder) in line and "dispatch" in line]

    def wait_until_nothing_is_left(self) -> None:
        ends = time.monotonic() + DEADLINE_S
        while self.dispatchers():
            assert time.monotonic() < ends, self.dispatchers()
            time.sleep(0.05)


@pytest.fixture
def demo() -> Iterator[Demo]:
    with tempfile.TemporaryDirectory(prefix="v-") as folder:  # short: the names of pytest's folders are longer than ps
        yield Demo(Path(folder))


def test_a_terminal_that_hangs_up_ends_the_demo_and_nothing_stays_behind(demo: Demo) -> None:
    demo.read_until("отправлено 1")
    demo.hang_up()
    assert demo.wait(reading=False) == 128 + signal.SIGHUP
    demo.wait_until_nothing_is_left()
    assert list(demo.folder.iterdir()) == []


def test_sigterm_restores_the_terminal_and_nothing_stays_behind(demo: Demo) -> None:
    demo.read_until("отправлено 1")
    os.kill(demo.pid, signal.SIGTERM)
    assert demo.wait(reading=True) == 128 + signal.SIGTERM
    demo.hang_up()
    demo.wait_until_nothing_is_left()
    assert list(demo.folder.iterdir()) == []


def test_a_console_that_is_killed_leaves_no_dispatcher_behind(demo: Demo) -> None:
    demo.read_until("отправлено 1")
    assert demo.dispatchers()
    os.kill(demo.pid, signal.SIGKILL)
    demo.wait(reading=True)
    demo.hang_up()
    demo.wait_until_nothing_is_left()
