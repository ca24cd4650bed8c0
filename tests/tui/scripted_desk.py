"""A service desk of whose every delivery the state is known, always the same: for pictures and for pilot tests.

Events take the real road (intake, planner); what becomes of the letters is settled by script, through the outbox.
"""

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection, Table, insert, select, update

from dispatch.intake import emit
from dispatch.planner import Planner
from dispatch.thresholds import Outcome, Schedule
from store import outbox, tables
from store.calendar import WorkCalendar
from store.cards import Company, DispatcherCard, FeedRow, MailConnection, Person, Sending, Team
from store.deadlines import to_deadline
from store.directory import save_people, save_teams
from store.engine import Store
from store.heartbeats import beat
from store.moves import Deed, carry_out
from store.outbox import Settlement
from store.rulebook import armed_rules_in, set_enabled
from store.settings import company_in, save_company, save_connection, save_sending
from store.standard import install
from store.status import save_health
from store.types import from_micros, to_micros
from store.vocabulary import DeliveryState, Encryption, Language
from tests.desk import HandClock, open_store

MORNING = datetime(2026, 11, 23, 5, 58, tzinfo=UTC)
"""Three hours earlier than the desk's own time."""
OWNER = "scripted"
OLGA, MARKOV, ORLOVA, BELOV, MILLER = (
    f"{name}@romashka.example" for name in ("o.smirnova", "a.markov", "t.orlova", "g.belov", "j.miller")
)
PETROV, LEBEDEV, VOLKOV, KOZLOVA, TITOVA, NIKITIN = (
    f"{name}@desk.example" for name in ("i.petrov", "p.lebedev", "s.volkov", "m.kozlova", "n.titova", "d.nikitin")
)
_NAMES = {
    OLGA: ("Ольга Смирнова", "Olga Smirnova"),
    MARKOV: ("Андрей Марков", "Andrey Markov"),
    ORLOVA: ("Татьяна Орлова", "Tatiana Orlova"),
    BELOV: ("Григорий Белов", "Grigory Belov"),
    MILLER: ("Джеймс Миллер", "James Miller"),
    PETROV: ("Иван Петров", "Ivan Petrov"),
    LEBEDEV: ("Павел Лебедев", "Pavel Lebedev"),
    VOLKOV: ("Сергей Волков", "Sergey Volkov"),
    KOZLOVA: ("Мария Козлова", "Maria Kozlova"),
    TITOVA: ("Наталья Титова", "Natalia Titova"),
    NIKITIN: ("Дмитрий Никитин", "Dmitry Nikitin"),
}
_TITLES = {
    "RP-1042": ("Не печатает принтер [этаж 3]", "Printer does not print [floor 3]"),
    "RP-1043": ("Не подключается VPN из дома", "VPN does not connect from home"),
    "RP-1044": ("Доступ к отчётам по продажам", "Access to the sales reports"),
    "RP-1045": ("Пропадает Wi-Fi в переговорной «Байкал»", "Wi-Fi drops out in meeting room Baikal"),
    "RP-1046": ("CRM открывается две минуты", "CRM takes two minutes to open"),
    "TS-318": ("Проверить порт коммутатора", "Check the switch port"),
    "AP-77": ("Согласовать доступ к отчётам", "Approve access to the reports"),
}
_SAID = {
    "queue": ("Очередь печати перезапущена, проверьте, пожалуйста.", "The print queue is restarted, please check."),
    "error": ("Какую ошибку показывает клиент VPN?", "Which error does the VPN client show?"),
    "index": ("Перестроили индекс, стало быстрее.", "We rebuilt the index, it is faster now."),
}
_KINDS = {"RP": "request", "TS": "task", "AP": "approval"}


