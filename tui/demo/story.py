"""What happens at the demo's service desk, round after round.

A beat is one event, told in the words of the event format; times are seconds from the beat itself, so that deadlines
come near while somebody watches.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from store.vocabulary import Language
from tui.demo.people import GREYLISTED_ADDRESS, REFUSED_ADDRESS, UNREGISTERED_ADDRESS, staff_address

SOURCE = "demo-desk"
SWITCHED_OFF = "request.comment_added.client.email"
"""The event action that is switched off for the length of one beat, to show the effect."""

OLGA = "o.smirnova@client.example.com"
ANDREY = "a.markov@client.example.com"
JAMES = "j.miller@client.example.com"
SARAH = "s.brown@client.example.com"
IVAN, PAVEL, KIRILL = (staff_address(login) for login in ("i.petrov", "p.lebedev", "k.zaitsev"))
ELENA, OLEG, YULIA, MARIA = (staff_address(login) for login in ("e.frolova", "o.egorov", "y.somova", "m.kozlova"))
VIKTOR, NATALIA, DMITRY = (staff_address(login) for login in ("v.gusev", "n.titova", "d.nikitin"))

_NUMBERS = {"request": "RP", "task": "TS", "approval": "AP"}

_WORDS: dict[str, tuple[str, str]] = {
    "printer": ("Не печатает принтер [этаж 3]", "Printer does not print [floor 3]"),
    "vpn": ("Не подключается VPN из дома", "VPN does not connect from home"),
    "mailbox": ("Переполнен почтовый ящик", "Mailbox is full"),
    "access": ("Доступ к отчётам по продажам", "Access to the sales reports"),
    "wifi": ("Пропадает Wi-Fi в переговорной «Байкал»", "Wi-Fi drops out in meeting room Baikal"),
    "crm": ("CRM открывается две минуты", "CRM takes two minutes to open"),
    "laptop": ("Ноутбук для нового сотрудника", "Laptop for a new colleague"),
    "stranger": ("Вопрос с сайта", "A question from the web site"),
    # A title that would rename the terminal and paint it red, were it shown as it came.
    "hostile": (
        "Письмо с \x1b]0;сюрпризом\x07\x1b[31mв теме",
        "A letter with \x1b]0;a surprise\x07\x1b[31min its subject",
    ),
    "t_switch": ("Проверить порт коммутатора", "Check the switch port"),
    "t_order": ("Заказать ноутбук на складе", "Order the laptop from stock"),
    "a_access": ("Согласовать доступ к отчётам", "Approve access to the reports"),
    "a_budget": ("Согласовать покупку ноутбука", "Approve buying the laptop"),
    "c_queue": ("Очередь печати перезапущена, проверьте, пожалуйста.", "The print queue is restarted, please check."),
    "c_works": ("Спасибо, печатает!", "Thank you, it prints!"),
    "c_which": ("Какую ошибку показывает клиент VPN?", "Which error does the VPN client show?"),
    "c_markup": ("Ошибка в шаблоне: [/b] осталось без пары [INC-5]", "Template error: [/b] has no partner [INC-5]"),
    "c_private": ("Похоже на старую точку доступа, меняем.", "Looks like the old access point, replacing it."),
    "c_index": ("Перестроили индекс, стало быстрее.", "We rebuilt the index, it is faster now."),
    "c_error": ("Ошибка 809, снимок экрана приложила.", "Error 809, screenshot attached."),
    "c_clean": ("Удалили вложения старше года.", "Attachments older than a year are removed."),
}


@dataclass(frozen=True, slots=True)
class Beat:
    """One event of the story.

    Attributes:
        after_s: Pause before it.
        object: Fields of the object; what is left out stays as it was.
        deadlines_s: Seconds given per deadline kind, counted from this beat.
        switched_off: This beat is told with the action `SWITCHED_OFF` switched off.
    """

    after_s: float
    type: str
    number: str
    object: dict[str, Any]
    actor: str
    deadlines_s: dict[str, float] = field(default_factory=dict[str, float])
    changes: dict[str, Any] = field(default_factory=dict[str, Any])
    comment: dict[str, Any] | None = None
    switched_off: bool = False


class _Teller:
    """Writes one round: gives objects their numbers and texts their language."""

    def __init__(self, number: int, language: Language) -> None:
        self._base = 1042 + number * 20
        self._column = 0 if language is Language.RU else 1
        self._numbers: dict[str, str] = {}
        self._status: dict[str, str] = {}
        self._responsible: dict[str, str] = {}

    def _number(self, kind: str, key: str) -> str:
        if key not in self._numbers:
            self._numbers[key] = f"{_NUMBERS[kind]}-{self._base + len(self._numbers)}"
        return self._numbers[key]

    def _text(self, key: str) -> str:
        return _WORDS[key][self._column]

    def added(self, after_s: float, kind: str, key: str, actor: str, **fields: Any) -> Beat:
        number = self._number(kind, key)
        deadlines = fields.pop("due_s", {})
        parent = fields.pop("parent", None)
        if parent:
            fields["parent"] = {"type": "request", "id": self._numbers[parent], "number": self._numbers[parent]}
            fields["parent"] |= {"title": self._text(parent), "responsible": self._responsible.get(parent)}
        first = {"request": "registered", "task": "planned", "approval": "in_progress"}[kind]
        self._status[key] = first
        self._responsible[key] = fields.get("responsible", "")
        url = f"https://desk.example.org/{number}"
        whole = {"title": self._text(key), "status": first, "url": url, "author": actor, **fields}
        return Beat(after_s, f"{kind}.added", number, whole, actor, deadlines)

    def status(self, after_s: float, kind: str, key: str, to: str, actor: str, **fields: Any) -> Beat:
        before, self._status[key] = self._status[key], to
        changes = {"status": {"from": before, "to": to}}
        number = self._numbers[key]
        return Beat(after_s, f"{kind}.status_changed", number, {"status": to, **fields}, actor, changes=changes)

    def assigned(self, after_s: float, kind: str, key: str, to: str, actor: str) -> Beat:
        before, self._responsible[key] = self._responsible[key], to
        changes = {"responsible": {"from": before or None, "to": to}}
        fields = {"responsible": to}
        return Beat(after_s, f"{kind}.responsible_changed", self._numbers[key], fields, actor, changes=changes)

    def said(self, after_s: float, kind: str, key: str, text: str, actor: str, **more: Any) -> Beat:
        off = more.pop("switched_off", False)
        event = "mentioned" if more.get("mentions") else "comment_added"
        comment: dict[str, Any] = {"text": self._text(text), "private": False, "mentions": [], "chosen": [], **more}
        return Beat(after_s, f"{kind}.{event}", self._numbers[key], {}, actor, comment=comment, switched_off=off)


def tell_round(number: int, language: Language) -> list[Beat]:
    """One round of the story, about forty beats in forty seconds; rounds differ in the numbers of their objects."""
    t = _Teller(number, language)
    return [
        t.added(
            0.0, "request", "printer", OLGA, client=OLGA, responsible=IVAN, team="net", observers=[MARIA],
            due_s={"reaction": 10, "resolution": 40}, attributes={"priority": "high"},
        ),
        t.added(
            0.5, "request", "vpn", OLEG, client=GREYLISTED_ADDRESS, team="net",
            due_s={"reaction": 7, "resolution": 20},
        ),
        t.status(0.7, "request", "printer", "in_progress", IVAN),
        t.said(0.7, "request", "printer", "c_queue", IVAN, switched_off=True),
        t.added(
            0.7, "request", "mailbox", OLEG, client=REFUSED_ADDRESS, responsible=ELENA, team="desk",
            due_s={"resolution": 8},
        ),
        t.assigned(0.7, "request", "vpn", PAVEL, MARIA),
        t.said(0.8, "request", "printer", "c_works", OLGA),
        t.status(0.9, "request", "printer", "resolved", IVAN),
        t.added(
            0.8, "request", "access", JAMES, client=JAMES, responsible=NATALIA, team="apps", subscribers=[SARAH],
            due_s={"reaction": 8, "resolution": 30},
        ),
        t.added(
            0.9, "approval", "a_access", NATALIA, approvers=[DMITRY, MARIA], parent="access",
            due_s={"approval": 9},
        ),
        t.said(1.0, "request", "vpn", "c_which", PAVEL),
        t.status(0.1, "request", "vpn", "waiting_client", PAVEL),
        # A burst: the wireless network fails for everybody at once.
        t.added(
            1.2, "request", "wifi", ANDREY, client=ANDREY, team="net", observers=[OLGA, SARAH],
            due_s={"reaction": 5, "resolution": 12}, attributes={"priority": "critical"},
        ),
        t.assigned(0.1, "request", "wifi", KIRILL, MARIA),
        t.status(0.1, "request", "wifi", "in_progress", KIRILL),
        t.added(0.1, "task", "t_switch", KIRILL, responsible=IVAN, team="net", parent="wifi", due_s={"resolution": 10}),
        t.said(0.1, "request", "wifi", "c_private", KIRILL, private=True, chosen=[IVAN]),
        t.status(1.3, "task", "t_switch", "in_progress", IVAN),
        t.status(1.1, "approval", "a_access", "accepted", DMITRY),
        t.status(0.9, "request", "access", "resolved", NATALIA),
        t.added(1.0, "request", "stranger", MARIA, client=UNREGISTERED_ADDRESS, responsible=OLEG, team="desk"),
        t.said(0.9, "request", "vpn", "c_error", GREYLISTED_ADDRESS),
        t.status(0.7, "request", "vpn", "in_progress", PAVEL),
        t.added(
            1.0, "request", "crm", SARAH, client=SARAH, responsible=VIKTOR, team="apps", subscribers=[JAMES],
            due_s={"reaction": 4, "resolution": 9},
        ),
        t.said(1.1, "request", "crm", "c_markup", VIKTOR),
        t.added(1.0, "request", "hostile", ANDREY, client=ANDREY, responsible=YULIA, team="desk"),
        t.said(0.8, "request", "crm", "c_index", NATALIA, mentions=[VIKTOR]),
        t.status(1.0, "task", "t_switch", "resolved", IVAN),
        t.status(0.9, "request", "wifi", "resolved", KIRILL),
        t.status(0.8, "request", "printer", "closed", OLGA),
        t.added(
            1.1, "request", "laptop", MARIA, client=ANDREY, responsible=OLEG, team="desk", due_s={"resolution": 15},
        ),
        t.added(0.8, "task", "t_order", OLEG, responsible=YULIA, team="desk", parent="laptop", due_s={"resolution": 6}),
        t.added(0.9, "approval", "a_budget", OLEG, approvers=[MARIA], parent="laptop", due_s={"approval": 5}),
        t.said(1.2, "request", "mailbox", "c_clean", ELENA),
        t.status(0.9, "request", "mailbox", "resolved", ELENA),
        t.status(1.4, "approval", "a_budget", "rejected", MARIA),
        t.status(1.1, "request", "crm", "resolved", VIKTOR),
        t.status(0.9, "request", "vpn", "resolved", PAVEL),
        t.status(0.1, "request", "wifi", "closed", ANDREY),
        t.status(0.1, "request", "access", "closed", JAMES),
        t.status(0.1, "request", "crm", "closed", SARAH),
        t.status(1.5, "request", "laptop", "deferred", OLEG),
    ]  # fmt: skip


def tell(language: Language) -> Iterator[Beat]:
    """The story without an end."""
    number = 0
    while True:
        first, *rest = tell_round(number, language)
        # Only the very first event comes at once; a new round keeps the pace.
        yield (
            first if number == 0 else Beat(1.0, first.type, first.number, first.object, first.actor, first.deadlines_s)
        )
        yield from rest
        number += 1


def to_event(beat: Beat, sequence: int, now: datetime) -> dict[str, Any]:
    """The beat as a CloudEvents document that happens now."""
    whole: dict[str, Any] = {"id": beat.number, "number": beat.number, **beat.object}
    if beat.deadlines_s:
        whole["deadlines"] = {
            kind: {"started": now.isoformat(), "due": (now + timedelta(seconds=given_s)).isoformat()}
            for kind, given_s in beat.deadlines_s.items()
        }
    data: dict[str, Any] = {"object": whole, "changes": beat.changes, "actor": beat.actor}
    if beat.comment is not None:
        data["comment"] = beat.comment
    return {
        "specversion": "1.0",
        "id": event_id(sequence),
        "source": SOURCE,
        "type": beat.type,
        "time": now.isoformat(),
        "subject": beat.number,
        "data": data,
    }


def event_id(sequence: int) -> str:
    """The id of the event with this place in the story, from 1."""
    return f"demo-{sequence}"


def to_text(beat: Beat, sequence: int, now: datetime) -> str:
    """The beat as one line of JSON."""
    return json.dumps(to_event(beat, sequence, now), ensure_ascii=False)
