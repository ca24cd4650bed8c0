"""What a mail program shows of a letter's HTML, as text."""

from html.parser import HTMLParser

from store.sanitise import clean_text

_BLOCKS = frozenset({"p", "div", "blockquote"})


class _Reader(HTMLParser):
    """Takes the texts, a blank line between blocks, a bar before quotes, and where a link leads."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks: list[list[str]] = [[]]
        self._link = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _BLOCKS:
            self.blocks.append(["│ "] if tag == "blockquote" else [])
        elif tag == "br":
            self.blocks[-1].append("\n")
        elif tag == "a":
            self._link = dict(attrs).get("href") or ""

    def handle_endtag(self, tag: str) -> None:
        if tag in _BLOCKS:
            self.blocks.append([])

    def handle_data(self, data: str) -> None:
        shown = f"‹{data}›" if self._link and data == self._link else data
        self._link = ""
        self.blocks[-1].append(shown.replace("\n", " ") if self.blocks[-1][-1:] != ["\n"] else shown.lstrip("\n"))


def html_as_text(html: str) -> str:
    """The text of a letter's HTML; `‹…›` stands around a link that can be clicked."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    shown: list[str] = []
    for block in reader.blocks:
        text = "".join(block).strip(" \n")
        bar = block[:1] == ["│ "]
        if text and text != "│":
            shown.append(text.replace("\n", "\n│ ") if bar else text)
    return clean_text("\n\n".join(shown))
