"""The check of a mail connection, step by step as it happens."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass

from textual.app import ComposeResult
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static

from dispatch.doctor import Finding, Step, check
from dispatch.remedies import advice
from store.cards import MailConnection, Sending
from store.errors import StoreError
from store.sanitise import clean_line
from tui.widgets.form import Say

SIGNS = {
    "ok": ("✓", "$text-success"),
    "failed": ("✗", "$text-error"),
    "warning": ("!", "$text-warning"),
    "skipped": ("·", "dim"),
}


@dataclass(frozen=True, slots=True)
class CheckRequest:
    """What is to be tried. The secret lives as long as the check."""

    connection: MailConnection
    secret: str
    sending: Sending

    def __repr__(self) -> str:
        return f"CheckRequest({self.connection.name!r})"


class ConnectionCheck(Widget):
    """Shows each step of a check with its outcome, and what to do about the one that failed."""

    DEFAULT_CSS = """
    ConnectionCheck { height: auto; display: none; border: round $panel; padding: 0 1; margin-bottom: 1; }
    ConnectionCheck.-shown { display: block; }
    ConnectionCheck > Static { height: auto; }
    """

    @dataclass
    class Finished(Message):
        """The check is over. `field` names what is at fault, empty when all is well."""

        shown_in: "ConnectionCheck"
        well: bool
        field: str
        remedy: str

        @property
        def control(self) -> "ConnectionCheck":
            """Where the check is shown."""
            return self.shown_in

    def __init__(self, say: Say) -> None:
        super().__init__(id="connection-check")
        self.say = say
        self._rows: list[Step | tuple[str, str]] = []
        self._detailed = False

    def compose(self) -> ComposeResult:
        yield Static(id="connection-check-steps")

    def start(self, gather: Callable[[], CheckRequest]) -> None:
        """Begin a check; one under way is given up. `gather` is called in a thread."""
        self.add_class("-shown")
        self._rows = [(self.say("mail.checking"), "dim")]
        self._paint()
        self.scroll_visible(animate=False)
        self.run_worker(self._run(gather), group="check", exclusive=True, exit_on_error=False)

    def toggle_details(self) -> None:
        """Show what went over the wire at each step, or hide it."""
        self._detailed = not self._detailed
        self._paint()

    async def _run(self, gather: Callable[[], CheckRequest]) -> None:
        try:
            request = await asyncio.to_thread(gather)
        except StoreError as error:
            self._rows = [Step("secret", "failed", str(error), "password")]
            self._finish("password", str(error))
            return
        self._rows = []
        last: Step | None = None
        # Closed at once when this worker is cancelled: the connections of the check are closed with it.
        async with aclosing(check(request.connection, request.secret, request.sending)) as steps:
            async for last in steps:
                self._rows.append(last)
                self._paint()
        if last is not None and last.outcome == "failed":
            self._finish(last.field, self._advice(last) or last.detail)
        else:
            self._finish("", "")

    def _finish(self, field: str, remedy: str) -> None:
        warned = any(isinstance(row, Step) and row.outcome == "warning" for row in self._rows)
        verdict, style = ("check_warned", "$text-warning") if warned else ("check_well", "$text-success")
        if remedy:
            verdict, style = "check_failed", "$text-error"
        self._rows.append((self.say(f"mail.{verdict}"), style))
        self._paint()
        self.post_message(self.Finished(self, not remedy, field, clean_line(remedy)))

    def _advice(self, found: Step | Finding) -> str:
        return clean_line(advice(found.remedy, self.say("language.code"), found.params))

    def _paint(self) -> None:
        parts: list[tuple[str, str]] = []
        for row in self._rows:
            parts += self._step(row) if isinstance(row, Step) else [row]
        self.query_one(Static).update(Content.assemble(*parts))

    def _step(self, step: Step) -> list[tuple[str, str]]:
        sign, style = SIGNS.get(step.outcome, SIGNS["warning"])
        name = self.say(f"mail.step_{step.name}")
        parts = [(f"{sign} ", style), (name, "bold" if step.outcome == "failed" else "")]
        if step.outcome != "skipped":
            parts.append((self.say("mail.step_ms", ms=round(step.elapsed_ms)), "dim"))
        if step.detail:
            parts.append((f"  {clean_line(step.detail)}", "dim"))
        parts.append(("\n", ""))
        parts += [
            (f"  {self._advice(found)}\n", "bold" if step.outcome == "failed" else style) for found in step.findings
        ]
        if self._detailed:
            parts += [(f"    {clean_line(line)}\n", "dim") for line in step.transcript]
        return parts
