"""What a text or a condition may not do: run away, pry, grow without end."""

import time
import tracemalloc
from dataclasses import replace
from typing import Any

import pytest

from dispatch.compose import MAX_TEXT, ComposeError, fill
from dispatch.condition import ConditionError, holds
from store import template_language
from store.catalogue.standard import STANDARD
from store.errors import SettingsError
from store.rule_check import check_rule
from store.rules import OwnText

RULE = STANDARD[0]
CONTEXT: dict[str, Any] = {
    "object": {"title": "Принтер", "attributes": {"items": 3, "count": "two", "tags": ["a", "b"]}},
    "comment": {"text": "x" * 200_000},
    "mentioned": [{"name": "Иван"}, {"name": "Анна"}],
}
LOOP = "{% for a in comment.text %}{% for b in comment.text %}{% endfor %}{% endfor %}"
DEEP = "{% for x in mentioned %}" * 25 + "{% endfor %}" * 25
RUNAWAYS = {
    "product": "{{ 'a' * 100000000 }}",
    "power": "{{ 9 ** 99999999 }}",
    "format of a width": "{{ '%1000000000d' % 5 }}",
    "format filter": "{{ '%1000000000d'|format(5) }}",
    "centred": "{{ 'a'|center(1000000000) }}",
    "indented": "{{ object.title|indent(1000000000) }}",
    "filled up": "{{ mentioned|batch(1000000000, 'x')|list }}",
    "loops in loops": LOOP,
    "loops deeper than Python's": DEEP,
    "doubled by sets": "{% set a = 'xxxxxxxxxx' %}" + "{% set a = a ~ a %}" * 60 + "{{ a|length }}",
    "doubled by sums": "{% set a = 'xxxxxxxxxx' %}" + "{% set a = a + a %}" * 60 + "{{ a|length }}",
    "lists of lists": "{% set a = mentioned %}" + "{% set a = [a, a] %}" * 40 + "{{ a == a }}",
    "replaced": "{{ comment.text|replace('', comment.text) }}",
    "joined": "{{ comment.text|join(comment.text) }}",
    "sorted again and again": "{{ comment.text" + "|sort" * 50 + "|first }}",
    "parentheses": "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
}
REFUSED = {
    "a method": "{{ object.title.upper() }}",
    "a method that is only named": "{{ object.title.upper }}",
    "the class behind": "{{ ''.__class__ }}",
    "the class behind by a filter": "{{ ''|attr('__class__') }}",
    "a macro": "{% macro m() %}{% endmacro %}",
    "an import": "{% import 'x' as y %}",
    "a block that holds its output back": "{% set x %}{{ comment.text }}{% endset %}",
    "a filter over a block": "{% filter upper %}x{% endfilter %}",
    "a list written out": "{{ mentioned }}",
    "a mapping written out": "{{ object.attributes|string }}",
    "a wrong argument": "{{ object.title|truncate(1) }}",
}


@pytest.mark.parametrize("text", [*RUNAWAYS.values(), *REFUSED.values()], ids=[*RUNAWAYS, *REFUSED])
def test_a_text_that_runs_away_or_pries_is_an_error_and_takes_no_memory(text: str) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(ComposeError):
            fill(text, CONTEXT)
        assert tracemalloc.get_traced_memory()[1] < 64 * 2**20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "expression",
    ["'a' * 10 ** 10", "'%999999999d' % 5", "'a'|center(999999999)",
     "comment.text|sort|map('replace', '', comment.text)|join|length", "object.title.upper()", "mentioned|string"],
)  # fmt: skip
def test_nor_does_a_condition(expression: str) -> None:
    with pytest.raises(ConditionError):
        holds(expression, CONTEXT)


def test_what_is_written_is_cut_where_it_is_of_no_more_use() -> None:
    assert len(fill("{{ comment.text }}" * 50, CONTEXT)) <= 2 * MAX_TEXT


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("{% for one in mentioned %}{{ one.name }}{% if not loop.last %}, {% endif %}{% endfor %}", "Иван, Анна"),
        ("{{ mentioned|map(attribute='name')|join(', ') }}", "Иван, Анна"),
        ("{{ mentioned|join(', ', attribute='name') }}", "Иван, Анна"),
        ("{{ object.attributes.items }} {{ object.attributes.count }}", "3 two"),
        ("{{ object.attributes.tags|sort|last }}{{ object.attributes.none|default('—') }}", "b—"),
        ("{{ object.title ~ ': ' ~ (1 + 1) }}", "Принтер: 2"),
        ("{{ object.title|replace('тер', '-')|upper }}", "ПРИН-"),
        ("{{ 'a' if 'a' in object.attributes.tags else 'b' }}{% set x = 7 - 4 %}{{ x }}", "a3"),
        ("{{ comment.text|quote|length }}", "200002"),
        ("{% for name, value in object.attributes|dictsort %}{{ name }} {% endfor %}", "count items tags "),
    ],
)
def test_what_texts_need_works(text: str, filled: str) -> None:
    assert fill(text, CONTEXT) == filled


@pytest.mark.parametrize(
    "name",
    ["product", "power", "format of a width", "format filter", "centred", "filled up", "loops deeper than Python's",
     "parentheses"],
)  # fmt: skip
def test_what_can_be_seen_to_run_away_is_refused_when_saved(name: str) -> None:
    with pytest.raises(SettingsError) as caught:
        check_rule(replace(RULE, texts={"ru": OwnText("s", "s", RUNAWAYS[name])}))
    assert caught.value.path == "texts.ru.body"


@pytest.mark.parametrize(
    ("condition", "key"),
    [
        ("object.titel == 'x'", "unknown_name"),
        ("client.phone is none", "unknown_name"),
        ("1 < 'a'", "cannot_compute"),
        ("object.title == 'x' and 1 / 0", "cannot_compute"),
        ("{'a': 1}", "not_allowed"),
        ("object.title|center(5) == 'x'", "no_filter"),
        ("'" + "a" * 1000 + "'", "long"),
    ],
)
def test_a_condition_is_refused_for_what_can_be_seen_without_an_event(condition: str, key: str) -> None:
    with pytest.raises(SettingsError) as caught:
        check_rule(replace(RULE, condition=condition))
    assert (caught.value.path, caught.value.key) == ("condition", key)


def test_a_desks_own_attributes_are_not_known_beforehand() -> None:
    check_rule(replace(RULE, condition="object.attributes.vip and 'a' in chosen|map(attribute='name')"))


@pytest.mark.parametrize("works", [False, True], ids=["waits", "works"])
def test_a_process_that_was_stopped_has_not_worked(monkeypatch: pytest.MonkeyPatch, works: bool) -> None:
    """A letter must not be lost for a machine that was busy."""
    monkeypatch.setattr(template_language, "MAX_SECONDS", 0.02)
    clock = time.thread_time if works else time.perf_counter

    class Slow(dict[str, Any]):
        def get(self, name: str, default: Any = None) -> Any:
            return self[name]

        def __getitem__(self, name: str) -> Any:
            ends = clock() + 0.05
            while clock() < ends:
                time.sleep(0.0 if works else 0.05)
            return super().__getitem__(name)

    context = {**CONTEXT, "object": Slow(title="Принтер")}
    text = "{% for one in mentioned %}{{ one.name }} {{ object.title|string }} {% endfor %}"
    if works:
        with pytest.raises(ComposeError, match="too much"):
            fill(text, context)
    else:
        assert fill(text, context) == "Иван Принтер Анна Принтер "
