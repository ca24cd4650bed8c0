"""Screens that speak the console's language, their keys included."""

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, cast

from textual.binding import ActiveBinding, Binding
from textual.screen import ModalScreen, Screen, ScreenResultType

from store.cards import Status
from tui.texts import Texts

if TYPE_CHECKING:
    from store.engine import Store
    from tui.app import ConsoleApp


def binding(keys: str, action: str, name: str, *, show: bool = True, shown: str | None = None) -> Binding:
    """A binding whose words stand in the text catalogue: `[key]` for the footer, `[help]` for the list of keys.

    `name` is `place.what` and the binding's id; `shown` is the key as the footer writes it.
    """
    return Binding(keys, action, name, show=show, key_display=shown, id=name)


def in_words(bound: Binding, texts: Texts) -> Binding:
    """The binding with the words of a language; one that is not ours stays as it is."""
    if bound.id is None:
        return bound
    name = bound.id.replace(".", "_")
    return replace(bound, description=texts.get(f"key.{name}", ""), tooltip=texts.get(f"help.{name}", ""))


class Spoken(Screen[ScreenResultType]):
    """A screen of the console."""

    SECTION: ClassVar[str] = ""
    """The section it is, empty for what lies on top of one."""

    def show_status(self, status: Status) -> None:
        """Show the state of the whole, where there is a place for it."""

    def show_notice(self) -> None:
        """Show the application's notice, where there is a place for it."""

    @property
    def console(self) -> "ConsoleApp":
        """The application."""
        return cast("ConsoleApp", self.app)

    @property
    def store(self) -> "Store":
        """The open store."""
        return self.console.store

    def say(self, key: str, **params: object) -> str:
        """A text in the console's language; may be called from any thread."""
        return self.console.texts(key, **params)

    @property
    def active_bindings(self) -> dict[str, ActiveBinding]:
        """The keys that work here, in words; footer, help and key panel read them."""
        found: dict[str, ActiveBinding] = {}
        for name, active in super().active_bindings.items():
            bound = in_words(active.binding, self.console.texts)
            found[name] = ActiveBinding(active.node, bound, active.enabled, bound.tooltip)
        return found


class SpokenModal(Spoken[ScreenResultType], ModalScreen[ScreenResultType]):
    """A screen of the console on top of another."""
