"""The filter of the lists of rules: words, and terms like `object:request`, in either language, as they are typed."""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cache

from store.folding import fold
from store.vocabulary import Language
from tui.texts import Texts

FIELDS = ("object", "event", "channel", "to", "mark")
"""What stands before a colon."""
SWITCHES = ("on", "off", "repeat", "working")
"""What stands alone: asks whether a rule is on, repeats, counts in working time."""
_NO_LETTERS = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class RuleFilter:
    """What a rule must have, all of it.

    Attributes:
        words: Each is to be somewhere in what is shown of the rule.
        terms: Fields, each with what a word of it is to begin with.
        switches: Of `SWITCHES`.
        unknown: Names before a colon that are no field's. They ask for nothing.
    """

    words: tuple[str, ...] = ()
    terms: tuple[tuple[str, str], ...] = ()
    switches: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()

    def admits(self, shown: str, fields: Mapping[str, str], traits: Collection[str]) -> bool:
        """Whether a rule is to be shown.

        Args:
            shown: What is shown of it, folded.
            fields: The words of each field, as `words_of` gives them.
            traits: The switches that it answers to.
        """
        return (
            all(word in shown for word in self.words)
            and all(value in fields.get(field, "") for field, value in self.terms)
            and all(switch in traits for switch in self.switches)
        )


def words_of(text: str) -> str:
    """Words as they are searched: folded, one blank before each."""
    return f" {_NO_LETTERS.sub(' ', fold(text)).strip()}"


@cache
def names() -> dict[str, str]:
    """What fields and switches are called, in every language, and which is meant."""
    return {fold(Texts(language)(f"filter.{one}")): one for language in Language for one in (*FIELDS, *SWITCHES)}


def parse(text: str) -> RuleFilter:
    """A filter from what was typed so far; a field whose value is still missing asks for nothing."""
    words: list[str] = []
    terms: list[tuple[str, str]] = []
    switches: list[str] = []
    unknown: list[str] = []
    for token in text.split():
        name, colon, value = token.partition(":")
        meant = names().get(fold(name), "")
        if not colon and meant in SWITCHES:
            switches.append(meant)
        elif not colon:
            words.append(fold(token))
        elif meant not in FIELDS:
            unknown.append(name)
        elif words_of(value).strip():
            terms.append((meant, words_of(value)))
    return RuleFilter(tuple(words), tuple(terms), tuple(switches), tuple(unknown))


def completed(text: str, called: Mapping[str, str], known: Mapping[str, Iterable[str]]) -> str | None:
    """The text with its last word completed; `None` where there is nothing to add.

    Args:
        text: What was typed so far.
        called: What fields and switches are called in the language of the console.
        known: The words there are in each field.
    """
    if not text or text[-1].isspace():
        return None
    token = text.rsplit(maxsplit=1)[-1]
    name, colon, begun = token.partition(":")
    if colon:
        found = sorted(known.get(names().get(fold(name), ""), ()))
    else:
        begun = name
        found = [f"{called[one]}:" for one in FIELDS] + [called[one] for one in SWITCHES]
    wanted = fold(begun)
    rest = next((one[len(begun) :] for one in found if wanted and fold(one).startswith(wanted)), "")
    return text + rest if rest else None
