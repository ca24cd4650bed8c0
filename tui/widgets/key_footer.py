"""The line at the bottom: the keys that are most useful here."""

from typing import NamedTuple

from textual.app import ComposeResult
from textual.reactive import reactive
from textual.screen import Screen
from textual.widgets import Footer
from textual.widgets._footer import FooterKey


class _Shown(NamedTuple):
    """A key as it stands in the line."""

    key: str
    display: str
    description: str
    action: str
    disabled: bool
    tooltip: str


class _Key(FooterKey):
    """A key of the line. Textual's is made compact, then made roomy: each has all style rules matched again."""

    compact = reactive(default=False)


class KeyFooter(Footer):
    """Textual's footer, for keys without groups, which is drawn anew only when what it shows is not the same.

    Textual's makes all its keys again whenever the focus moves or a form opens: a third of all the work of a screen.
    """

    def __init__(self) -> None:
        super().__init__(show_command_palette=False)
        self._shown: list[_Shown] = []
        self._to_look = False

    def compose(self) -> ComposeResult:
        """A widget for each key."""
        for one in self._shown:
            yield _Key(one.key, one.display, one.description, one.action, disabled=one.disabled, tooltip=one.tooltip)

    def bindings_changed(self, screen: Screen[object]) -> None:
        """Look once, when all has settled, however often something changes until then."""
        if screen.app.app_focus and not self._to_look:
            self._to_look = self.call_after_refresh(self._look)

    async def _look(self) -> None:
        self._to_look = False
        if not self.is_attached:
            return
        shown = self._what_to_show()
        if shown != self._shown:
            self._shown = shown
            await self.recompose()

    def _what_to_show(self) -> list[_Shown]:
        """The first binding of each action that is to be shown."""
        found: dict[str, _Shown] = {}
        for _, bound, enabled, tooltip in self.screen.active_bindings.values():
            if bound.show and bound.action not in found:
                display = self.app.get_key_display(bound)
                found[bound.action] = _Shown(bound.key, display, bound.description, bound.action, not enabled, tooltip)
        return list(found.values())
