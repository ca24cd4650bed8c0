"""The style sheet of the console: each part of it is read once."""

from typing import Any

from textual.app import App

PARTS = 512
"""Parts of the style sheet that are kept as read, many more than there are kinds of widgets."""


def read_once(app: "App[Any]") -> None:
    """Have the style sheet keep all its parts as read.

    Textual keeps 64 of them, and goes through all in one order when a kind of widget is first shown: where there are
    more, each of them is read anew then. That took a fifth of a second of whoever had been on most sections.
    """
    app.stylesheet._parse_cache.grow(PARTS)  # noqa: SLF001 - there is no other way to say it
