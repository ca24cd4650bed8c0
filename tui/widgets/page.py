"""A page of text that scrolls."""

from typing import ClassVar

from textual.binding import BindingType
from textual.containers import VerticalScroll

from tui.spoken import binding


class Page(VerticalScroll, inherit_bindings=False):
    """Every key that moves in it has its words in the help."""

    BINDINGS: ClassVar[list[BindingType]] = [
        binding("up", "scroll_up", "page.up", show=False),
        binding("down", "scroll_down", "page.down", show=False),
        binding("pageup", "page_up", "page.page_up", show=False),
        binding("pagedown,space", "page_down", "page.page_down", show=False),
        binding("home", "scroll_home", "page.home", show=False),
        binding("end", "scroll_end", "page.end", show=False),
    ]
