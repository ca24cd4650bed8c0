"""What HTML of the company's own may be in a letter: closed elements without scripts, which every mail program shows.

It is checked and refused, never rewritten: what an administrator saved is what leaves.
"""

import re
from html.parser import HTMLParser

from store.errors import SettingsError
from store.sanitise import clean_line

EMPTY = frozenset({"br", "hr", "img"})
TAGS = EMPTY | {
    "a", "abbr", "address", "b", "big", "blockquote", "center", "code", "div", "em", "font", "h1", "h2", "h3", "h4",
    "i", "li", "ol", "p", "pre", "s", "small", "span", "strong", "sub", "sup", "table", "tbody", "td", "tfoot", "th",
    "thead", "tr", "u", "ul",
}  # fmt: skip
ATTRIBUTES = {
    "align", "alt", "bgcolor", "border", "cellpadding", "cellspacing", "color", "colspan", "dir", "face", "height",
    "href", "lang", "rel", "role", "rowspan", "size", "src", "style", "target", "title", "valign", "width",
}  # fmt: skip
ADDRESSES = frozenset({"href", "src"})
_ADDRESS = re.compile(r"(https?://|mailto:|tel:|data:image/(png|jpeg|gif);base64,)", re.IGNORECASE)
_STYLE = re.compile(r"@import|expression|javascript|behavior|-moz-binding|\\", re.IGNORECASE)


def check_html(text: str, path: str) -> None:
    """Refuse what does not belong in a letter.

    Raises:
        SettingsError: An element or attribute is not one of ours, an address leads elsewhere than the web, mail or a
            telephone, or an element is not closed.
    """
    checker = _Checker(path)
    checker.feed(text)
    checker.close()
    checker.end()


class _Checker(HTMLParser):
    def __init__(self, path: str) -> None:
        super().__init__(convert_charrefs=False)
        self._path = path
        self._open: list[str] = []

    def end(self) -> None:
        """At the end of the text: whether everything is closed."""
        if self._open:
            raise self._error("html_unclosed", f"<{self._open[-1]}> is not closed", self._open[-1])

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element begins."""
        if tag not in TAGS:
            raise self._error("html_tag", f"<{clean_line(tag)}> has no place in a letter", tag)
        for name, value in attrs:
            self._check(name, (value or "").strip())
        if tag not in EMPTY:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element that says it is empty: for mail programs only those that always are."""
        if tag not in EMPTY:
            raise self._error("html_unclosed", f"<{clean_line(tag)}> is not closed", tag)
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        """An element ends: the one that was opened last."""
        if not self._open or self._open.pop() != tag:
            raise self._error("html_unopened", f"</{clean_line(tag)}> closes what is not open there", tag)

    def handle_data(self, data: str) -> None:
        """Text; what begins like an element and is none would swallow what follows it."""
        if "<" in data:
            line = str(self.getpos()[0])
            raise self._error("html_stray", f"line {line} has a < that begins no element; write &lt;", line)

    def handle_comment(self, data: str) -> None:
        """Comments hide things from one mail program and show them to another."""
        raise self._error("html_tag", "has a comment; take it out", f"!--{data[:20]}")

    def handle_decl(self, decl: str) -> None:
        """`<!DOCTYPE …>` and the like: the letter has its own."""
        raise self._error("html_tag", f"<!{clean_line(decl)}> has no place in a letter", f"!{decl[:20]}")

    def unknown_decl(self, data: str) -> None:
        """`<![…]>`: likewise."""
        self.handle_decl(f"[{data}")

    def handle_pi(self, data: str) -> None:
        """`<?…>`: likewise."""
        raise self._error("html_tag", f"<?{clean_line(data)}> has no place in a letter", f"?{data[:20]}")

    def _check(self, name: str, value: str) -> None:
        if name not in ATTRIBUTES:
            raise self._error("html_attribute", f"{clean_line(name)}= has no place in a letter", name)
        if name in ADDRESSES and not _ADDRESS.match(value):
            problem = f"{clean_line(value)!r} is no address. Begin it with https:// or mailto:"
            raise self._error("html_address", problem, value[:80])
        if name == "style" and _STYLE.search(value):
            raise self._error("html_attribute", "has a style that can do more than look", f"style={value[:40]}")

    def _error(self, key: str, problem: str, value: str) -> SettingsError:
        return SettingsError(self._path, problem, key=key, value=clean_line(value))