class ScriptedDesk:
    """Tells the desk's morning to a store."""

    def __init__(self, store: Store, clock: HandClock, language: Language = Language.RU) -> None:
        self._store = store
        self._clock = clock
        self._column = 0 if language is Language.RU else 1
        self._language = language
        self._planner = Planner(store)
        self._told = 0

    def tell(self) -> None:
        """People, settings, a morning's events, and the letters that came of them."""
        self._clock.now = MORNING
        self._furnish()
        self._morning()
        self._told_of_deadlines()
        self._dispatcher()

    def _furnish(self) -> None:
        store, column = self._store, self._column
        install(store)
        teams = [Team("net", ("Сетевики", "Networks")[column], VOLKOV)]
        teams.append(Team("apps", ("Прикладные системы", "Applications")[column], NIKITIN))
        save_teams(store, teams, OWNER)
        team_of = {PETROV: "net", LEBEDEV: "net", VOLKOV: "net", TITOVA: "apps", NIKITIN: "apps"}
        people = [
            Person(
                address,
                names[column],
                address.partition("@")[0],
                (team_of[address],) if address in team_of else (),
                VOLKOV if address in {PETROV, LEBEDEV} else None,
            )
            for address, names in _NAMES.items()
        ]
        save_people(store, people, OWNER)
        signature = ("С уважением,\nслужба поддержки «Ромашка»", "Kind regards,\nRomashka service desk")[column]
        name = ("Ромашка", "Romashka")[column]
        company = Company(name, signature, language=self._language, timezone="Europe/Moscow")
        save_company(store, replace(company, signature=signature.partition("\n")[0]), OWNER)
        sender = ("Поддержка «Ромашка»", "Romashka support")[column]
        sending = Sending("help@desk.example", "vestnik@desk.example", sender)
        save_sending(store, replace(sending, max_attempts=3, pause_s=60), OWNER)
        card = MailConnection("main", "smtp.desk.example", authentication=True, login="robot", priority=1)
        key = save_connection(store, card, password="not shown", who=OWNER)
        spare = MailConnection(
            "spare", "relay.desk.example", port=25, encryption=Encryption.NONE, enabled=False, priority=2
        )
        save_connection(store, spare, who=OWNER)
        self._second_thoughts(company, sending, replace(card, id=key, server="mail.desk.example", login="vestnik"))

    def _second_thoughts(self, company: Company, sending: Sending, main: MailConnection) -> None:
        """Settings as they are to stay, so that the audit has changes in it."""
        store, code = self._store, "request.added.client.email"
        save_connection(store, main, password="not shown either", who="i.petrov")
        save_sending(store, sending, "i.petrov")
        set_enabled(store, [code], False, "m.kozlova")
        set_enabled(store, [code], True, "m.kozlova")
        save_company(store, company, "m.kozlova")

    def _morning(self) -> None:
        happen, settle = self._happen, self._settle
        happen("RP-1042", "added", client=OLGA, responsible=PETROV, team="net", status="registered", actor=KOZLOVA)
        settle()
        late = {"reaction": (20, 12), "resolution": (60, 420)}
        happen("RP-1043", "added", client=MARKOV, team="net", status="registered", actor=KOZLOVA, spans=late)
        settle()
        happen("RP-1042", "status_changed", status="in_progress", actor=PETROV)
        settle()
        near = {"resolution": (400, 80)}
        happen(
            "RP-1044", "added", client=BELOV, responsible=TITOVA, team="apps", status="registered", actor=KOZLOVA,
            spans=near,
        )  # fmt: skip
        settle(BELOV)
        happen("RP-1043", "responsible_changed", responsible=LEBEDEV, actor=VOLKOV)
        settle()
        happen("AP-77", "added", author=TITOVA, approvers=[NIKITIN, KOZLOVA], status="in_progress", actor=TITOVA)
        settle()
        happen("RP-1042", "comment_added", comment="queue", actor=PETROV)
        settle()
        far = {"resolution": (10, 230)}
        happen(
            "RP-1045", "added", client=ORLOVA, responsible=LEBEDEV, team="net", status="registered", actor=KOZLOVA,
            spans=far,
        )  # fmt: skip
        settle(greylisted=ORLOVA)
        planned = {"planned_start": (0, 120), "resolution": (0, 300)}
        happen("TS-318", "added", author=LEBEDEV, responsible=PETROV, status="planned", actor=LEBEDEV, spans=planned)
        settle()
        happen("RP-1043", "comment_added", comment="error", actor=LEBEDEV)
        self._cancel(MARKOV)
        settle()
        happen("RP-1042", "status_changed", status="resolved", actor=PETROV)
        settle()
        happen("AP-77", "status_changed", status="accepted", actor=NIKITIN)
        settle()
        happen("RP-1046", "added", client=MILLER, responsible=TITOVA, team="apps", status="registered", actor=KOZLOVA)
        settle()
        happen("RP-1046", "status_changed", status="in_progress", actor=TITOVA)
        settle(held=MILLER)
        happen("RP-1046", "comment_added", comment="index", actor=NIKITIN)

    def _happen(
        self, number: str, kind: str, *, actor: str, comment: str = "",
        spans: Mapping[str, tuple[int, int]] = MappingProxyType({}), **fields: Any,
    ) -> None:  # fmt: skip
        """An event, accepted and planned; `spans` are deadlines: minutes since they began, and until they are over."""
        self._clock.forward(seconds=37 + self._told * 11 % 90)
        now = self._clock.now
        if spans:
            fields["deadlines"] = {
                name: {
                    "started": (now - timedelta(minutes=ago)).isoformat(),
                    "due": (now + timedelta(minutes=left)).isoformat(),
                }
                for name, (ago, left) in spans.items()
            }
        self._told += 1
        for name in ("client", "author"):
            if name in fields:
                fields[name] = {"email": fields[name], "name": _NAMES[fields[name]][self._column]}
        thing = {"id": number, "number": number, "title": _TITLES[number][self._column], **fields}
        data: dict[str, Any] = {"object": {**thing, "url": f"https://desk.example/{number}"}, "actor": actor}
        if comment:
            data["comment"] = {"text": _SAID[comment][self._column], "private": False}
        event = {
            "specversion": "1.0", "id": str(4700 + self._told), "source": "desk", "time": self._clock.now.isoformat(),
            "type": f"{_KINDS[number[:2]]}.{kind}", "data": data,
        }  # fmt: skip
        (receipt,) = emit(self._store, json.dumps(event))
        assert receipt.outcome == "accepted", receipt.reason
        self._planner.plan_now()

    def _settle(self, dead: str = "", *, greylisted: str = "", held: str = "") -> None:
        """What the mail server said to the letters that are due."""
        self._clock.forward(seconds=2)
        self._store.write(lambda connection: self._settle_in(connection, dead, greylisted, held))

    def _settle_in(self, connection: Connection, dead: str, greylisted: str, held: str) -> None:
        now = self._clock.now
        done: list[Settlement] = []
        for letter in outbox.claim(connection, now, OWNER, 100):
            key, address = letter.id, letter.recipient_address
            if address == dead:
                answer = "550 5.1.1 User unknown; mailbox not found [/b] [INC-5]"
                said = _said(address, answer)
                one = Settlement(
                    key, DeliveryState.DEAD, now, 1, "main", 550, answer, "mailbox_unknown", transcript=said
                )
            elif address == greylisted:
                later, answer = now + timedelta(hours=1), "450 4.2.0 Greylisted, try again later"
                one = Settlement(
                    key, DeliveryState.PENDING, later, 1, "main", 450, answer, "greylisted",
                    transcript=_said(address, answer),
                )  # fmt: skip
            elif address == held:
                one = Settlement(key, DeliveryState.HELD, now, 0, reason="silent_mode", counted=False)
            else:
                one = Settlement(key, DeliveryState.SENT, now, 0, "main", 250, f"250 2.0.0 Ok: queued as 4D{key:03}")
            done.append(one)
        outbox.settle(connection, now, OWNER, done)

    def _told_of_deadlines(self) -> None:
        """What was reached of the deadlines stands in the ledger; who was told of it is no part of this morning."""

        def work(connection: Connection) -> None:
            with_status = select(tables.deadline, tables.object_.c.status_since).join(
                tables.object_, tables.object_.c.id == tables.deadline.c.object_key
            )
            rules = [(rule, to_micros(armed)) for rule, armed in armed_rules_in(connection)]
            schedule, now = Schedule(rules, WorkCalendar.of(company_in(connection))), to_micros(self._clock.now)
            for row in connection.execute(with_status).all():
                one = to_deadline(row)
                look = schedule.look(one, to_micros(row.status_since), (), now)
                for reached, _ in look.reached:
                    at = from_micros(reached.reached)
                    connection.execute(
                        insert(tables.fired_threshold).values(
                            object_key=one.object_key, threshold=reached.key, due=from_micros(one.due), fired_at=at,
                            reached_at=reached.reached, outcome=Outcome.FIRED.value,
                        )
                    )  # fmt: skip
                values = {"next_at": look.next_at}
                connection.execute(update(tables.deadline).where(tables.deadline.c.id == one.id).values(**values))

        self._store.write(work)

    def _cancel(self, address: str) -> None:
        letters = outbox.page(self._store, state=DeliveryState.PENDING, text=address)
        assert carry_out(self._store, Deed.CANCEL, [row.id for row in letters], OWNER).letters == 1

    def _dispatcher(self) -> None:
        """A dispatcher that beat a moment ago."""
        self._clock.forward(seconds=1)
        now = self._clock.now
        card = DispatcherCard("scripted", "mail-1", 4711, now - timedelta(hours=9), now, alive=True)

        def work(connection: Connection) -> None:
            beat(connection, card)
            save_health(connection, 1, circuit="closed", last_sent_at=now, last_error="", error_class="")

        self._store.write(work)


