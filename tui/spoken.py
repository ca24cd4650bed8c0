"""Screens that speak the console's language, their keys included."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, NamedTuple, cast

from rich.cells import cell_len
from textual.binding import ActiveBinding, Binding
from textual.content import Content
from textual.events import Resize
from textual.screen import ModalScreen, Screen, ScreenResultType
from textual.widgets import Input, Static, TextArea

from store.cards import Status
from store.errors import SettingsError
from tui.texts import Texts

if TYPE_CHECKING:
    from store.engine import Store
    from tui.app import ConsoleApp


def binding(
    keys: str, action: str, name: str, *, show: bool = True, shown: str | None = None, first: bool = False
) -> Binding:
    """A binding whose words stand in the text catalogue: `[key]` for the footer, `[help]` for the list of keys.

    `name` is `place.what` and the binding's id; `shown` is the key as the footer writes it. One that comes `first` is
    not left to what has the focus: a text area has uses of its own for F6 and F7.
    """
    return Binding(keys, action, name, show=show, key_display=shown, id=name, priority=first)


def in_words(bound: Binding, texts: Texts) -> Binding:
    """The binding with the words of a language; one that is not ours stays as it is."""
    if bound.id is None:
        return bound
    name = bound.id.replace(".", "_")
    return replace(bound, description=texts.get(f"key.{name}", ""), tooltip=texts.get(f"help.{name}", ""))


MIN_COLUMNS, MIN_ROWS = 80, 24
TOO_SMALL = "Окно меньше 80×24: увеличьте его.\nThe terminal is smaller than 80×24: please enlarge it."
_AROUND_A_KEY = 3
"""Cells the footer puts around a key and its word."""
_ALWAYS = "app.help"
"""The key that leads to all the others is on every footer, in the last place."""


class Command(NamedTuple):
    """A deed in the palette."""

    title: str
    help: str
    do: Callable[[], None]


class TooSmall(Static):
    """Covers a screen that has no room, and leaves as it was what stands beneath."""

    DEFAULT_CSS = """
    TooSmall { layer: too-small; dock: top; width: 100%; height: 100%; content-align: center middle; }
    TooSmall { background: $background; text-align: center; }
    """

    def __init__(self) -> None:
        super().__init__(Content(TOO_SMALL))


def problem_in_words(error: SettingsError, say: Callable[..., str]) -> str:
    """What is wrong with a setting, in a language that has the words; else as the store says it."""
    return say(f"problem.{error.key}", **error.params) if error.key else error.problem


class Spoken(Screen[ScreenResultType]):
    """A screen of the console."""

    SECTION: ClassVar[str] = ""
    """The section it is, empty for what lies on top of one."""
    FOOTER: ClassVar[tuple[str, ...]] = ()
    """Names of the keys that are most useful here: the footer shows these first, and as many as fit."""
    DEFAULT_CSS = """
    Spoken { layers: default too-small; }
    """

    def show_status(self, status: Status) -> None:
        """Show the state of the whole, where there is a place for it."""

    def show_notice(self) -> None:
        """Show the application's notice, where there is a place for it."""

    def commands(self) -> Sequence[Command]:
        """What the palette offers on this screen beside what it offers everywhere."""
        return ()

    @property
    def why_key(self) -> str:
        """Of what one asks why from here: an object, a person; empty when there is nothing under the cursor."""
        return ""

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

    def problem(self, error: Exception) -> str:
        """What went wrong, in the console's language where it has the words; may be called from any thread."""
        if isinstance(error, SettingsError):
            return problem_in_words(error, self.say)
        return (error.strerror or str(error)) if isinstance(error, OSError) else str(error)

    @property
    def active_bindings(self) -> dict[str, ActiveBinding]:
        """The keys that work here, in words; footer, help and key panel read them.

        Those the footer has no room for are not to be shown there: a key cut in half helps nobody.
        """
        found: dict[str, ActiveBinding] = {}
        for name, active in super().active_bindings.items():
            bound = in_words(active.binding, self.console.texts)
            if bound.id == _ALWAYS and isinstance(self.focused, Input | TextArea):
                bound = replace(bound, key_display="f1")  # a question mark is typed into the field
            found[name] = ActiveBinding(active.node, bound, active.enabled, bound.tooltip)
        order = {name: place for place, name in enumerate(self.FOOTER)}
        ranked = sorted(found, key=lambda name: order.get(found[name].binding.id or "", len(order)))
        shown = self._fitting([found[name].binding for name in ranked if found[name].binding.show])
        last = [name for name in ranked if found[name].binding.id == _ALWAYS]
        return {
            name: found[name]._replace(binding=replace(found[name].binding, show=found[name].binding.id in shown))
            for name in [*(name for name in ranked if name not in last), *last]
        }

    def _fitting(self, candidates: list[Binding]) -> set[str | None]:
        """Ids of the keys for which the footer has room, the first ones first."""

        def cells(bound: Binding) -> int:
            return cell_len(self.app.get_key_display(bound)) + cell_len(bound.description) + _AROUND_A_KEY

        first = {bound.id: bound for bound in candidates if bound.description}
        help_key = first.pop(_ALWAYS, None)
        room = self.app.size.width - (cells(help_key) if help_key else 0)
        shown: set[str | None] = {_ALWAYS}
        for name, bound in first.items():
            room -= cells(bound)
            if room < 0:
                break
            shown.add(name)
        return shown

    def on_resize(self, event: Resize) -> None:
        """A terminal that is too small gets a message, not a mess; the footer shows what fits."""
        small = event.size.width < MIN_COLUMNS or event.size.height < MIN_ROWS
        covers = self.query_children(TooSmall)
        if small and not covers:
            self.mount(TooSmall())
        elif not small:
            covers.remove()
        self.refresh_bindings()


class SpokenModal(Spoken[ScreenResultType], ModalScreen[ScreenResultType]):
    """A screen of the console on top of another."""
