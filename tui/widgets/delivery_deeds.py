"""What an operator does with deliveries of any list: asked first where it is much, told, and taken back by one key."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from textual.binding import BindingType

from store import acknowledgements, feed, moves, mutes, resend
from store.acknowledgements import PORTION, Progress
from store.checks import check_address
from store.errors import SettingsError, StoreError
from store.moves import Deed, Outlook
from store.rulebook import list_rules
from store.sanitise import clean_line
from tui.deed_queue import Undoable
from tui.operator import operator
from tui.spoken import Spoken, binding
from tui.widgets.line_question import LineQuestion
from tui.widgets.mute_words import MuteForm, common, muted_what, when
from tui.widgets.question import Question
from tui.widgets.under_way import UnderWay

T = TypeVar("T")
KEYS: tuple[BindingType, ...] = (
    binding("a", "deed('acknowledge')", "deeds.acknowledge"),
    binding("A", "deed('withdraw')", "deeds.withdraw", show=False, shown="A"),
    binding("m", "deed('mute')", "deeds.mute"),
    binding("e", "deed('resend')", "deeds.resend", show=False),
    binding("y", "deed('copy')", "deeds.copy", show=False),
    binding("u", "deed('undo')", "deeds.undo"),
)
"""For the screen of a list; its `action_deed(name)` calls `DeliveryDeeds.do` with what is chosen."""
LOOKED_AT = 500
"""Deliveries of which it is asked what they have in common."""


class DeliveryDeeds:
    """Does something with deliveries, in threads. The console keeps what was done, for any screen to take back.

    Args:
        screen: Where questions are asked and answers told.
        after: Called in the thread when something was done.
    """

    def __init__(self, screen: Spoken[Any], after: Callable[[], None]) -> None:
        self._screen, self._after = screen, after

    def do(self, deed: str, ids: Sequence[int]) -> None:
        """`acknowledge`, `withdraw`, `mute`, `retry`, `cancel`, `resend` or `copy` deliveries; `undo` the last deed.

        What is asked for while another deed is under way waits for it.
        """
        if deed == "undo":
            self._run(self._undo)
        elif ids:
            wanted = sorted(set(ids))
            getattr(self, f"_{deed}")(wanted)

    def _acknowledge(self, ids: list[int]) -> None:
        question = LineQuestion(
            self._say("deeds.ask_acknowledge", what=self._named(ids)), yes=self._say("deeds.yes_acknowledge"),
            hint=self._say("deeds.note_hint"),
        )  # fmt: skip

        def answered(note: str | None) -> None:
            if note is not None:
                self._run(lambda: self._acknowledged(ids, note))

        self._screen.app.push_screen(question, answered)

    def _acknowledged(self, ids: list[int], note: str) -> None:
        store, who = self._screen.store, operator()
        new = self._long(len(ids), lambda told: acknowledgements.acknowledge(store, ids, who, note, told))
        if new:
            what = self._count("deeds.back_acknowledge", len(new))
            back = Undoable(what, len(new), lambda told: len(acknowledgements.withdraw(store, new, who, told)))
            self._done("deeds.acknowledged", back, done=len(new), of=len(ids))
        else:
            self._tell("deeds.acknowledged_already")

    def _withdraw(self, ids: list[int]) -> None:
        def work() -> None:
            store, who = self._screen.store, operator()
            gone = self._long(len(ids), lambda told: acknowledgements.withdraw(store, ids, who, told))
            if gone:
                what = self._count("deeds.back_withdraw", len(gone))
                back = Undoable(what, len(gone), lambda told: len(acknowledgements.put_back(store, gone, who, told)))
                self._done("deeds.withdrawn", back, done=len(gone), of=len(ids))
            else:
                self._tell("deeds.not_acknowledged")

        self._run(work)

    def _mute(self, ids: list[int]) -> None:
        def work() -> None:
            store, texts = self._screen.store, self._screen.console.texts
            choices = common(feed.by_ids(store, ids[:LOOKED_AT]))
            rules = {rule.code: rule for rule in list_rules(store)}
            choices = [(kind, key) for kind, key in choices if kind != "rule" or key in rules]
            titles = [muted_what(kind, key, rules, texts) for kind, key in choices]
            if choices:
                self._ask(self._ask_mute, MuteForm(self._screen.say, choices, titles))
            else:
                self._tell("mutes.nothing_common")

        self._run(work)

    def _ask_mute(self, form: MuteForm) -> None:
        def answered(saved: bool | None) -> None:
            made, console, store = form.made, self._screen.console, self._screen.store
            if saved and made is not None:
                what = self._say("mutes.back_made", number=made.id)
                back = Undoable(what, 1, lambda _: 1 if mutes.end(store, made.id, operator()) else 0)
                until = when(made.until, console.clock(), console.zone)
                self._run(lambda: self._done("mutes.made", back, until=until))

        self._screen.app.push_screen(form, answered)

    def _retry(self, ids: list[int]) -> None:
        self._run(lambda: self._look(Deed.RETRY, ids))

    def _cancel(self, ids: list[int]) -> None:
        self._run(lambda: self._look(Deed.CANCEL, ids))

    def _look(self, deed: Deed, ids: list[int]) -> None:
        outlook = self._long(len(ids), lambda told: moves.look(self._screen.store, deed, ids, told))
        if not outlook.letters:
            self._screen.notify(self._left(outlook, f"deeds.none_{deed.value}"), severity="warning")
        elif len(ids) == 1:
            self._move(deed, ids)
        else:
            self._ask(self._ask_move, deed, ids, outlook)

    def _ask_move(self, deed: Deed, ids: list[int], outlook: Outlook) -> None:
        question = Question(
            self._left(outlook, f"deeds.ask_{deed.value}"), yes=self._say(f"deeds.yes_{deed.value}"),
            no=self._say("deeds.no"),
        )  # fmt: skip

        def answered(agreed: bool | None) -> None:
            if agreed:
                self._run(lambda: self._move(deed, ids))

        self._screen.app.push_screen(question, answered)

    def _left(self, outlook: Outlook, key: str) -> str:
        """How many are moved, and how many are left for which reason."""
        lines = [self._say(key, letters=self._count("deeds.letters", outlook.letters))]
        if outlook.left:
            lines.append(self._say("deeds.left"))
            counts = Counter(outlook.left.values()).most_common()
            lines += [f"  {count} — {self._say(f'deeds.left_{why}')}" for why, count in counts]
        return "\n".join(lines)

    def move(self, deed: Deed, find: Callable[[], Sequence[int]], per_minute: int | None = None) -> None:
        """Send letters again or withdraw them, where that was asked already; `find` gives them, in a thread."""
        self._run(lambda: self._move(deed, find(), per_minute))

    def _move(self, deed: Deed, ids: Sequence[int], per_minute: int | None = None) -> None:
        store, who = self._screen.store, operator()
        done = self._long(
            len(ids),
            lambda told: moves.carry_out(store, deed, ids, who, per_minute=per_minute, progress=told),
        )
        if done.letters:
            what = self._count(f"deeds.back_{deed.value}", done.letters)
            back = Undoable(what, done.letters, lambda told: moves.take_back(store, done.number, who, told).letters)
            self._done(f"deeds.done_{deed.value}", back, letters=self._count("deeds.letters", done.letters))
        else:
            self._tell(f"deeds.none_{deed.value}")

    def _resend(self, ids: list[int]) -> None:
        if len(ids) > 1:
            self._screen.notify(self._say("deeds.one_letter"), severity="warning")
            return
        question = LineQuestion(
            self._say("deeds.ask_resend", what=self._named(ids)), yes=self._say("deeds.yes_resend"),
            hint=self._say("deeds.address_hint"), problem=self._address_problem,
        )  # fmt: skip

        def answered(address: str | None) -> None:
            if address is not None:
                self._run(lambda: self._resent(ids[0], address))

        self._screen.app.push_screen(question, answered)

    def _address_problem(self, text: str) -> str:
        try:
            check_address(text, "to", required=True)
        except SettingsError:
            return self._say("problem.address", value=text)
        return ""

    def _resent(self, number: int, address: str) -> None:
        store = self._screen.store
        if resend.is_second(store, number, address):
            self._ask(self._ask_second, number, address)
        else:
            self._copy_sent(number, address, second=False)

    def _ask_second(self, number: int, address: str) -> None:
        question = Question(
            self._say("deeds.ask_second", id=number, address=address), yes=self._say("deeds.yes_second"),
            no=self._say("deeds.no"),
        )  # fmt: skip

        def answered(agreed: bool | None) -> None:
            if agreed:
                self._run(lambda: self._copy_sent(number, address, second=True))

        self._screen.app.push_screen(question, answered)

    def _copy_sent(self, number: int, address: str, *, second: bool) -> None:
        store, who = self._screen.store, operator()
        copy = resend.resend(store, number, address, who, second=second)
        what = self._say("deeds.back_resend", id=copy.id, address=copy.address)
        back = Undoable(
            what, 1, lambda told: moves.carry_out(store, Deed.CANCEL, [copy.id], who, progress=told).letters
        )
        self._done("deeds.resent", back, id=copy.id, address=copy.address)

    def _copy(self, ids: list[int]) -> None:
        def work() -> None:
            rows = feed.by_ids(self._screen.store, ids[:LOOKED_AT])
            lines = [f"D{row.id}\t{row.object_number}\t{row.recipient_address}\t{row.subject}" for row in rows]
            text = "\n".join(clean_line(line.replace("\t", "  ")) for line in lines)
            self._screen.app.call_from_thread(self._screen.app.copy_to_clipboard, text)
            self._tell("deeds.copied", count=len(rows))

        self._run(work)

    def _undo(self) -> None:
        deeds, stopped = self._screen.console.deeds, False
        last = deeds.take()
        if last is None:
            self._tell("deeds.nothing_to_undo")
            return

        def work(told: Progress | None) -> int:
            def noted(done: int, of: int) -> bool:
                nonlocal stopped
                stopped = told is not None and not told(done, of)
                return not stopped

            return last.take_back(noted if told else None)

        try:
            count = self._long(last.size, work)
        except SettingsError:
            raise  # it cannot be taken back, now or later
        except StoreError:
            deeds.keep(last)
            raise
        if stopped:
            deeds.keep(last)  # the rest of it
        key = "deeds.not_undone" if not count else "deeds.undone" if count >= last.size else "deeds.undone_some"
        words = self._say(key, what=last.what, done=count, of=last.size)
        self._screen.notify(f"{words} · {self._say('deeds.undo_more', count=len(deeds))}" if len(deeds) else words)
        self._after()

    def _done(self, key: str, back: Undoable, **params: object) -> None:
        """Say what was done, and keep how it is taken back."""
        self._screen.console.deeds.keep(back)
        self._screen.notify(f"{self._say(key, **params)} · {self._say('deeds.undo_hint')}")
        self._after()

    def _ask(self, question: Callable[..., None], *params: object) -> None:
        """Ask, from a thread, whether and how to go on."""
        self._screen.console.deeds.asked()
        self._screen.app.call_from_thread(question, *params)

    def _long(self, size: int, work: Callable[[Progress | None], T]) -> T:
        """Work of a thread; where it is long, how far it is is shown, and it can be stopped."""
        if size <= PORTION:
            return work(None)
        app, shown = self._screen.console, UnderWay(size)

        def told(done: int, _: int) -> bool:
            app.call_from_thread(shown.tell, done)
            return not shown.stopped

        app.call_from_thread(app.push_screen, shown)
        try:
            return work(told)
        finally:
            app.call_from_thread(shown.finish)

    def _named(self, ids: Sequence[int]) -> str:
        return f"D{ids[0]}" if len(ids) == 1 else self._count("deeds.deliveries", len(ids))

    def _say(self, key: str, **params: object) -> str:
        return self._screen.say(key, **params)

    def _count(self, key: str, number: int) -> str:
        return self._screen.console.texts.count(key, number)

    def _tell(self, key: str, **params: object) -> None:
        self._screen.notify(self._say(key, **params))

    def _run(self, work: Callable[[], None]) -> None:
        def safely() -> None:
            try:
                work()
            except StoreError as error:
                self._screen.notify(self._screen.problem(error), severity="error")

        self._screen.console.deeds.start(safely)
