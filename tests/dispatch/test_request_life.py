"""The standard set, driven by a request's life: who got what, who did not and why, as a paper one can sign."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pytest
from sqlalchemy import select

from dispatch.context import format_moment
from dispatch.ticks import SOURCE
from store import tables
from store.cards import DecisionCard, EventCard
from store.catalogue.names import status_name
from store.engine import Store
from store.journal import story
from store.rulebook import list_rules
from store.vocabulary import Channel, Language
from tests.desk import HandClock, open_store
from tests.dispatch.request_life import CAST, JOBS, MOSCOW, STRANGER, at, tell
from tui.texts import Texts

PAPER = Path(__file__).with_name("golden") / "request_life.txt"
SAY = Texts(Language.RU)
CHANNELS = {Channel.EMAIL: "письмо", Channel.INTERFACE: "интерфейс"}
NAMES = {**CAST, STRANGER["email"]: STRANGER["name"]}
NOT_FOR_IT = {"other_status", "other_threshold"}
HEAD = """\
ЖИЗНЬ ОДНОЙ ЗАЯВКИ
Кому, о чём и каким путём сообщает стандартный набор действий и эскалаций, и кому нет и почему.

Время московское. «Интерфейс» — уведомление в интерфейсе, «письмо» — оповещение по электронной почте.
Действия, которые относятся к другому статусу или другому порогу срока, не перечислены.

Действующие лица
"""


def _table(rows: Sequence[Sequence[str]], indent: str = "    ") -> Iterator[str]:
    """Columns under one another."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))] if rows else []
    for row in rows:
        yield (indent + "   ".join(text.ljust(width) for text, width in zip(row, widths, strict=True))).rstrip()


def paper(store: Store) -> str:
    """The whole story as it is signed."""
    with store.read() as connection:
        query = select(tables.event.c.external_id, tables.event.c.data).order_by(tables.event.c.id)
        events = [(row.data, card) for row in connection.execute(query).all() for card in story(store, row.external_id)]
    found = [HEAD + "\n".join(_table([(CAST[who], job) for who, job in JOBS])) + "\n"]
    found += ["\n".join(_about(store, data, card)) + "\n" for data, card in events]
    found.append("\n".join(_sums(card for _, card in events)) + "\n")
    return "\n".join(found)


def _about(store: Store, data: dict[str, object], card: EventCard) -> Iterator[str]:
    moment = format_moment(card.at, str(MOSCOW), Language.RU)
    yield f"{moment} · {card.object_number} «{card.title}» · {_happened(data, card)}"
    subjects = {(one.row.rule_code, one.row.recipient_address): one.row for one in card.deliveries}
    told = [
        (NAMES[one.recipient], _role(one), CHANNELS[row.channel], row.subject)
        for one in card.decisions
        if one.taken
        for row in [subjects[one.rule_code, one.recipient]]
    ]
    yield "  Сообщили:" if told else "  Никому не сообщили."
    yield from _table(told)
    rules = {rule.code: rule for rule in list_rules(store)}
    dropped = [
        (NAMES.get(one.recipient, one.recipient), _role(one), CHANNELS[rules[one.rule_code].channel], _reason(one))
        for one in card.decisions
        if one.recipient and not one.taken
    ]
    if dropped:
        yield "  Не сообщили:"
        yield from _table(dropped)
    left_out = [one for one in card.decisions if not one.recipient and one.reason not in NOT_FOR_IT]
    rows = [
        (rules[one.rule_code].titles["ru"], CHANNELS[rules[one.rule_code].channel], _reason(one))
        for one in left_out
        if one.rule_code
    ]
    yield from (f"    {_reason(one)}" for one in left_out if not one.rule_code)
    if rows:
        yield "  Действия, по которым сообщать было некому или незачем:"
        yield from _table(rows)


def _role(card: DecisionCard) -> str:
    return SAY(f"role.{card.params['role']}").lower()


def _reason(card: DecisionCard) -> str:
    return SAY(f"reason.{card.reason}")


def _happened(data: dict[str, object], card: EventCard) -> str:
    """The event in words, as far as they tell more than its type."""
    words = [SAY(f"event.{card.type.partition('.')[2]}")]
    match data:
        case {"deadline": {"kind": str(kind), "threshold": str(threshold)}}:
            left = threshold.split(":")[2:]
            names = {"reaction": "реакция", "resolution": "решение", "approval": "согласование"}
            at_due = left[0] == "at_due"
            words += [f"{names.get(kind, 'плановое начало')}, {'срок' if at_due else f'осталось {left[1]} %'}"]
        case {"waiting_days": days}:
            words += [f"дней: {days}"]
        case {"changes": {"status": {"to": str(status)}}}:
            words += [status_name(card.object_type, status, Language.RU)]
        case {"changes": {"responsible": {"to": str(who)}}}:
            words += [NAMES[who]]
        case {"comment": {"private": True}}:
            words += ["внутренний"]
        case _:
            pass
    actor = data.get("actor")
    cause = "часы" if card.source == SOURCE else "автоматически"
    return ": ".join(words) + f" · {NAMES[str(actor)] if actor else cause}"


def _sums(cards: Iterable[EventCard]) -> Iterator[str]:
    counts: Counter[tuple[str, Channel]] = Counter()
    moments: defaultdict[tuple[str, Channel, str, str], list[str]] = defaultdict(list)
    for card in cards:
        for one in card.deliveries:
            counts[one.row.recipient_address, one.row.channel] += 1
            when = format_moment(card.at, str(MOSCOW), Language.RU)
            moments[one.row.recipient_address, one.row.channel, when, card.object_number].append(one.row.subject)
    yield "Итого за пять дней"
    yield from _table(
        [
            (name, f"писем: {counts[who, Channel.EMAIL]}", f"в интерфейсе: {counts[who, Channel.INTERFACE]}")
            for who, name in NAMES.items()
        ]
    )
    yield ""
    yield "Об одном и том же больше одного раза в одну минуту"
    yield from _table(
        [
            (when, number, NAMES[who], CHANNELS[channel], " | ".join(subjects))
            for (who, channel, when, number), subjects in moments.items()
            if len(subjects) > 1
        ]
    )


def test_the_standard_set_tells_whom_it_should(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    clock = HandClock(at(23, 8, 45))
    store = open_store(tmp_path, clock)
    tell(store, clock)
    written = paper(store)
    store.close()
    if request.config.getoption("--update-golden"):
        PAPER.write_text(written, "utf-8")
    assert written.splitlines() == PAPER.read_text("utf-8").splitlines(), "to accept it: pytest --update-golden"
