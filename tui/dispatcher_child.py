"""The dispatcher as a child process, for embedded use: started when none is alive, ended on leaving.

It holds the other end of a pipe: when the console is killed and cannot end it, the pipe's end does.
"""

import os
import subprocess
import sys
import tempfile
import time
from typing import IO

from dispatch.identity import is_dead
from store.engine import Store
from store.sanitise import clean_line
from store.status import read_status

END_WITHIN_S = 10
FOR_SERVICES = ("VESTNIK_LISTEN", "VESTNIK_LOG_FORMAT", "VESTNIK_LOG_LEVEL")
"""Not for a child: the port may be the service's, its last words are shown to people, its log is read by nobody."""
START_AGAIN_S = 10.0
"""One that ends by itself is started again, but no sooner: what stopped it may stop it again at once."""


def environment() -> dict[str, str]:
    """The environment of a child, which is no service."""
    return {name: value for name, value in os.environ.items() if name not in FOR_SERVICES}


class DispatcherChild:
    """Starts a dispatcher on a store if nobody else has, and stops only what it started."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._process: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] | None = None
        self._may_start_at = 0.0

    @property
    def running(self) -> bool:
        """Whether a child is there; its first heartbeat may still be to come."""
        return self._process is not None and self._process.poll() is None

    def ensure(self) -> str:
        """Start one if none is alive; gives the last words of one that failed. Blocking: call it in a thread."""
        cards = read_status(self._store).dispatchers
        if self.running or any(card.alive and not is_dead(card.id) for card in cards):
            return ""
        words = self._last_words()
        if time.monotonic() >= self._may_start_at:
            self._may_start_at = time.monotonic() + START_AGAIN_S
            self._start()
        return words

    def _start(self) -> None:
        command = [sys.executable, "-m", "tui", "--store", self._store.url, "dispatch", "--with-parent"]
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the child
        self._process = subprocess.Popen(  # noqa: S603 - our own program
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=self._log, start_new_session=True,
            env=environment(),
        )  # fmt: skip

    def _last_words(self) -> str:
        """What a child that ended with an error said last; each is told once."""
        process, log = self._process, self._log
        self._process = self._log = None
        if process is None or log is None:
            return ""
        if process.stdin is not None:
            process.stdin.close()
        with log:
            log.seek(0)
            lines = log.read()[-4000:].decode("utf-8", "replace").strip().splitlines()
        return clean_line(lines[-1]) if process.returncode and lines else ""

    def end(self) -> None:
        """Let it finish the letters in hand, then wait for it."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.communicate(timeout=END_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._process.kill()  # the next dispatcher on this machine takes over what it had in hand
            self._process.wait()
        self._last_words()
