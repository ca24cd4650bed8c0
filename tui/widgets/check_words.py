"""A check in words: a line a step, and beneath the one that failed what to do and what the server said."""

from textwrap import wrap

from rich.cells import cell_len, set_cell_size

from dispatch.doctor import Finding, Step
from dispatch.remedies import advice
from store.sanitise import clean_line
from tui.widgets.form import Say

Part = tuple[str, str]
"""A text and its style."""
SIGNS = {
    "ok": ("✓", "$text-success"),
    "failed": ("✗", "$text-error"),
    "warning": ("!", "$text-warning"),
    "skipped": ("·", "dim"),
}
NARROW = 56
"""Columns in a card at 80×24."""
ANSWER_LINES = 2
"""Of a server's answer, unless all details are asked for."""
_SAYS_ALL = {"sending_parameters"}
"""Remedies whose detail is for scripts: the names of settings as a file has them."""
_INDENT = "  "
_NAMES = {"to": "mail.step_recipient"}


def advice_of(found: Step | Finding, say: Say) -> str:
    """What to do, on one line; empty when there is nothing."""
    return clean_line(advice(found.remedy, say("language.code"), found.params))


def field_label(field: str, say: Say) -> str:
    """A setting as the forms call it; empty for one they do not have."""
    try:
        return say(_NAMES.get(field, f"mail.{field}"))
    except KeyError:
        return ""


def step_parts(step: Step, say: Say, width: int, *, detailed: bool) -> list[Part]:
    """A step; with all details also what went over the wire."""
    sign, style = SIGNS.get(step.outcome, SIGNS["warning"])
    failed = step.outcome == "failed"
    name = say(f"mail.step_{step.name}")
    skipped = step.outcome == "skipped"
    spent = say("mail.step_skipped") if skipped else say("mail.step_ms", ms=round(step.elapsed_ms))
    detail = clean_line(step.detail)
    parts: list[Part] = [(f"{sign} ", style), (name, "bold" if failed else ""), (spent, "dim")]
    if detail and not failed and not detailed:
        parts.append((shortened(f" · {detail}", width - cell_len(f"{sign} {name}{spent}")), "dim"))
    parts.append(("\n", ""))
    for found in step.findings:
        parts += _lines(advice_of(found, say), width, "bold" if failed else style)
    if detail and (detailed or (failed and step.remedy not in _SAYS_ALL)):
        parts += _lines(detail, width, "dim", 0 if detailed else ANSWER_LINES)
    if detailed:
        for line in step.transcript:
            parts += _lines(clean_line(line), width, "dim")
    return parts


def shortened(text: str, room: int) -> str:
    """A text that fits into so many cells; the end makes way."""
    if cell_len(text) <= room:
        return text
    return set_cell_size(text, room - 1).rstrip() + "…" if room > 1 else ""


def _lines(text: str, width: int, style: str, most: int = 0) -> list[Part]:
    lines = wrap(text, max(width - len(_INDENT), 1))
    if most and len(lines) > most:
        lines = [*lines[: most - 1], shortened(" ".join(lines[most - 1 :]), width - len(_INDENT))]
    return [(f"{_INDENT}{line}\n", style) for line in lines]
