"""The side menu: numbered sections, one key each; a key hides it where columns are few."""

from dataclasses import dataclass

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.events import Click
from textual.message import Message
from textual.widgets import Static

from tui.texts import Texts

SECTIONS = (
    ("live", "1"),
    ("deliveries", "2"),
    ("event_actions", "3"),
    ("escalations", "4"),
    ("outgoing_mail", "5"),
    ("company", "6"),
    ("people", "7"),
    ("audit", "8"),
    ("system", "9"),
    ("deadlines", "0"),
)
"""Sections in the order of the menu, each with its key."""


class MenuItem(Static):
    """One section."""

    @dataclass
    class Chosen(Message):
        """A section was clicked."""

        section: str

    def __init__(self, section: str, text: str) -> None:
        super().__init__(Content(text), id=f"menu-{section}", classes="menu-item")
        self._section = section

    def on_click(self, event: Click) -> None:
        """Go there."""
        event.stop()
        self.post_message(self.Chosen(self._section))


class Sidebar(Vertical):
    """The menu itself."""

    DEFAULT_CSS = """
    Sidebar { width: 16; height: 1fr; background: $surface; padding: 1 0; }
    Sidebar .menu-item { width: 100%; height: 1; padding: 0 1; color: $text-muted; }
    Sidebar .menu-item { text-wrap: nowrap; text-overflow: ellipsis; }
    Sidebar .menu-item:hover { background: $boost; }
    Sidebar .menu-item.-current { background: $primary; color: $text; text-style: bold; }
    """

    def __init__(self, current: str, texts: Texts) -> None:
        super().__init__(id="menu")
        self._current = current
        self._texts = texts

    def compose(self) -> ComposeResult:
        """The sections."""
        for section, key in SECTIONS:
            item = MenuItem(section, f"{key} {self._texts(f'menu.{section}')}")
            item.set_class(section == self._current, "-current")
            yield item
