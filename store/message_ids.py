"""Message-IDs: the same on every retry, telling nothing, not to be guessed.

They belong to the store, because the journal proves with them which letter of a mail server's log was ours.
"""

import hashlib

PURPOSE = "message-id"
"""What the key is derived for, see `store.secrets`."""


def message_id(key: bytes, delivery_id: int, domain: str) -> str:
    """The Message-ID of a delivery."""
    return f"<{_keyed(key, f'delivery:{delivery_id}')}@{domain}>"


def thread_id(key: bytes, object_type: str, object_id: str, domain: str) -> str:
    """The id all letters about one object refer to, so that mail programs show them together."""
    return f"<{_keyed(key, f'object:{object_type}:{object_id}')}@{domain}>"


def _keyed(key: bytes, text: str) -> str:
    return hashlib.blake2b(text.encode(), key=key[:64], digest_size=16).hexdigest()
