"""The form of the limits against floods of letters."""

from store.cards import StormLimits
from store.errors import SettingsError
from store.settings import STORM_RANGES, save_storm_limits
from store.vocabulary import StormAction
from tui.operator import operator
from tui.widgets.form import Field, Form, Say, Value, choice_field, text_field


class StormForm(Form):
    """Edits the limits."""

    def __init__(self, say: Say, card: StormLimits) -> None:
        super().__init__(say, say("storms.title"))
        self.card = card

    def fields(self) -> list[Field]:
        say, card = self.say, self.card
        actions = [(say(f"storms.then_{action.value}"), action.value) for action in StormAction]
        numbers = {
            name: text_field(name, say(f"storms.{name}"), str(getattr(card, name)), hint=say("mail.no_limit"))
            for name in STORM_RANGES
        }
        digest_minutes = numbers.pop("digest_minutes")
        return [*numbers.values(), choice_field("then", say("storms.then"), card.then.value, actions), digest_minutes]

    def follow(self) -> None:
        self.field("digest_minutes").display = self.text("then") == StormAction.DIGEST

    def read(self, values: dict[str, Value]) -> StormLimits:
        """The limits as they stand in the form.

        Raises:
            SettingsError: A number is none, or out of its range.
        """
        numbers: dict[str, int] = {}
        for name, (least, most) in STORM_RANGES.items():
            text = str(values[name])
            if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
                raise SettingsError(name, self.say("problem.range", least=least, most=most))
            numbers[name] = int(text)
        return StormLimits(then=StormAction(str(values["then"])), **numbers)

    def save(self, values: dict[str, Value]) -> None:
        save_storm_limits(self.store, self.read(values), operator())
