"""A stored letter as it leaves, byte for byte, with the sending parameters of now: what was sent then is not kept."""

from dispatch.errors import DispatchError
from dispatch.mailing import Mailing
from dispatch.trial import filled
from store import message_ids
from store.cards import DeliveryCard, EventCard
from store.engine import Store
from store.outbox import Claimed
from store.settings import sending_in
from store.vocabulary import Channel


def raw_letter(store: Store, event: EventCard, card: DeliveryCard) -> str:
    """The letter as text; empty for the interface, and what is wrong where it cannot be written.

    Where addresses of the system are not filled in yet, others stand in for them.
    """
    row = card.row
    if row.channel is not Channel.EMAIL:
        return ""
    with store.read() as connection:
        sending = filled(sending_in(connection))
    letter = Claimed(
        row.id, 0, row.recipient_name, row.recipient_address, row.attempts, row.subject, card.text, card.html,
        event.object_type, event.object_id, row.created_at,
    )  # fmt: skip
    try:
        envelope = Mailing(sending, store.keyring.derive(message_ids.PURPOSE)).envelope(letter)
    except DispatchError as error:
        return error.answer
    return envelope.content.decode("ascii", "backslashreplace")
