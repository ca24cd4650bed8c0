"""The filter of deliveries: what it takes for a term in either language, what it tells, and that it can be written."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from store.delivery_traits import DeliveryQuery, Traits
from store.delivery_views import DeliveryView
from store.search_words import plain
from store.vocabulary import Channel, DeliveryState, Language
from tests.desk import NOON
from tui.texts import Texts
from tui.widgets.delivery_filter import FIELDS, VALUES, Parsed, completed, in_words, names, parse
from tui.widgets.delivery_views import on_keys, shipped_views

RU, EN = Texts(Language.RU), Texts(Language.EN)
MOSCOW = ZoneInfo("Europe/Moscow")
DEAD, HELD, SENT, SENDING = DeliveryState.DEAD, DeliveryState.HELD, DeliveryState.SENT, DeliveryState.SENDING


def read(text: str, texts: Texts = RU) -> Parsed:
    return parse(text, texts, NOON, MOSCOW)


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("", DeliveryQuery()),
        ("  ", DeliveryQuery()),
        ("Принтер  ЭТАЖ", DeliveryQuery(words=("принтер", "этаж"))),
        ("Ёлка принтер,этаж", DeliveryQuery(words=("елка", "принтер", "этаж"))),
        ('"не Печатает" "D12"', DeliveryQuery(words=("не печатает", "d12"))),
        ("«не печатает", DeliveryQuery(words=("не печатает",))),
        ("D12 d7 RP-15 D-7", DeliveryQuery(ids=(12, 7), words=("rp-15", "d-7"))),
        ("https://desk.example.org/RP-15", DeliveryQuery(words=("https", "desk.example.org/rp-15"))),
        ("10:30 [ * ' OR", DeliveryQuery(words=("10:30", "or"))),
        ("state:dead", DeliveryQuery(states=(DEAD,))),
        ("СОСТОЯНИЕ:Не-Ушло", DeliveryQuery(states=(DEAD,))),
        ("state:мёртв", DeliveryQuery(states=(DEAD,))),
        ("сост:dead,удержано", DeliveryQuery(states=(DEAD, HELD))),
        ("state:dead state:held", DeliveryQuery(states=(DEAD, HELD))),
        ("state:se", DeliveryQuery(states=(SENDING, SENT))),
        ("state:sent", DeliveryQuery(states=(SENT,))),
        ("состояние:шторм", DeliveryQuery(storm=True)),
        ("state:", DeliveryQuery()),
        ("-state:sent", DeliveryQuery(without=Traits(states=(SENT,)))),
        ("-принтер -15", DeliveryQuery(without=Traits(words=("принтер", "15")))),
        ("-", DeliveryQuery()),
        ("channel:почта", DeliveryQuery(channels=(Channel.EMAIL,))),
        ("канал:interface", DeliveryQuery(channels=(Channel.INTERFACE,))),
        ("object:request", DeliveryQuery(types=("request",))),
        ("объект:заявка,задач", DeliveryQuery(types=("request", "task"))),
        ("объект:RP-15", DeliveryQuery(numbers=("RP-15",))),
        ("object:request,TS-3", DeliveryQuery(types=("request",), numbers=("TS-3",))),
        ("событие:эскалация event:wait", DeliveryQuery(events=("deadline", "waiting"))),
        ('кому:"Ольга Смирнова" to:olga@', DeliveryQuery(people=("Ольга Смирнова", "olga@"))),
        ('person:"Smith, John"', DeliveryQuery(people=("Smith, John",))),
        ("rule:request.added", DeliveryQuery(rules=("request.added",))),
        ("причина:mailbox_full reason:smtp_550", DeliveryQuery(reasons=("mailbox_full", "smtp_550"))),
        ("reason:переполн", DeliveryQuery(reasons=("mailbox_full",))),
        ('причина:"mailbox is full"', DeliveryQuery(reasons=("mailbox_full",))),
        ("acknowledged:yes", DeliveryQuery(acknowledged=(True,))),
        ("-принято:да ack:no,yes", DeliveryQuery(acknowledged=(False, True), without=Traits(acknowledged=(True,)))),
        ("взято:Olga,нет", DeliveryQuery(acknowledged=(False,), acknowledged_by=("Olga",))),
        ('taken:"no" принято:"Ольга С"', DeliveryQuery(acknowledged_by=("no", "Ольга С"))),
        ("acknowledged:", DeliveryQuery()),
        ("since:2h", DeliveryQuery(since=NOON - timedelta(hours=2))),
        ("с:2ч до:30мин", DeliveryQuery(since=NOON - timedelta(hours=2), until=NOON - timedelta(minutes=30))),
        ('until:"26.11.2026 18:00"', DeliveryQuery(until=datetime(2026, 11, 26, 15, 0, tzinfo=UTC))),
        ("since:2026-11-23T08:15:00Z", DeliveryQuery(since=datetime(2026, 11, 23, 8, 15, tzinfo=UTC))),
    ],
)  # fmt: skip
def test_what_is_typed_is_understood(text: str, query: DeliveryQuery) -> None:
    assert read(text) == Parsed(query)
    assert read(text, EN) == Parsed(query)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("цвет:синий", ["цвет", "состояние:", "объект:", "с:"]),
        ("состояние:синее", ["синее", "ждёт", "не-ушло", "шторм"]),
        ("канал:голубь", ["голубь", "почта", "экран"]),
        ("объект:стул", ["стул", "заявка", "номер"]),
        ("причина:ъъъ", ["ъъъ"]),
        ("с:вчера", ["вчера"]),
        ("-до:2ч", ["до"]),
        ("цвет:[/b] цвет:x\x1b", ["цвет"]),
    ],
)
def test_what_is_not_understood_is_told_and_asks_for_nothing(text: str, said: list[str]) -> None:
    found = read(f"{text} принтер")
    assert found.query == DeliveryQuery(words=("принтер",))
    (problem,) = found.problems
    assert all(word in problem for word in said), problem


@given(st.text(alphabet='абАяzZ09 -:"«»,.@/[]*\\\t\n\x1b', max_size=40), st.sampled_from([RU, EN]))
def test_anything_can_be_typed(text: str, texts: Texts) -> None:
    found = read(text, texts)
    assert read(in_words(found.query, texts, MOSCOW), texts) == Parsed(found.query)


WORDS = st.text(alphabet="абяz09-.@: _", min_size=1, max_size=12).map(plain).filter(bool)
NAMES = st.text(alphabet='аЯz0-.@:, «"', min_size=1, max_size=12).filter(lambda name: plain(name) and "»" not in name)
MOMENTS = st.none() | st.integers(-(10**14), 10**14).map(lambda micros: NOON + timedelta(microseconds=micros))


def several(one: st.SearchStrategy[str]) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(one, max_size=3, unique=True).map(tuple)


@st.composite
def some_traits(draw: st.DrawFn) -> Traits:
    names_of = NAMES.map(str.strip).filter(lambda name: '"' not in name or "«" not in name)
    return Traits(
        words=draw(several(WORDS)),
        states=tuple(sorted(draw(st.sets(st.sampled_from(DeliveryState))))),
        channels=tuple(sorted(draw(st.sets(st.sampled_from(Channel))))),
        types=tuple(sorted(draw(st.sets(st.sampled_from(VALUES["object"]))))),
        events=tuple(sorted(draw(st.sets(st.sampled_from(VALUES["event"]), max_size=3)))),
        numbers=draw(several(names_of.filter(lambda name: any(letter.isdecimal() for letter in name)))),
        people=draw(several(names_of)),
        rules=draw(several(st.sampled_from(["request.added", "client"]))),
        reasons=draw(several(st.sampled_from(["mailbox_full", "silent_mode", "smtp_550", "dns"]))),
        ids=tuple(draw(st.lists(st.integers(0, 2**63 - 1), max_size=2, unique=True))),
        storm=draw(st.booleans()),
        acknowledged=tuple(draw(st.lists(st.booleans(), max_size=2, unique=True))),
        acknowledged_by=draw(several(names_of | st.sampled_from(["no", "ДА"]))),
    )


@settings(max_examples=50)
@given(wanted=some_traits(), without=some_traits(), since=MOMENTS, until=MOMENTS, texts=st.sampled_from([RU, EN]))
def test_what_is_written_is_read_as_the_same(
    wanted: Traits, without: Traits, since: datetime | None, until: datetime | None, texts: Texts
) -> None:
    values = {name: getattr(wanted, name) for name in Traits.__slots__}
    query = DeliveryQuery(**values, since=since, until=until, without=without)
    text = in_words(query, texts, MOSCOW)
    assert read(text, RU if texts is EN else EN) == Parsed(query), text


def test_what_is_shown_has_one_meaning_in_each_language() -> None:
    for texts in (RU, EN):
        for one in FIELDS:
            assert names()[texts(f"find.{one}").split()[0]] == one


@pytest.mark.parametrize(
    ("typed", "whole"),
    [
        ("сос", "состояние:"),
        ("принтер -состояние:не", "принтер -состояние:не-ушло"),
        ("объект:заявка,зада", "объект:заявка,задача"),
        ("состояние:не-ушло", None),
        ("прин", "принято:"),
        ("принято:н", "принято:нет"),
        ("принято:olga", None),
        ("принтер ", None),
        ("", None),
        ("цвет:си", None),
    ],
)
def test_the_last_word_is_completed(typed: str, whole: str | None) -> None:
    assert completed(typed, RU) == whole


@pytest.mark.parametrize("texts", [RU, EN])
def test_views_that_are_always_there_are_understood_and_a_saved_one_takes_its_key(texts: Texts) -> None:
    found = [read(view.filter, texts) for view in shipped_views(texts)]
    assert [one.query for one in found] == [
        DeliveryQuery(), DeliveryQuery(states=(DEAD,)), DeliveryQuery(states=(HELD,)), DeliveryQuery(storm=True),
        DeliveryQuery(events=("deadline", "waiting")), DeliveryQuery(states=(DEAD,), acknowledged=(False,)),
    ]  # fmt: skip
    assert not any(one.problems for one in found)
    mine, other = DeliveryView("Мои", "кому:olga", 2), DeliveryView("Без клавиши")
    keys = on_keys([mine, other], texts)
    assert (list(keys), keys[2]) == ([1, 2, 3, 4, 5, 6], mine)
