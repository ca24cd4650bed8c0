"""The filter of the lists of rules: what it takes for a term, and what it finds."""

from dataclasses import replace

import pytest

from store.catalogue.standard import STANDARD
from store.rule_stats import Mark, RuleStats
from store.rules import Repeat, Threshold
from store.vocabulary import Channel, Language, Role
from tests.desk import NOON
from tui.texts import Texts
from tui.widgets.rule_filter import FIELDS, SWITCHES, RuleFilter, completed, names, parse, words_of
from tui.widgets.rule_words import RuleLine, rule_line

RULES = {rule.code: rule for rule in STANDARD}
RU, EN = Texts(Language.RU), Texts(Language.EN)


def lines(texts: Texts = RU) -> list[RuleLine]:
    return [rule_line(rule, texts, RuleStats(mark=Mark.SHADOWED), NOON, RULES) for rule in RULES.values()]


def found(text: str, texts: Texts = RU) -> set[str]:
    wanted = parse(text)
    return {line.code for line in lines(texts) if wanted.admits(line.shown, line.fields, line.traits)}


def codes(**has: object) -> set[str]:
    return {code for code, rule in RULES.items() if all(getattr(rule, name) == value for name, value in has.items())}


NONE: set[str] = set()
CLIENTS = {code for code, rule in RULES.items() if Role.CLIENT in rule.recipients}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", set(RULES)),
        ("   ", set(RULES)),
        ("объект:заявка", codes(object_type="request")),
        ("Объект:ЗАЯВ канал:почта", codes(object_type="request", channel=Channel.EMAIL)),
        ("object:request channel:screen", codes(object_type="request", channel=Channel.INTERFACE)),
        ("объект:request", codes(object_type="request")),
        ("кому:клиент", CLIENTS),
        ("to:client событие:коммент", CLIENTS & codes(event_type="comment_added")),
        ("кому:лицо", CLIENTS),
        ("кому:лиц кому:контактн", CLIENTS),
        ("кому:иент", NONE),
        ("event:comment_added", codes(event_type="comment_added")),
        ("метка:перекрыт", set(RULES)),
        ("метка:мёртв", NONE),
        ("вкл", set(RULES)),
        ("выкл", NONE),
        ("on off", NONE),
        ("объект:", set(RULES)),
        ("объект:-", set(RULES)),
        ("цвет:синий объект:задача", codes(object_type="task")),
        ("request.added.client", {"request.added.client.email"}),
        ("ДОБАВЛЕНИЕ контактному", {"request.added.client.email", "request.comment_added.client.email"}),
    ],
)
def test_what_is_found(text: str, expected: set[str]) -> None:
    assert found(text) == expected


def test_both_languages_are_understood_in_both() -> None:
    for text in ("объект:заявка кому:клиент", "object:request to:client", "object:заявка кому:client"):
        assert found(text, RU) == found(text, EN) == CLIENTS & codes(object_type="request")


def test_repeats_and_working_time_are_asked_for_by_a_word() -> None:
    late = next(rule for rule in RULES.values() if rule.threshold is not None)
    again = replace(late, repeat=Repeat(30, 4))
    working = replace(late, threshold=Threshold("minutes_before", 30, working_time=True))
    found = {
        name: rule_line(rule, RU, RuleStats(), NOON, RULES)
        for name, rule in {"late": late, "again": again, "working": working}.items()
    }

    def admitted(text: str) -> list[str]:
        wanted = parse(text)
        return [name for name, line in found.items() if wanted.admits(line.shown, line.fields, line.traits)]

    for text in ("повтор", "repeat", "ПОВТОР вкл", "повтор кажд"):
        assert admitted(text) == ["again"], text
    for text in ("раб", "working", "событие:раб"):
        assert admitted(text) == ["working"], text
    assert admitted("раб повтор") == []


def test_a_yo_is_found_without_its_dots_and_with_them() -> None:
    line = rule_line(RULES["request.added.client.email"], RU, RuleStats(mark=Mark.NEVER), NOON, RULES)
    for text in ("метка:мертв", "метка:МЁРТВ", "mark:dead", "метка:never"):
        assert parse(text).admits(line.shown, line.fields, line.traits), text


def test_a_field_there_is_none_of_is_named_and_asks_for_nothing() -> None:
    assert parse("цвет:синий x:y слово") == RuleFilter(("слово",), unknown=("цвет", "x"))


def test_no_name_means_two_things() -> None:
    assert len(names()) == 2 * (len(FIELDS) + len(SWITCHES))


CALLED = {one: RU(f"filter.{one}") for one in (*FIELDS, *SWITCHES)}
KNOWN = {"object": ["заявка", "задача"], "to": ["автор"]}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("об", "объект:"), ("заявка ОБ", "заявка ОБъект:"), ("вы", "выкл"), ("объект:зая", "объект:заявка"),
        ("object:зад", "object:задача"), ("кому:а", "кому:автор"), ("объект:", None), ("объект:заявка", None),
        ("цвет:с", None), ("", None), ("об ", None), ("слово", None), ("mark:x", None),
    ],
)  # fmt: skip
def test_the_last_word_is_completed(text: str, expected: str | None) -> None:
    assert completed(text, CALLED, KNOWN) == expected


def test_words_begin_after_anything_that_is_no_letter() -> None:
    assert words_of("E-mail «Ёж»_x") == " e mail еж x"
