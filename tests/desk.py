"""A small service desk for tests: people, settings, events."""

import json
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from store.cards import Company, MailConnection, Person, Sending, StormLimits, Team
from store.directory import save_people, save_teams
from store.engine import Store
from store.settings import save_company, save_connection, save_sending, save_storm_limits
from store.vocabulary import Encryption, Language

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
SENDING = Sending("help@example.org", "robot@example.org", "Служба поддержки", pause_s=1)
PEOPLE = (
    Person("ivanov@example.org", "Иван Иванов", "ivanov", ("net",), "boss@example.org"),
    Person("petrov@example.org", "Пётр Петров", "petrov", ("net",)),
    Person("boss@example.org", "Анна Главная", "boss", ()),
    Person("olga@example.org", "Ольга Смирнова"),
    Person("john@example.org", "John Smith", language=Language.EN),
)
TEAMS = (Team("net", "Сетевики", "petrov@example.org"),)


class HandClock:
    """A clock set by hand."""

    def __init__(self, now: datetime = NOON) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **span: float) -> None:
        """Let time pass."""
        self.now += timedelta(**span)


def long_ago() -> datetime:
    """When the stores of the tests were made: what passes after that is the escalations' business."""
    return NOON - timedelta(days=100)


@cache
def _migrated() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "vestnik.db"
        Store.open(f"sqlite:///{file}", clock=long_ago).close()
        return file.read_bytes()


def new_store_file(file: Path) -> str:
    """Put an empty, migrated store where there is none; gives its URL.

    A copy: the migrations take a quarter of a second, and a thousand tests begin with a new store.
    """
    if not file.exists():
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file.touch(mode=0o600)
        file.write_bytes(_migrated())
    return f"sqlite:///{file}"


def open_store(folder: Path, clock: Callable[[], datetime] | None = None) -> Store:
    """A new store in a folder."""
    url = new_store_file(folder / "vestnik.db")
    return Store.open(url) if clock is None else Store.open(url, clock=clock)


def furnish(store: Store, *, port: int | None = None) -> None:
    """People, teams, the company card; with `port`, outgoing mail to a clear-text server on this machine."""
    save_teams(store, TEAMS, "test")
    save_people(store, PEOPLE, "test")
    save_company(store, Company("ACME", "С уважением, служба поддержки", timezone="Europe/Moscow"), "test")
    if port is not None:
        save_sending(store, SENDING, "test")
        card = MailConnection("main", "127.0.0.1", port=port, encryption=Encryption.NONE)
        save_connection(store, card, who="test")


def raise_limits(store: Store) -> None:
    """For whoever writes many letters to one person in a moment: they are counted as ever, and never too many."""
    save_storm_limits(store, StormLimits(object_letters=1_000_000, recipient_letters=1_000_000), "test")


def event(kind: str = "request.added", number: int = 1, key: str = "", **data: Any) -> dict[str, Any]:
    """A CloudEvent about a request; `data` overrides the object's fields, `changes`, `comment`, `actor`, `mail`."""
    thing: dict[str, Any] = {
        "id": str(number),
        "number": f"RP-{number}",
        "title": "Не печатает принтер [этаж 3]",
        "status": "registered",
        "url": f"https://desk.example.org/RP-{number}",
        "client": {"email": "olga@example.org", "name": "Ольга Смирнова"},
        "responsible": "ivanov@example.org",
        "team": "net",
    }
    outer = {name: data.pop(name) for name in ("changes", "comment", "actor", "mail") if name in data}
    return {
        "specversion": "1.0",
        "id": key or f"{kind}-{number}",
        "source": "desk",
        "type": kind,
        "time": NOON.isoformat(),
        "data": {"object": {**thing, **data}, **outer},
    }


def lines(*events: dict[str, Any]) -> str:
    """Events as JSON lines."""
    return "\n".join(json.dumps(one, ensure_ascii=False) for one in events)
