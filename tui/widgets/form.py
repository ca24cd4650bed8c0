"""A form: labelled fields with their problem beneath, Save and Cancel, and a question before changes are lost."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Button, Checkbox, Input, Label, OptionList, Select, TextArea
from textual.worker import Worker, WorkerState

from store.errors import SettingsError, StoreError
from store.sanitise import clean_line, clean_text
from tui.spoken import SpokenModal, binding
from tui.widgets.key_footer import KeyFooter
from tui.widgets.question import Question

Say = Callable[..., str]
"""Gives the text of a key in the language of the console; parameters by name."""

Value = str | bool


class Field(Horizontal):
    """One line of a form. The control has the id `field-<name>`, the message beneath it `problem-<name>`."""

    DEFAULT_CSS = """
    Field { height: auto; margin-bottom: 1; }
    Field > .field-label { width: 30; padding-right: 2; color: $text-muted; }
    Field > .field-body { width: 1fr; height: auto; }
    Field .field-problem { color: $text-error; display: none; width: 1fr; }
    Field.-wrong .field-problem { display: block; }
    Field.-wrong > .field-label { color: $text-error; }
    Field.-unused > .field-label { color: $text-disabled; }
    Field Input { width: 1fr; background: $boost; }
    Field Select { width: 1fr; }
    Field TextArea { height: 6; background: $boost; }
    """

    def __init__(self, name: str, label: str, control: Widget) -> None:
        super().__init__(id=f"row-{name}")
        self.field_name = name
        self._label = label
        self.control = control
        control.id = f"field-{name}"

    def compose(self) -> ComposeResult:
        yield Label(Text(self._label), classes="field-label")
        with Vertical(classes="field-body"):
            yield self.control
            yield Label("", id=f"problem-{self.field_name}", classes="field-problem")

    @property
    def value(self) -> Value:
        """What stands in the control."""
        control = self.control
        if isinstance(control, TextArea):
            return control.text
        if isinstance(control, Checkbox):
            return control.value
        if isinstance(control, Input):
            return control.value.strip() if not control.password else control.value
        if isinstance(control, Choices):
            return control.words
        if isinstance(control, Select):
            return str(control.value)  # pyright: ignore[reportUnknownMemberType,reportUnknownArgumentType]
        raise TypeError(control)

    @value.setter
    def value(self, value: Value) -> None:
        control = self.control
        if isinstance(control, TextArea):
            control.text = str(value)
        elif isinstance(control, Checkbox):
            control.value = bool(value)
        elif isinstance(control, Input | Select):
            control.value = str(value)

    def use(self, *, used: bool) -> None:
        """Let it be filled in, or grey it out."""
        self.control.disabled = not used
        self.set_class(not used, "-unused")

    def show_problem(self, text: str) -> None:
        """Put a message beneath the control; an empty one takes it away."""
        self.set_class(bool(text), "-wrong")
        self.query_one(f"#problem-{self.field_name}", Label).update(Text(clean_line(text)))


def text_field(name: str, label: str, value: str = "", *, hint: str = "") -> Field:
    """A line of text."""
    return Field(name, label, Input(clean_line(value), placeholder=hint, compact=True, select_on_focus=False))


def secret_field(name: str, label: str, *, hint: str = "") -> Field:
    """A masked line; it starts empty, the stored secret is never shown."""
    return Field(name, label, Input("", placeholder=hint, password=True, compact=True))


class Tick(Checkbox):
    """A tick box that also says yes or no, since a colour alone says little."""

    BUTTON_INNER = "✓"
    DEFAULT_CSS = """
    Tick > .toggle--button, Tick:focus > .toggle--button { color: $panel; background: $panel; }
    Tick.-on > .toggle--button, Tick.-on:focus > .toggle--button { color: $text-success; background: $panel; }
    """

    def __init__(self, value: bool, words: tuple[str, str]) -> None:
        self._words = words
        super().__init__(Content(words[0] if value else words[1]), value, compact=True)

    @on(Checkbox.Changed)
    def _say(self) -> None:
        self.label = Content(self._words[0] if self.value else self._words[1])


def flag_field(name: str, label: str, value: bool, say: Say, *, yes: str = "") -> Field:
    """A tick box; `yes` is what it says when ticked, where that is more than yes."""
    return Field(name, label, Tick(value, (yes or say("mail.yes"), say("mail.no"))))


def choice_field(name: str, label: str, value: str, options: Sequence[tuple[str, str]]) -> Field:
    """One of several: pairs of what is shown and what is kept."""
    shown = [(Text(text), key) for text, key in options]
    return Field(name, label, Select(shown, value=value, allow_blank=False, compact=True))


class Choices(OptionList):
    """Several of a list, each with a sign of its own: Space or Enter takes one, or lets it go."""

    DEFAULT_CSS = """
    Choices, Choices:focus { height: 8; border: none; background: $boost; padding: 0 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("space", "select", show=False)]

    @dataclass
    class Changed(Message):
        """One was taken, or let go."""

        choices: "Choices"

        @property
        def control(self) -> "Choices":
            """The list it came from."""
            return self.choices

    def __init__(self, options: Sequence[tuple[str, str]], chosen: Sequence[str]) -> None:
        self._texts = {key: text for text, key in options}
        self._chosen = set(chosen)
        super().__init__(*(self._prompt(key) for key in self._texts), compact=True)

    def _prompt(self, key: str) -> Content:
        return Content(f"{'✓' if key in self._chosen else ' '} {self._texts[key]}")

    def choose(self, key: str) -> None:
        """Take one, or let it go."""
        self._chosen ^= {key}
        self.replace_option_prompt_at_index(list(self._texts).index(key), self._prompt(key))
        self.post_message(self.Changed(self))

    @on(OptionList.OptionSelected)
    def _selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.choose(list(self._texts)[event.option_index])

    @property
    def words(self) -> str:
        """What is chosen, as listed, with spaces between."""
        return " ".join(key for key in self._texts if key in self._chosen)


