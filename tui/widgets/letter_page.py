"""What a rule would say: both languages side by side where there is room, as text, as its HTML reads, as raw MIME."""

from typing import TYPE_CHECKING, cast

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from dispatch.trial import Sample, Trial
from store.rules import Rule
from store.sanitise import clean_line, clean_text
from store.vocabulary import Channel, Language
from tui.widgets.delivery_words import rule_title
from tui.widgets.html_text import html_as_text

if TYPE_CHECKING:
    from tui.app import ConsoleApp

FORMS = ("text", "html", "mime")
WIDE = 100
"""Cells from which on both languages are shown."""


class LetterPage(Vertical):
    """The words of one rule at a time."""

    DEFAULT_CSS = """
    LetterPage { height: 1fr; }
    LetterPage #try-letter-head { height: 1; padding: 0 1; background: $surface; text-wrap: nowrap; }
    LetterPage #try-letter-head { text-overflow: ellipsis; }
    LetterPage .try-language { width: 1fr; height: 1fr; padding: 0 1; scrollbar-size-vertical: 1; }
    LetterPage #try-en { border-left: solid $panel; }
    LetterPage.-one #try-en { border-left: none; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._trial: Trial | None = None
        self._rules: dict[str, Rule] = {}
        self._code = ""
        self._form = FORMS[0]
        self._language = Language.RU

    @property
    def console(self) -> "ConsoleApp":
        """The application."""
        return cast("ConsoleApp", self.app)

    def compose(self) -> ComposeResult:
        yield Static(id="try-letter-head")
        with Horizontal():
            for language in Language:
                with VerticalScroll(id=f"try-{language.value}", classes="try-language"):
                    yield Static(id=f"try-words-{language.value}")

    def on_mount(self) -> None:
        self._language = self.console.texts.language

    def on_resize(self) -> None:
        self._paint()

    def show(self, trial: Trial, rules: dict[str, Rule]) -> None:
        """Show what came of an event; the rule one looks at stays, where it still speaks."""
        self._trial, self._rules = trial, rules
        if self._code not in trial.samples:
            self._code = next(iter(trial.samples), "")
        self._paint()

    def go(self) -> None:
        """Go to the words."""
        self.query_one(f"#try-{self._language.value}").focus()

    def next_form(self) -> None:
        """As text, as its HTML reads, as raw MIME."""
        self._form = FORMS[(FORMS.index(self._form) + 1) % len(FORMS)]
        self._paint()

    def next_language(self) -> None:
        """The other language; where both are shown, it has the keys."""
        self._language = Language.EN if self._language is Language.RU else Language.RU
        self._paint()
        self.go()

    def next_rule(self) -> None:
        """What the next rule says that would be taken."""
        codes = list(self._trial.samples) if self._trial else []
        if codes:
            self._code = codes[(codes.index(self._code) + 1) % len(codes)]
            self._paint()

    def _paint(self) -> None:
        texts, trial = self.console.texts, self._trial
        one = self.size.width < WIDE
        self.set_class(one, "-one")
        for language in Language:
            self.query_one(f"#try-{language.value}").display = not one or language is self._language
        if trial is None or self._code not in trial.samples:
            self.query_one("#try-letter-head", Static).update(Content(texts("try.no_words") if trial else ""))
            for language in Language:
                self.query_one(f"#try-words-{language.value}", Static).update(Content(""))
            return
        samples = trial.samples[self._code]
        place = f"{list(trial.samples).index(self._code) + 1}/{len(trial.samples)}"
        head = f"{place} · {texts(f'try.form_{self._form}')} · {rule_title(self._code, self._rules, texts)}"
        self.query_one("#try-letter-head", Static).update(Content(head))
        for language, sample in samples.items():
            self.query_one(f"#try-words-{language.value}", Static).update(self._words(sample))

    def _words(self, sample: Sample) -> Content:
        texts = self.console.texts
        told = ", ".join(clean_line(who.name or who.address) for who in sample.recipients) or texts("try.to_nobody")
        language = texts(f"company.language_{sample.language.value}")
        parts: list[tuple[str, str]] = [(f"{language} → {told}\n", "dim")]
        if sample.problem:
            parts.append((f"{clean_line(sample.problem)}\n", "$text-error"))
        if sample.note is not None:
            parts += [*self._note(sample)]
        return Content.assemble(*parts)

    def _note(self, sample: Sample) -> list[tuple[str, str]]:
        note, texts = sample.note, self.console.texts
        assert note is not None  # noqa: S101
        if self._form == "mime":
            return [("\n" + clean_text(sample.raw or texts("try.no_mime")), "")]
        if self._form == "html":
            if sample.rule.channel is not Channel.EMAIL:
                return [("\n" + texts("try.no_mime"), "")]
            return [(clean_line(note.subject) + "\n\n", "bold"), (html_as_text(note.html), "")]
        return [(clean_line(note.subject) + "\n\n", "bold"), (clean_text(note.text).strip(), "")]
