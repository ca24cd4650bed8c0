"""What the sender goes by: connections, sending parameters, silent mode; and the reasons to hold letters."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from store import outbox
from store.audit import revision_in
from store.cards import MailConnection, Sending, SilentMode
from store.settings import connections_in, sending_in, silent_mode_in
from store.silence import HOLD_SILENT
from store.vocabulary import SilentState

HOLD_SENDING = "sending_parameters"
HOLD_CONNECTION = "no_connection"


@dataclass(frozen=True, slots=True)
class Outgoing:
    """Settings of outgoing mail, read in one snapshot."""

    revision: int
    sending: Sending
    connections: tuple[MailConnection, ...]
    silent: SilentMode

    @classmethod
    def read(cls, connection: Connection) -> "Outgoing":
        """The settings as they are now. Connections come in the order they are tried; those off are left out."""
        usable = tuple(card for card in connections_in(connection) if card.enabled)
        return cls(revision_in(connection), sending_in(connection), usable, silent_mode_in(connection))

    def silent_now(self, now: datetime) -> bool:
        """Whether silent mode is in force."""
        return self.silent.in_force(now)

    def excepted(self, address: str) -> bool:
        """Whether an address still gets mail in silent mode: itself or its domain is listed."""
        if self.silent.state is not SilentState.EXCEPTIONS:
            return False
        address = address.lower()
        domain = address.rpartition("@")[2]
        return any(word.lower().removeprefix("@") in {address, domain} for word in self.silent.exceptions)

    def held(self, now: datetime, address: str) -> str | None:
        """Why a letter to this address may not leave now, or `None`."""
        reason = self.hold_all(now)
        if reason is None and self.silent_now(now) and not self.excepted(address):
            return HOLD_SILENT
        return reason

    def hold_all(self, now: datetime) -> str | None:
        """Why no letter at all may leave now, or `None`."""
        if self.sending.missing:
            return HOLD_SENDING
        if not self.connections:
            return HOLD_CONNECTION
        if self.silent_now(now) and self.silent.state is SilentState.ON:
            return HOLD_SILENT
        return None

    def holding(self, now: datetime) -> set[str]:
        """The reasons in force; letters held for any other reason of ours may go."""
        reasons: set[str] = set()
        if self.sending.missing:
            reasons.add(HOLD_SENDING)
        if not self.connections:
            reasons.add(HOLD_CONNECTION)
        if self.silent_now(now):
            reasons.add(HOLD_SILENT)
        return reasons


def hold(connection: Connection, now: datetime, outgoing: Outgoing) -> int:
    """Hold due letters while there is cause to hold them all; gives how many."""
    reason = outgoing.hold_all(now)
    return outbox.hold_due(connection, now, reason) if reason else 0


def release(connection: Connection, now: datetime, outgoing: Outgoing) -> int:
    """Release the letters whose cause is gone; gives how many."""
    gone = {HOLD_SENDING, HOLD_CONNECTION, HOLD_SILENT} - outgoing.holding(now)
    return outbox.release(connection, now, sorted(gone)) if gone else 0
