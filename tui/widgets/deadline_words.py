"""A deadline in words: the time left, how it stands, all that is known of it, and what a search finds."""

from collections.abc import Callable, Sequence
from datetime import tzinfo

from textual.content import Content

from store.deadline_list import DeadlineLine, Told, Urgency, left, urgency
from store.deadlines import Deadline
from store.folding import fold
from store.sanitise import clean_line
from store.types import from_micros
from store.vocabulary import Language
from tui.texts import Texts

SIGNS = {Urgency.PASSED: "!!", Urgency.NEAR: "!", Urgency.CALM: "", Urgency.PAUSED: "‖"}
"""How a deadline stands is said by a sign: a colour alone says nothing on a monochrome terminal."""
STYLES = {Urgency.PASSED: "$text-error", Urgency.NEAR: "$text-warning", Urgency.CALM: "", Urgency.PAUSED: "dim"}
ACKNOWLEDGED = "✓"
_SECOND = 1_000_000
_UNITS = (("days", 86_400), ("hours", 3_600), ("minutes", 60), ("seconds", 1))
_EXACT = 10
"""From so many of a unit on the next smaller one is not said: nobody needs the minutes of a day."""
_LANGUAGES = tuple(Texts(language) for language in Language)


def span_in_words(micros: int, texts: Texts) -> str:
    """A time that is not negative, in its largest unit and, while that is short, the next one; seconds at least."""
    seconds = micros // _SECOND
    for place, (unit, size) in enumerate(_UNITS):
        count, rest = divmod(seconds, size)
        if not count and size > 1:
            continue
        words = texts(f"due.{unit}", count=count)
        if count < _EXACT and size > 1 and (more := rest // _UNITS[place + 1][1]):
            words += f" {texts(f'due.{_UNITS[place + 1][0]}', count=more)}"
        return words
    return ""


def left_in_words(deadline: Deadline, now: int, texts: Texts, *, wide: bool = True) -> str:
    """The time left: `−2 h 15 min` when it has passed; where columns are few, without what its sign says as well."""
    rest = left(deadline, now)
    words = span_in_words(abs(rest), texts)
    if rest <= 0:
        words = f"−{words}"
    if urgency(deadline, now) is Urgency.PAUSED:
        return texts("due.paused" if wide else "due.paused_short", left=words)
    return texts("due.in", left=words) if wide and rest > 0 else words


def kind_in_words(kind: str, texts: Texts) -> str:
    """What a deadline is for; one of the desk's own is shown as it comes."""
    return texts.get(f"rules.deadline_{kind}", clean_line(kind))


def finder(text: str, me: str) -> Callable[[DeadlineLine], bool] | None:
    """What a search finds: lines that have every word, in either language, anywhere in what is shown of them.

    Args:
        text: What was typed; without a word in it everything is found, which is `None`.
        me: Who sits at the console: `mine` asks for what they are to see to.
    """
    words = set(fold(text).split())
    mine = {fold(texts("due.mine")) for texts in _LANGUAGES}
    asked, words = bool(words & mine), words - mine
    if not asked and not words:
        return None

    def admits(line: DeadlineLine) -> bool:
        if asked and not any(me.lower() in {key, key.partition("@")[0]} for key in line.people):
            return False
        shown = _searched(line) if words else ""
        return all(word in shown for word in words)

    return admits


def _searched(line: DeadlineLine) -> str:
    deadline = line.deadline
    codes = (line.number, line.title, line.responsible, *line.people, line.team, line.team_code)
    parts = [*codes, deadline.object_type, deadline.kind, deadline.acknowledged_by]
    for texts in _LANGUAGES:
        parts += [texts.get(f"object.{deadline.object_type}", ""), kind_in_words(deadline.kind, texts)]
    return fold("\n".join(parts))


def detail_text(line: DeadlineLine, told: Sequence[Told], now: int, texts: Texts, zone: tzinfo) -> Content:
    """All that is known of a deadline."""
    deadline = line.deadline
    stands = urgency(deadline, now)

    def at(micros: int) -> str:
        return from_micros(micros).astimezone(zone).strftime("%d.%m.%Y %H:%M")

    kind = clean_line(texts.get(f"object.{deadline.object_type}", deadline.object_type))
    parts: list[tuple[str, str]] = [
        (f"{kind} {clean_line(line.number)} ", "bold"),
        (f"{clean_line(line.title)}\n", "bold"),
        (f"{SIGNS[stands]} {kind_in_words(deadline.kind, texts)}: ".lstrip(), STYLES[stands]),
        (f"{_stands(deadline, now, texts)}", STYLES[stands]),
    ]
    for name, value in (("responsible", line.responsible), ("team", line.team)):
        parts += [(f" · {texts(f'due.{name}')}: ", "dim"), (clean_line(value) or texts("due.nobody"), "")]
    parts += [("\n", ""), *_acknowledged(deadline, at, texts)]
    parts += [(f"{texts('due.started')} ", "dim"), (at(deadline.started), "")]
    parts += [(f" · {texts('due.due')} ", "dim"), (at(deadline.due), "")]
    if deadline.expires != deadline.due:
        parts += [(f" · {texts('due.moved')} ", "dim"), (at(deadline.expires), "bold")]
    parts.append(("\n", ""))
    for pause in deadline.pauses:
        length = span_in_words(pause.ended - pause.started, texts)
        words = texts("due.pause", start=at(pause.started), end=at(pause.ended), length=length)
        parts.append((f"‖ {words}\n", ""))
    if deadline.stopped_at is not None:
        parts.append((f"‖ {texts('due.stopped', at=at(deadline.stopped_at))}\n", ""))
    for one in told:
        parts.append((f"{at(one.reached_at)} ", "dim"))
        earlier = "" if one.due == deadline.due else f" ({texts('due.earlier', at=at(one.due))})"
        outcome = texts.get(f"due.outcome_{one.outcome}", clean_line(one.outcome))
        style = "" if one.outcome == "fired" else "dim"
        parts.append((f"{threshold_in_words(one.threshold, texts)}: {outcome}{earlier}\n", style))
    if not told:
        parts.append((texts("due.nothing_told"), "dim"))
    return Content.assemble(*parts)


def _stands(deadline: Deadline, now: int, texts: Texts) -> str:
    """How it stands, as a sentence."""
    rest = left(deadline, now)
    if urgency(deadline, now) is Urgency.PAUSED or rest > 0:
        return left_in_words(deadline, now, texts)
    return texts("due.passed_by", left=span_in_words(-rest, texts))


def _acknowledged(deadline: Deadline, at: Callable[[int], str], texts: Texts) -> list[tuple[str, str]]:
    if deadline.acknowledged_at is None:
        return [(f"{texts('due.unacknowledged')}\n", "dim")]
    who = clean_line(deadline.acknowledged_by)
    words = texts("due.acknowledged_by", who=who, at=at(deadline.acknowledged_at))
    return [(f"{ACKNOWLEDGED} {words}\n", "$text-success")]


def threshold_in_words(key: str, texts: Texts) -> str:
    """A threshold by its key in the ledger, `request:resolution:percent_left:25:working+60`; one not ours as it is."""
    named, _, offset = key.partition("+")
    parts = named.split(":")
    if len(parts) < 4 or f"rules.threshold_{parts[2]}" not in _KNOWN:  # noqa: PLR2004 - type, kind, threshold, value
        return clean_line(key)
    words = texts(f"rules.threshold_{parts[2]}", value=parts[3])
    if parts[4:] == ["working"]:
        words += f" ({texts('due.working')})"
    return f"{words}, {texts('due.repeat', minutes=offset)}" if offset else words


_KNOWN = {f"rules.threshold_{kind}" for kind in ("percent_left", "minutes_before", "minutes_after", "at_due")}
