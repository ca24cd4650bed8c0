"""The form of what an operator wants to be called for, and how."""

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual import on
from textual.binding import BindingType
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Button, Static

from store.checks import check_address
from store.errors import SettingsError
from store.news import Kind
from tui.call_settings import LEAST_S, MOST_S, CallSettings
from tui.caller import Way
from tui.spoken import binding
from tui.terminal import Desktop, in_tmux
from tui.widgets.form import Field, Form, Say, Value, choice_field, flag_field, several_field, text_field

Try = Callable[[CallSettings], bool]
Keep = Callable[[CallSettings], None]


class CallsForm(Form):
    """Edits how the operator is called; a trial calls at once, by what stands in the form.

    Args:
        settings: How it is now.
        filters: Names of the saved filters among the kinds, and what they are called.
        try_now: Calls by settings; gives whether there is a terminal to call by.
        keep: Keeps settings; runs in a thread.
    """

    DEFAULT_CSS = """
    CallsForm Choices, CallsForm Choices:focus { height: auto; max-height: 8; }
    """
    FOOTER: ClassVar[tuple[str, ...]] = ("form.save", "calls.try", "form.cancel")
    BINDINGS: ClassVar[list[BindingType]] = [binding("f6", "try_now", "calls.try", first=True)]

    def __init__(
        self, say: Say, settings: CallSettings, filters: Sequence[tuple[str, str]], try_now: Try, keep: Keep
    ) -> None:
        super().__init__(say, say("calls.form"))
        self._settings, self._filters = settings, filters
        # What is chosen comes with spaces between, and the name of a filter may have some.
        self._keys = {kind.value: kind.value for kind in Kind}
        self._keys |= {name: f"filter-{number}" for number, (name, _) in enumerate(filters)}
        self._try, self._keep = try_now, keep

    def fields(self) -> list[Field]:
        say, settings = self.say, self._settings
        kinds = [(say(f"calls.kind_{kind.value}"), kind.value) for kind in Kind]
        kinds += [(title, self._keys[name]) for name, title in self._filters]
        wishes, keys = settings.wishes, self._keys
        chosen = {way: [keys[name] for name in wishes[way] if name in keys] for way in Way}
        sequences = [(say(f"calls.{one.value}"), one.value) for one in Desktop]
        return [
            *(several_field(way.value, say(f"calls.{way.value}"), kinds, chosen[way]) for way in Way),
            choice_field("kind", say("calls.sequence"), settings.kind.value, sequences),
            flag_field("tmux", say("calls.tmux"), settings.tmux, say, yes=say("calls.tmux_yes")),
            text_field("every_s", say("calls.every"), str(settings.every_s)),
            text_field("address", say("calls.address"), settings.address, hint=say("calls.address_hint")),
        ]

    def buttons(self) -> list[Button]:
        return [Button(Content(self.say("calls.try")), id="try", compact=True)]

    def below(self) -> list[Widget]:
        return [Static(Content(self.say("calls.where")), classes="calls-note")]

    def follow(self) -> None:
        self.field("kind").use(used=bool(self.text(Way.DESKTOP)))
        self.field("tmux").display = in_tmux()
        self.field("address").use(used=any(Kind.MINE in self.text(way).split() for way in Way))

    def read(self, values: dict[str, Value]) -> CallSettings:
        """How it stands in the form.

        Raises:
            SettingsError: A value is wrong.
        """
        every, address = str(values["every_s"]), str(values["address"])
        if not every.isascii() or not every.isdigit() or not LEAST_S <= int(every) <= MOST_S:
            raise SettingsError("every_s", self.say("problem.range", least=LEAST_S, most=MOST_S))
        check_address(address, "address", required=False)
        names = {key: name for name, key in self._keys.items()}
        chosen = {way: tuple(names[key] for key in str(values[way]).split()) for way in Way}
        return CallSettings(
            bell=chosen[Way.BELL],
            title=chosen[Way.TITLE],
            desktop=chosen[Way.DESKTOP],
            kind=Desktop(str(values["kind"])),
            tmux=values["tmux"] is True,
            every_s=int(every),
            address=address,
        )

    def save(self, values: dict[str, Value]) -> None:
        self._keep(self.read(values))

    @on(Button.Pressed, "#try")
    def action_try_now(self) -> None:
        """Call now."""
        try:
            settings = self.read(self.values)
        except SettingsError as error:
            self.refuse(error.path, self.problem(error))
            return
        self.notify(self.say("calls.tried" if self._try(settings) else "calls.no_terminal"))
