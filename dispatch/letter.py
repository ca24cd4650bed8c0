"""The writer of the one standard letter: multipart/alternative, text and HTML, one recipient.

`EmailMessage` costs 2.6 ms a letter; this costs some microseconds, because the body is encoded once per
notification and only the head is written per recipient. Tests hold it against the standard library's parser.
"""

import zlib
from binascii import b2a_base64
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from functools import lru_cache
from struct import Struct
from typing import NamedTuple

from dispatch.transliteration import transliterate
from store.addresses import envelope_address
from store.sanitise import clean_line

MAX_WORD_BYTES = 42
"""UTF-8 bytes in one RFC 2047 word: 56 base64 characters, 68 with its frame, below the limit of 75."""
LINE_LENGTH = 76
_SPECIALS = frozenset('()<>[]:;@\\,."')


@dataclass(frozen=True, slots=True)
class Body:
    """The part of a letter all recipients share, ready as bytes: the subject header, and the parts."""

    subject: bytes
    content: bytes


class Head(NamedTuple):
    """The headers of one recipient's letter. Names may be any text, addresses must be addresses."""

    from_name: str
    from_address: str
    reply_to: str
    to_name: str
    to_address: str
    date: datetime
    message_id: str
    references: str


def encode_body(subject: str, text: str, html: str, charset: str = "utf-8", *, transliterated: bool = False) -> Body:
    """Encode what all recipients of a notification share.

    A text that the `charset` cannot hold goes out as UTF-8; `transliterated` writes the subject in Latin letters.
    """
    plain, rich = _part(text, b"plain", charset), _part(html, b"html", charset)
    # The parts are base64, which has no `_`: any boundary with one is in none of them.
    boundary = b"=_%08x%08x" % (zlib.crc32(plain), zlib.crc32(rich))
    lines = (
        b'MIME-Version: 1.0\r\nContent-Type: multipart/alternative;\r\n boundary="', boundary, b'"\r\n\r\n--',
        boundary, b"\r\n", plain, b"\r\n--", boundary, b"\r\n", rich, b"\r\n--", boundary, b"--\r\n",
    )  # fmt: skip
    shown = transliterate(subject) if transliterated else subject
    return Body(b"Subject: " + _unstructured(shown, len("Subject: ")) + b"\r\n", b"".join(lines))


def write_letter(body: Body, head: Head, *, transliterated: bool = False) -> bytes:
    """A whole letter as the DATA command wants it: CRLF line ends, and no line that begins with a dot."""
    lines = (
        b"From: " + _mailbox(head.from_name, head.from_address, 6, transliterated=transliterated),
        b"Reply-To: " + envelope_address(head.reply_to).encode(),
        b"To: " + _mailbox(head.to_name, head.to_address, 4, transliterated=transliterated),
        b"Date: " + _date(head.date),
        b"Message-ID: " + head.message_id.encode(),
        b"References: " + head.references.encode(),
        b"Auto-Submitted: auto-generated",
        b"X-Auto-Response-Suppress: All",
        b"",
    )
    return body.subject + b"\r\n".join(lines) + body.content


@lru_cache(maxsize=256)
def _date(moment: datetime) -> bytes:
    """The letters of one batch were planned at one moment."""
    return format_datetime(moment).encode()


def _part(content: str, kind: bytes, charset: str) -> bytes:
    unix = content.replace("\r\n", "\n").replace("\r", "\n") if "\r" in content else content
    normal = unix.replace("\n", "\r\n")
    try:
        data = normal.encode(charset)
    except UnicodeEncodeError:
        charset = "utf-8"
        data = normal.encode(charset, "replace")
    encoded = b2a_base64(data, newline=False)
    head = b"Content-Type: text/%b; charset=%b\r\nContent-Transfer-Encoding: base64\r\n\r\n" % (kind, charset.encode())
    return head + b"\r\n".join((*_lines_of(len(encoded)).unpack(encoded), b""))


@lru_cache(maxsize=1024)
def _lines_of(size: int) -> Struct:
    """Cuts so many bytes into lines: one step, where slices would be one each."""
    whole, rest = divmod(size, LINE_LENGTH)
    return Struct(f"{LINE_LENGTH}s" * whole + (f"{rest}s" if rest else ""))


def _unstructured(text: str, used: int) -> bytes:
    text = " ".join(clean_line(text).split())
    if text.isascii() and len(text) + used <= LINE_LENGTH and "=?" not in text:
        return text.encode()
    return _words(text)


@lru_cache(maxsize=8192)
def _mailbox(name: str, address: str, used: int, *, transliterated: bool) -> bytes:
    bare = envelope_address(address).encode()
    name = " ".join(clean_line(transliterate(name) if transliterated else name).split())
    if not name:
        return bare
    if name.isascii() and len(name) + used <= LINE_LENGTH // 2 and "=?" not in name:
        shown = name.encode()
        if _SPECIALS & set(name):
            shown = b'"' + shown.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
        return shown + b" <" + bare + b">"
    return _words(name) + b"\r\n <" + bare + b">"


def _words(text: str) -> bytes:
    """RFC 2047 words, folded one to a line; no character is cut in two."""
    data = text.encode("utf-8", "replace")
    words: list[bytes] = []
    start = 0
    while start < len(data) or not words:
        end = min(start + MAX_WORD_BYTES, len(data))
        while end < len(data) and data[end] & 0xC0 == 0x80:  # noqa: PLR2004 - a byte that goes on a character
            end -= 1
        words.append(b"=?utf-8?b?" + b2a_base64(data[start:end], newline=False) + b"?=")
        start = end
    return b"\r\n ".join(words)
