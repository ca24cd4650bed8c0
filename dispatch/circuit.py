"""The circuit of a connection: closed (well), open (down, not tried), half open (one trial under way)."""

from datetime import datetime, timedelta
from typing import Any

from dispatch.errors import ConnectionDownError

FIRST_PAUSE_S = 5.0
MAX_PAUSE_S = 300.0
FIRST_AUTH_PAUSE_S = 60.0
MAX_AUTH_PAUSE_S = 1800.0
"""A refused login is tried seldom: several in a row lock accounts."""
TRIAL_TIME = timedelta(minutes=2)
"""A trial that says nothing for so long is given up, and another one may begin."""


class Circuit:
    """A pure state machine; the time is handed in."""

    def __init__(self) -> None:
        self.state = "closed"
        self.opened_at: datetime | None = None
        self.retry_at: datetime | None = None
        self.last_error = ""
        self.error_class = ""
        self._failures = 0

    def may_try(self, now: datetime) -> bool:
        """Whether the connection may be tried now. Asking while it is closed or due changes nothing."""
        return self.state == "closed" or (self.retry_at is not None and now >= self.retry_at)

    def begin(self, now: datetime) -> None:
        """A try begins: an open circuit becomes half open, and others wait for what it shows."""
        if self.state != "closed":
            self.state = "half_open"
            self.retry_at = now + TRIAL_TIME

    def succeeded(self) -> None:
        """The server answered: the connection is well."""
        self.state = "closed"
        self.opened_at = self.retry_at = None
        self.last_error = self.error_class = ""
        self._failures = 0

    def failed(self, now: datetime, error: ConnectionDownError) -> None:
        """The connection failed: do not try it before `retry_at`."""
        if self.state == "open" and self.retry_at is not None and now < self.retry_at:
            return  # another session of the same moment; one fault is not counted several times
        self._failures += 1
        auth = error.error_class.startswith("auth")
        first, most = (FIRST_AUTH_PAUSE_S, MAX_AUTH_PAUSE_S) if auth else (FIRST_PAUSE_S, MAX_PAUSE_S)
        pause = max(min(most, first * 2 ** min(self._failures - 1, 20)), error.retry_after_s or 0.0)
        self.state = "open"
        self.opened_at = self.opened_at or now
        self.retry_at = now + timedelta(seconds=pause)
        self.last_error, self.error_class = error.answer, error.error_class

    def health(self) -> dict[str, Any]:
        """What is shown of it: the columns of the connection's health."""
        return {
            "circuit": self.state,
            "opened_at": self.opened_at,
            "retry_at": self.retry_at,
            "last_error": self.last_error,
            "error_class": self.error_class,
        }
