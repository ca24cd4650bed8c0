"""Terminals of one byte a letter that know Cyrillic: KOI8-R, windows-1251, cp866 and their like.

What is written is encoded for them; a sign they lack is one of ASCII that looks like it and is as wide.
"""

import codecs
import io
import sys
import unicodedata
from collections.abc import Callable
from functools import partial

from tui.cli.encoding import is_utf8

LOOK_ALIKE = "vestnik-look-alike"
"""Name of the handler of what cannot be encoded."""
ALPHABET = "абвгдежзийклмнопрстуфхцчшщъыьэюяАБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯ"
SIGNS = {
    "✓": "+", "✗": "x", "‖": "=", "…": ".", "→": ">", "←": "<", "↑": "^", "↓": "v", "–": "-", "—": "-", "−": "-",
    "●": "o", "○": ".", "✉": "@", "▶": ">", "▸": ">", "▼": "v", "◆": "*", "⏎": "<", "«": '"', "»": '"', "„": '"',
    "“": '"', "”": '"', "’": "'", "·": "-", "•": "*", "×": "x", "№": "N", "ё": "е", "Ё": "Е", "\u00a0": " ",
}  # fmt: skip


def fits(encoding: str) -> bool:
    """Whether a terminal with this encoding can show the console: it has Cyrillic, a byte a letter, above ASCII."""
    try:
        letters = ALPHABET.encode(encoding)
        plain = bytes(range(128)).decode(encoding)
    except (LookupError, UnicodeError):
        return False
    return len(letters) == len(ALPHABET) and plain == bytes(range(128)).decode()


def look_alike(sign: str) -> str:
    """ASCII that looks like a sign, as many letters as the sign has cells."""
    if sign in SIGNS:
        return SIGNS[sign]
    from rich.cells import cell_len

    name = unicodedata.name(sign, "")
    if name.startswith("BOX DRAWINGS"):
        across = "HORIZONTAL" in name or "LEFT" in name or "RIGHT" in name
        along = "VERTICAL" in name or "UP" in name or "DOWN" in name
        return "+" if across and along else "|" if along else "-"
    if "BLOCK" in name or name.startswith(("QUADRANT", "BRAILLE")):
        return "#" if "BLOCK" in name else "*"
    return "?" * cell_len(sign)


def use(encoding: str) -> None:
    """Have the console write for a terminal with this encoding, and read what is typed there."""
    if is_utf8(encoding):
        return
    from textual.drivers import linux_driver

    codecs.register_error(LOOK_ALIKE, _replace)
    # The framework writes to this stream, and decodes what it reads as UTF-8 whatever the terminal is.
    if isinstance(sys.__stderr__, io.TextIOWrapper):
        sys.__stderr__.reconfigure(encoding=encoding, errors=LOOK_ALIKE)
    setattr(linux_driver, "getincrementaldecoder", partial(_decoder_of, encoding))  # noqa: B010 - the checker takes it for private


def _decoder_of(encoding: str, _utf8: str) -> Callable[..., codecs.IncrementalDecoder]:
    return codecs.getincrementaldecoder(encoding)


def _replace(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(look_alike, error.object[error.start : error.end])), error.end