def several_field(name: str, label: str, options: Sequence[tuple[str, str]], chosen: Sequence[str]) -> Field:
    """Some of several: pairs of what is shown and what is kept. Its value has spaces between."""
    return Field(name, label, Choices(options, chosen))


def area_field(name: str, label: str, value: str) -> Field:
    """Several lines of text; Tab leaves it."""
    return Field(name, label, TextArea(clean_text(value), compact=True))


class Form(SpokenModal[bool]):
    """A form over the whole screen; gives `True` when something was saved.

    A subclass says which fields there are (`fields`), and saves them (`save`, in a thread).
    """

    CSS_PATH = None
    SAVE: ClassVar[str] = "form.save"
    """The word on the first button."""
    FOOTER = ("form.save", "form.cancel")
    DEFAULT_CSS = """
    Form { background: $background; }
    Form > #form-title { height: 1; padding: 0 2; background: $primary; color: $text; text-style: bold; width: 100%; }
    Form > #form-fields { padding: 1 2 0 2; height: 1fr; }
    Form > #form-buttons { height: 2; padding: 0 2; border-top: solid $panel; }
    Form #form-buttons Button { margin-right: 2; min-width: 12; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        binding("ctrl+s", "save", "form.save"),
        binding("escape", "leave", "form.cancel"),
    ]

    def __init__(self, say: Say, title: str) -> None:
        super().__init__()
        self.say = say
        self._title = title
        self._before: dict[str, Value] = {}

    def fields(self) -> list[Field]:
        """The fields, in order."""
        raise NotImplementedError

    def buttons(self) -> list[Button]:
        """Further buttons, after Save and Cancel."""
        return []

    def save(self, values: dict[str, Value]) -> None:
        """Save the values; runs in a thread and touches no widget.

        Raises:
            SettingsError: A value is wrong; the last part of its path is the name of the field.
        """
        raise NotImplementedError

    def follow(self) -> None:
        """Show, hide and enable fields after their values; called after every change."""

    def compose(self) -> ComposeResult:
        yield Label(Text(self._title), id="form-title")
        with VerticalScroll(id="form-fields", can_focus=False):
            yield from self.fields()
            yield from self.below()
        with Horizontal(id="form-buttons"):
            yield Button(Content(self.say(self.SAVE)), id="save", variant="primary", compact=True)
            yield Button(Content(self.say("form.cancel")), id="cancel", compact=True)
            yield from self.buttons()
        yield KeyFooter()

    def below(self) -> list[Widget]:
        """What stands under the fields."""
        return []

    def on_mount(self) -> None:
        self._before = self.values
        self.follow()
        self.query(Field).first().control.focus()

    def field(self, name: str) -> Field:
        """A field by its name."""
        return self.query_one(f"#row-{name}", Field)

    def text(self, name: str) -> str:
        """The value of a field as text."""
        return str(self.field(name).value)

    def flag(self, name: str) -> bool:
        """The value of a tick box."""
        return self.field(name).value is True

    @property
    def values(self) -> dict[str, Value]:
        """All values by field name."""
        return {field.field_name: field.value for field in self.query(Field)}

    @property
    def changed(self) -> bool:
        """Whether there is something to lose."""
        return self.values != self._before

    @on(Input.Changed)
    @on(Checkbox.Changed)
    @on(Select.Changed)
    @on(Choices.Changed)
    def _rearrange(self, event: Input.Changed | Checkbox.Changed | Select.Changed | Choices.Changed) -> None:
        for field in self.query(Field):
            if field.control is event.control:
                field.show_problem("")
        if self._before:
            self.follow()

    def refuse(self, path: str, problem: str) -> None:
        """Show a problem at its field and go there."""
        name = path.rsplit(".", 1)[-1].partition("[")[0]
        known = [field for field in self.query(Field) if field.field_name == name]
        if not known:
            self.notify(problem, severity="error", markup=False)
            return
        known[0].show_problem(problem)
        known[0].control.focus()
        # The problem may take several lines, which are laid out with the next refresh.
        self.call_after_refresh(known[0].scroll_visible, animate=False)

    @on(Button.Pressed, "#save")
    def action_save(self) -> None:
        """Check and save; on a problem nothing is saved."""
        for field in self.query(Field):
            field.show_problem("")
        values = self.values
        self.run_worker(
            lambda: self.save(values), name="save", group="save", exclusive=True, thread=True, exit_on_error=False
        )

    @on(Worker.StateChanged)
    def _saved(self, event: Worker.StateChanged) -> None:
        if event.worker.name != "save":
            return
        if event.state is WorkerState.SUCCESS:
            self.dismiss(result=True)
        elif event.state is WorkerState.ERROR:
            error = event.worker.error
            if isinstance(error, SettingsError):
                self.refuse(error.path, self.problem(error))
            elif isinstance(error, StoreError):
                self.notify(str(error), severity="error", markup=False)
            elif error is not None:
                raise error

    @on(Button.Pressed, "#cancel")
    def action_leave(self) -> None:
        """Leave; asks when there are changes."""
        if not self.changed:
            self.dismiss(result=False)
            return
        question = Question(self.say("form.unsaved"), yes=self.say("form.discard"), no=self.say("form.stay"))

        def answered(discard: bool | None) -> None:
            if discard:
                self.dismiss(result=False)

        self.app.push_screen(question, answered)
