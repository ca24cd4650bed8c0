"""Loops: an event that our own letter caused raises nothing, and no robot is answered.

Automatic is not the same as caused by us: a monitoring system marks its alarms as `auto-generated`, and a request
opened by one must be told to people. So an automatic letter is passed over when it answers, or refers to a letter of
ours; of any other one only its sender is left out, as RFC 3834 (section 2) asks. What robots do without any of these
marks is stopped by the limits (`dispatch.storms`).
"""

from dataclasses import dataclass
from typing import Any, cast

from store.addresses import mailbox_key
from store.cards import DecisionCard, Sending
from store.events import StoredEvent, part
from store.message_ids import is_ours

BY_PEOPLE = frozenset({"", "no"})
"""Values of `Auto-Submitted` of what people write."""
WITHOUT_ASKING = frozenset({"auto-generated", "auto-notified"})
"""Values of robots that speak of their own accord; those of all others answer."""


@dataclass(frozen=True, slots=True)
class Ours:
    """What the letters of this desk are known by.

    Attributes:
        key: What Message-IDs are made with.
        addresses: Whom they are from, and whom they are answered to (as `mailbox_key` has them).
    """

    key: bytes = b""
    addresses: frozenset[str] = frozenset()

    @classmethod
    def of(cls, sending: Sending, key: bytes) -> "Ours":
        """Letters sent with these parameters."""
        given = (sending.system_address, sending.support_address)
        return cls(key, frozenset(mailbox_key(address) for address in given if address))


@dataclass(frozen=True, slots=True)
class Cause:
    """The letter an event comes from.

    Attributes:
        quiet: Why nothing is raised, or `None`.
        robot: The sender, when that is a machine (as `mailbox_key` has it), else `None`.
    """

    quiet: DecisionCard | None = None
    robot: str | None = None


NO_LETTER = Cause()


def cause(event: StoredEvent, ours: Ours) -> Cause:
    """What the letter that caused an event says about raising anything. Pure."""
    mail = part(event.data, "mail")
    if not mail:
        return NO_LETTER
    name, sender, automatic = (str(mail.get(one) or "") for one in ("message_id", "from", "auto_submitted"))
    robot = mailbox_key(sender) if sender and automatic not in BY_PEOPLE else None
    for reason, applies, params in (
        ("own_letter", is_ours(ours.key, name), {"message_id": name}),
        ("own_sender", mailbox_key(sender) in ours.addresses, {"from": sender}),
        ("automatic_reply", _answers(mail, automatic, ours), {"auto_submitted": automatic, "from": sender}),
    ):
        if applies:
            return Cause(DecisionCard("", "", taken=False, reason=reason, params=params), robot)
    return Cause(None, robot)


def _answers(mail: dict[str, Any], automatic: str, ours: Ours) -> bool:
    """Whether it is the answer of a machine. What cannot be delivered comes back from nobody (RFC 5321, 4.5.5)."""
    if mail.get("from") == "":
        return True
    if automatic in BY_PEOPLE:
        return False
    refers_to = cast("list[str]", [*(mail.get("in_reply_to") or ()), *(mail.get("references") or ())])
    return automatic not in WITHOUT_ASKING or any(is_ours(ours.key, name) for name in refers_to)
