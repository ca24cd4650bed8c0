"""Words of key bindings in the console's language."""

from typing import TYPE_CHECKING, Any, cast

from textual.app import App

if TYPE_CHECKING:
    from tui.app import ConsoleApp


def binding_words(app: App[Any], binding_id: str, otherwise: str) -> str:
    """What a binding does; the English tooltip where the catalogue has no word of its own."""
    texts = cast("ConsoleApp", app).texts
    return texts.get(f"key.{binding_id.replace('.', '_')}", otherwise)
