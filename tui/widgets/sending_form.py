"""The form of the sending parameters."""

from textual import on
from textual.content import Content
from textual.widgets import Button

from store.cards import Sending
from store.errors import SettingsError
from store.settings import save_sending
from store.vocabulary import Transcripts
from tui.operator import operator
from tui.widgets.form import Field, Form, Say, Value, choice_field, flag_field, text_field

_TEXTS = ("support_address", "system_address", "sender_name", "encoding")
_NUMBERS = ("max_attempts", "pause_s", "batch_size", "batch_interval_s")
REQUIRED = ("support_address", "system_address", "sender_name")


class SendingForm(Form):
    """Edits the sending parameters, and can put the system's own back."""

    def __init__(self, say: Say, card: Sending, fault: tuple[str, str] = ("", "")) -> None:
        """`fault` is the field a check found at fault, and what to do about it."""
        super().__init__(say, say("mail.sending"))
        self.card = card
        self._fault = fault

    def on_mount(self) -> None:
        if self._fault[0]:
            self.call_after_refresh(self.refuse, *self._fault)

    def fields(self) -> list[Field]:
        card, say = self.card, self.say

        def label(name: str) -> str:
            return say(f"mail.{name}") + (" *" if name in REQUIRED else "")

        texts = [text_field(name, label(name), str(getattr(card, name))) for name in _TEXTS]
        flag = flag_field("transliterate_headers", label("transliterate_headers"), card.transliterate_headers, say)
        numbers = [text_field(name, label(name), str(getattr(card, name))) for name in _NUMBERS]
        kinds = [(say(f"mail.transcripts_{kind.value}"), kind.value) for kind in Transcripts]
        kept = choice_field("transcripts", label("transcripts"), card.transcripts.value, kinds)
        return [*texts, flag, *numbers, kept]

    def buttons(self) -> list[Button]:
        return [Button(Content(self.say("mail.restore")), id="restore", compact=True)]

    @on(Button.Pressed, "#restore")
    def restore(self) -> None:
        """Put the system's defaults into the form; the three required fields are kept."""
        defaults = Sending()
        for name in ("encoding", "transliterate_headers", *_NUMBERS, "transcripts"):
            value = getattr(defaults, name)
            self.field(name).value = value if isinstance(value, bool) else str(value)

    def read(self, values: dict[str, Value]) -> Sending:
        """The parameters as they stand in the form.

        Raises:
            SettingsError: A number is none.
        """
        numbers: dict[str, int] = {}
        for name in _NUMBERS:
            text = str(values[name])
            least = 1 if name in ("max_attempts", "pause_s") else 0
            if not text.isascii() or not text.isdigit() or not least <= int(text) < 2**31:
                raise SettingsError(name, self.say("problem.number", least=least))
            numbers[name] = int(text)
        return Sending(
            support_address=str(values["support_address"]),
            system_address=str(values["system_address"]),
            sender_name=str(values["sender_name"]),
            encoding=str(values["encoding"]) or Sending.encoding,
            transliterate_headers=values["transliterate_headers"] is True,
            transcripts=Transcripts(str(values["transcripts"])),
            **numbers,
        )

    def save(self, values: dict[str, Value]) -> None:
        save_sending(self.store, self.read(values), operator())
