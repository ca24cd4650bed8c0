"""Who works at the demo's service desk, and who writes to it."""

from dataclasses import dataclass

from store.cards import Person, Team
from store.vocabulary import Language

SUPPORT_ADDRESS = "help@desk.example.org"
SYSTEM_ADDRESS = "vestnik@desk.example.org"
REFUSED_ADDRESS = "g.belov@client.example.com"
"""The demo's mail server says 550 to it, so that a dead letter can be seen."""
GREYLISTED_ADDRESS = "t.orlova@client.example.com"
"""The demo's mail server says 450 the first time, so that a retry can be seen."""
UNREGISTERED_ADDRESS = "passer-by@elsewhere.example.net"
"""In nobody's directory."""


@dataclass(frozen=True, slots=True)
class _Entry:
    email: str
    ru: str
    en: str
    teams: tuple[str, ...] = ()
    head: str | None = None
    language: Language | None = None


_TEAMS = (
    ("net", "Сетевики", "Networks", "s.volkov"),
    ("desk", "Первая линия", "First line", "m.kozlova"),
    ("apps", "Прикладные системы", "Applications", "d.nikitin"),
)


def staff_address(login: str) -> str:
    """The address of a member of staff."""
    return f"{login}@desk.example.org"


def _staff(login: str, ru: str, en: str, team: str, head: str | None) -> _Entry:
    return _Entry(staff_address(login), ru, en, (team,) if team else (), staff_address(head) if head else None)


_STAFF = (
    _staff("a.romanova", "Анна Романова", "Anna Romanova", "", None),
    _staff("s.volkov", "Сергей Волков", "Sergey Volkov", "net", "a.romanova"),
    _staff("i.petrov", "Иван Петров", "Ivan Petrov", "net", "s.volkov"),
    _staff("p.lebedev", "Павел Лебедев", "Pavel Lebedev", "net", "s.volkov"),
    _staff("k.zaitsev", "Кирилл Зайцев", "Kirill Zaitsev", "net", "s.volkov"),
    _staff("m.kozlova", "Мария Козлова", "Maria Kozlova", "desk", "a.romanova"),
    _staff("e.frolova", "Елена Фролова", "Elena Frolova", "desk", "m.kozlova"),
    _staff("o.egorov", "Олег Егоров", "Oleg Egorov", "desk", "m.kozlova"),
    _staff("y.somova", "Юлия Сомова", "Yulia Somova", "desk", "m.kozlova"),
    _staff("d.nikitin", "Дмитрий Никитин", "Dmitry Nikitin", "apps", "a.romanova"),
    _staff("v.gusev", "Виктор Гусев", "Viktor Gusev", "apps", "d.nikitin"),
    _staff("n.titova", "Наталья Титова", "Natalia Titova", "apps", "d.nikitin"),
)

_CLIENTS = (
    _Entry("o.smirnova@client.example.com", "Ольга Смирнова", "Olga Smirnova"),
    _Entry("a.markov@client.example.com", "Андрей Марков", "Andrey Markov"),
    _Entry(GREYLISTED_ADDRESS, "Татьяна Орлова", "Tatiana Orlova"),
    _Entry(REFUSED_ADDRESS, "Григорий Белов", "Grigory Belov"),
    _Entry("j.miller@client.example.com", "Джеймс Миллер", "James Miller", language=Language.EN),
    _Entry("s.brown@client.example.com", "Сара Браун", "Sarah Brown", language=Language.EN),
)


def demo_people(language: Language) -> list[Person]:
    """Staff and registered clients, named in the language of the demo."""
    return [
        Person(
            email=entry.email,
            name=entry.ru if language is Language.RU else entry.en,
            login=entry.email.partition("@")[0],
            teams=entry.teams,
            head=entry.head,
            language=entry.language,
        )
        for entry in (*_STAFF, *_CLIENTS)
    ]


def demo_teams(language: Language) -> list[Team]:
    """Teams with their leaders."""
    return [Team(code, ru if language is Language.RU else en, staff_address(leader)) for code, ru, en, leader in _TEAMS]
