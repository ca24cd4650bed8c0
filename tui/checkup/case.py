"""What is examined, and what is found."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from pathlib import Path

from store.cards import Status
from store.engine import Store, sqlite_path
from store.status import read_status


class Level(StrEnum):
    """How it is."""

    OK = "ok"
    WARNING = "warning"
    """Mail comes, but something is to be seen to."""
    FAILED = "failed"
    """This keeps mail back."""
    SKIPPED = "skipped"
    """It could not be looked at, or there is none."""


class Size(int):
    """A number of bytes."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found at one place.

    Attributes:
        check: The place, whose name is the text `doctor.at_<check>`.
        word: Its text is `doctor.<word>`, filled in with `params`; spans, sizes and the
            code in `reason` become words there.
        remedy: The text of what to do, filled in likewise; empty where there is nothing to do.
        advice: What to do in words that are ready, by language, where there is no such text.
        unreachable: Whether the store cannot be used because of it.
    """

    check: str
    level: Level
    word: str
    params: Mapping[str, object] = field(default_factory=dict[str, object])
    remedy: str = ""
    advice: Mapping[str, str] = field(default_factory=dict[str, str])
    unreachable: bool = False


@dataclass
class Case:
    """An installation that is examined.

    Attributes:
        url: Of the store.
        opened: The store, from the moment it could be opened.
    """

    url: str
    opened: Store | None = None

    @property
    def path(self) -> Path | None:
        """The file of a store on SQLite."""
        return sqlite_path(self.url)

    @property
    def store(self) -> Store:
        """The store, for those checks that run when it is open."""
        if self.opened is None:
            raise AssertionError
        return self.opened

    @property
    def now(self) -> datetime:
        """The time of the store's clock."""
        return self.store.clock()

    @cached_property
    def status(self) -> Status:
        """The state of the whole, read once."""
        return read_status(self.store)

    @property
    def alive(self) -> int:
        """How many dispatchers are alive."""
        return sum(card.alive for card in self.status.dispatchers)

    def close(self) -> None:
        """Let go of the store."""
        if self.opened is not None:
            self.opened.close()
