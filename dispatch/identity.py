"""The name of a dispatcher, which tells those on the same machine whether its process still runs.

A process number says nothing by itself: it is given again, and in another container it is another process. With the
start of the kernel, the space of process numbers and the moment the process was started it is the process for good.
"""

import os
import socket
import uuid
from pathlib import Path

_PROC = Path("/proc")
_ENDED = {"Z", "X"}
"""States of processes that only wait to be forgotten."""


def new_name() -> str:
    """A name no dispatcher had before: host, process number, when it was started, where that holds, and chance."""
    pid = os.getpid()
    return f"{socket.gethostname()}:{pid}:{_started(pid) or ''}:{_place()}:{uuid.uuid4().hex[:8]}"


def is_dead(name: str) -> bool:
    """Whether a dispatcher's process is known to have ended; of those elsewhere nothing is known."""
    match name.split(":"):
        case [_, pid, started, place, _] if pid.isdecimal() and started and place:
            return place == _place() and _started(int(pid)) != started
        case _:
            return False


def _started(pid: int) -> str | None:
    """When a process was started, in ticks since the kernel was; `None` where it is not there."""
    try:
        fields = (_PROC / str(pid) / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in _ENDED else fields[19]


def _place() -> str:
    """Where a process number and the moment of its start name one process; empty where that cannot be told."""
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text("ascii").strip()
        return f"{boot.replace('-', '')[:12]}.{(_PROC / 'self/ns/pid').stat().st_ino}"
    except OSError:
        return ""
