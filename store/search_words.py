"""What a letter is found by: the words of its texts, alike in the index, in what is not indexed yet, and in a filter.

A word of a filter is found where some word of a text begins with it. Words that are joined without a blank, like
`RP-15`, `olga@example.org` or `desk.example.org/RP-15`, are one word and several: each part of it begins one.
"""

import re
from collections.abc import Iterable
from functools import lru_cache

from store.folding import fold

MOST_TEXT = 20_000
"""Characters of a letter's text that are searched: nobody looks for the hundredth quoted answer."""
MOST_WORD = 40
"""Characters of a word that are kept in the index."""
_UNSAFE = re.compile(r"[^\w\-.@/:+]")
_JOINED = re.compile(r"\w+(?:[-._@/:+]\w+)*")
_BEGINNINGS = re.compile(r"(?<!\w)\w")


def chunks(text: str) -> list[str]:
    """The words of a text, folded, those that are joined as one; in order, each as often as it is there."""
    return _JOINED.findall(fold(text))


def plain(text: str) -> str:
    """A text as a filter sees it: its words with one blank between."""
    return " ".join(chunks(text))


def words(texts: Iterable[str]) -> set[str]:
    """What the words of some texts may be found by: of joined ones also what begins with a later part."""
    between = {piece for text in texts for piece in fold(text).split()}
    found = {piece for piece in between if piece.isalnum() and len(piece) <= MOST_WORD}
    # Few are left: those with a sign in them, or at their end.
    for chunk in {chunk for piece in between - found for chunk in _JOINED.findall(piece)}:
        if chunk.isalnum() and len(chunk) <= MOST_WORD:
            found.add(chunk)
        else:
            found.update(chunk[at.start() :][:MOST_WORD] for at in _BEGINNINGS.finditer(chunk))
    return found


@lru_cache(maxsize=8192)
def key(text: str) -> str:
    """What is compared as a whole: a number, an id, a type; without case, signs that are in no word made alike."""
    return _UNSAFE.sub("_", fold(text))[:MOST_WORD]


@lru_cache(maxsize=256)
def beginning(wanted: str) -> re.Pattern[str]:
    """Finds a word, or words in a row, in a `plain` text; the last one may go on."""
    return re.compile(rf"(?<!\w){re.escape(plain(wanted))}")
