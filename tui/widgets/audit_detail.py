"""One entry of the audit in full, and the question before it is taken back."""

from textual.content import Content

from store.errors import SettingsError
from store.revert import Outlook
from tui.spoken import problem_in_words
from tui.widgets.audit_list import AuditLine
from tui.widgets.audit_words import AuditWords, Difference
from tui.widgets.form import Say

MAX_FIELDS = 6
"""Fields the question names; the others are counted."""
MAX_VALUE = 48
"""Characters of a value in the question."""


def entry_text(line: AuditLine, words: AuditWords, head: str, say: Say) -> Content:
    """The whole entry: `head` says when and by whom."""
    card = line.card
    parts: list[tuple[str, str]] = [(line.what, "bold"), (f"  {head}\n", "dim")]
    if card.reverts:
        parts.append((f"{say('audit.reverts', number=card.reverts)}\n", "$text-warning"))
    if card.reverted_by:
        parts.append((f"{say('audit.reverted_by', number=card.reverted_by)}\n", "$text-warning"))
    whole = card.before is None or card.after is None
    for one in words.differences(card):
        parts += _field(one, whole=whole)
    return Content.assemble(*parts)


def _field(one: Difference, *, whole: bool) -> list[tuple[str, str]]:
    if one.before is None or whole:
        return [(f"{one.label}: ", "dim"), (f"{one.after}\n", "")]
    return [(f"{one.label}: ", "dim"), (one.before, ""), (" → ", "$text-accent"), (f"{one.after}\n", "bold")]


def question_text(outlook: Outlook, what: str, words: AuditWords, say: Say) -> str:
    """What will happen, for the question."""
    kind = outlook.what.partition(":")[0]
    lines = [say(f"audit.ask_{outlook.action}", what=what, number=outlook.entry.id)]
    found = [
        one
        for change in outlook.changes
        if outlook.action == "change"
        for one in words.change(kind, change.name, change.now, change.then)
    ]
    lines += [f"· {one.label}: {shortened(one.before)} → {shortened(one.after)}" for one in found[:MAX_FIELDS]]
    if len(found) > MAX_FIELDS:
        lines.append(say("audit.more_fields", count=len(found) - MAX_FIELDS))
    if outlook.overwritten:
        lines.append(say("audit.overwritten", fields=_labels(words, kind, outlook.overwritten)))
    if outlook.secrets:
        key = "audit.secret_off" if outlook.switched_off else "audit.secret_needed"
        lines.append(say(key, secrets=_labels(words, kind, outlook.secrets)))
    lines += [say(f"audit.not_kept_{one}") for one in outlook.not_kept]
    return "\n".join(lines)


def _labels(words: AuditWords, kind: str, names: tuple[str, ...]) -> str:
    shown = [words.label(kind, name) for name in names[:MAX_FIELDS]]
    return ", ".join(shown) + (" …" if len(names) > MAX_FIELDS else "")


def shortened(text: str | None, most: int = MAX_VALUE) -> str:
    """A value on as many characters as there is room for."""
    text = text or "—"
    return text if len(text) <= most else f"{text[: most - 1]}…"


def refusal(error: SettingsError, kind: str, words: AuditWords, say: Say) -> str:
    """Why an entry stays, with the field at fault where there is one."""
    problem = problem_in_words(error, say)
    name = error.path.rsplit(".", 1)[-1].partition("[")[0]
    label = words.label(kind, name)
    return problem if label == name or ":" in error.path else f"{label}: {problem}"
