"""Text from outside is data: what could steer a terminal, a header or the reading direction is taken out."""

import re

_BIDI = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
_LINE = re.compile(f"[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff{_BIDI}]")
_TEXT = re.compile(f"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff{_BIDI}]")


def clean_line(text: str) -> str:
    """One line without control characters; line breaks and tabs become spaces."""
    if text.isprintable():
        return text
    text = text.replace("\r\n", " ").replace("\n", " ").replace("\r", " ").replace("\t", " ")
    return _LINE.sub("", text)


def clean_text(text: str) -> str:
    """Several lines without control characters; line breaks become LF, tabs stay."""
    if text.replace("\n", "").isprintable():
        return text
    return _TEXT.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
