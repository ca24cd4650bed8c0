"""The form of silent mode."""

from datetime import datetime
from zoneinfo import ZoneInfo

from store.cards import SilentMode
from store.errors import SettingsError
from store.silence import Silence, save_silence
from store.vocabulary import SilentState
from tui.operator import operator
from tui.widgets.form import Field, Form, Say, Value, area_field, choice_field, text_field

UNTIL_FORMAT = "%d.%m.%Y %H:%M"


class SilentForm(Form):
    """Switches silent mode on or off, and says what becomes of the letters it holds.

    Args:
        zone: The company's time zone, in which the end is written.
    """

    def __init__(self, say: Say, silence: Silence, zone: ZoneInfo) -> None:
        super().__init__(say, say("silent.title"))
        self._silence = silence
        self._zone = zone

    def fields(self) -> list[Field]:
        say, mode = self.say, self._silence.mode
        states = [(say(f"silent.state_{state.value}"), state.value) for state in SilentState]
        fates = [(say("silent.send"), "send"), (say("silent.cancel"), "cancel")]
        until = mode.until.astimezone(self._zone).strftime(UNTIL_FORMAT) if mode.until else ""
        return [
            choice_field("state", say("silent.state"), mode.state.value, states),
            area_field("exceptions", say("silent.exceptions"), "\n".join(mode.exceptions)),
            text_field("until", say("silent.until"), until, hint=say("silent.until_hint")),
            choice_field("held", say("silent.held_letters", count=self._silence.held), "send", fates),
        ]

    def follow(self) -> None:
        state = SilentState(self.text("state"))
        self.field("exceptions").display = state is SilentState.EXCEPTIONS
        self.field("until").display = state is not SilentState.OFF
        self.field("held").display = state is SilentState.OFF and self._silence.held > 0

    def read(self, values: dict[str, Value]) -> SilentMode:
        """Silent mode as it stands in the form.

        Raises:
            SettingsError: The end is no moment.
        """
        state = SilentState(str(values["state"]))
        words = str(values["exceptions"]).replace(",", " ").split() if state is SilentState.EXCEPTIONS else []
        text = str(values["until"]).strip() if state is not SilentState.OFF else ""
        try:
            until = datetime.strptime(text, UNTIL_FORMAT).replace(tzinfo=self._zone) if text else None
        except ValueError as error:
            raise SettingsError("until", self.say("problem.moment", value=text)) from error
        return SilentMode(state, tuple(words), until)

    def save(self, values: dict[str, Value]) -> None:
        mode = self.read(values)
        cancel = mode.state is SilentState.OFF and values["held"] == "cancel"
        save_silence(self.store, mode, operator(), cancel_held=cancel)
