"""Message-IDs: the same on every retry, telling nothing, not to be guessed, and known again when they come back.

They belong to the store, because the journal proves with them which letter of a mail server's log was ours.
"""

import hashlib
import re
from datetime import datetime

from store.types import to_micros

PURPOSE = "message-id"
"""What the key is derived for, see `store.secrets`."""
_BODY_BYTES, _SEAL_BYTES = 12, 4
"""96 bits tell letters apart; by 32 more one of ours is known without looking for its delivery."""
_OURS = re.compile(rf"<?([0-9a-f]{{{2 * _BODY_BYTES}}})([0-9a-f]{{{2 * _SEAL_BYTES}}})@[^@\s<>]+>?")


def message_id(key: bytes, delivery_id: int, created_at: datetime, domain: str) -> str:
    """The Message-ID of a delivery.

    Its number alone would not do: a store that was put back from a backup gives numbers again that are in the world
    already, and a server that knows the id drops the letter as a copy.
    """
    return f"<{_sealed(key, f'delivery:{delivery_id}:{to_micros(created_at)}')}@{domain}>"


def thread_id(key: bytes, object_type: str, object_id: str, domain: str) -> str:
    """The id all letters about one object refer to, so that mail programs show them together."""
    return f"<{_sealed(key, f'object:{object_type}:{object_id}')}@{domain}>"


def is_ours(key: bytes, text: str) -> bool:
    """Whether an id was made with this key, of a letter or of a thread; whatever the domain was called then."""
    found = _OURS.fullmatch(text)
    return found is not None and _keyed(key, f"seal:{found[1]}", _SEAL_BYTES) == found[2]


def _sealed(key: bytes, text: str) -> str:
    body = _keyed(key, text, _BODY_BYTES)
    return body + _keyed(key, f"seal:{body}", _SEAL_BYTES)


def _keyed(key: bytes, text: str, size: int) -> str:
    return hashlib.blake2b(text.encode(), key=key[:64], digest_size=size).hexdigest()
