"""What a person sees of the screen, as text."""

import html
import re

from textual.app import App

_LINE = re.compile(r'<text class="[^"]*" x="([\d.]+)" y="([\d.]+)"[^>]*>(.*?)</text>', re.DOTALL)


def seen(app: "App[None]") -> str:
    """The text of the screen, a line for each row, from top to bottom."""
    rows: dict[float, list[tuple[float, str]]] = {}
    for x, y, text in _LINE.findall(app.export_screenshot(simplify=True)):
        rows.setdefault(float(y), []).append((float(x), html.unescape(text)))
    lines = ("".join(text for _, text in sorted(row)) for _, row in sorted(rows.items()))
    return "\n".join(lines).replace("\u00a0", " ")
