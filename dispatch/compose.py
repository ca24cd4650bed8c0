"""Rendering: a template and a context become a subject, a short line and a text; the text becomes HTML."""

import html
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

from jinja2 import Template, TemplateError

from dispatch.errors import DispatchError
from store.cards import Company
from store.sanitise import clean_line, clean_text
from store.template_language import FAULTS, bounded, compile_text, pieces

MAX_TEXT = 200_000
"""Characters of a rendered text; more is cut."""
MAX_SUBJECT = 250
SIGNATURE_MARK = "-- \n"
"""The signature separator mail programs know (RFC 3676, section 4.3)."""
_GAP = re.compile(r"\n{3,}")
_BETWEEN = re.compile(r"\n\s*\n")
_URL = re.compile(r"https?://[^\s<>\"']*[^\s<>\"'.,;:!?)\]}]")
_STYLE = (
    "font-family:system-ui,-apple-system,'Segoe UI',Roboto,sans-serif;font-size:15px;line-height:1.5;max-width:40em"
)
_QUOTE_STYLE = "margin:0 0 1em;padding:0 0 0 .9em;border-left:3px solid #9ab"
_SIGNATURE_STYLE = "margin-top:1.6em;padding-top:.7em;border-top:1px solid #9ab;opacity:.8"


class ComposeError(DispatchError):
    """A template cannot be rendered."""


class TemplateParts(Protocol):
    """What a template consists of."""

    @property
    def subject(self) -> str:
        """One line."""
        ...

    @property
    def short(self) -> str:
        """One line for the pane."""
        ...

    @property
    def body(self) -> str:
        """Several lines of text."""
        ...


@dataclass(frozen=True, slots=True)
class Rendered:
    """A rendered template: `subject` and `short` are one line each, `text` has no signature."""

    subject: str
    short: str
    text: str


_compile = lru_cache(maxsize=2048)(compile_text)


def _fill(template: Template, context: dict[str, Any]) -> str:
    """`Template.render`, no longer than can be of use."""
    found: list[str] = []
    size = 0
    for piece in pieces(template, context):
        found.append(piece)
        size += len(piece)
        if size > MAX_TEXT:
            break
    return "".join(found)


def fill(source: str, context: dict[str, Any]) -> str:
    """Render one part of a template.

    Raises:
        ComposeError: It cannot be read, asks for something that is not there, or does more than one may.
    """
    try:
        with bounded():
            return _fill(_compile(source), context)
    except (TemplateError, *FAULTS) as error:
        raise ComposeError(clean_line(f"the template cannot be rendered: {error}"), error_class="template") from error


def render(template: TemplateParts, context: dict[str, Any]) -> Rendered:
    """Render a template.

    Raises:
        ComposeError: One of its parts cannot be rendered.
    """
    subject, short, body = (fill(part, context) for part in (template.subject, template.short, template.body))
    text = clean_text(body)
    if "\n\n\n" in text:
        text = _GAP.sub("\n\n", text)
    text = text.strip()[:MAX_TEXT]
    return Rendered(_one_line(subject), _one_line(short), text)


def _one_line(text: str) -> str:
    return " ".join(clean_line(text).split())[:MAX_SUBJECT]


def signed(text: str, company: Company) -> tuple[str, str]:
    """The text and the HTML of a letter, the company's signature under both."""
    return with_signature(text, company.signature), to_html(text, company.signature, company.signature_html)


def with_signature(text: str, signature: str) -> str:
    """The text with the company's signature under it."""
    under = _plain(signature)
    return f"{text}\n\n{SIGNATURE_MARK}{under}\n" if under else f"{text}\n"


@lru_cache(maxsize=16)
def _plain(signature: str) -> str:
    return clean_text(signature).strip()


def to_html(text: str, signature: str, signature_html: str = "") -> str:
    """A plain text as HTML: paragraphs, links, quotes, and the signature under a thin rule. All text is escaped.

    `signature_html` stands in place of the signature's text as it is; `store.html_check` has let it in.
    """
    blocks = [_block(block) for block in _BETWEEN.split(text.strip()) if block.strip()]
    if under := signature_html.strip() or _lines(_plain(signature)):
        blocks.append(f'<div style="{_SIGNATURE_STYLE}">{under}</div>')
    return f'<!DOCTYPE html><html><body><div style="{_STYLE}">{"".join(blocks)}</div></body></html>'


def _block(block: str) -> str:
    lines = block.strip("\n").split("\n") if ">" in block else []
    if lines and all(line.startswith(">") for line in lines):
        inner = _lines("\n".join(line[1:].removeprefix(" ") for line in lines))
        return f'<blockquote style="{_QUOTE_STYLE}">{inner}</blockquote>'
    return f'<p style="margin:0 0 1em">{_lines(block)}</p>'


def _lines(text: str) -> str:
    if "://" not in text:
        return html.escape(text).replace("\n", "<br>\n")
    return "<br>\n".join(_linked(line) for line in text.split("\n"))


def _linked(line: str) -> str:
    if "://" not in line:
        return html.escape(line)
    parts: list[str] = []
    at = 0
    for found in _URL.finditer(line):
        url = html.escape(found.group())
        parts += [html.escape(line[at : found.start()]), f'<a href="{url}">{url}</a>']
        at = found.end()
    return "".join([*parts, html.escape(line[at:])])
