"""Screenshots as assertions: the picture in `screenshots/` that people look at is what the screen must look like."""

import re
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, TextArea

FOLDER = Path(__file__).parents[2] / "screenshots"
_FONT_FACES = re.compile(r"\s*@font-face \{.*?\}", re.DOTALL)
_UNIQUE = re.compile(r"terminal-\d+")
_COMMENT = re.compile(r"\s*<!--.*?-->", re.DOTALL)


def normal(svg: str) -> str:
    """The picture without what changes from version to version, and without fonts of other people's hosts."""
    svg = _COMMENT.sub("", _FONT_FACES.sub("", _UNIQUE.sub("terminal", svg)))
    return svg.replace("\u00a0", "&#160;").rstrip() + "\n"


async def still(pilot: "Pilot[Any]") -> None:
    """Have nothing move or blink."""
    pilot.app.animation_level = "none"
    await pilot.pause()
    for control in pilot.app.screen.query("Input, TextArea"):
        if isinstance(control, Input | TextArea):
            control.cursor_blink = False
    await pilot.pause()


def compare(pilot: "Pilot[Any]", name: str, request: pytest.FixtureRequest, drawn: Path) -> None:
    """Compare the screen with its picture, or draw that anew with `--update-screenshots`."""
    picture = normal(pilot.app.export_screenshot(title="vestnik", simplify=True))
    place = FOLDER / f"{name}.svg"
    if request.config.getoption("--update-screenshots"):
        FOLDER.mkdir(exist_ok=True)
        place.write_bytes(picture.encode())
        return
    if place.is_file() and place.read_bytes() == picture.encode():
        return
    new = drawn / place.name
    new.write_bytes(picture.encode())
    pytest.fail(
        f"{place.name} does not look like the screen any more; it looks like {new}. "
        "If that is as it should be, draw the pictures anew with: make screenshots",
        pytrace=False,
    )
