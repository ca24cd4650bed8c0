"""What a screen or a widget keeps has names of its own: the framework's stay the framework's."""

import ast
from inspect import getsource
from pathlib import Path

import pytest
from textual import dom, message_pump, screen, widget

CODE = Path(__file__).parents[2] / "tui"
FRAMEWORKS = (dom, message_pump, widget, screen)


def kept(source: str) -> set[str]:
    """Private names that are set on `self`."""
    return {
        node.attr
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Attribute)
        and isinstance(node.ctx, ast.Store)
        and node.attr.startswith("_")
        and isinstance(node.value, ast.Name)
        and node.value.id == "self"
    }


THEIRS = frozenset[str]().union(*(kept(getsource(module)) for module in FRAMEWORKS))


@pytest.mark.parametrize("folder", ["screens", "widgets"])
def test_no_screen_or_widget_sets_what_the_framework_keeps_under_its_name(folder: str) -> None:
    assert "_id" in THEIRS
    found = {
        f"{path.name}: {name}" for path in (CODE / folder).glob("*.py") for name in kept(path.read_text()) & THEIRS
    }
    assert found == set()
