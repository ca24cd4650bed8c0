"""From a claimed letter to ready bytes: the body is encoded once per notification, the head per recipient."""

from collections import OrderedDict

from dispatch.channels.envelope import Envelope
from dispatch.errors import PermanentError
from dispatch.letter import Body, Head, encode_body, write_letter
from store.addresses import AddressError, envelope_address
from store.cards import Sending
from store.message_ids import message_id, thread_id
from store.outbox import Claimed

KEPT_BODIES = 512


class Mailing:
    """Writes letters under one set of sending parameters.

    Attributes:
        transcripts: Of which attempts the dialogue is kept.
    """

    def __init__(self, sending: Sending, key: bytes) -> None:
        self._sending = sending
        self.transcripts = sending.transcripts
        self._key = key
        self._bodies: OrderedDict[int, Body] = OrderedDict()
        self._domain = envelope_address(sending.system_address).rpartition("@")[2] if sending.system_address else ""

    def envelope(self, letter: Claimed) -> Envelope:
        """The letter with its envelope.

        Raises:
            PermanentError: The recipient's address is none.
        """
        sending = self._sending
        try:
            recipient = envelope_address(letter.recipient_address)
        except AddressError as error:
            raise PermanentError(f"the address is not one: {error}", error_class="bad_address") from error
        head = Head(
            from_name=sending.sender_name,
            from_address=sending.system_address,
            reply_to=sending.support_address,
            to_name=letter.recipient_name,
            to_address=letter.recipient_address,
            date=letter.created_at,
            message_id=message_id(self._key, letter.id, letter.created_at, self._domain),
            references=thread_id(self._key, letter.object_type, letter.object_id, self._domain),
        )
        content = write_letter(self._body(letter), head, transliterated=sending.transliterate_headers)
        return Envelope(envelope_address(sending.system_address), recipient, content, stuffed=True)

    def _body(self, letter: Claimed) -> Body:
        body = self._bodies.get(letter.notification_id)
        if body is None:
            sending = self._sending
            body = encode_body(
                letter.subject, letter.text, letter.html, sending.encoding, transliterated=sending.transliterate_headers
            )
            self._bodies[letter.notification_id] = body
            if len(self._bodies) > KEPT_BODIES:
                self._bodies.popitem(last=False)
        return body
