"""`vestnik web` as a process of its own, and what runs below it."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

DEADLINE_S = 30


@dataclass(frozen=True)
class Served:
    """A running `vestnik web`."""

    process: subprocess.Popen[str]
    url: str

    @property
    def address(self) -> str:
        """Where it is, without the token."""
        return self.url.partition("?")[0]

    def below(self) -> list[int]:
        """The processes below the server: consoles, and their dispatchers."""
        return descendants(self.process.pid)


@contextmanager
def serving(store_url: str, *options: str) -> Generator[Served]:
    """`vestnik web` on a store, on a free port; ended afterwards."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tui", "web", "--port", "0", "--store", store_url, *options],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        yield Served(process, process.stdout.readline().split()[-1])
    finally:
        process.terminate()
        process.wait(DEADLINE_S)
        process.stdout.close()


def descendants(pid: int) -> list[int]:
    """The processes below another one."""
    # A child is listed with the thread that started it.
    lists = Path(f"/proc/{pid}/task").glob("*/children")
    try:
        children = [int(child) for one in lists for child in one.read_text().split()]
    except OSError:
        return []
    return [found for child in children for found in (child, *descendants(child))]


def said_to(pid: int) -> str:
    """The command line and the environment a process was started with."""
    return "".join(Path(f"/proc/{pid}/{name}").read_bytes().decode() for name in ("cmdline", "environ"))


def alive(pids: list[int]) -> list[int]:
    """Those of some processes that still run."""
    return [pid for pid in pids if os.path.exists(f"/proc/{pid}")]  # noqa: PTH110 - of a moment


async def until(condition: Callable[[], object], what: str) -> None:
    """Wait until a condition holds.

    Raises:
        AssertionError: It does not come to hold.
    """
    loop = asyncio.get_running_loop()
    ends = loop.time() + DEADLINE_S
    while not condition():
        assert loop.time() < ends, what
        await asyncio.sleep(0.02)
