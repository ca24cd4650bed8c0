"""The catalogues: both languages say the same things, nothing is said that nobody reads, no key is ever shown."""

import ast
import re
from pathlib import Path
from string import Formatter

import pytest

from store.engine import Store
from store.vocabulary import Language
from tests.tui.screens.sections import settle
from tests.tui.waiting import until
from tests.tui.what_is_seen import seen
from tui.app import ConsoleApp
from tui.texts import Texts, catalogue
from tui.widgets.live_pane import LivePane

CODE = Path(__file__).parents[2] / "tui"
SOURCES = "\n".join(path.read_text("utf-8") for path in sorted(CODE.rglob("*.py")))
KEYS = sorted(catalogue(Language.RU))
SECTIONS = {key.partition(".")[0] for key in KEYS}
LATIN_IN_RUSSIAN = {
    "company.language_en", "delivery.message_id", "demo.tip_open", "mail.support_address", "mail.system_address",
    "mail.ews_retired", "problem.address", "deeds.address_hint", "problem.exception", "problem.timezone",
    "problem.mailbox", "problem.https", "problem.directory_id", "problem.html_address", "problem.login_always",
    "problem.missing_on_event", "problem.server_alone", "mail.authority_hint", "rules.condition_hint", "calls.osc9",
    "calls.osc777", "calls.osc99", "calls.tmux_yes", "calls.tmux", "web.host", "web.token",
}  # fmt: skip
"""Texts that hold a name, an example or a technical word as it is."""
PATHS = {
    "live": ["1"],
    "board": ["b"],
    "deliveries": ["2"],
    "letter": ["2", "enter"],
    "why": ["2", "enter", "w"],
    "acknowledge": ["2", "a"],
    "mute": ["2", "m"],
    "to another address": ["2", "e"],
    "dead letters by cause": ["2", "D"],
    "dead letters of a cause": ["2", "D", "enter"],
    "how fast": ["2", "D", "r"],
    "letter as it leaves": ["2", "enter", "i"],
    "dialogue": ["2", "enter", "d"],
    "dialogue of a dead letter": ["2", *["s"] * 5, "enter", "d"],
    "what is muted": ["2", "f7"],
    "story of an object": ["2", "w"],
    "timeline": ["2", "t"],
    "forecast": ["4", "f"],
    "made-up object": ["4", "m"],
    "timeline of a made-up object": ["4", "m", "ctrl+s"],
    "event actions": ["3"],
    "event action": ["3", "e"],
    "new event action": ["3", "a"],
    "try: events": ["3", "f6"],
    "try: words": ["3", "e", "f6", "f6", "f6"],
    "try: the last days": ["3", "f6", "shift+f6"],
    "views": ["3", "v"],
    "name of a view": ["3", "v", "s"],
    "escalation": ["4", "e"],
    "escalations": ["4"],
    "connections": ["5"],
    "connection form": ["5", "e"],
    "new connection": ["5", "a"],
    "all settings of a connection": ["5", "e", "f8"],
    "sending": ["5", "right_square_bracket"],
    "sending form": ["5", "right_square_bracket", "e"],
    "silent mode": ["5", "right_square_bracket", "right_square_bracket"],
    "silent mode form": ["5", "right_square_bracket", "right_square_bracket", "e"],
    "limits on letters": ["5", *["right_square_bracket"] * 3],
    "deadlines": ["5", *["right_square_bracket"] * 4],
    "form of the deadlines": ["5", *["right_square_bracket"] * 4, "e"],
    "form of the limits": ["5", *["right_square_bracket"] * 3, "e"],
    "held by storms": ["f6"],
    "company": ["6"],
    "company form": ["6", "e"],
    "audit": ["8"],
    "audit entry": ["8", "enter"],
    "audit question": ["8", "r"],
    "company history": ["6", "h"],
    "system": ["9"],
    "what is kept how long": ["9", "e"],
    "open deadlines": ["0"],
    "why of a deadline": ["0", "w"],
    "help": ["2", "question_mark"],
    "palette": ["ctrl+p"],
    "calls": ["f9"],
    "question": ["5", "d"],
}
LEGS = [dict(list(PATHS.items())[start : start + 12]) for start in range(0, len(PATHS), 12)]
"""The same in parts: one walk through all of them would be the longest of all tests."""


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def test_both_languages_have_the_same_keys() -> None:
    assert catalogue(Language.RU).keys() == catalogue(Language.EN).keys()


