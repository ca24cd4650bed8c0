"""What a channel may raise; that is all the dispatcher asks.

DispatchError
├── MessageError            about this letter; counts as an attempt
│   ├── TransientError      4yz: try again later
│   └── PermanentError      5yz: never again
├── ConnectionDownError     about the connection; counts for no letter, opens the circuit
└── HeldUpError             about this dispatcher: it may not send now, and did not
"""


class DispatchError(Exception):
    """Base of everything the dispatcher package raises on purpose.

    Args:
        answer: The server's answer or a plain description, safe to show (no secrets).
        code: SMTP reply code when there is one.
        error_class: Short stable word, e.g. `mailbox_unavailable`, `auth_failed`, `tls`, `dns`, `refused`.
        retry_after_s: Seconds the server asked us to wait, when it did.

    Attributes:
        transcript: What was said until then, as `dispatch.transcript` keeps it; empty where nothing was.
    """

    transcript = ""

    def __init__(
        self,
        answer: str,
        *,
        code: int | None = None,
        error_class: str = "error",
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(answer)
        self.answer = answer
        self.code = code
        self.error_class = error_class
        self.retry_after_s = retry_after_s


class MessageError(DispatchError):
    """The letter was refused, the connection is well."""


class TransientError(MessageError):
    """Refused for now."""


class PermanentError(MessageError):
    """Refused for good."""


class ConnectionDownError(DispatchError):
    """The connection failed: refused, DNS, TLS, authentication, throttled, lost.

    Args:
        in_doubt: It failed between the final dot and its answer, so the letter may have been accepted.
    """

    def __init__(
        self,
        answer: str,
        *,
        code: int | None = None,
        error_class: str = "error",
        retry_after_s: float | None = None,
        in_doubt: bool = False,
    ) -> None:
        super().__init__(answer, code=code, error_class=error_class, retry_after_s=retry_after_s)
        self.in_doubt = in_doubt


class HeldUpError(DispatchError):
    """Whoever told the channel when to send (`may_send`) said no; the letter did not leave."""

    def __init__(self) -> None:
        super().__init__("the letter may not leave now", error_class="held_up")
