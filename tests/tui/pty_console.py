"""A console in a pseudo-terminal, with an emulator that knows what a person would see of it."""

import codecs
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from fcntl import ioctl
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Self

import pyte

ROOT = Path(__file__).parents[2]
DEADLINE_S = 60
_PRIVATE = 5
"""The emulator keeps the number of a private mode shifted by so many bits."""
_ALTERNATE, _CURSOR = 1049, 25
_REPORTS = (1000, 1002, 1003, 1004, 1006, 1015, 2004)
"""Modes in which a terminal writes by itself: mouse, focus, pasted text."""


class Pty:
    """A program in a terminal of its own; ends with the block.

    Args:
        command: The program with its arguments; the console by default.
        environment: What it finds there beside ours.
        size: Columns and rows.
        encoding: What the terminal reads and writes.
    """

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str] = MappingProxyType({}),
        size: tuple[int, int] = (80, 24),
        encoding: str = "utf-8",
    ) -> None:
        self.raw = b""
        self._code: int | None = None
        self._screen = pyte.Screen(*size)
        self._encoding = encoding
        self._decode = codecs.getincrementaldecoder(encoding)("replace").decode
        self._stream = pyte.Stream(self._screen)
        self._master, self._slave = pty.openpty()
        self.resize(*size)
        self.settings = self.settings_now
        clean = {name: value for name, value in os.environ.items() if name not in {"TMUX", "COLORTERM", "NO_COLOR"}}
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self._master)
            os.login_tty(os.dup(self._slave))
            os.chdir(ROOT)
            os.execve(command[0], list(command), {**clean, "TERM": "xterm-256color", **environment})

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self.over:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self._slave)
        os.close(self._master)

    @property
    def settings_now(self) -> list[object]:
        """Echo, line editing and the like, as the terminal has them."""
        return termios.tcgetattr(self._slave)

    @property
    def over(self) -> bool:
        """Whether the program has ended."""
        if self._code is None:
            done, status = os.waitpid(self.pid, os.WNOHANG)
            self._code = os.waitstatus_to_exitcode(status) if done else None
        return self._code is not None

    @property
    def rows(self) -> list[str]:
        """What stands on the screen."""
        return [line.rstrip() for line in self._screen.display]

    @property
    def text(self) -> str:
        """What stands on the screen, as one text."""
        return "\n".join(self.rows)

    def cells(self) -> list[tuple[str, str, str]]:
        """Each cell that is not blank: its character, its colour, the colour behind it."""
        return [
            (cell.data, cell.bg if cell.reverse else cell.fg, cell.fg if cell.reverse else cell.bg)
            for y in range(self._screen.lines)
            for cell in (self._screen.buffer[y][x] for x in range(self._screen.columns))
            if cell.data.strip()
        ]

    def resize(self, columns: int, rows: int) -> None:
        """Give the terminal another size, and tell the program."""
        ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self._screen.resize(rows, columns)

    def press(self, keys: str) -> None:
        """Type."""
        os.write(self._master, keys.encode(self._encoding))

    def read(self, seconds: float = 0.05) -> bool:
        """Take what the program wrote, waiting for it so long; gives whether there was anything."""
        if not select.select([self._master], [], [], seconds)[0]:
            return False
        data = os.read(self._master, 65536)
        self.raw += data
        self._stream.feed(self._decode(data))
        return True

    def until(self, condition: Callable[[], object], what: str = "") -> None:
        """Read until a condition holds.

        Raises:
            AssertionError: It does not come to hold.
        """
        ends = time.monotonic() + DEADLINE_S
        while not condition():
            self.read()
            assert time.monotonic() < ends, f"{what}\n{self.text}"
            assert not self.over, f"it has ended with {self._code}\n{self.text}"

    def see(self, *texts: str) -> None:
        """Read until all of some texts stand on the screen."""
        self.until(lambda: all(text in self.text for text in texts), f"not seen: {texts}")

    def settle(self, seconds: float = 0.2) -> None:
        """Read until nothing has come for a while."""
        while self.read(seconds):
            pass

    def go(self, keys: str) -> None:
        """Type, and read until the picture is another one and stands still."""
        before = self.rows
        self.press(keys)
        self.until(lambda: self.rows != before, f"{keys!r} changes nothing")
        self.settle()

    def end(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and read until the program has ended; gives its exit code."""
        os.kill(self.pid, number)
        return self.ended()

    def ended(self) -> int:
        """Read until the program has ended; gives its exit code."""
        ends = time.monotonic() + DEADLINE_S
        while not self.over:
            self.read()
            assert time.monotonic() < ends, "it does not end"
        while self.read(0):
            pass
        assert self._code is not None
        return self._code

    def check_clean(self) -> None:
        """The terminal is as it was before.

        Raises:
            AssertionError: It is not.
        """
        on = {mode >> _PRIVATE for mode in self._screen.mode if mode >= 1 << _PRIVATE}
        assert _ALTERNATE not in on, "the alternate screen is still shown"
        assert _CURSOR in on, "the cursor is hidden"
        assert not on.intersection(_REPORTS), "it still reports by itself"
        assert not self._screen.cursor.hidden
        pushed, popped = (len(re.findall(pattern, self.raw)) for pattern in (rb"\x1b\[>\d+u", rb"\x1b\[<u"))
        assert pushed == popped, "keys are still reported in another way"
        assert self.settings_now == self.settings, "echo or line editing is not as it was"


def console_in(url: str, *words: str, language: str = "ru") -> list[str]:
    """The command of the console on a store."""
    return [sys.executable, "-m", "tui", "--store", url, "--language", language, *words]
