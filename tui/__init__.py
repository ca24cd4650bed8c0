"""Terminal console of Vestnik: Textual application, screens, widgets, command line."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tui.app import ConsoleApp

__all__ = ["ConsoleApp"]


def __getattr__(name: str) -> Any:
    # Lazy: the command line must not pay for Textual.
    if name == "ConsoleApp":
        from tui.app import ConsoleApp

        return ConsoleApp
    raise AttributeError(name)
