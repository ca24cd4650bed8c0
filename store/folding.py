"""Text as it is searched and sorted: without regard to case, alike on both engines.

SQLite's own LIKE and lower() know the case of ASCII letters only, so what is searched is stored folded.
"""

import unicodedata

MAX_NAME = 150
MAX_SEARCH = 670
"""Characters of a search key: PostgreSQL's index takes 2,704 bytes, and a character may have four."""


def fold(text: str) -> str:
    """Text without case, its letters composed, and ё as е, for hardly anybody types the dots."""
    return unicodedata.normalize("NFC", text).casefold().replace("ё", "е")


def search_key(email: str, name: str, login: str | None) -> str:
    """What somebody is found and sorted by: the name, the address and the login, folded, a line each."""
    return "\n".join((fold(name)[:MAX_NAME], fold(email), fold(login or "")))[:MAX_SEARCH]
