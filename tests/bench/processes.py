"""Processes that are measured: Vestnik's commands, what a tree of processes has used, how much memory it takes."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

POLL_S = 0.02
DEADLINE_S = 600
SAMPLE_S = 0.25
TICKS = os.sysconf("SC_CLK_TCK")
MEGABYTE = 1 << 20


@dataclass(frozen=True, slots=True)
class Took:
    """What something took: seconds, CPU seconds of all its processes, the most memory of them at one time."""

    spent_s: float
    cpu_s: float
    peak_mb: float


def vestnik(url: str, *words: str) -> subprocess.Popen[bytes]:
    """Start one of Vestnik's commands on a store."""
    command = [sys.executable, "-m", "tui", "--store", url, *words]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL)


def ended(process: subprocess.Popen[Any]) -> float:
    """Wait for a process; gives the CPU seconds of its life and of the children it waited for.

    Raises:
        RuntimeError: It ended with an error.
    """
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        msg = f"{process.args} ended with {process.returncode}"
        raise RuntimeError(msg)
    return used.ru_utime + used.ru_stime


def peak_mb(pid: int) -> float:
    """The most memory a process that runs has had in its life.

    What `wait4` tells of one that has ended may be the memory of whoever started it.
    """
    for line in Path(f"/proc/{pid}/status").read_text("utf-8", "replace").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / MEGABYTE
    msg = f"process {pid} has no memory"
    raise RuntimeError(msg)


def cpu_s(pid: int) -> float:
    """CPU seconds a process has used so far."""
    fields = _stat(pid)
    return (int(fields[11]) + int(fields[12])) / TICKS


def tree_cpu_s(root: int) -> float:
    """CPU seconds of a process, of its children that live, and of those it has waited for."""
    total = 0
    for pid in _tree(root):
        try:
            total += sum(int(field) for field in _stat(pid)[11:15])
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended meanwhile: its parent has waited for it, or will have by the next look
    return total / TICKS


def until(condition: Callable[[], bool], *, poll_s: float = POLL_S) -> None:
    """Wait for something.

    Raises:
        RuntimeError: It does not happen.
    """
    deadline = time.perf_counter() + DEADLINE_S
    while not condition():
        if time.perf_counter() > deadline:
            msg = "the line stands still"
            raise RuntimeError(msg)
        time.sleep(poll_s)


class Memory:
    """The most memory some processes with their children take at one time, looked at a few times a second.

    A page that several of them share counts once (PSS). A context manager; add roots as they are started.

    Attributes:
        peak_mb: So far.
    """

    def __init__(self, roots: Sequence[int] = ()) -> None:
        self.peak_mb = 0.0
        self._roots = list(roots)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def add(self, root: int) -> None:
        """Count a process and its children from now on."""
        self._roots.append(root)

    def _watch(self) -> None:
        while not self._stop.wait(SAMPLE_S):
            taken = sum(_proportional(pid) for root in list(self._roots) for pid in _tree(root))
            self.peak_mb = max(self.peak_mb, taken / MEGABYTE)


def proportional_mb(pid: int) -> float:
    """Megabytes a process takes now, a page that several share divided among them."""
    return _proportional(pid) / MEGABYTE


def _proportional(pid: int) -> int:
    """Bytes of memory of a process, a shared page divided among those who share it; 0 where it may not be read."""
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text("ascii").splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0


def _tree(root: int) -> list[int]:
    """A process and all below it."""
    parents = dict[int, list[int]]()
    for entry in os.listdir("/proc"):  # noqa: PTH208 - names are wanted, not paths
        if entry.isdecimal():
            try:
                parents.setdefault(int(_stat(int(entry))[1]), []).append(int(entry))
            except (FileNotFoundError, ProcessLookupError):
                continue
    found = [root]
    for pid in found:
        found += parents.get(pid, [])
    return found


def _stat(pid: int) -> list[str]:
    """The fields of a process after its name, from its state on."""
    return Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
