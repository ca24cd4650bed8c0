"""The time machine in words: thresholds, what became of them, and what is to come."""

from datetime import timedelta, tzinfo

from dispatch.context import humanise
from dispatch.thresholds import LATE, Outcome
from dispatch.timeline import Line, Stage, Step, Timeline
from store.sanitise import clean_line
from store.types import from_micros
from tui.texts import Texts


def threshold_in_words(key: str, again: int, texts: Texts) -> str:
    """A threshold by its key in the ledger; `again` is minutes after it, for a repeat."""
    words = key.partition("+")[0]
    working = words.endswith(":working")
    place, kind, value = words.removesuffix(":working").rsplit(":", 2)
    if place.endswith(":waiting"):
        return texts("rules.waiting_days", days=clean_line(value))
    found = texts.get(f"rules.threshold_{kind}", clean_line(kind)).format(value=clean_line(value))
    found = texts("timeline.working", words=found) if working else found
    return texts("timeline.again", again=found, span=span_in_words(again * 60_000_000, texts)) if again else found


def span_in_words(micros: int, texts: Texts) -> str:
    """A span in µs in its two largest units."""
    return humanise(timedelta(microseconds=micros), texts.language)


def state_of(step: Step, found: Timeline) -> str:
    """Where a step stands: `told`, `told_late`, the outcome of one nobody was told of, `coming`, `now`, `assumed`."""
    if step.outcome is not Outcome.FIRED:
        return step.outcome.value
    if step.stage is Stage.COMING and step.at <= found.now:
        return "now"
    if step.stage is not Stage.PAST:
        return step.stage.value
    return "told_late" if step.at - step.reached > LATE else "told"


def step_in_words(step: Step, found: Timeline, texts: Texts) -> str:
    """What became of a step, or will."""
    state = state_of(step, found)
    late = {"span": span_in_words(step.at - step.reached, texts)} if state == "told_late" else {}
    return texts(f"timeline.{state}", **late)


def line_in_words(line: Line, found: Timeline, texts: Texts, zone: tzinfo) -> str:
    """A deadline in one line: its kind, how it stands, until when."""
    one = line.deadline
    kind = texts.get(f"rules.deadline_{one.kind}", clean_line(one.kind))
    state = texts(f"timeline.state_{one.state.word}")
    until = texts("timeline.until", at=local(one.expires, zone))
    parts = [f"{kind}: {state}", until if one.open else local(one.stopped_at or one.expires, zone)]
    if one.acknowledged_at is not None:
        parts.append(texts("timeline.acknowledged"))
    if line.resumed is not None:
        parts.append(texts("timeline.resumed", at=local(line.resumed.expires, zone)))
    elif one.open:
        parts.append(left_in_words(line, found, found.now, texts))
    if line.cut:
        parts.append(texts("timeline.cut"))
    return " · ".join(parts)


def left_in_words(line: Line, found: Timeline, at: int, texts: Texts) -> str:
    """How much is left of a deadline at a moment, or how long it is over; where it counts, in working time too."""
    expires = (line.resumed or line.deadline).expires
    key = "timeline.left" if at <= expires else "timeline.overdue"
    said = texts(key, span=span_in_words(abs(expires - at), texts))
    if not line.working or found.calendar.always:
        return said
    worked = found.calendar.worked
    return texts("timeline.worked", said=said, span=span_in_words(abs(worked(expires) - worked(at)), texts))


def local(at: int, zone: tzinfo) -> str:
    """A moment in a zone, to the minute."""
    return from_micros(at).astimezone(zone).strftime("%d.%m.%Y %H:%M")
