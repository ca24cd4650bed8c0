"""A letter sent to another address: a delivery of its own, of the same words. The first one stays as it is."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, insert, select

from store import decisions, tables
from store.acknowledgements import named
from store.addresses import AddressError, mailbox_key, parse_address
from store.audit import record_deed
from store.cards import DecisionCard
from store.engine import Store
from store.errors import SettingsError
from store.vocabulary import Channel, DeliveryState

RESENT = "resent"
"""The reason of a decision that a person made: `of` says of which delivery, `delivery` which one it is, `by` who."""
NOT_COMING = (DeliveryState.DEAD.value, DeliveryState.CANCELLED.value)


@dataclass(frozen=True, slots=True)
class Copy:
    """A letter that was sent again to somebody; `second` where they were sent it before."""

    id: int
    address: str
    second: bool


def is_second(store: Store, delivery_id: int, address: str) -> bool:
    """Whether somebody at this address has this letter, or it is on its way there.

    Raises:
        SettingsError: As `resend` does.
    """
    with store.read() as connection:
        return _is_second(connection, _original(connection, delivery_id), _checked(address))


def resend(store: Store, delivery_id: int, address: str, who: str, *, second: bool = False) -> Copy:
    """Send a letter to an address, which may be its own.

    Args:
        store: The store.
        delivery_id: The letter.
        address: Where to.
        who: Who does it.
        second: It was said that this is a second copy for whoever has it, or will.

    Raises:
        SettingsError: There is no such delivery, it is no letter, the address is none, or a second copy was not agreed
            to; nothing was sent.
    """

    def change(connection: Connection) -> Copy:
        now = store.clock()
        n = tables.notification
        letter = _original(connection, delivery_id)
        # Two who do the same at the same time must see each other's copy.
        connection.execute(select(n.c.id).where(n.c.id == letter.notification_id).with_for_update())
        to = _checked(address)
        before = _is_second(connection, letter, to)
        if before and not second:
            problem = f"{to} was sent this letter; say that a second copy is meant"
            raise SettingsError("address", problem, key="second_copy", value=to)
        person = tables.person
        name = connection.execute(select(person.c.name).where(person.c.email == mailbox_key(to))).scalar() or ""
        values = {
            "notification_id": letter.notification_id, "event_id": letter.event_id, "channel": Channel.EMAIL.value,
            "recipient_name": name,
            "recipient_address": to, "state": DeliveryState.PENDING.value, "reason": "", "attempts": 0, "next_at": now,
            "created_at": now, "connection": "", "answer": "",
        }  # fmt: skip
        d = tables.delivery
        key = connection.execute(insert(d).values(**values).returning(d.c.id)).scalar_one()
        params = {"of": f"D{delivery_id}", "delivery": f"D{key}", "who": who}
        decided = DecisionCard(letter.rule_code, to, taken=True, reason=RESENT, params=params)
        decisions.record_in(connection, [(letter.event_id, decided)])
        after = {"ids": named([delivery_id]), "copy": f"D{key}", "address": to}
        record_deed(connection, now, who, "deliveries:resend", None, after)
        return Copy(key, to, before)

    return store.write(change)


def _original(connection: Connection, delivery_id: int) -> Any:
    """The letter: its notification, event, rule, address and state."""
    d, n = tables.delivery, tables.notification
    query = select(d.c.channel, d.c.notification_id, d.c.event_id, d.c.recipient_address, d.c.state, n.c.rule_code)
    row = connection.execute(query.join(n, n.c.id == d.c.notification_id).where(d.c.id == delivery_id)).one_or_none()
    if row is None:
        raise SettingsError("delivery", f"there is no delivery D{delivery_id}", key="no_delivery", id=delivery_id)
    if row.channel != Channel.EMAIL.value:
        problem = "is shown in the interface: only letters can be sent to an address"
        raise SettingsError(f"D{delivery_id}", problem, key="no_letter", id=delivery_id)
    return row


def _checked(address: str) -> str:
    try:
        return parse_address(address.strip())
    except AddressError as error:
        raise SettingsError("address", str(error), key="address", value=address) from None


def _is_second(connection: Connection, letter: Any, to: str) -> bool:
    d, wanted = tables.delivery, mailbox_key(to)
    if letter.state in NOT_COMING and mailbox_key(letter.recipient_address) == wanted:
        # Beside a copy the letter itself could be sent again, and nobody would be asked.
        problem = "is the address it has; to send it there again, retry it"
        raise SettingsError("address", problem, key="retry_instead")
    query = select(d.c.recipient_address)
    query = query.where(d.c.notification_id == letter.notification_id, d.c.state.not_in(NOT_COMING))
    return any(mailbox_key(found) == wanted for found in connection.execute(query).scalars())
