"""The letter that a check sends."""

import secrets
from datetime import UTC, datetime

from dispatch.channels.envelope import Envelope
from dispatch.compose import to_html
from dispatch.letter import Head, encode_body, write_letter
from store.addresses import envelope_address
from store.cards import Sending
from store.message_ids import message_id


def trial_letter(connection: str, sending: Sending, to: str) -> Envelope:
    """A letter that says that the connection works."""
    key, now = secrets.token_bytes(16), datetime.now(UTC)
    domain = envelope_address(sending.system_address).rpartition("@")[2]
    text = f"Проверка подключения «{connection}» прошла успешно.\n\nThe connection “{connection}” works."
    name = message_id(key, 0, now, domain)
    head = Head(sending.sender_name, sending.system_address, sending.support_address, "", to, now, name, name)
    body = encode_body("Vestnik: проверка почты / mail check", text, to_html(text, ""), sending.encoding)
    return Envelope(envelope_address(sending.system_address), envelope_address(to), write_letter(body, head))