def test_both_languages_fill_in_the_same_things() -> None:
    ru, en = catalogue(Language.RU), catalogue(Language.EN)
    assert [key for key in KEYS if placeholders(ru[key]) != placeholders(en[key])] == []


def test_russian_texts_are_russian_and_english_ones_are_not() -> None:
    names = {"company.language_ru", "company.language_en"}  # a language is called as its speakers call it
    assert [
        key
        for key, text in catalogue(Language.EN).items()
        if re.search("[а-яё]", text, re.IGNORECASE) and key not in names
    ] == []
    latin = [key for key, text in catalogue(Language.RU).items() if re.search("[a-z]{4}", re.sub(r"\{.*?\}", "", text))]
    assert set(latin) <= LATIN_IN_RUSSIAN


QUOTED = set(re.findall(r"""["']([a-z_0-9]+\.[a-z_0-9]+)["']""", SOURCES))
BOUND = {
    name.replace(".", "_") for name in re.findall(r'binding\(\s*"[^"]*",\s*f?"[^"]*",\s*f?"([a-z_.{}]+)"', SOURCES)
}
BEGUN = tuple(set(re.findall(r"""f["']([a-z_0-9]+\.[a-z_0-9]*)\{""", SOURCES)))
"""Keys of which the code puts the end together."""


def used(key: str) -> bool:
    """Whether the code says a text, by its name or by a name it puts together."""
    section, _, word = key.partition(".")
    if section in {"key", "help"} and (word in BOUND or word.startswith("go_")):
        return True
    if key in QUOTED or key.startswith(BEGUN):
        return True
    return f'"{section}"' in SOURCES and section in {"object", "event", "role", "channel"}


def test_every_problem_the_store_names_has_its_words() -> None:
    """A refusal of the store is told in the language of the console, with what it speaks of."""
    named: dict[str, set[str]] = {}
    for path in (CODE.parent / "store").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "SettingsError":
                given = {word.arg: word.value for word in node.keywords if word.arg}
                if isinstance(key := given.pop("key", None), ast.Constant):
                    named[f"problem.{key.value}"] = set(given)
    assert len(named) > 15
    texts = catalogue(Language.EN)
    assert {key: placeholders(texts[key]) for key in named} == named


def test_every_text_is_said_somewhere() -> None:
    assert [key for key in KEYS if not used(key)] == []


def test_every_text_the_code_names_is_there() -> None:
    named = set(re.findall(r'(?:say|texts)\(\s*"([a-z_0-9]+\.[a-z_0-9]+)"', SOURCES))
    assert named - set(KEYS) == set()


def test_a_text_that_is_not_there_is_an_error_and_not_a_blank() -> None:
    with pytest.raises(KeyError):
        Texts(Language.EN)("no.such")


def raw_keys(text: str) -> set[str]:
    """Keys of the catalogue, or what looks like one of its keys, in a text."""
    found = set(re.findall(r"(?<![\w.@/])([a-z_]+\.[a-z_]+)(?![\w.@])", text))
    return {word for word in found if word.partition(".")[0] in SECTIONS}


@pytest.mark.no_cover  # it goes where others have been
@pytest.mark.parametrize("leg", LEGS, ids=lambda leg: next(iter(leg)))
async def test_no_screen_shows_a_key_for_a_text(store: Store, leg: dict[str, list[str]]) -> None:
    """In English; whoever looks for text from outside takes the same walk in Russian, at 80×24."""
    app = ConsoleApp(store, language="en", start_dispatcher=False)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await until(pilot, lambda: app.screen.query_one(LivePane).rows)
        for name, keys in leg.items():
            for key in keys:
                await pilot.press(key)
                await settle(pilot)
            text = seen(app)
            assert len(text) > 200, name
            assert raw_keys(text) == set(), name
            while len(app.screen_stack) > 2:
                await pilot.press("escape")
                await settle(pilot)
