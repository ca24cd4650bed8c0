"""Calls the operator of a console: counts what is new, decides when to call, and has the terminal do it."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from store.cards import Status
from store.errors import SettingsError, StoreError
from store.news import Fits, Kind, News, address_of
from tui.call_settings import CallSettings, load_settings, save_settings, settings_file
from tui.caller import Call, Caller
from tui.operator import operator
from tui.terminal import Terminal
from tui.texts import Texts

if TYPE_CHECKING:
    from tui.app import ConsoleApp

NAME = "Vestnik"
FILTER = "filter:"
"""How the name of a saved filter begins among the kinds."""


def counts_in_words(counts: "dict[str, int]", texts: Texts) -> str:
    """What is new, e.g. `3 letters were not sent · the dispatcher is gone`."""
    return " · ".join(
        f"{name.removeprefix(FILTER)}: {count}" if name.startswith(FILTER) else texts.count(f"calls.{name}", count)
        for name, count in counts.items()
    )


class Calls:
    """Follows the status of a console; what is counted is counted in a thread, one look at a time."""

    def __init__(self, console: "ConsoleApp", file: Path | None = None) -> None:
        self._console = console
        self.file = file or settings_file()
        self.terminal = Terminal(console)
        self.settings = CallSettings()
        self.problem = ""
        self._filters: dict[str, Fits] = {}
        try:
            self.settings = load_settings(self.file)
        except SettingsError as error:
            self.problem = error.problem
        self._looking = False
        self.news: News | None = None
        self._status: Status | None = None
        self._caller = Caller(self.settings.wishes, self.settings.every_s)

    def use(self, settings: CallSettings) -> None:
        """Call by other settings from now on."""
        self.settings, self.problem = settings, ""
        self.news = None
        self._caller = Caller(settings.wishes, settings.every_s)
        self.terminal.title("")
        if self._status is not None:
            self.look(self._status)

    @property
    def filters(self) -> list[tuple[str, str]]:
        """The saved filters one may be called for: their names among the kinds, and what they are called."""
        return [(name, name.removeprefix(FILTER)) for name in self._filters]

    def offer(self, filters: Mapping[str, Fits]) -> None:
        """Offer saved filters, by what they are called; counting begins anew where others are offered than before."""
        offered = {f"{FILTER}{name}": fits for name, fits in filters.items()}
        if offered != self._filters:
            self._filters = offered
            self.use(self.settings)

    def keep(self, settings: CallSettings) -> None:
        """Keep settings for the next time too; for a thread.

        Raises:
            SettingsError: They cannot be written.
        """
        save_settings(self.file, settings)
        self._console.call_later_from_thread(self.use, settings)

    def look(self, status: Status) -> None:
        """The status was read: see what is new since the last time."""
        self._status = status
        if self.settings.wanted and not self._looking:
            self._looking = True
            self._console.run_worker(self._count, group="calls", thread=True, exit_on_error=False)

    def seen(self) -> None:
        """The operator is here."""
        self._caller.seen()
        self.terminal.title("")

    def end(self) -> None:
        """Leave the terminal as it was."""
        self.terminal.title("")

    def make(self, call: Call, settings: CallSettings) -> None:
        """Call the operator."""
        texts = self._console.texts
        if call.bell:
            self.terminal.ring()
        if call.title:
            words = counts_in_words(dict(call.title), texts)
            self.terminal.title(f"({sum(call.title.values())}) {NAME} — {words}")
        if call.desktop:
            words = counts_in_words(dict(call.desktop), texts)
            self.terminal.notify(settings.kind, NAME, words, tmux=settings.tmux)

    def try_now(self, settings: CallSettings) -> bool:
        """Call in every way there is, by settings that need not be saved; gives whether there is a terminal."""
        trial = {Kind.DEAD.value: 1}
        self.make(Call(bell=True, title=trial, desktop=trial), settings)
        return self.terminal.there

    def _count(self) -> None:
        """Count what is new. Runs in a thread."""
        settings, news = self.settings, self.news
        found: dict[str, int] = {}
        try:
            if news is None:
                news = News(self._console.store, settings.wanted, self._addresses(settings), self._filters)
            if self._status is not None:
                found = news.look(self._status)
        except StoreError:
            pass  # the follower of the feed says so, loudly
        finally:
            self._console.call_later_from_thread(self._counted, found, news, settings)

    def _counted(self, found: dict[str, int], news: News | None, settings: CallSettings) -> None:
        self._looking = False
        if settings is not self.settings:
            return  # counted by settings that hold no more
        self.news = news
        call = self._caller.take(found, time.monotonic())
        if call is not None:
            self.make(call, settings)

    def _addresses(self, settings: CallSettings) -> list[str]:
        """Whose notifications are the operator's."""
        if Kind.MINE not in settings.wanted:
            return []
        if settings.address:
            return [settings.address.lower()]
        found = address_of(self._console.store, operator())
        return [found.lower()] if found else []
