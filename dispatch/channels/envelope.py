"""What a mail channel is handed."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Envelope:
    """A letter in its envelope (RFC 5321): return path, one recipient, ready bytes with CRLF line ends.

    Attributes:
        stuffed: Whether the content is known to be as DATA wants it: lines end in CRLF, and none begins with a dot.
    """

    sender: str
    recipient: str
    content: bytes
    stuffed: bool = False
