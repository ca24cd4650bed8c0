"""What a person sees of the screen, as text."""

from textual._compositor import LayoutUpdate
from textual.app import App


def seen(app: "App[None]") -> str:
    """The text of the screen, a line for each row, from top to bottom, without what is blank between the words.

    It is the text of the screenshot (a test holds the two together), without the drawing, which takes ten times as long
    and is asked for at every look of a test that waits.
    """
    compositor = app.screen._compositor
    update = compositor.render_update(full=True, screen_stack=app._background_screens, simplify=True)
    assert isinstance(update, LayoutUpdate)
    rows = (
        "".join(segment.text for strip in row for segment in strip if not segment.control and segment.text.strip(" "))
        for row in update.strips
    )
    return "\n".join(row.replace("\u00a0", " ") for row in rows)
