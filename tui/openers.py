"""What the console opens by a key or from the palette, whatever section is in front. Screens load when first shown."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from textual.app import App, SystemCommand

from store.clock import Clock, system_clock
from store.vocabulary import Language
from tui.spoken import Spoken
from tui.texts import Texts

if TYPE_CHECKING:
    from tui.calls import Calls
    from tui.widgets.row_list import RowList


class Openers(App[None]):
    """The application as far as it opens screens.

    Attributes:
        texts: The words.
        clock: For what is shown as "now".
        made_up: What was filled in for a made-up object the last time.
    """

    def __init__(self) -> None:
        super().__init__()
        self.texts = Texts(Language.RU)
        self.clock: Clock = system_clock
        self.made_up: Mapping[str, str | bool] = {}

    @property
    def calls(self) -> "Calls":
        """What calls the operator who looks elsewhere."""
        raise NotImplementedError

    @property
    def why_key(self) -> str:
        """Of what one asks from here; empty where there is nothing under the cursor."""
        return self.screen.why_key if isinstance(self.screen, Spoken) else ""

    def on_row_list_opened(self, event: "RowList.Opened") -> None:
        """A row was opened."""
        from tui.screens.delivery import DeliveryScreen

        self.push_screen(DeliveryScreen(event.delivery_id))

    def action_help(self) -> None:
        """Show the keys of this screen."""
        from tui.screens.help import HelpScreen

        self.push_screen(HelpScreen(self.screen))

    def action_why(self) -> None:
        """Ask why something was or was not sent; first of what the cursor is on."""
        from tui.screens.why import WhyScreen

        self.push_screen(WhyScreen(self.why_key))

    def action_timeline(self) -> None:
        """Show the deadlines of an object in time; first of the one the cursor is on."""
        from tui.screens.timeline import TimelineScreen

        self.push_screen(TimelineScreen("", self.why_key))

    def action_made_up(self) -> None:
        """Ask for an object there is not, and show its deadlines in time."""
        from tui.screens.timeline import TimelineScreen
        from tui.widgets.made_up_form import MadeUpForm

        form = MadeUpForm(self.texts, self.made_up)

        def filled(done: bool | None) -> None:  # noqa: FBT001 - it gets it by place
            if done and form.event is not None:
                self.push_screen(TimelineScreen(made_up=form.event))

        self.push_screen(form, filled)

    def action_mutes(self) -> None:
        """Show what is muted."""
        from tui.screens.mutes import MutesScreen

        self.push_screen(MutesScreen())

    def action_dead_groups(self) -> None:
        """Show the dead letters by cause."""
        from tui.screens.dead_groups import DeadGroupsScreen

        self.push_screen(DeadGroupsScreen())

    def action_forecast(self) -> None:
        """Show what the desk will be told in the next hours and days."""
        from tui.screens.forecast import ForecastScreen

        self.push_screen(ForecastScreen())

    def action_calls(self) -> None:
        """Set for what the operator is called, and how."""
        from tui.widgets.calls_form import CallsForm

        self.push_screen(
            CallsForm(self.texts, self.calls.settings, self.calls.filters, self.calls.try_now, self.calls.keep)
        )

    def action_board(self) -> None:
        """Show the board: letters against time, the queue, connections, dispatchers, what is to come."""
        from tui.screens.board import BoardScreen

        if not isinstance(self.screen, BoardScreen):
            self.push_screen(BoardScreen())

    def opening_commands(self) -> Iterator[SystemCommand]:
        """All of these in the palette."""
        texts = self.texts
        yield SystemCommand(texts("key.app_board"), texts("help.app_board"), self.action_board)
        yield SystemCommand(texts("why.title"), texts("why.hint"), self.action_why)
        yield SystemCommand(texts("timeline.title"), texts("timeline.hint"), self.action_timeline)
        yield SystemCommand(texts("made_up.title"), texts("help.app_made_up"), self.action_made_up)
        yield SystemCommand(texts("mutes.title"), texts("mutes.hint"), self.action_mutes)
        yield SystemCommand(texts("dead.title"), texts("dead.hint"), self.action_dead_groups)
        yield SystemCommand(texts("key.app_forecast"), texts("help.app_forecast"), self.action_forecast)
        yield SystemCommand(texts("calls.form"), texts("help.app_calls"), self.action_calls)
