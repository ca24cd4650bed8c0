"""What was decided, event by event: who was told of it, who was not, and why."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.binding import BindingType
from textual.strip import Strip

from store.cards import DecisionCard, DeliveryCard, EventCard
from store.resend import RESENT
from store.rules import Rule
from store.sanitise import clean_line
from tui.spoken import binding
from tui.widgets.column_list import WIDE, ColumnList, shared
from tui.widgets.delivery_words import clock_time, event_in_words, reason_in_words, rule_title, state_in_words
from tui.widgets.feed_line import CHANNEL_MARKS, COLOURS, STATE_MARKS, fitted

LEFT_OUT = "·"


@dataclass(frozen=True, slots=True)
class WhyRow:
    """An event, or under it a decision with the delivery it led to."""

    id: int
    event: EventCard
    decision: DecisionCard | None = None
    delivery: DeliveryCard | None = None


def why_rows(events: Sequence[EventCard]) -> list[WhyRow]:
    """The rows of some events: of each who was told, then who was left out, then the rules that were not taken."""
    rows: list[WhyRow] = []
    for event in events:
        rows.append(WhyRow(len(rows), event))
        pairs = [(_delivery(event, one), one) for one in event.decisions]
        pairs.sort(key=lambda pair: (pair[0] is None, not pair[1].taken, not pair[1].recipient))
        for delivery, decision in pairs:
            rows.append(WhyRow(len(rows), event, decision, delivery))
    return rows


def _delivery(event: EventCard, decision: DecisionCard) -> DeliveryCard | None:
    who = decision.recipient.casefold()
    if not decision.taken or not who:
        return None
    if decision.reason == RESENT:
        return next((card for card in event.deliveries if f"D{card.row.id}" == decision.params.get("delivery")), None)
    theirs = (
        card
        for card in event.deliveries
        if card.row.rule_code == decision.rule_code
        and who in {card.row.recipient_address.casefold(), card.row.recipient_name.casefold()}
    )
    return next(theirs, None)


class WhyList(ColumnList[WhyRow]):
    """Events as headings, decisions beneath them in columns: who, which rule, what became of it."""

    DEFAULT_CSS = "WhyList { border-top: solid $panel; }"
    BINDINGS: ClassVar[list[BindingType]] = [binding("enter", "open", "why.open")]

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._rules: Mapping[str, Rule] = {}
        self._names: Mapping[str, str] = {}

    def show(self, rows: list[WhyRow], rules: Mapping[str, Rule], names: Mapping[str, str]) -> None:
        """Show these rows; names are by address in lower case."""
        self._rules, self._names = rules, names
        self.replace_rows(rows, 0)

    @staticmethod
    def widths(width: int) -> dict[str, int]:
        sizes = shared(width, {"sign": 3, "channel": 1}, {"who": 4, "rule": 6, "outcome": 6 if width < WIDE else 5})
        return {name: sizes[name] for name in ("sign", "who", "channel", "rule", "outcome")}

    def painted(self, row: WhyRow, width: int, base: Style) -> Mapping[str, tuple[str, Style]]:
        """What became of it has the colour of its state; what was left out is pale."""
        del width
        texts, decision, delivery = self.console.texts, row.decision, row.delivery
        assert decision is not None  # noqa: S101 - headings are painted by `line`
        pale = base + Style(dim=True)
        if delivery is not None:
            state = delivery.row.state
            sign, style = STATE_MARKS[state], base + Style(color=self.console.colour(COLOURS[state]))
            outcome, words = state_in_words(delivery, texts), base
        else:
            words = base if decision.taken else pale
            sign, style, outcome = LEFT_OUT, words, reason_in_words(decision.reason, texts)
        who = self._names.get(decision.recipient.casefold()) or decision.recipient
        rule = self._rules.get(decision.rule_code)
        title = rule_title(decision.rule_code, self._rules, texts, channel=False) if decision.rule_code else ""
        return {
            "sign": (f"  {sign}", style),
            "who": (clean_line(who), words),
            "channel": (CHANNEL_MARKS[rule.channel] if rule else "", words),
            "rule": (title, words),
            "outcome": (outcome, style if delivery is not None else words),
        }

    def line(self, row: WhyRow, width: int, base: Style) -> Strip:
        """An event takes the whole line."""
        if row.decision is not None:
            return super().line(row, width, base)
        console = self.console
        words = event_in_words(row.event, console.texts)
        if row.event.planned_at is None:
            words = f"{console.texts('why.unplanned')} · {words}"
        at = f" {clock_time(row.event.at, console.zone)} "
        strong = base + Style(bold=True)
        return Strip([Segment(at, base + Style(dim=True)), Segment(fitted(words, width - len(at)), strong)])
