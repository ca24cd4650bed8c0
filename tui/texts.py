"""The words of the console, one catalogue per language."""

import tomllib
from functools import cache
from importlib.resources import files

from store.plurals import plural
from store.sanitise import clean_line
from store.vocabulary import Language


@cache
def catalogue(language: Language) -> dict[str, str]:
    """All texts of a language, keyed `section.key`."""
    text = files("tui").joinpath("texts_data", f"{language.value}.toml").read_text("utf-8")
    return {
        f"{section}.{key}": str(value)
        for section, entries in tomllib.loads(text).items()
        for key, value in entries.items()
    }


class Texts:
    """The texts of one language."""

    def __init__(self, language: Language) -> None:
        self.language = language
        self._texts = catalogue(language)

    def __call__(self, key: str, **params: object) -> str:
        """The text for a key, with its `{names}` filled in; what is filled in may come from outside and is cleaned.

        Raises:
            KeyError: There is no such text.
        """
        text = self._texts[key]
        if not params:
            return text
        return text.format(**{name: clean_line(v) if isinstance(v, str) else v for name, v in params.items()})

    def count(self, key: str, n: int) -> str:
        """A number with its words: the text holds their forms, `письмо|письма|писем`, `letter|letters`."""
        return f"{n} {plural(n, self._texts[key].split('|'), self.language)}"

    def get(self, key: str, otherwise: str) -> str:
        """The text for a key that may be one of a desk's own, e.g. an event type we do not know."""
        return self._texts.get(key, otherwise)
