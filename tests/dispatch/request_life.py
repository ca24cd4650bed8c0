"""A request's life, told to a real line: intake, clock, planner, store.

The cast has whoever an alert may meet: a leader and a head, observers, subscribers, a client nobody has registered,
somebody without an address, somebody who has left.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from dispatch.intake import emit
from dispatch.planner import Planner
from dispatch.ticks import tick
from store.cards import Company, Person, Team
from store.directory import save_people, save_teams
from store.engine import Store
from store.settings import save_company
from store.vocabulary import Language
from tests.desk import HandClock, lines

MOSCOW = ZoneInfo("Europe/Moscow")
STEP = timedelta(minutes=15)
"""So often the clock of the story looks; every moment in it is one of these."""
OLGA, DIANA, IVANOV, PETROV, SIDOROVA, GLAVNAYA = (
    f"{login}@example.org" for login in ("olga", "diana", "ivanov", "petrov", "sidorova", "glavnaya")
)
OREKHOV, JOHN, VERA, GLEB, GONE = (f"{login}@example.org" for login in ("orekhov", "john", "vera", "gleb", "gone"))
STRANGER = {"email": "kirill@partner.example", "name": "Кирилл Новиков"}
WAREHOUSE = {"email": "", "name": "Дежурный склада"}
PEOPLE = (
    Person(OLGA, "Ольга Смирнова", "olga"),
    Person(DIANA, "Диана Крылова", "diana"),
    Person(IVANOV, "Иван Иванов", "ivanov", ("net",), GLAVNAYA),
    Person(PETROV, "Пётр Петров", "petrov", ("net",), GLAVNAYA),
    Person(SIDOROVA, "Мария Сидорова", "sidorova", ("net",), GLAVNAYA),
    Person(GLAVNAYA, "Анна Главная", "glavnaya"),
    Person(OREKHOV, "Олег Орехов", "orekhov"),
    Person(JOHN, "John Smith", "john", language=Language.EN),
    Person(VERA, "Вера Белова", "vera"),
    Person(GLEB, "Глеб Серов", "gleb"),
    Person(GONE, "Семён Бывалов", "gone", active=False),
)
TEAMS = (Team("net", "Сетевики", PETROV),)
CAST = {person.email: person.name for person in PEOPLE}
JOBS = (
    (OLGA, "клиент, позвонила в поддержку"),
    (DIANA, "диспетчер, регистрирует заявки"),
    (IVANOV, "инженер команды «Сетевики», руководитель — Анна Главная"),
    (PETROV, "лидер команды «Сетевики», руководитель — Анна Главная"),
    (SIDOROVA, "инженер команды «Сетевики», руководитель — Анна Главная"),
    (GLAVNAYA, "руководитель"),
    (OREKHOV, "наблюдатель"),
    (JOHN, "подписчик, читает по-английски"),
    (VERA, "согласующая"),
    (GLEB, "согласующий"),
    (GONE, "подписчик, отключён в справочнике"),
)
PRINTER = {"title": "Не печатает принтер [этаж 3]", "client": OLGA, "team": "net", "author": DIANA,
           "observers": [OREKHOV, WAREHOUSE], "subscribers": [JOHN, GONE]}  # fmt: skip
KINDS = {"RP": "request", "TS": "task", "AP": "approval"}


@dataclass(frozen=True)
class Moment:
    """Something that happens at the desk."""

    at: datetime
    number: str
    event: str
    data: dict[str, Any]


def at(day: int, hour: int, minute: int = 0) -> datetime:
    """A time in Moscow, in November 2026."""
    return datetime(2026, 11, day, hour, minute, tzinfo=MOSCOW)


def until(start: datetime, due: datetime) -> dict[str, str]:
    """A deadline."""
    return {"started": start.isoformat(), "due": due.isoformat()}


def life() -> Iterator[Moment]:
    """The request RP-101 with its task and its approval, and two more requests that begin unlike it."""
    yield from _beginning()
    yield from _beside_it()
    yield from _waiting_and_end()
    yield from _others()


def _moment(when: datetime, number: str, event: str, actor: Any = None, comment: Any = None, **fields: Any) -> Moment:
    data: dict[str, Any] = {"object": {"id": number, "number": number, **fields}, "actor": actor}
    return Moment(when, number, event, data | ({"comment": comment} if comment else {}))


def _beginning() -> Iterator[Moment]:
    deadlines = {"reaction": until(at(23, 9), at(23, 10)), "resolution": until(at(23, 9), at(23, 17))}
    yield _moment(at(23, 9), "RP-101", "added", DIANA, status="registered", deadlines=deadlines, **PRINTER)
    yield _moment(at(23, 9, 45), "RP-101", "responsible_changed", PETROV, responsible=IVANOV)
    reacted = {"reaction": until(at(23, 9), at(23, 10)) | {"met": at(23, 10).isoformat()}}
    yield _moment(at(23, 9, 45), "RP-101", "status_changed", IVANOV, status="in_progress", deadlines=reacted)
    said = {"text": "Выезжаю смотреть.", "chosen": [GLAVNAYA]}
    yield _moment(at(23, 10), "RP-101", "comment_added", IVANOV, said)
    asked = {"text": "Посмотрите ещё коммутатор.", "private": True, "mentions": [IVANOV, SIDOROVA]}
    yield _moment(at(23, 10, 15), "RP-101", "comment_added", PETROV, asked)
    yield _moment(at(23, 10, 15), "RP-101", "mentioned", PETROV, asked)


def _beside_it() -> Iterator[Moment]:
    parent = {"type": "request", "id": "RP-101", "number": "RP-101", "title": PRINTER["title"], "responsible": IVANOV}
    deadlines = {"planned_start": until(at(23, 10, 30), at(23, 11)), "resolution": until(at(23, 11), at(23, 13))}
    yield _moment(
        at(23, 10, 30), "TS-7", "added", IVANOV, title="Проверить порт коммутатора", status="planned", team="net",
        author=IVANOV, responsible=SIDOROVA, subscribers=[OREKHOV], parent=parent, deadlines=deadlines,
    )  # fmt: skip
    yield _moment(at(23, 10, 30), "TS-7", "responsible_changed", IVANOV, responsible=SIDOROVA)
    yield _moment(at(23, 11, 15), "TS-7", "status_changed", SIDOROVA, status="in_progress")
    yield _moment(at(23, 11, 15), "TS-7", "comment_added", SIDOROVA, {"text": "Порт сгорел.", "private": True})
    yield _moment(
        at(23, 11, 15), "AP-3", "added", IVANOV, title="Купить коммутатор", status="in_progress", author=IVANOV,
        approvers=[VERA, GLEB], parent=parent, deadlines={"approval": until(at(23, 11, 15), at(23, 13, 45))},
    )  # fmt: skip
    yield _moment(at(23, 12), "AP-3", "comment_added", VERA, {"text": "Согласна, дело срочное."})
    yield _moment(at(23, 12), "AP-3", "edited", VERA, voted=[VERA])
    yield _moment(at(23, 14), "AP-3", "status_changed", GLEB, voted=[VERA, GLEB], status="accepted")
    yield _moment(at(23, 14, 15), "TS-7", "status_changed", SIDOROVA, status="resolved")


def _waiting_and_end() -> Iterator[Moment]:
    asked = {"text": "Принтер у окна или у двери?"}
    yield _moment(at(23, 14, 30), "RP-101", "status_changed", IVANOV, asked, status="waiting_client")
    yield _moment(at(26, 15), "RP-101", "comment_added", OLGA, {"text": "У окна."})
    moved = {"resolution": until(at(26, 15), at(26, 17))}
    yield _moment(at(26, 15), "RP-101", "status_changed", OLGA, status="resumed", deadlines=moved)
    yield _moment(at(26, 17, 15), "RP-101", "responsible_changed", GLAVNAYA, responsible=PETROV)
    done = {"text": "Заменили коммутатор, принтер печатает."}
    yield _moment(at(26, 17, 30), "RP-101", "status_changed", PETROV, done, status="resolved")
    yield _moment(at(27, 10), "RP-101", "status_changed", None, status="closed")


def _others() -> Iterator[Moment]:
    yield _moment(
        at(27, 11), "RP-102", "added", DIANA, title="Нет доступа к порталу", status="registered", client=STRANGER,
        author=DIANA, team="net", responsible=IVANOV,
    )  # fmt: skip
    yield _moment(at(27, 11), "RP-102", "responsible_changed", DIANA, responsible=IVANOV)
    yield _moment(
        at(27, 11, 15), "RP-103", "added", OLGA, title="Забыла пароль", status="registered", client=OLGA, author=OLGA,
        team="net",
    )  # fmt: skip


def tell(store: Store, clock: HandClock) -> None:
    """Let the story happen: each moment is emitted at its time, between them the clock looks every `STEP`."""
    save_teams(store, TEAMS, "story")
    save_people(store, PEOPLE, "story")
    save_company(store, Company("ACME", timezone=str(MOSCOW)), "story")
    planner = Planner(store)
    for place, moment in enumerate(sorted(life(), key=lambda one: one.at)):
        while clock.now < moment.at:
            clock.now = min(clock.now + STEP, moment.at)
            tick(store)
            while planner.plan_now():
                pass
        document = {
            "specversion": "1.0", "id": f"story-{place}", "source": "desk", "time": moment.at.isoformat(),
            "type": f"{KINDS[moment.number[:2]]}.{moment.event}", "data": moment.data,
        }  # fmt: skip
        (receipt,) = emit(store, lines(document))
        assert receipt.outcome == "accepted", receipt
        while planner.plan_now():
            pass
