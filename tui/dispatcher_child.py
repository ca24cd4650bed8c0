"""The dispatcher as a child process, for embedded use: started when none is alive, ended on leaving."""

import subprocess
import sys

from store.engine import Store
from store.status import read_status

END_WITHIN_S = 10


class DispatcherChild:
    """Starts a dispatcher on a store if nobody else has, and stops only what it started."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._process: subprocess.Popen[bytes] | None = None

    def ensure(self) -> bool:
        """Start one if none is alive; gives whether it did. Blocking: call it in a thread."""
        if self._process is not None and self._process.poll() is None:
            return False
        if any(card.alive for card in read_status(self._store).dispatchers):
            return False
        command = [sys.executable, "-m", "tui", "--store", self._store.url, "dispatch"]
        nothing = subprocess.DEVNULL
        self._process = subprocess.Popen(  # noqa: S603 - our own program
            command, stdin=nothing, stdout=nothing, stderr=nothing, start_new_session=True
        )
        return True

    def end(self) -> None:
        """Let it finish the letters in hand, then wait for it."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(END_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._process.kill()  # its leases come back when they end
            self._process.wait()
