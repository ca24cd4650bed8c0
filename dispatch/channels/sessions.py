"""Opening a session by the connection's protocol: the one place that knows all channels."""

from collections.abc import Callable, Sequence
from typing import Protocol

from dispatch.channels.envelope import Envelope
from dispatch.channels.pipeline import Ahead, nothing_ahead
from dispatch.channels.smtp import SmtpSession
from store import vocabulary
from store.cards import MailConnection


class Together(Protocol):
    """A session that takes letters in one piece now; `SmtpSession` says what each may raise."""

    @property
    def most(self) -> int:
        """So many at most."""
        ...

    def depart(self, envelopes: Sequence[Envelope]) -> None:
        """Send letters in one piece."""
        ...

    async def arrive(self) -> str:
        """The server's answer to the next of them; to be called for each."""
        ...


class Session(Protocol):
    """What the sender uses of a channel; `SmtpSession` says what each may raise."""

    @property
    def accepted(self) -> int:
        """Letters taken over the connection that is open now, where that can be told; else 0."""
        ...

    @property
    def together(self) -> Together | None:
        """How letters leave in one piece now, where they may."""
        ...

    async def send(self, envelope: Envelope, ahead: Ahead = nothing_ahead) -> str:
        """Send a letter; gives the server's answer. `ahead` names the next one, which may begin with its end."""
        ...

    def transcript(self) -> str:
        """What was said of the last letter the server took, as `dispatch.transcript` keeps it."""
        ...

    async def connect(self) -> None:
        """Get as far as one can without a letter."""
        ...

    async def close(self) -> None:
        """Let go."""
        ...


def open_session(card: MailConnection, secret: str, may_send: Callable[[], bool] = lambda: True) -> Session:
    """A session that is not connected yet; its first letter connects it.

    Args:
        card: The connection.
        secret: The one named by `store.settings.secret_of`, in clear.
        may_send: Asked before a letter's text leaves, where that is a step of its own: over HTTPS it is not.
    """
    # Imported when a connection needs them: requests alone costs a tenth of a second.
    if card.protocol is vocabulary.Protocol.EWS:
        from dispatch.channels.ews import EwsSession

        return EwsSession(card, secret)
    if card.protocol is vocabulary.Protocol.GRAPH:
        from dispatch.channels.graph import GraphSession

        return GraphSession(card, secret)
    return SmtpSession(card, secret, may_send=may_send)