def _said(address: str, answer: str) -> str:
    """What was said of a letter whose recipient was refused, pipelined."""
    told = ["C: MAIL FROM:<vestnik@desk.example>", "S: 250 2.1.0 Ok", f"C: RCPT TO:<{address}>", f"S: {answer}"]
    return "\n".join([*told, "C: DATA", "S: 554 5.5.1 Error: no valid recipients"])


def scripted_store(folder: Path, language: Language = Language.RU, url: str = "") -> Store:
    """A store to which the morning was told; its clock stands still."""
    files, now = _told(language, os.environ.get("VESTNIK_KEY", ""))
    for name, content in files.items():
        file = folder / name
        file.touch(mode=0o600)
        file.write_bytes(content)
    return Store.open(url or f"sqlite:///{folder / 'vestnik.db'}", clock=HandClock(now))


@cache
def _told(language: Language, key: str) -> tuple[dict[str, bytes], datetime]:
    """The files of such a store, and what its clock says: the same morning for every test that has the same key."""
    del key
    clock = HandClock(MORNING)
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(Path(folder), clock)
        ScriptedDesk(store, clock, language).tell()
        store.close()
        return {file.name: file.read_bytes() for file in Path(folder).iterdir()}, clock.now


def add_notice(store: Store, *, subject: str, name: str, number: str = "X-1", text: str = "") -> int:
    """A held letter with any words in every place, as if it had been planned; gives its id."""
    now = store.clock()

    def work(connection: Connection) -> int:
        def add(table: Table, **values: Any) -> int:
            return connection.execute(insert(table).values(**values).returning(table.c.id)).scalar_one()

        event = add(
            tables.event, source="desk", external_id=f"{number} {subject}", object_type="request", event_type="added",
            object_id=number, object_number=number, title=subject, at=now, accepted_at=now, planned_at=now, data={},
        )  # fmt: skip
        note = add(
            tables.notification, event_id=event, rule_code="request.added.client.email", language="ru",
            subject=subject, text=text or subject, html="",
        )  # fmt: skip
        key = add(
            tables.delivery, notification_id=note, event_id=event, channel="email", recipient_name=name,
            recipient_address="x@example.org", state=DeliveryState.HELD.value, reason=subject, next_at=now,
            created_at=now, answer=subject,
        )  # fmt: skip
        add(
            tables.attempt, delivery_id=key, at=now, connection=name, outcome="failed", code=550, answer=subject,
            error_class=name, transcript=text or subject,
        )  # fmt: skip
        connection.execute(
            insert(tables.connection_failure).values(
                delivery_id=key, at=now, connection=name, code=None, answer=subject, error_class=name,
                transcript=text or subject,
            )
        )  # fmt: skip
        add(
            tables.decision, event_id=event, rule_code=subject, recipient=name, taken=True, reason=subject,
            params={"role": name, "problem": subject},
        )  # fmt: skip
        return key

    return store.write(work)


def the_row(store: Store, state: DeliveryState) -> FeedRow:
    """The newest delivery in a state."""
    return outbox.page(store, state=state, limit=1)[0]
