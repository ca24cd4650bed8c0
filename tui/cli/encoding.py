"""The encoding of the terminal, which the system's library may not know.

Where a locale is set that is not installed, Python falls back to UTF-8 and writes what the terminal cannot read. What
the environment says in words is believed then. Under `C` and `POSIX`, which say nothing, UTF-8 is assumed: an SSH
session that forwards no locale comes from a terminal of this century.
"""

import codecs
import io
import os
import sys


def is_utf8(name: str | None) -> bool:
    """Whether an encoding is UTF-8."""
    try:
        return codecs.lookup(name or "").name == "utf-8"
    except LookupError:
        return False


def terminal_encoding() -> str:
    """The encoding of standard output, as the environment says it, else as Python does."""
    said = sys.stdout.encoding or "ascii"
    if os.environ.get("PYTHONIOENCODING") or not is_utf8(said):
        return said
    locale = next((value for name in ("LC_ALL", "LC_CTYPE", "LANG") if (value := os.environ.get(name))), "")
    codeset = locale.partition(".")[2].partition("@")[0]
    try:
        return codecs.lookup(codeset).name if codeset else said
    except LookupError:
        return said


def suit_terminal() -> None:
    """Write what the terminal can read; a letter it lacks is written as its number, and ends nothing."""
    encoding = terminal_encoding()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding=encoding, errors="backslashreplace")


def in_both_languages(russian: str, english: str, language: str | None) -> str:
    """A message from before there is a console: in the language asked for, else in both, if they can be shown."""
    chosen = {"ru": [russian], "en": [english]}.get(language or "", [russian, english])
    shown = [text for text in chosen if _can_show(text)]
    return "\n".join(shown or [english])


def _can_show(text: str) -> bool:
    try:
        text.encode(sys.stderr.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True
