"""What a mail channel is handed."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Envelope:
    """A letter in its envelope (RFC 5321): return path, one recipient, ready bytes with CRLF line ends."""

    sender: str
    recipient: str
    content: bytes
