"""The check of a mail connection, step by step as it happens."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from textual.app import ComposeResult
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static

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
        self._parts: list[tuple[str, str]] = []

    def compose(self) -> ComposeResult:
        yield Static(id="connection-check-steps")

    def start(self, gather: Callable[[], CheckRequest]) -> None:
        """Begin a check; one under way is given up. `gather` is called in a thread."""
        self.add_class("-shown")
        self._parts = [(self.say("mail.checking"), "dim")]
        self._paint()
        self.scroll_visible(animate=False)
        self.run_worker(self._run(gather), group="check", exclusive=True, exit_on_error=False)

    async def _run(self, gather: Callable[[], CheckRequest]) -> None:
        # Imported here: the mail client is loaded only when a connection is tried.
        from dispatch.doctor import check

        try:
            request = await asyncio.to_thread(gather)
        except StoreError as error:
            self._add("failed", self.say("mail.step_secret"), str(error), None)
            self.post_message(self.Finished(self, well=False, field="password", remedy=str(error)))
            return
        self._parts = []
        fault = ("", "")
        failed = False
        async for step in check(request.connection, request.secret, request.sending):
            self._add(step.outcome, self.say(f"mail.step_{step.name}"), step.detail, step.elapsed_ms)
            if step.outcome == "failed" and not failed:
                failed = True
                remedy = self._remedy(step.remedy) or step.detail
                fault = (step.field, clean_line(remedy))
                self._parts.append((f"  {clean_line(remedy)}\n", "bold"))
        verdict = "mail.check_failed" if failed else "mail.check_well"
        self._parts.append((self.say(verdict), "$text-error" if failed else "$text-success"))
        self._paint()
        self.post_message(self.Finished(self, not failed, *fault))

    def _remedy(self, key: str) -> str:
        from dispatch.remedies import REMEDIES

        return REMEDIES.get(key, {}).get(self.say("language.code"), "")

    def _add(self, outcome: str, name: str, detail: str, elapsed_ms: float | None) -> None:
        sign, style = SIGNS.get(outcome, SIGNS["warning"])
        self._parts += [(f"{sign} ", style), (name, "bold" if outcome == "failed" else "")]
        if elapsed_ms:
            self._parts.append((self.say("mail.step_ms", ms=round(elapsed_ms)), "dim"))
        if detail:
            self._parts.append((f"  {clean_line(detail)}", "dim"))
        self._parts.append(("\n", ""))
        self._paint()

    def _paint(self) -> None:
        self.query_one(Static).update(Content.assemble(*self._parts))
