"""What a dispatcher tells systemd, where systemd has started it: that it is ready, lives, what it does, that it ends.

One datagram each (sd_notify(3)). Nothing of it may hold up a letter: what cannot be told at once is not told.
"""

import contextlib
import os
import socket
from collections.abc import Mapping

TELL_S = 10.0
"""How often to tell what it does, and that it lives, unless systemd wants to hear it sooner."""


class Supervisor:
    """Whoever started this process and wants to hear of it; nobody, where the environment names none."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        address = environment.get("NOTIFY_SOCKET", "")
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        self.every_s = min(TELL_S, self._watchdog_s(environment) / 2)

    @property
    def listens(self) -> bool:
        """Whether anybody wants to hear of it."""
        return bool(self._address)

    def tell(self, **said: str) -> None:
        """Tell e.g. `READY="1"`."""
        if not self._address:
            return
        text = "\n".join(f"{name}={value}" for name, value in said.items())
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
            line.settimeout(0)
            line.sendto(text.encode(), self._address)

    @staticmethod
    def _watchdog_s(environment: Mapping[str, str]) -> float:
        """After so many silent seconds systemd takes this process for dead."""
        meant = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        micros = environment.get("WATCHDOG_USEC", "")
        return int(micros) / 1e6 if meant and micros.isdecimal() and int(micros) else float("inf")
