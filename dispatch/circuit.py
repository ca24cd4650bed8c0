"""The circuit of a connection: closed (well), open (not to be tried yet), half open (one trial under way)."""

from datetime import datetime, timedelta
from typing import Any

from dispatch.errors import DispatchError

FIRST_PAUSE_S = 5.0
MAX_PAUSE_S = 300.0
FIRST_AUTH_PAUSE_S = 60.0
MAX_AUTH_PAUSE_S = 1800.0
"""A refused login is tried seldom: several in a row lock accounts."""
RATE_PAUSES_S = (60.0, 900.0)
"""A server that wants fewer letters mostly counts them by the minute, a few by the hour; refused ones count too."""
TRIAL_TIME = timedelta(minutes=2)
"""A trial that says nothing for so long is given up, and another one may begin."""
SAYS_NOTHING_OF_THE_SECRET = {"token_unreachable", "token_throttled", "token_tls"}
"""Failures to get a token that are none of the application, its secret or its directory."""


class Circuit:
    """A pure state machine; the time is handed in.

    Attributes:
        resting: While it is not closed: whether the server wants fewer letters, and nothing is wrong.
    """

    def __init__(self) -> None:
        self.state = "closed"
        self.opened_at: datetime | None = None
        self.retry_at: datetime | None = None
        self.last_error = ""
        self.error_class = ""
        self._failures = 0
        self.resting = False

    def may_try(self, now: datetime) -> bool:
        """Whether the connection may be tried now. Asking while it is closed or due changes nothing."""
        return self.state == "closed" or (self.retry_at is not None and now >= self.retry_at)

    def begin(self, now: datetime) -> None:
        """A try begins: an open circuit becomes half open, and others wait for what it shows."""
        if self.state != "closed":
            self.state = "half_open"
            self.retry_at = now + TRIAL_TIME

    def succeeded(self) -> None:
        """The server answered: the connection is well. A rest it asked for meanwhile is kept."""
        if self.state == "closed" or (self.state == "open" and self.resting):
            return
        self.state = "closed"
        self.opened_at = self.retry_at = None
        self.last_error = self.error_class = ""
        self._failures = 0

    def failed(self, now: datetime, error: DispatchError, *, resting: bool = False) -> None:
        """The connection failed, or (`resting`) the server wants fewer letters: do not try it before `retry_at`."""
        if self.state == "open" and self.retry_at is not None and now < self.retry_at:
            return  # another session of the same moment; one fault is not counted several times
        self._failures += 1
        self.resting = resting
        first, most = RATE_PAUSES_S if resting and error.retry_after_s is None else _pauses(error)
        pause = max(min(most, first * 2 ** min(self._failures - 1, 20)), error.retry_after_s or 0.0)
        self.state = "open"
        self.opened_at = self.opened_at or now
        self.retry_at = now + timedelta(seconds=pause)
        self.last_error, self.error_class = error.answer, error.error_class

    def put_back(self, by: timedelta) -> None:
        """The clock was put back: the pause lasts no longer for it."""
        if self.retry_at is not None:
            self.retry_at -= by

    def health(self) -> dict[str, Any]:
        """What is shown of it: the columns of the connection's health."""
        return {
            "circuit": self.state,
            "opened_at": self.opened_at,
            "retry_at": self.retry_at,
            "last_error": self.last_error,
            "error_class": self.error_class,
        }


def _pauses(error: DispatchError) -> tuple[float, float]:
    """The first pause after an error, and the longest."""
    word = error.error_class
    if word.startswith(("auth", "token_", "sender_refused")) and word not in SAYS_NOTHING_OF_THE_SECRET:
        return FIRST_AUTH_PAUSE_S, MAX_AUTH_PAUSE_S
    return FIRST_PAUSE_S, MAX_PAUSE_S
