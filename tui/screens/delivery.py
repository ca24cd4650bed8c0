"""A notification opened: the letter as its recipient sees it, and why it was sent or not."""

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Footer, Static, TabbedContent, TabPane

from store import journal, outbox
from store.cards import DecisionCard, DeliveryCard
from store.engine import Store
from store.sanitise import clean_line, clean_text
from tui.operator import operator
from tui.spoken import Spoken, binding


class DeliveryScreen(Spoken[None]):
    """One delivery."""

    BINDINGS: ClassVar[list[BindingType]] = [
        binding("escape,q", "dismiss", "delivery.back", shown="esc"),
        binding("w", "tab('why')", "delivery.why"),
        binding("l", "tab('letter')", "delivery.letter"),
        binding("r", "retry", "delivery.retry"),
        binding("c", "cancel", "delivery.cancel"),
    ]

    def __init__(self, delivery_id: int) -> None:
        super().__init__()
        self._id = delivery_id

    def compose(self) -> ComposeResult:
        """Two tabs."""
        texts = self.console.texts
        with TabbedContent():
            with TabPane(texts("delivery.letter"), id="letter"), VerticalScroll():
                yield Static(id="letter-head")
                yield Static(id="letter-text")
            with TabPane(texts("delivery.why"), id="why"), VerticalScroll():
                yield Static(id="why-text")
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """Read it."""
        self.reload()

    def reload(self) -> None:
        """Read the delivery in a thread."""
        self.run_worker(self._load, thread=True, exclusive=True, group="delivery", exit_on_error=False)

    def _load(self) -> None:
        card = journal.delivery(self.console.store, self._id)
        if card is not None:
            self.console.call_from_thread(self._show, card)

    def _show(self, card: DeliveryCard) -> None:
        texts, row = self.console.texts, card.row
        state = texts.get(f"state.{row.state.word}", row.state.word)
        head = [
            (texts("delivery.from"), card.sender),
            (texts("delivery.to"), card.to),
            (texts("delivery.reply_to"), card.reply_to),
            (texts("delivery.subject"), row.subject),
            (texts("delivery.state"), f"{state} · D{row.id}" + (f" · {clean_line(row.reason)}" if row.reason else "")),
        ]
        width = max(len(label) for label, _ in head)
        lines = "\n".join(f"{label:<{width}}  {clean_line(value)}" for label, value in head)
        self.query_one("#letter-head", Static).update(Content(lines))
        self.query_one("#letter-text", Static).update(Content(clean_text(card.text)))
        self.query_one("#why-text", Static).update(Content(self._why(card)))

    def _why(self, card: DeliveryCard) -> str:
        texts = self.console.texts
        lines: list[str] = [texts("delivery.this"), *self._decisions(card, own=True), ""]
        if card.attempts:
            lines.append(texts("delivery.attempts"))
            for attempt in card.attempts:
                when = attempt.at.astimezone(self.console.zone).strftime("%d.%m.%Y %H:%M:%S")
                lines.append(f"  {when}  {clean_line(attempt.connection)}: {clean_line(attempt.answer)}")
            lines.append("")
        others = self._decisions(card, own=False)
        if others:
            lines += [texts("delivery.others"), *others]
        return "\n".join(lines)

    def _decisions(self, card: DeliveryCard, *, own: bool) -> list[str]:
        return [self._decision(one) for one in card.decisions if (one.rule_code == card.row.rule_code) is own]

    def _decision(self, card: DecisionCard) -> str:
        texts = self.console.texts
        reason = texts.get(f"reason.{card.reason}", card.reason)
        roles = ", ".join(texts.get(f"role.{role}", role) for role in card.params.get("role", "").split(", ") if role)
        who = f" · {clean_line(card.recipient)}" if card.recipient else ""
        return f"  {'✓' if card.taken else '–'} {card.rule_code}{who}: {reason}" + (f" ({roles})" if roles else "")

    def action_tab(self, name: str) -> None:
        """Show a tab."""
        self.query_one(TabbedContent).active = name

    def action_retry(self) -> None:
        """Send it again."""
        self._move(outbox.retry, "delivery.retried")

    def action_cancel(self) -> None:
        """Withdraw it."""
        self._move(outbox.cancel, "delivery.cancelled")

    def _move(self, move: Callable[[Store, Sequence[int], str], int], key: str) -> None:
        def work() -> None:
            done = move(self.store, [self._id], operator())
            self.notify(self.say(key if done else "delivery.unmoved"), markup=False)
            self.reload()

        self.run_worker(work, thread=True, exit_on_error=False)
