"""The letters that ship, one file per language and template."""

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from store.vocabulary import Language

_KEY = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)*")


@dataclass(frozen=True, slots=True)
class TemplateText:
    """A template: `subject` of the letter, `short` line for the interface, `body` of the letter."""

    subject: str
    short: str
    body: str


@cache
def template_text(key: str, language: Language) -> TemplateText:
    """A template by key; one that a language lacks is taken in English.

    Raises:
        KeyError: There is no such template.
    """
    if not _KEY.fullmatch(key):  # a key is no path
        raise KeyError(key)
    folder = files("store.catalogue").joinpath("templates")
    for code in (language, Language.EN):
        file = folder.joinpath(code.value, f"{key}.txt")
        if file.is_file():
            return parse_template(file.read_text("utf-8"))
    raise KeyError(key)


def parse_template(text: str) -> TemplateText:
    """Take a template file apart: `Subject: …`, `Short: …`, a blank line, the body."""
    head, _, body = text.partition("\n\n")
    fields = dict(line.split(": ", 1) for line in head.splitlines())
    return TemplateText(fields["Subject"], fields["Short"], body)
