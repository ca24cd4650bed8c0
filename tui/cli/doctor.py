"""`doctor`: what keeps mail back, and what to do about it."""

import os
import shutil
import sys
from collections import Counter
from datetime import timedelta
from textwrap import wrap
from typing import TYPE_CHECKING, Annotated

import typer

from store.vocabulary import Language
from tui.cli.options import Json, StoreUrl, store_of
from tui.cli.output import FAILURES, UNREACHABLE, say, say_json, store_url
from tui.texts import Texts

if TYPE_CHECKING:
    from tui.checkup import Finding

MARKS = {"ok": "+", "warning": "!", "failed": "x", "skipped": "-"}
"""For whoever looks down the lines; each has its word beside it, and is in every encoding."""
WIDTHS = {Language.RU: (10, 15), Language.EN: (9, 14)}
"""Cells of the word and of the place, so that lines are told as they are found."""
NARROWEST = 40


def add_to(application: typer.Typer) -> None:
    """Register the command."""
    application.command()(doctor)


def doctor(
    context: typer.Context,
    connections: Annotated[
        bool, typer.Option("--connections", help="Ask each mail server too, step by step; nothing is sent.")
    ] = False,
    language: Annotated[Language | None, typer.Option(help="ru or en; else the company's.")] = None,
    json: Json = False,
    store: StoreUrl = None,
) -> None:
    """What keeps mail back, and what to do about it: looks at everything, changes nothing.

    Ends with 0 where mail goes, 1 where something keeps it back, 3 where the store cannot be used.
    """
    from tui.checkup import Case, Level, examine

    url = store_url(store_of(context, store))
    said = Texts(language or _language(url))
    case = Case(url)
    found: list[Finding] = []
    try:
        for one in examine(case, connections=connections):
            found.append(one)
            if not json:
                _tell(one, said)
                sys.stdout.flush()
    finally:
        case.close()
    counts = Counter(one.level for one in found)
    if json:
        say_json({"ok": not counts[Level.FAILED], "findings": [_fields(one) for one in found]})
    else:
        asked = "" if connections else said("doctor.ask_servers", run="vestnik doctor --connections")
        word = "failed" if counts[Level.FAILED] else "warning" if counts[Level.WARNING] else "ok"
        summary = said(f"doctor.sum_{word}", failed=counts[Level.FAILED], warnings=counts[Level.WARNING])
        for text in filter(None, (asked, summary)):
            _say_wrapped(text, "", "")
    if counts[Level.FAILED]:
        raise typer.Exit(UNREACHABLE if any(one.unreachable for one in found) else FAILURES)


def _language(url: str) -> Language:
    """The company's, where the store is at hand; else the terminal's."""
    from store.glimpse import company_language

    russian = any(os.environ.get(name, "").startswith("ru") for name in ("LC_ALL", "LC_MESSAGES", "LANG"))
    return company_language(url) or (Language.RU if russian else Language.EN)


def _tell(one: "Finding", said: Texts) -> None:
    """A line, and what to do beneath it."""
    from tui.checkup.words import remedy_of, text_of

    word, place = WIDTHS[said.language]
    head = f"{MARKS[one.level]} {said(f'doctor.{one.level.value}'):<{word}}{said(f'doctor.at_{one.check}'):<{place}}"
    indent = " " * len(head)
    _say_wrapped(text_of(one, said), head, indent)
    if remedy := remedy_of(one, said):
        _say_wrapped(said("doctor.remedy", text=remedy), f"{indent}  ", f"{indent}  ")


def _say_wrapped(text: str, head: str, indent: str) -> None:
    """Say it over as many lines as the terminal needs for it; whoever reads a pipe wants it in one."""
    width = max(shutil.get_terminal_size().columns, NARROWEST) - len(head) if sys.stdout.isatty() else 0
    lines = wrap(text, width, break_on_hyphens=False) if width else [text]
    for number, line in enumerate(lines or [""]):
        say(f"{indent if number else head}{line}")


def _fields(one: "Finding") -> dict[str, object]:
    """A finding for scripts, in both languages."""
    from tui.checkup.words import remedy_of, text_of

    texts = [Texts(language) for language in Language]
    params = {
        name: value.total_seconds() if isinstance(value, timedelta) else value for name, value in one.params.items()
    }
    return {
        "check": one.check,
        "level": one.level.value,
        "word": one.word,
        "params": params,
        "text": {said.language.value: text_of(one, said) for said in texts},
        "remedy": {said.language.value: words for said in texts if (words := remedy_of(one, said))},
    }
