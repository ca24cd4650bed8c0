"""Every letter that ships, rendered for a rich event and for one with nothing but what is required."""

import re
from typing import Any

import pytest

from dispatch.cloudevents import parse_event
from dispatch.compose import Rendered, render
from dispatch.context import build
from dispatch.directory import Directory
from store.cards import Company
from store.catalogue.letters import template_text
from store.catalogue.standard import STANDARD
from store.events import as_stored
from store.rules import Rule
from store.vocabulary import EventType, Language
from tests.desk import PEOPLE, TEAMS, event

COMPANY = Company("ACME", "С уважением, поддержка", timezone="Europe/Moscow")
TITLES = {
    "request": "Не печатает принтер [этаж 3]",
    "task": "Заменить картридж",
    "approval": "Покупка принтера",
    "problem": "Принтеры теряют сеть",
    "change": "Перевести печать на новый сервер",
    "article": "Как подключить принтер",
}
FORBIDDEN = {
    "an unrendered value": r"None|Undefined|\{\{|\}\}|\{%|%\}|\[\]|\(\)",
    "empty quotes": r"«[^\S\n]*»|“[^\S\n]*”",
    "doubled spaces": r"\S {2,}\S",
    "a space before punctuation": r" [,.;:!?](\s|$)",
    "doubled punctuation": r"[,;:]\s*[.,;:!?]|\.\s*[,;:]|\.\.(?!\.)|!\.|\(\s*,|—\s*—",
    "dangling punctuation": r"(?m)^\s*[,.;:—·]|[—·(]\s*$|:\s*\Z|:\n\n(?!>)|\s[—·]\s*\Z",
    "a space at the end of a line": r"(?m)[ \t]+$",
    "a doubled article": r"\b(the the|a a|для для|на на)\b",
}


def _rich(rule: Rule) -> dict[str, Any]:
    status = rule.to_status[0] if rule.to_status else "in_progress"
    document = event(
        f"{rule.object_type}.{rule.event_type}",
        42,
        title=TITLES[rule.object_type],
        status=status,
        author="boss@example.org",
        observers=["john@example.org"],
        parent={"type": "request", "id": "1", "number": "RP-1", "title": "Новый офис", "responsible": "petrov"},
        attributes={"priority": "высокий"},
        changes={"status": {"from": "registered", "to": status}, "responsible": {"from": "petrov@example.org"}},
        comment={"text": "Проверил кабель.\nНе помогло.", "mentions": ["ivanov"], "chosen": ["boss"]},
        actor="petrov@example.org",
    )
    return _timed(document, rule)


def _bare(rule: Rule) -> dict[str, Any]:
    document = event(f"{rule.object_type}.{rule.event_type}", 42)
    document["data"] = {"object": {"id": "42"}}
    if rule.to_status:
        document["data"]["object"]["status"] = rule.to_status[0]
    return _timed(document, rule)


def _timed(document: dict[str, Any], rule: Rule) -> dict[str, Any]:
    if rule.event_type is EventType.DEADLINE and rule.deadline and rule.threshold:
        hour = 12 if rule.threshold.kind == "at_due" else 14
        due = f"2026-11-23T{hour}:00:00+00:00"
        document["data"]["deadline"] = {"kind": rule.deadline.value, "due": due, "threshold": "x"}
    if rule.event_type is EventType.WAITING:
        document["data"]["waiting_days"] = rule.waiting_days
    return document


def _rendered(rule: Rule, document: dict[str, Any], language: Language) -> Rendered:
    stored = as_stored(parse_event(document), None)
    context = build(stored, Directory(PEOPLE, TEAMS), COMPANY, language, stored.at)
    return render(template_text(rule.template, language), context)


LETTERS = {f"{rule.object_type}-{rule.template}-{rule.code.rpartition('.')[0]}": rule for rule in STANDARD}


@pytest.mark.parametrize("language", list(Language), ids=str)
@pytest.mark.parametrize("make", [_rich, _bare], ids=["rich", "bare"])
@pytest.mark.parametrize("rule", LETTERS.values(), ids=LETTERS.keys())
def test_a_letter_reads_well_whatever_is_known(rule: Rule, make: Any, language: Language) -> None:
    letter = _rendered(rule, make(rule), language)
    for part in (letter.subject, letter.short, letter.text):
        assert part.strip()
        for fault, pattern in FORBIDDEN.items():
            assert not re.search(pattern, part), f"{fault}: {part}"
    assert "42" in letter.subject
    assert "\n" not in letter.subject + letter.short
    assert letter.text[0].isupper()


@pytest.mark.parametrize("language", list(Language), ids=str)
def test_names_of_one_language_do_not_slip_into_the_other(language: Language) -> None:
    for rule in STANDARD:
        document = _bare(rule)
        letter = _rendered(rule, document, language)
        cyrillic = re.search("[а-яё]", f"{letter.subject} {letter.short} {letter.text}", re.IGNORECASE)
        assert bool(cyrillic) is (language is Language.RU), rule.code
