"""The check of a mail connection, step by step as it happens."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static
from textual.worker import Worker, WorkerState

from dispatch.doctor import Step, check
from store.cards import MailConnection, Sending
from store.errors import StoreError
from store.sanitise import clean_line
from tui.widgets.check_words import NARROW, Part, advice_of, field_label, step_parts
from tui.widgets.form import Say
from tui.widgets.trial_recipient import TrialRecipient

if TYPE_CHECKING:
    from tui.app import ConsoleApp


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

    def __init__(self, say: Say, details_key: str = "v") -> None:
        """`details_key` is the key that toggles the details where this is shown."""
        super().__init__(id="connection-check")
        self.say = say
        self._details_key = details_key
        self._rows: list[Step | Part] = []
        self._detailed = False
        self._problem = ""

    def compose(self) -> ComposeResult:
        yield Static(id="connection-check-steps")

    def start(self, gather: Callable[[], CheckRequest], *, letter: bool = False) -> None:
        """Begin a check; one under way is given up.

        Args:
            gather: Gives what is to be tried; called in a thread.
            letter: Ask who is to get a test letter, and end with it.
        """
        work = self._ask(gather) if letter else self._run(gather)
        self.run_worker(work, group="check", exclusive=True, exit_on_error=False)

    def toggle_details(self) -> None:
        """Show what went over the wire at each step, or hide it."""
        self._detailed = not self._detailed
        self._paint()

    async def _ask(self, gather: Callable[[], CheckRequest]) -> None:
        """Ask for the recipient; the secret is not kept meanwhile."""
        console = cast("ConsoleApp", self.app)
        usual = console.trial_recipient
        if not usual:
            request = await self._gathered(gather)
            if request is None:
                await self._run(gather)
                return
            usual = request.sending.support_address
            del request
        to = await self.app.push_screen_wait(TrialRecipient(self.say, usual))
        if to is not None:
            console.trial_recipient = to
            await self._run(gather, to)

    async def _gathered(self, gather: Callable[[], CheckRequest]) -> CheckRequest | None:
        try:
            return await asyncio.to_thread(gather)
        except StoreError as error:
            self._problem = str(error)
            return None

    async def _run(self, gather: Callable[[], CheckRequest], to: str | None = None) -> None:
        self.add_class("-shown")
        self._rows = [(self.say("mail.checking"), "dim")]
        self._paint()
        self.call_after_refresh(self.scroll_visible, animate=False)
        request = await self._gathered(gather)
        if request is None:
            self._rows = [Step("secret", "failed", self._problem, "password")]
            self._finish("password", self._problem)
            return
        self._rows = []
        last: Step | None = None
        # Closed at once when this worker is cancelled: the connections of the check are closed with it.
        async with aclosing(check(request.connection, request.secret, request.sending, to)) as steps:
            async for last in steps:
                self._rows.append(last)
                self._paint()
        if last is not None and last.outcome == "failed":
            self._finish(last.field, advice_of(last, self.say) or last.detail)
        else:
            self._finish("", "")

    def _finish(self, field: str, remedy: str) -> None:
        warned = any(isinstance(row, Step) and row.outcome == "warning" for row in self._rows)
        verdict, style = ("check_warned", "$text-warning") if warned else ("check_well", "$text-success")
        words = self.say(f"mail.{verdict}")
        if remedy:
            style, label = "$text-error", field_label(field, self.say)
            words = self.say("mail.check_failed_at", field=label) if label else self.say("mail.check_failed")
        hint = self.say("mail.check_details", pressed=self._details_key)
        self._rows += [(f"{words}\n", style), (hint, "dim")]
        self._paint()
        self.post_message(self.Finished(self, not remedy, field, clean_line(remedy)))

    @on(Worker.StateChanged)
    def _broken(self, event: Worker.StateChanged) -> None:
        """A check that ends by a mistake of ours says so; the mistake's own text may hold a secret."""
        if event.state is WorkerState.ERROR:
            self._rows.append((self.say("mail.check_broke", error=type(event.worker.error).__name__), "$text-error"))
            self._paint()

    def on_resize(self) -> None:
        self._paint()

    def _paint(self) -> None:
        place = self.query_one(Static)
        width = place.size.width or NARROW
        parts: list[Part] = []
        for row in self._rows:
            parts += step_parts(row, self.say, width, detailed=self._detailed) if isinstance(row, Step) else [row]
        place.update(Content.assemble(*parts))
