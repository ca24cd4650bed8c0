"""What is to come, for `vestnik plan --until`: timelines of objects, and the forecast of the desk."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from store.types import from_micros, to_micros
from store.vocabulary import Language
from tui import moments
from tui.cli.output import BAD_INPUT, fail, say

if TYPE_CHECKING:
    from dispatch.forecast import Forecast
    from dispatch.timeline import Line, Step, Timeline

FARTHEST = timedelta(days=366)
LISTED = 200
"""Thresholds that are listed for people; `--json` has all of them."""
BAR = 40
"""Cells of the longest bar."""
EVERY_HOUR = 48
"""Hours up to which those without letters stand in the chart as well."""


def moment(text: str, now: datetime, zone: ZoneInfo) -> int:
    """The moment of `--until`, in µs: a span from now like `24h`, or an ISO time; without a zone, the company's.

    What is neither, or lies in the past or too far, ends the command.
    """
    example = "Examples: 90m, 24h, 7d, 2026-11-30T09:00"
    until = moments.after(text, now, zone)
    if until is None:
        fail(f"--until: {text!r} is neither a span nor a time. {example}", BAD_INPUT)
    if until - now > FARTHEST:
        fail(f"--until: {text!r} is farther than {FARTHEST.days} days. {example}", BAD_INPUT)
    if until <= now:
        fail(f"--until: {text!r} is not in the future. {example}", BAD_INPUT)
    return to_micros(until)


def timeline_document(found: "Timeline") -> dict[str, Any]:
    """A timeline as JSON."""
    return {
        "object": found.number, "type": found.object_type, "id": found.object_id, "title": found.title,
        "status": found.status, "now": _iso(found.now), "until": _iso(found.until),
        "deadlines": [_line_document(line) for line in found.lines],
    }  # fmt: skip


def _line_document(line: "Line") -> dict[str, Any]:
    one = line.deadline
    return {
        "kind": one.kind, "state": one.state.word, "started": _iso(one.started), "due": _iso(one.due),
        "expires": _iso(one.expires), "acknowledged": _iso(one.acknowledged_at),
        "pauses": [{"from": _iso(start), "to": _iso(end)} for start, end in line.pauses],
        "told": [_step_document(step) for step in line.past],
        "to_come": [_step_document(step) for step in line.coming],
        "if_resumed_now": None if line.resumed is None else {
            "expires": _iso(line.resumed.expires), "to_come": [_step_document(step) for step in line.assumed],
        },
        "cut": line.cut,
    }  # fmt: skip


def _step_document(step: "Step") -> dict[str, Any]:
    from dispatch.dry_run import decision_document

    return {
        "threshold": step.key, "again_minutes": step.again, "reached": _iso(step.reached), "at": _iso(step.at),
        "outcome": step.outcome.value, "rules": list(step.codes),
        "decisions": [decision_document(card) for card in step.decisions],
        "letters": [
            {"rule": taken.rule.code, "channel": taken.rule.channel.value, "to": who.address or who.name,
             "not_before": taken.not_before.isoformat() if taken.not_before else None}
            for taken in (step.plan.taken if step.plan else ()) for who in taken.recipients
        ],
    }  # fmt: skip


def say_timeline(found: "Timeline", zone: ZoneInfo, say_decision: Callable[[Any], None]) -> None:
    """A timeline for people."""
    from tui.texts import Texts
    from tui.widgets.timeline_words import step_in_words, threshold_in_words

    texts = Texts(Language.EN)
    say(f"{found.number} · {found.object_type} · {found.status} · {found.title}")
    if not found.lines:
        say("  no deadlines")
    for line in found.lines:
        one = line.deadline
        moved = f" (with pauses {_local(one.expires, zone)})" if one.expires != one.due else ""
        say(f"  {one.kind}: {one.state.word}, from {_local(one.started, zone)}, due {_local(one.due, zone)}{moved}")
        for start, end in line.pauses:
            say(f"    paused {_local(start, zone)} – {_local(end, zone) if end else 'now'}")
        if line.resumed is not None:
            say(f"    if resumed now: due {_local(line.resumed.expires, zone)}")
        for step in line.steps:
            words = threshold_in_words(step.key, step.again, texts)
            say(f"    {_local(step.at, zone)} {words}: {step_in_words(step, found, texts)}")
            for card in step.decisions:
                if card.recipient or card.rule_code in step.codes:
                    say_decision(card)
        if line.cut:
            say("    … and more")
        if not line.coming and not line.assumed:
            say(f"    nothing to come until {_local(found.until, zone)}")


def forecast_document(found: "Forecast", zone: ZoneInfo) -> dict[str, Any]:
    """The forecast as JSON."""
    starts = _hours(found)
    return {
        "now": _iso(found.now), "until": _iso(found.until), "looked": found.looked, "cut": found.cut,
        "letters": found.total.letters, "notices": found.total.notices, "queued_letters": found.queued,
        "letters_after": found.later,
        "hours": [
            {"from": from_micros(start).astimezone(zone).isoformat(), "letters": load.letters, "notices": load.notices}
            for start, load in zip(starts, found.slots(starts), strict=True)
        ],
        "most_told": [{"who": who, "letters": load.letters, "notices": load.notices}
                      for who, load in found.most_told(20)],
        "thresholds": [
            {"at": _iso(one.at), "object": one.number, "type": one.object_type, "id": one.object_id,
             "title": one.title, "deadline": one.kind, "threshold": one.key, "again_minutes": one.again,
             "letters": one.letters, "notices": one.notices}
            for one in found.alerts
        ],
    }  # fmt: skip


def say_forecast(found: "Forecast", zone: ZoneInfo) -> None:
    """The forecast for people: the totals, a bar for each hour, who gets most, the thresholds by time."""
    from tui.texts import Texts
    from tui.widgets.timeline_words import threshold_in_words

    texts, total = Texts(Language.EN), found.total
    say(
        f"until {_local(found.until, zone)}: {len(found.alerts)} thresholds, {total.letters} letters "
        f"({found.queued} of them written already), {total.notices} notifications"
    )
    if found.cut:
        say(f"there is more: {found.looked} deadlines were looked at, those whose time comes first")
    _say_chart(found, zone)
    for who, load in found.most_told(5):
        say(f"  {who}: {load.letters} letters, {load.notices} notifications")
    for one in found.alerts[:LISTED]:
        words = threshold_in_words(one.key, one.again, texts)
        told = f"{one.letters} letters, {one.notices} notifications"
        say(f"{_local(one.at, zone)}  {one.number}  {one.kind or 'waiting'}: {words} · {told}")
    if len(found.alerts) > LISTED:
        say(f"… and {len(found.alerts) - LISTED} more; --json has all")


def _say_chart(found: "Forecast", zone: ZoneInfo) -> None:
    starts = _hours(found)
    loads = found.slots(starts)
    most = max((load.letters + load.notices for load in loads), default=0)
    if not most:
        return
    for start, load in zip(starts, loads, strict=True):
        both = load.letters + load.notices
        if both or len(starts) <= EVERY_HOUR:
            letters = round(BAR * load.letters / most)
            bar = "█" * letters + "░" * (round(BAR * both / most) - letters)
            say(f"{_local(start, zone)}  {load.letters:>6} ✉ {load.notices:>6} ●  {bar}".rstrip())


def _hours(found: "Forecast") -> Sequence[int]:
    """The starts of the hours, the first of which has begun already."""
    hour = 3_600_000_000
    return range(found.now // hour * hour, found.until, hour)


def _iso(micros: int | None) -> str | None:
    return None if micros is None else from_micros(micros).isoformat()


def _local(micros: int, zone: ZoneInfo) -> str:
    return from_micros(micros).astimezone(zone).strftime("%a %d.%m.%Y %H:%M")
